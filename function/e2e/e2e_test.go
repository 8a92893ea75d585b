// Package e2e tells stories of the function as it is deployed: the built binary between the emulated platform, the emulated
// AnalyticDB and a chat robot, in real time. Each file in testdata tells one behaviour that needs a real process, in these
// words beside those of rogpeppe/go-internal/testscript. A word takes ! where it is shown with it.
//
//	service KEY=VALUE…              what AnalyticDB is like from now on: takes=DURATION, deny=ACTION,
//	                                completed=WORD
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
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakefc"
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
	filepath.Glob("../../[ef]*/*/*.go")
	binary := filepath.Join(t.TempDir(), "main")
	cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags=nethttpomithttp2,urfave_cli_no_template", "-ldflags", "-s -w", "-o", binary, "..")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the function does not build: %v\n%s", err, out)
	}
	return binary
}

// errorTypes are all that the contract has.
var errorTypes = []string{"InvalidEvent", "PermissionDenied", "ClusterNotFound", "BackupFailed", "BackupPending", "BackupMissing",
	"OutcomeUnknown", "Throttled", "ServiceError", "InternalError", "NothingSelected", "AlarmFailed", "Mixed"}

// grace is for how long after its deadline an answer is still taken, so that no story depends on how busy this machine is. It is
// less than the 10 s after which the function gives up a call by itself: an invocation that does not heed its deadline is found
// out all the same.
const grace = 5 * time.Second

// deliver hands an event to the function, and waits for what comes of it.
func (s *story) deliver(ts *testscript.TestScript, neg bool, args []string) error {
	flags := flag.NewFlagSet("deliver", flag.ContinueOnError)
	retry := flags.Int("retry", 0, "the platform's count")
	id := flags.String("id", "", "request id")
	timeout := flags.Duration("timeout", 30*time.Second, "of the function")
	role := flags.String("role", "release", "none, or a name; the service knows release, morning and evening")
	ts.Check(flags.Parse(args))
	event := flags.Arg(0)
	if !strings.ContainsAny(event, "{[\"") {
		event = strings.TrimSuffix(ts.ReadFile(event), "\n")
	}
	inv := fakefc.Invocation{Payload: expand(event), RequestID: string(expand(*id)), Timeout: *timeout, RetryCount: *retry, Grace: grace}
	if *role != "none" {
		known := credentialOf(*role)
		inv.AccessKeyID, inv.AccessKeySecret, inv.SecurityToken = keyOf(*role), known.Secret, known.Token
	}
	r, err := s.process.Invoke(context.Background(), inv)
	if err != nil {
		return err
	}
	if r.ErrorType == "" {
		fmt.Fprintf(ts.Stdout(), "%s\n", r.Payload)
	} else {
		fmt.Fprintf(ts.Stderr(), "%s: %s\n", r.ErrorType, r.ErrorMessage)
	}
	if (r.ErrorType != "") != neg {
		return fmt.Errorf("unexpected: %s%s: %s", r.Payload, r.ErrorType, r.ErrorMessage)
	}
	return check(r)
}

// check holds for every answer of every story.
func check(r fakefc.Result) error {
	var compact bytes.Buffer
	err := json.Compact(&compact, r.Payload)
	switch answered := string(r.Payload) + r.ErrorMessage; {
	case marked.MatchString(answered):
		return errors.New("a secret was answered: " + answered)
	case r.ErrorType == "" && (err != nil || compact.String() != answered):
		return errors.New("the answer is not compact JSON: " + answered)
	case r.ErrorType != "" && (!slices.Contains(errorTypes, r.ErrorType) || r.ErrorMessage == "" || strings.ContainsAny(r.ErrorMessage, "\r\n")):
		return fmt.Errorf("an error that is not the contract's: %q %q", r.ErrorType, r.ErrorMessage)
	}
	return nil
}

var templates = regexp.MustCompile(`\{\{(now|unix:now|ids|repeat)([+-][0-9a-z]+)?(?: (\d+))?(?: (.*?))?\}\}`)

// expand fills in the templates of an event or a request id.
func expand(event string) []byte {
	now := time.Now().UTC()
	return templates.ReplaceAllFunc([]byte(event), func(match []byte) []byte {
		m := templates.FindStringSubmatch(string(match))
		offset, _ := time.ParseDuration(m[2])
		count, _ := strconv.Atoi(m[3])
		switch m[1] {
		case "now":
			return now.Add(offset).AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00")
		case "unix:now":
			return fmt.Appendf(nil, "%08x", now.Add(offset).Unix())
		case "ids":
			ids := make([]string, count)
			for i := range ids {
				ids[i] = fmt.Sprintf(`"amv-fleet%04d"`, i)
			}
			return []byte(strings.Join(ids, ","))
		}
		return bytes.Repeat([]byte(m[4]), count)
	})
}
