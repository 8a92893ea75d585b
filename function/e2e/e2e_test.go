// Package e2e tells stories of the function as it is deployed: the built binary between the emulated platform, the emulated
// AnalyticDB and a chat robot, in real time. Each file in testdata tells one behaviour that needs a real process, in these
// words beside those of rogpeppe/go-internal/testscript. A word takes ! where it is shown with it.
//
//	service KEY=VALUE…              what AnalyticDB is like from now on: takes=DURATION, deny=ACTION
//	fault ACTION[@CLUSTER] N|all KIND [after]   what goes wrong with the Nth call, or with all, before or after its effect: see
//	                                kinds. `fault none` takes all faults away
//	robot [WORDS]                   with these words the chat robot refuses every message from now on; without words, none
//	[!] function [NAME=VALUE…]      the platform kills the process, if there is one, and starts another with that environment; with !
//	                                it must refuse to start
//	[!] deliver [FLAGS] EVENT       an event, or a file that holds one; with ! it must fail. The answer is stdout, the
//	                                error is stderr as "errorType: errorMessage"
//
//	calls ACTION|all N              that many calls have arrived since the story began
//	backups CLUSTER|all N           that many backups exist
//	memory MIB                      no process needed more at its peak
//	[!] log [-n N] FIELD=REGEXP…    waits for a line of the log with all those fields, or for N; with ! none is there yet
//	told N [REGEXP]                 the chat robot took that many messages; the last one matches
//	[!] canary REGEXP               what came to a listener that nothing should talk to
//
// An event may hold {{now-90s}}, {{unix:now}} (the 8 digits of a request id), {{ids 300}} (cluster ids) and {{repeat 1000 x}}.
// Beside the variables of testscript there are $EVENTS (the samples), $SECURE and $CA (AnalyticDB over TLS, and its certificate),
// $CLOSED (a port that refuses), $CANARY and $ROBOT (the robot's webhook; its secret is sEcReT-of-the-robot).
//
// A story says what happens and in which order, but not how fast: times are tested in virtual time. What holds in every story is
// checked at its end: see invariants.
package e2e

import (
	"flag"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestMain lets eight stories run at once unless -parallel says otherwise: they mostly wait.
func TestMain(m *testing.M) {
	flag.Set("test.parallel", "8")
	os.Exit(m.Run())
}

func TestEndToEnd(t *testing.T) {
	binary := build(t)
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup:               func(env *testscript.Env) error { return begin(env, binary) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"service":  word((*story).describe),
			"fault":    word((*story).fault),
			"robot":    word((*story).robot),
			"function": word((*story).function),
			"deliver":  word((*story).deliver),
			"calls":    word((*story).callsAre),
			"backups":  word((*story).backupsAre),
			"memory":   word((*story).memory),
			"log":      word((*story).logHas),
			"told":     word((*story).told),
			"canary":   word((*story).canaryHeard),
		},
	})
}

// word makes a method of the story a word of the scripts.
func word(do func(*story, *testscript.TestScript, bool, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		ts.Check(do(ts.Value(storyKey{}).(*story), ts, neg, args))
	}
}

// build builds the function as make does, but for this machine.
func build(t *testing.T) string {
	t.Helper()
	// go test repeats an old result as long as no file or folder that the test itself looked at has changed.
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if name := filepath.Base(path); name == "dist" || strings.HasPrefix(name, ".") && len(name) > 2 {
			return fs.SkipDir
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(t.TempDir(), "main")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags=nethttpomithttp2,urfave_cli_no_template", "-ldflags", "-s -w", "-o", binary, "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the function does not build: %v\n%s", err, out)
	}
	return binary
}
