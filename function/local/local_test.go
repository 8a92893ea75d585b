package main

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var binary string

// TestMain builds the function as it is deployed, but for this machine, and goes where a person stands who runs this.
func TestMain(m *testing.M) {
	if err := os.Chdir("../.."); err != nil {
		panic(err)
	}
	dir, err := os.MkdirTemp("", "adb-backup")
	if err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "main")
	build := exec.Command("go", "build", "-trimpath", "-tags=nethttpomithttp2", "-ldflags", "-s -w", "-o", binary, "./function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "the function does not build: %v\n%s", err, out)
		os.Exit(1)
	}
	grace = 10 * time.Second
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// TestSourcesAreSeen looks at what the function and its events are made of. go test repeats an old result as long as no file
// that a test looked at has changed, and what TestMain builds does not count.
func TestSourcesAreSeen(t *testing.T) {
	for _, room := range []string{"events", "function"} {
		room, err := filepath.Abs(room) // go test does not know where TestMain went
		if err != nil {
			t.Fatal(err)
		}
		err = filepath.WalkDir(room, func(path string, entry fs.DirEntry, err error) error {
			if err == nil && !strings.HasSuffix(path, "_test.go") {
				_, err = os.Stat(path)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// local runs the command, and returns its exit code and all that it printed.
func local(environ []string, args ...string) (int, string) {
	var out, errs bytes.Buffer
	code := run(context.Background(), append([]string{"-binary", binary}, args...), streams{in: strings.NewReader(""), out: &out, err: &errs, environ: environ})
	return code, out.String() + errs.String()
}

// Every scenario runs here as `make run FAULT=` runs it. They wait more than they work, so they run together.
func TestScenarios(t *testing.T) {
	t.Parallel()
	type shown struct {
		code   int
		output string
	}
	results := make([]shown, len(scenarios))
	var all sync.WaitGroup
	atOnce := make(chan struct{}, 8)
	for i, sc := range scenarios {
		all.Go(func() {
			atOnce <- struct{}{}
			defer func() { <-atOnce }()
			results[i].code, results[i].output = local(nil, "-takes", "2s", "-fault", sc.name)
		})
	}
	all.Wait()
	for i, sc := range scenarios {
		t.Run(sc.name, func(t *testing.T) {
			if got := results[i]; got.code != exitSuccess || !strings.Contains(got.output, "\nThis is what must happen with the fault "+sc.name+".\n") {
				t.Errorf("exit code %d:\n%s", got.code, got.output)
			}
			for _, secret := range []string{localSecret, localToken, "of-the-process"} {
				if strings.Contains(results[i].output, secret) {
					t.Errorf("%s was shown:\n%s", secret, results[i].output)
				}
			}
		})
	}
}

// Every sample event comes to a good end.
func TestSamples(t *testing.T) {
	t.Parallel()
	samples, err := filepath.Glob("events/*.json")
	if err != nil || len(samples) < 10 {
		t.Fatal(samples, err)
	}
	outputs := make([]string, len(samples))
	codes := make([]int, len(samples))
	var all sync.WaitGroup
	for i, sample := range samples {
		all.Go(func() { codes[i], outputs[i] = local(nil, "-takes", "1s", "-event", sample) })
	}
	all.Wait()
	for i, sample := range samples {
		if codes[i] != exitSuccess || !strings.Contains(outputs[i], "Answer") {
			t.Errorf("%s: exit code %d\n%s", sample, codes[i], outputs[i])
		}
	}
}

// The account has clusters to choose from, to leave out and to skip.
func TestClustersAreChosen(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]string{
		"events/by-tag.json": `], "Skipped": [ { "DBClusterId": "am-bp1x4k7r2vt96m", "RegionId": "cn-hangzhou", "Reason": "it is of Data Warehouse Edition, which has no CreateBackup" }, { "DBClusterId": "amv-bp1n3w5c0f8u2a", "RegionId": "cn-hangzhou", "Reason": "its status is Creating" } ] } 2 clusters: 2 completed; this invocation made 2 of the backups.`,
		"events/all.json":    "5 clusters: 5 completed; this invocation made 5 of the backups.",
	} {
		code, out := local(nil, "-takes", "1s", "-event", event)
		if words := strings.Join(strings.Fields(out), " "); code != exitSuccess || !strings.Contains(words, want) || strings.Contains(words, "amv-bp1s4nd80xg5ty") {
			t.Errorf("%s: exit code %d\n%s", event, code, out)
		}
	}
}

func TestAScenarioWithSeveralClusters(t *testing.T) {
	t.Parallel()
	if code, out := local(nil, "-takes", "1s", "-fault", "lost-answer", "-event", "events/fleet.json"); code != exitSuccess || !strings.Contains(out, "3 backups were made.") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	// With an event that waits for nothing, a scenario's outcome is not checked.
	if code, out := local(nil, "-takes", "1s", "-fault", "fails", "-event", "amv-abc"); code != exitSuccess || !strings.Contains(out, "is not checked: that needs an event") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestWhatIsNotAsItShouldBeIsSaid(t *testing.T) {
	scenarios = append(scenarios, scenario{name: "test", says: "Nothing goes wrong.", want: []string{"BackupFailed"}, created: 2, noCalls: true})
	defer func() { scenarios = scenarios[:len(scenarios)-1] }()
	code, out := local(nil, "-takes", "200ms", "-fault", "test")
	out = strings.Join(strings.Fields(out), " ")
	for _, want := range []string{"This must NOT happen with the fault test: ", "the outcome was Completed, not BackupFailed", "exactly one backup was made of amv-wz9or2xawpnc, not 2", "AnalyticDB was called"} {
		if code != exitUnexpected || !strings.Contains(out, want) {
			t.Errorf("exit code %d, %q is missing:\n%s", code, want, out)
		}
	}
}

func TestTheOutput(t *testing.T) {
	t.Parallel()
	code, out := local([]string{"ADB_MAX_CONCURRENCY=3", "ADB_ENDPOINT=http://127.0.0.1:1", "OTHER=x"}, "-takes", "2500ms", "-event", "events/timer.json")
	if code != exitSuccess {
		t.Fatal(code, out)
	}
	for _, want := range []string{
		"Event     events/timer.json: a timer's event; its time, 2026-11-22T18:00:00Z, is",
		"Request   Ensure that amv-wz9or2xawpnc (cn-hangzhou) has a backup",
		"your own settings: ADB_MAX_CONCURRENCY=3\n",
		"api      CreateBackup ", "  accepted\n", "  4 backups listed, 1 running\n",
		"log      backup requested  ", "log      backup is complete  backupId=32732089 ",
		"backup    ", " %  backup 32732089 runs",
		"answer   success, after ",
		`{ "Action": "Ensure", "Status": "Completed", "Backups": [`, "\n              \"Status\": \"Completed\", \"Created\": true,\n",
		"\nA backup of amv-wz9or2xawpnc was made and is complete.\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing", want)
		}
	}
	if strings.ContainsAny(out, "\x1b\r") || strings.Contains(out, "FC Invoke") {
		t.Error("control characters, or the SDK's own lines")
	}
	if log, answer := strings.Index(out, "backup report"), strings.Index(out, "answer   "); log > answer {
		t.Error("the log ends after the answer")
	}
	if t.Failed() {
		t.Log(out)
	}
}

func TestVerboseIsRaw(t *testing.T) {
	code, out := local(nil, "-takes", "200ms", "-verbose")
	if code != exitSuccess || !strings.Contains(out, "\nFC Invoke Start RequestId: ") || !strings.Contains(out, `"msg":"backup report"`) {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestMistakesAreToldKindly(t *testing.T) {
	for args, want := range map[string]string{
		"-event events/nope.json": "there is no file events/nope.json, and \"events/nope.json\" is not a cluster id such as amv-wz9or2xawpnc; the samples are\n  events/actiontrail-own.json",
		"-event amv-wz9or2xaw***": "is a masked example: give the whole cluster id",
		"-takes 10":               "give a number with its unit, as in 20s",
		"-takes soon":             `invalid value "soon" for flag -takes: give a number`,
		"-binary no/such":         `there is no no/such: run "make build" first`,
		"-binary go.mod":          "does not start",
		"-fault nothing":          "make faults lists",
		"-nope":                   "-h lists the options",
		"event.json":              "unexpected argument",
		"-takes 1ms":              "100ms is the least",
		"-cloud moon":             "must be local or real",
		"-cloud real -fault slow": "for the local cloud",
		"-cloud real":             "CLOUD=real needs an event",
		"-cloud real -takes 20s":  "TAKES has no meaning",
		"-event events":           "is a directory",
		"-event tmier.json":       "did you mean events/timer.json?",
		"-fault lost-answr":       "did you mean lost-answer?",
		"-exec":                   "-exec needs a command",
		"-cloud real -exec true":  "-exec is for the local cloud",
		"-exec no/such/command":   "no/such/command",
	} {
		if code, out := local(nil, strings.Fields(args)...); code != exitUsage || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d\n%s", args, code, out)
		}
	}
	for args, want := range map[string]string{"-h": "Runs the function here", "-faults": "lost-answer             AnalyticDB starts"} {
		if code, out := local(nil, args); code != exitSuccess || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d\n%s", args, code, out)
		}
	}
	if code, out := local([]string{"ADB_POLL_INTERVAL=soon"}); code != exitFailure || !strings.Contains(out, "ADB_POLL_INTERVAL must be") {
		t.Errorf("a wrong setting: exit code %d\n%s", code, out)
	}
}

func TestACommandInTheLocalCloud(t *testing.T) {
	t.Parallel()
	environ := append(os.Environ(), "ALIBABA_CLOUD_ROLE_ARN=mine", "AccessKeyID=mine", "ADB_NETWORK=vpc")
	code, out := local(environ, "-exec", "sh", "-c", "env; exit 7")
	for _, want := range []string{"ADB_ENDPOINT=http://127.0.0.1:", "ALIBABA_CLOUD_ACCESS_KEY_ID=STS.LocalCloud", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=", "ALIBABA_CLOUD_SECURITY_TOKEN=", "ALIBABA_CLOUD_REGION_ID=cn-hangzhou", "LOCAL_CLUSTERS=amv-wz9or2xawpnc amv-bp1c8v3q9xk27d amv-2ze6m0t4hj85sg amv-uf61r7d9kw30xq amv-bp1s4nd80xg5ty\n"} {
		if !strings.Contains("\n"+out, "\n"+want) {
			t.Errorf("%s is missing", want)
		}
	}
	if code != 7 || strings.Contains(out, "mine") || strings.Contains(out, "vpc") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

// safeBuffer is written and read at the same time.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func TestCtrlCEndsTheProcess(t *testing.T) {
	ctx, interrupt := context.WithTimeout(t.Context(), time.Minute)
	var out safeBuffer
	code := make(chan int)
	go func() { code <- run(ctx, []string{"-binary", binary, "-takes", "1h"}, streams{out: &out, err: &out}) }()
	for !strings.Contains(out.String(), "accepted") && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	interrupt()
	if got := <-code; got != exitInterrupted || !strings.Contains(out.String(), "Interrupted.") {
		t.Errorf("exit code %d\n%s", got, out.String())
	}
	var pid int
	_, after, _ := strings.Cut(out.String(), "process ")
	fmt.Sscan(after, &pid)
	process, err := os.FindProcess(pid)
	if err != nil || pid == 0 || process.Signal(syscall.Signal(0)) == nil {
		t.Errorf("process %d is still there", pid)
	}
}
