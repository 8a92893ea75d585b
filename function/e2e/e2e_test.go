// End-to-end stories: the built binary between the emulated platform and the emulated AnalyticDB, in real time. Each file
// in testdata tells one behaviour of the contract in these words, beside those of rogpeppe/go-internal/testscript:
//
//	service KEY=VALUE…              what AnalyticDB is like: takes, listed-after, precision, words, rate, deny, clusters …
//	existing CLUSTER KEY=VALUE…     backups from before the story: start, end, type, parent, status, size, count …
//	fault ACTION[@CLUSTER] N KIND [after]   the Nth call (or: all) of an action goes wrong, before or after its effect
//	[!] function [-p NAME] [NAME=VALUE…]    start a process with that environment; with ! it must refuse to start
//	lose [-p NAME]                  the platform kills a process
//	[!] deliver [FLAGS] EVENT       an event, or a file that holds one; with ! it must fail. The answer is stdout, the
//	                                error is stderr as "errorType: errorMessage"
//	[!] answer PATH [VALUE]         a field of the last answer: its value as JSON, or a string; with ! it must be absent
//	wrong FILE                      each line is "ERROR | EVENT": refused with InvalidEvent, nothing called
//	calls ACTION N                  that many calls have arrived since the story began; N may be a range: 2..5
//	backups CLUSTER|all N           that many backups exist, whether listed or not
//	calls-at-once N                 at most that many were served at the same time
//	[!] log [-n N] FIELD=REGEXP…    a line of the log with all those fields; with ! none
//	[!] canary REGEXP               what came to a listener that nothing should talk to, unless told to
//
// An event may hold {{now-90s}}, {{unix:now}} (the 8 digits of a request id), {{ids 300}} (cluster ids), {{n}} (the number
// of the delivery, where one command makes several) and {{repeat 1000 x}}.
//
// What holds in every story is checked at its end: see invariants.
package e2e

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestEndToEnd tests the binary that it builds as it is deployed, or the one that ADB_BACKUP_BINARY names, with the stories
// of testdata, or those of the folder ADB_STORIES: for trying out what is not to stay.
func TestEndToEnd(t *testing.T) {
	binary := os.Getenv("ADB_BACKUP_BINARY")
	if binary == "" {
		binary = build(t)
	}
	events, err := filepath.Abs("../events")
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
			"existing":      word((*story).existing),
			"fault":         word((*story).fault),
			"function":      word((*story).function),
			"lose":          word((*story).lose),
			"deliver":       word((*story).deliver),
			"answer":        word((*story).answerHas),
			"wrong":         word((*story).wrong),
			"calls":         word((*story).calls),
			"backups":       word((*story).backups),
			"calls-at-once": word((*story).callsAtOnce),
			"log":           word((*story).logHas),
			"canary":        word((*story).canaryHeard),
		},
	})
}

// build builds the function as it is deployed, but for this machine, or with the race detector if this test has it.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "main")
	args, cgo := []string{"build", "-trimpath", "-ldflags", "-s -w"}, "CGO_ENABLED=0"
	if raceDetector {
		args, cgo = []string{"build", "-race"}, "CGO_ENABLED=1"
	}
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	cmd := exec.Command("go", append(args, "-o", binary, "..")...)
	cmd.Env = append(os.Environ(), cgo)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the function does not build: %v\n%s", err, out)
	}
	return binary
}

// word makes a method of the story a word of the scripts. Where a word has no negation, it says so itself.
func word(do func(*story, *testscript.TestScript, bool, []string) error) func(*testscript.TestScript, bool, []string) {
	return func(ts *testscript.TestScript, neg bool, args []string) {
		ts.Check(do(ts.Value(storyKey{}).(*story), ts, neg, args))
	}
}
