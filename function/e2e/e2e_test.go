// Package e2e tells stories of the function as it is deployed: the built binary between the emulated platform and the emulated
// AnalyticDB, in real time. Each file in testdata tells one behaviour in these words, beside those of
// rogpeppe/go-internal/testscript. A word takes ! where it is shown with it.
//
// The cloud:
//
//	service KEY=VALUE…              what AnalyticDB is like from now on: see set
//	cluster ID KEY=VALUE…           a cluster of the account: region, group, status, version, age, and tags as tag.KEY=VALUE
//	existing CLUSTER KEY=VALUE…     backups from before the story: start, lasts, ends, type, parent, status, size, id, count …
//	delete CLUSTER                  all its backups are gone
//	fault ACTION[@CLUSTER|@REGION] N|all KIND [after]   what goes wrong with the Nth call, or with all, before or after its
//	                                effect: see kind. `fault none` takes all faults away
//	outage DURATION                 connections to AnalyticDB are refused for so long
//
// The function:
//
//	[!] function [-p NAME] [NAME=VALUE…]    start a process with that environment; with ! it must refuse to start
//	lose [-p NAME]                  the platform kills a process
//	[!] deliver [FLAGS] EVENT       an event, or a file that holds one; with ! it must fail. The answer is stdout, the
//	                                error is stderr as "errorType: errorMessage"
//	wrong FILE                      each line is "ERROR | EVENT": refused with InvalidEvent, nothing called
//
// What must be true:
//
//	[!] answer PATH [VALUE]         a field of the last answer: its value as JSON, or a string; with ! it must be absent
//	calls ACTION|all N              that many calls have arrived since the story began; N may be a range: 2..5
//	backups CLUSTER|all N           that many backups exist, whether listed or not
//	calls-at-once N                 at most that many were served at the same time
//	memory MIB                      no process needed more at its peak
//	[!] log [-n N] FIELD=REGEXP…    a line of the log with all those fields; with ! none
//	[!] canary REGEXP               what came to a listener that nothing should talk to
//
// An event may hold {{now-90s}}, {{unix:now}} (the 8 digits of a request id), {{ids 300}} (cluster ids), {{n}} (the number of the
// delivery, where one command makes several) and {{repeat 1000 x}}. Beside the variables of testscript there are $EVENTS (the
// samples), $SECURE and $CA (AnalyticDB over TLS, and its certificate), $CLOSED (a port that refuses) and $CANARY.
//
// A story says what happens and in which order, and how often, but not how fast: the exact times are tested in virtual time. What
// holds in every story is checked at its end: see invariants.
package e2e

import (
	"cmp"
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets twelve stories run at once unless -parallel says otherwise: they mostly wait.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		flag.Set("test.parallel", "12")
	}
	os.Exit(m.Run())
}

// TestEndToEnd tests the binary that it builds as it is deployed, or the one that ADB_BACKUP_BINARY names, with the stories
// of testdata, or those of the folder ADB_STORIES: for trying out what is not to stay.
func TestEndToEnd(t *testing.T) {
	binary := os.Getenv("ADB_BACKUP_BINARY")
	if binary == "" {
		binary = build(t)
	}
	events, err := filepath.Abs("../../events")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 cmp.Or(os.Getenv("ADB_STORIES"), "testdata"),
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("EVENTS", events)
			return begin(env, binary)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"service":       word((*story).describe),
			"cluster":       word((*story).cluster),
			"existing":      word((*story).existing),
			"delete":        word((*story).deleteBackups),
			"outage":        word((*story).outage),
			"fault":         word((*story).fault),
			"function":      word((*story).function),
			"lose":          word((*story).lose),
			"deliver":       word((*story).deliver),
			"answer":        word((*story).answerHas),
			"wrong":         word((*story).wrong),
			"calls":         word((*story).calls),
			"backups":       word((*story).backups),
			"calls-at-once": word((*story).callsAtOnce),
			"memory":        word((*story).memory),
			"log":           word((*story).logHas),
			"canary":        word((*story).canaryHeard),
		},
	})
}

// build builds the function as it is deployed, but for this machine, or with the race detector if this test has it.
func build(t *testing.T) string {
	t.Helper()
	readSources(t)
	binary := filepath.Join(t.TempDir(), "main")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	args, cgo := []string{"build", "-trimpath", "-buildvcs=false", "-tags=nethttpomithttp2", "-ldflags", "-s -w"}, "CGO_ENABLED=0"
	if raceDetector() {
		args, cgo = []string{"build", "-race"}, "CGO_ENABLED=1"
	}
	cmd := exec.Command("go", append(args, "-o", binary, "..")...)
	cmd.Env = append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the function does not build: %v\n%s", err, out)
	}
	return binary
}

// readSources looks at what the binary is made of. go test repeats an old result as long as no file that the test itself looked
// at has changed, and what the compiler reads does not count.
func readSources(t *testing.T) {
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && len(entry.Name()) > 2 {
			return fs.SkipDir
		}
		if name := entry.Name(); filepath.Ext(name) == ".go" && !strings.HasSuffix(name, "_test.go") || name == "go.mod" {
			_, err = os.Stat(path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// raceDetector reports whether this test has it.
func raceDetector() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// word makes a method of the story a word of the scripts. Where a word has no negation, it says so itself.
func word(do func(*story, *testscript.TestScript, bool, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		ts.Check(do(ts.Value(storyKey{}).(*story), ts, neg, args))
	}
}
