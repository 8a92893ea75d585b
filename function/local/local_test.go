package main

import (
	"bytes"
	"context"
	"fmt"
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
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", binary, "./function")
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
			want := exitFailure
			if sc.want[len(sc.want)-1] == "Completed" {
				want = exitSuccess
			}
			if got := results[i]; got.code != want || strings.Contains(got.output, "NOT what") {
				t.Errorf("exit code %d, want %d:\n%s", got.code, want, got.output)
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

func TestAScenarioWithSeveralClusters(t *testing.T) {
	t.Parallel()
	if code, out := local(nil, "-takes", "1s", "-fault", "lost-answer", "-event", "events/fleet.json"); code != exitSuccess || !strings.Contains(out, "3 backups were made. That is as it should be") {
		t.Errorf("exit code %d\n%s", code, out)
	}
	// An event that waits for nothing is no measure of what a scenario shows.
	if code, out := local(nil, "-takes", "1s", "-fault", "fails", "-event", "amv-abc"); code != exitSuccess || strings.Contains(out, "the fault fails should") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestWhatIsNotAsItShouldBeIsSaid(t *testing.T) {
	scenarios = append(scenarios, scenario{name: "test", says: "Nothing goes wrong.", want: []string{"BackupFailed"}, created: 2, noCalls: true})
	defer func() { scenarios = scenarios[:len(scenarios)-1] }()
	code, out := local(nil, "-takes", "200ms", "-fault", "test")
	out = strings.Join(strings.Fields(out), " ")
	for _, want := range []string{"NOT what the fault test should come to", "the outcome was Completed, not BackupFailed", "1 backups of amv-wz9or2xawpnc were made, not 2", "AnalyticDB was called"} {
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
		"api      CreateBackup ", "  accepted\n", "  1 of 4 running\n",
		"log      backup requested  ", "log      backup is complete  backupId=32732005 ",
		"backup    ", " %  backup 32732005 runs",
		"answer   success, after ",
		`            "Status": "Completed",`,
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
		"-takes 10":               "durations are written 20s or 5m",
		"-binary no/such":         `there is no no/such: run "make build" first`,
		"-binary go.mod":          "does not start",
		"-fault nope":             "make faults lists",
		"-nope":                   "-h tells what there is",
		"event.json":              "is no option",
		"-takes 1ms":              "100ms at least",
		"-cloud moon":             "there are local and real",
		"-cloud real -fault slow": "for the local cloud",
		"-clusters no":            "-clusters: ",
		"-region evil.example/":   "-region: ",
	} {
		if code, out := local(nil, strings.Fields(args)...); code != exitUsage || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d\n%s", args, code, out)
		}
	}
	for args, want := range map[string]string{"-h": "Runs the function here", "-faults": "lost-answer      AnalyticDB starts"} {
		if code, out := local(nil, args); code != exitSuccess || !strings.Contains(out, want) {
			t.Errorf("%s: exit code %d\n%s", args, code, out)
		}
	}
	if code, out := local([]string{"ADB_POLL_INTERVAL=soon"}); code != exitFailure || !strings.Contains(out, "ADB_POLL_INTERVAL must be") {
		t.Errorf("a wrong setting: exit code %d\n%s", code, out)
	}
	if code, out := local(nil, "-clusters", "amv-other"); code != exitFailure || !strings.Contains(out, "ClusterNotFound") {
		t.Errorf("another cluster: exit code %d\n%s", code, out)
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
