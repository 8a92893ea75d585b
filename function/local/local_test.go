package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"adb-backup/function/local/fakeadb"
)

var binary string

// TestMain builds the function as it is deployed, but for this machine, and goes where a person stands who runs this.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "adb-backup")
	if err = errors.Join(err, os.Chdir("../..")); err != nil {
		panic(err)
	}
	binary = filepath.Join(dir, "main")
	build := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags=nethttpomithttp2,urfave_cli_no_template", "-ldflags", "-s -w", "-o", binary, "./function")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		panic(fmt.Sprintf("the function does not build: %v\n%s", err, out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// local runs the command: words of NAME=value are its environment, the others its arguments, and typed is what somebody answers. It
// returns the exit code and all that was printed.
func local(words, typed string, environ ...string) (int, string) {
	var out bytes.Buffer
	args := []string{"-binary", binary}
	for _, word := range strings.Fields(words) {
		if strings.Contains(word, "=") {
			environ = append(environ, word)
		} else {
			args = append(args, word)
		}
	}
	code := start(context.Background(), args, streams{strings.NewReader(typed), &out, &out, environ})
	return code, out.String()
}

// more is how many backups of a cluster a fault may make besides one.
var more = map[string]int{"two-at-once": 1, "denied": -1, "missed-night": -1}

// Every fault with every sample: it ends as it must, or the event is said not to fit. The runs wait more than they work, so many
// run at once. What the answers say is held by the tests of the function.
func TestEveryFaultWithEverySample(t *testing.T) {
	t.Parallel()
	// go test repeats an old result as long as no folder that a test itself looked at has changed. It needs the folders' whole names.
	root, _ := os.Getwd()
	filepath.Glob(root + "/function/*/*.go")
	samples, err := filepath.Glob(root + "/events/*.json")
	if err != nil || len(samples) < 15 {
		t.Fatal(samples, err)
	}
	var all errgroup.Group
	all.SetLimit(24)
	struck := make([]atomic.Bool, len(faults)+1)
	for i, f := range append(faults, fault{}) {
		for _, sample := range samples {
			all.Go(func() error {
				if strikes(t, f.name, sample) {
					struck[i].Store(true)
				}
				return nil
			})
		}
	}
	all.Wait()
	for i := range struck {
		if !struck[i].Load() {
			t.Errorf("no sample fits fault %d", i)
		}
	}
}

var secrets = regexp.MustCompile(localSecret + "|" + localToken + "|of-the-process")

// strikes runs a fault with a sample, and reports whether it fits.
func strikes(t *testing.T, name, sample string) bool {
	var out bytes.Buffer
	r, err := newRun(t.Context(), options{binary: binary, event: sample, fault: name, takes: 100 * time.Millisecond}, streams{out: &out})
	if err != nil {
		if text := err.Error(); !strings.HasPrefix(text, "The fault "+name+" cannot strike this event: ") || strings.Contains(text, "\n") {
			t.Errorf("%s, %s: %s", name, sample, text)
		}
		return false
	}
	defer r.close()
	code, err := r.play(t.Context())
	made := map[string]int{}
	for _, b := range r.adb.Backups("") {
		if b.RequestID != "" {
			made[b.Cluster]++
		}
		if made[b.Cluster] > 1+more[name] {
			t.Errorf("%s, %s: %d backups of %s", name, sample, made[b.Cluster], b.Cluster)
		}
	}
	if code != exitDone || err != nil || secrets.MatchString(out.String()) {
		t.Errorf("%s, %s: exit code %d, %v\n%s", name, sample, code, err, out.String())
	}
	return true
}

func TestTheOutput(t *testing.T) {
	t.Parallel()
	for words, wants := range map[string][]string{
		"TAKES=500ms ADB_MAX_CONCURRENCY=3 ADB_ENDPOINT=http://127.0.0.1:1 ADB_ALARM_WEBHOOK=https://mine.example OTHER=x": {
			"Event     events/timer.json (timer), with the time now\n",
			"Request   Ensure amv-wz9or2xawpnc (cn-hangzhou), WaitFor Completed, NotBefore 20",
			"Settings  ADB_POLL_INTERVAL=50ms ADB_SETTLE_TIME=250ms ", " ADB_MAX_CONCURRENCY=3 ", "  accepted\n", " listed, 1 running\n",
			"log 1    backup requested  ", "log 1    backup is complete  DBClusterId=amv-wz9or2xawpnc backupId=3273", "answer   success, after ",
			"\n                \"Created\": true,\n", "\nSuccess: Completed; backups made: 1, deliveries: 1.\n",
		},
		"TAKES=200ms VERBOSE=1":    {"\nFC Invoke Start RequestId: ", `"msg":"backup report"`},
		"TAKES=200ms FAULT=denied": {"chat     adb-backup: ", "PermissionDenied: this is how the fault denied ends; backups made: 0"},
		"EVENT=events/drill.json":  {"chat     adb-backup: "},
		"EVENT=events/all.json TAKES=200ms": {
			`Request   Ensure each cluster of {"Regions":["cn-hangzhou", "cn-shanghai"], "NotTags":{"backup":"off"}, "All":true}, WaitFor `, "  amv-uf6d5p8l3w6y1x  "},
	} {
		code, out := local(words, "")
		for _, want := range wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s: %q is missing\n%s", words, want, out)
			}
		}
		logged, answered, _ := strings.Cut(out, "answer   ")
		if code != exitDone || strings.ContainsAny(out, "\x1b\r") || !strings.Contains(logged, "backup report") || answered == "" ||
			strings.Contains(out, "FC Invoke") != strings.Contains(words, "VERBOSE") {
			t.Errorf("%s: exit code %d\n%s", words, code, out)
		}
	}
}

// An event may name thousands of clusters: only the beginning of each part is shown.
func TestAFleetFillsNoScreen(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "fleet.json")
	ids := `"amv-x"`
	for i := range 499 {
		ids += fmt.Sprintf(`,"amv-x%d"`, i)
	}
	if err := os.WriteFile(file, []byte(`{"DBClusterIds":[`+ids+`]}`), 0o600); err != nil {
		t.Fatal(err)
	}
	code, out := local("EVENT="+file, "")
	if n := strings.Count(out, "\n"); code != exitDone || n > 400 || strings.Count(out, "VERBOSE=1") != 3 || !strings.HasSuffix(out, "backups made: 500, deliveries: 1.\n") {
		t.Errorf("%d, %d lines: %s", code, n, out)
	}
}

func TestMistakesAreToldKindly(t *testing.T) {
	t.Parallel()
	for words, c := range map[string]struct {
		code int
		want string
	}{
		"EVENT=events/nope.json":      {exitWrong, "there is no file events/nope.json, and \"events/nope.json\" is not a cluster id such as amv-wz9or2xawpnc; the samples are\n  events/actiontrail-own.json"},
		"EVENT=events":                {exitWrong, "the event cannot be read: "},
		"FAULT=denid":                 {exitWrong, `there is no fault "denid"; there are lost-answer, `},
		"FAULT=twice EVENT=amv-abc":   {exitWrong, "The fault twice cannot strike this event: it needs one that has a time"},
		"TAKES=soon":                  {exitWrong, "TAKES=soon: give a number with its unit"},
		"TAKES=1ms":                   {exitWrong, "100ms at least"},
		"-nonsense":                   {exitWrong, "-nonsense\nUsage of local, with the variables EVENT, "},
		"timer.json":                  {exitWrong, `unexpected argument "timer.json"`},
		"CLOUD=reel":                  {exitWrong, "must be local or real"},
		"CLOUD=real FAULT=busy":       {exitWrong, "FAULT and TAKES are for the local cloud"},
		"CLOUD=real":                  {exitWrong, "CLOUD=real needs an event"},
		"-exec":                       {exitWrong, "-exec needs a command"},
		"TAKES=100ms -binary no/such": {exitNotAsked, "no/such does not start"},
		"-h":                          {exitDone, "Usage of local, with the variables EVENT, "},
		"-faults":                     {exitDone, "lost-answer       AnalyticDB starts"},
		"ADB_POLL_INTERVAL=soon":      {exitFailed, "ADB_POLL_INTERVAL"},
		"CLOUD=real EVENT=amv-a":      {exitNotAsked, "CLOUD=real needs a region, as in"},
		"-exec no/such/command":       {exitNotAsked, "no/such/command"},
		"CLOUD=real EVENT=amv-a ALIBABA_CLOUD_REGION_ID=evil.example/": {exitNotAsked, "is not a region"},
	} {
		if code, out := local(words, ""); code != c.code || !strings.Contains(out, c.want) {
			t.Errorf("%s: exit code %d\n%s", words, code, out)
		}
	}
}

func TestFreshen(t *testing.T) {
	now := time.Date(2027, 1, 2, 3, 4, 5, 678_000_000, time.FixedZone("", 8*3600))
	for payload, want := range map[string]string{ // NOW is the time now
		`{"triggerTime":"2026-11-22T18:00:00Z","payload":"amv-a"}`: `{"triggerTime":"NOW","payload":"amv-a"}`,
		`{"specversion":"1.0", "time" : "2026Asia/Shanghai"}`:      `{"specversion":"1.0", "time" : "NOW"}`,
		`{"NotBefore":"2026-1","aliyunpublishtime":"2026"}`:        `{"NotBefore":"NOW","aliyunpublishtime":"2026"}`,
		`amv-a`:                             `amv-a`,
		`{"time":"soon"}`:                   `{"time":"soon"}`,
		`[{"time":"1"},"{\"time\":\"2\"}"]`: `[{"time":"NOW"},"{\"time\":\"NOW\"}"]`,
	} {
		if got := string(freshen([]byte(payload), now)); got != strings.ReplaceAll(want, "NOW", "2027-01-01T19:04:05Z") {
			t.Errorf("%s\nbecame %s\nwant   %s", payload, got, want)
		}
	}
}

func TestACommandInTheLocalCloud(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	environ := append(os.Environ(), "ALIBABA_CLOUD_ROLE_ARN=mine", "AccessKeyID=mine", "ADB_NETWORK=vpc")
	code := start(t.Context(), []string{"-exec", "sh", "-c", "env; exit 7"}, streams{out: &out, err: &out, environ: environ})
	for _, want := range []string{"ADB_ENDPOINT=http://127.0.0.1:", "ALIBABA_CLOUD_ACCESS_KEY_ID=STS.LocalCloud", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=",
		"ALIBABA_CLOUD_SECURITY_TOKEN=", "ALIBABA_CLOUD_REGION_ID=cn-hangzhou", "LOCAL_CLUSTERS=amv-wz9or2xawpnc amv-bp1c8v3q9xk27d "} {
		if code != 7 || !strings.Contains("\n"+out.String(), "\n"+want) || strings.Contains(out.String(), "mine") || strings.Contains(out.String(), "vpc") {
			t.Errorf("exit code %d, not %s in\n%s", code, want, out.String())
		}
	}
}

func TestTheMadeUpAccount(t *testing.T) {
	now, marks := time.Now(), ""
	for _, b := range history(now) {
		if now.Sub(b.Start) < 14*24*time.Hour && b.Cluster == runningCluster {
			marks += map[fakeadb.State]string{fakeadb.Completed: "o", fakeadb.Failed: "x"}[b.State(now)]
		}
	}
	if marks != "xoooooooooxxoo" {
		t.Error(marks)
	}
}
