package e2e

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

// story is what a script talks to: the cloud, and the process that the platform has started.
type story struct {
	binary   string
	service  *fakeadb.Service
	endpoint string
	process  *fakefc.Instance

	mu      sync.Mutex
	lines   []string // that any process printed
	canary  []string
	refusal string   // of the chat robot
	heard   []string // by the chat robot
}

type storyKey struct{}

func keyOf(role string) string { return "STS.kEy-of-" + role }

func credentialOf(role string) fakeadb.Credential {
	return fakeadb.Credential{Secret: "sEcReT-of-" + role, Token: "tOkEn-of-" + role}
}

func begin(env *testscript.Env, binary string) error {
	s := &story{binary: binary}
	known := map[string]fakeadb.Credential{}
	for _, role := range []string{"release", "morning", "evening"} {
		known[keyOf(role)] = credentialOf(role)
	}
	s.service = fakeadb.New(fakeadb.Options{Credentials: known, Layout: fakeadb.Seconds, Faults: noFault})
	api, secure := httptest.NewServer(s.service), httptest.NewUnstartedServer(s.service)
	canary, chat := httptest.NewServer(http.HandlerFunc(s.sing)), httptest.NewServer(http.HandlerFunc(s.chat))
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake that fails is part of a story
	secure.StartTLS()
	ca, samples := filepath.Join(env.WorkDir, "ca.pem"), ""
	err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600)
	if samples, _ = filepath.Abs("../../events"); err != nil {
		return err
	}
	s.endpoint = api.URL
	for name, value := range map[string]string{
		"EVENTS": samples, "SECURE": secure.Listener.Addr().String(), "CA": ca, "CLOSED": "127.0.0.1:1", // nothing listens there; a port that was given back may be another test's by now
		"CANARY": canary.Listener.Addr().String(), "ROBOT": chat.URL + "/robot/send?access_token=tOkEn-of-the-robot",
	} {
		env.Setenv(name, value)
	}
	env.Values[storyKey{}] = s
	env.Defer(func() {
		broken := s.invariants()
		for _, server := range []*httptest.Server{api, secure, canary, chat} {
			server.CloseClientConnections()
			server.Close()
		}
		if broken != nil {
			env.T().Fatal(broken)
		}
	})
	return nil
}

var (
	// marked are the secrets of every role, of the process's own environment, and what a signature looks like.
	marked = regexp.MustCompile(`sEcReT-of-|tOkEn-of-|kEy-of-|of-the-process|Signature=[0-9a-f]{8}`)
	// crashed is what no function may print.
	crashed = regexp.MustCompile(`panic|goroutine \d+ \[|fatal error`)
)

// invariants are what holds in every story, whatever it tells.
func (s *story) invariants() (broken error) {
	select {
	case <-s.process.Exited:
		broken = fmt.Errorf("the process did not outlive the story: %w", s.process.Err)
	default:
		s.process.Close()
	}
	for _, line := range s.lines {
		fields := decodeLine(line)
		if marked.MatchString(line) || crashed.MatchString(line) || len(line) >= 64<<10 || fields != nil && fields["requestId"] == nil {
			broken = errors.Join(broken, fmt.Errorf("it has a secret, a crash or no requestId, or is too long: %.3000s", line))
		}
	}
	return broken
}

// function starts a process in the place of the last one. Times are short, unless the story says otherwise.
func (s *story) function(ts *testscript.TestScript, neg bool, args []string) (err error) {
	if s.process != nil {
		s.process.Close()
	}
	keep := func(line string) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lines = append(s.lines, line)
	}
	env := append([]string{"ADB_ENDPOINT=" + s.endpoint, "ADB_POLL_INTERVAL=20ms", "ADB_SETTLE_TIME=300ms"}, args...)
	s.process, err = fakefc.Launch(s.binary, env, keep)
	if err != nil || !neg {
		return err
	}
	select {
	case <-s.process.Exited:
	case <-time.After(time.Minute):
		return errors.New("the function runs with settings that it should refuse")
	}
	fmt.Fprintln(ts.Stderr(), s.process.Err)
	if !strings.Contains(s.process.Err.Error(), "exit status 1") {
		return fmt.Errorf("the function should have ended with status 1: %w", s.process.Err)
	}
	return nil
}

func (s *story) printed() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// logHas looks through what was printed. A line may come a while after the answer.
func (s *story) logHas(ts *testscript.TestScript, neg bool, args []string) error {
	want := -1 // any number
	if args[0] == "-n" {
		want, _ = strconv.Atoi(args[1])
		args = args[2:]
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		n := 0
		for _, line := range s.printed() {
			if matches(decodeLine(line), args) {
				n++
			}
		}
		switch {
		case neg && n == 0, !neg && n == want, !neg && want < 0 && n > 0:
			return nil
		case neg, time.Now().After(deadline):
			return fmt.Errorf("%d lines match %q:\n%.20000s", n, args, strings.Join(s.printed(), "\n"))
		}
	}
}

func matches(fields map[string]any, wanted []string) bool {
	return !slices.ContainsFunc(wanted, func(w string) bool {
		name, want, _ := strings.Cut(w, "=")
		value, present := fields[name]
		return !present || !regexp.MustCompile(want).MatchString(fmt.Sprint(value))
	})
}

// decodeLine is one of the function's own log lines, or nil: the runtime SDK prints lines of another kind.
func decodeLine(line string) (fields map[string]any) {
	json.Unmarshal([]byte(line), &fields)
	return fields
}

// memory holds the process's peak memory against a limit in MiB. Only Linux tells it.
func (s *story) memory(ts *testscript.TestScript, neg bool, args []string) error {
	most, err := strconv.Atoi(args[0])
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Cmd.Process.Pid))
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	kib := 0
	if fmt.Sscan(line, &kib); kib > most<<10 {
		err = fmt.Errorf("the process needed %d KiB", kib)
	}
	return err
}
