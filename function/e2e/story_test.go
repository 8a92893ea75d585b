package e2e

import (
	"encoding/json"
	"encoding/pem"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

// story is what a script talks to: the cloud, and the processes that the platform has started.
type story struct {
	binary   string
	service  *fakeadb.Service
	endpoint string
	reply    any // the last answer

	mu        sync.Mutex
	roles     map[string]fakeadb.Credential
	steps     []step
	arrived   map[string]int
	seen      []fakeadb.Call
	canary    []string
	processes map[string]*process
	past      []*process // stopped, or replaced
}

type storyKey struct{}

// process is a started function and what it printed.
type process struct {
	*fakefc.Instance
	mu             sync.Mutex
	stdout, stderr []string
}

func begin(env *testscript.Env, binary string) error {
	s := &story{
		binary:    binary,
		roles:     map[string]fakeadb.Credential{},
		arrived:   map[string]int{},
		processes: map[string]*process{},
	}
	s.service = fakeadb.New(fakeadb.Options{Precision: fakeadb.Seconds, Faults: s.faultOf, OnCall: func(c fakeadb.Call) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, c)
	}})
	api, secure, canary := httptest.NewUnstartedServer(line{s}), httptest.NewUnstartedServer(line{s}), httptest.NewUnstartedServer(http.HandlerFunc(s.sing))
	for _, server := range []*httptest.Server{api, secure, canary} {
		server.Config.ErrorLog = log.New(io.Discard, "", 0) // a handshake that fails is part of a story
	}
	api.Start()
	secure.StartTLS()
	canary.Start()
	ca := filepath.Join(env.WorkDir, "ca.pem")
	if err := os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw}), 0o600); err != nil {
		return err
	}
	s.endpoint = api.URL
	env.Setenv("ENDPOINT", api.URL)
	env.Setenv("SECURE", secure.Listener.Addr().String())
	env.Setenv("CA", ca)
	env.Setenv("CANARY", canary.Listener.Addr().String())
	env.Values[storyKey{}] = s
	env.Defer(func() {
		broken := s.invariants()
		for _, p := range s.processes {
			p.Close()
		}
		for _, server := range []*httptest.Server{api, secure, canary} {
			server.CloseClientConnections()
			server.Close()
		}
		if len(broken) > 0 {
			env.T().Fatal(strings.Join(broken, "\n"))
		}
	})
	return nil
}

// sing is the canary: it takes note of who talks to it, and refuses.
func (s *story) sing(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.canary = append(s.canary, r.Method+" "+r.Host+r.URL.RequestURI())
	w.WriteHeader(http.StatusBadGateway)
}

// marked are the secrets of every role, of the process's own environment, and what a signature looks like.
var marked = regexp.MustCompile(`sEcReT-of-|tOkEn-of-|kEy-of-|of-the-process|Signature=[0-9a-f]{8}`)

// crashed is what no function may print.
var crashed = regexp.MustCompile(`DATA RACE|panic|goroutine \d+ \[|fatal error`)

// invariants are what holds in every story, whatever it tells.
func (s *story) invariants() (broken []string) {
	for name, p := range s.processes {
		select {
		case <-p.Exited():
			broken = append(broken, fmt.Sprintf("process %s did not outlive the story: %v", name, p.Err()))
		default:
		}
	}
	for _, p := range append(s.past, slices.Collect(maps.Values(s.processes))...) {
		p.mu.Lock()
		for _, line := range append(p.stdout, p.stderr...) {
			if leak := marked.FindString(line); leak != "" {
				broken = append(broken, "a secret was printed: "+line)
			}
			if crashed.MatchString(line) {
				broken = append(broken, "the function crashed: "+line)
			}
			if len(line) >= 64<<10 {
				broken = append(broken, fmt.Sprintf("a line of %d bytes: %.200s", len(line), line))
			}
		}
		for _, line := range p.stdout {
			if fields := decodeLine(line); fields != nil && fields["requestId"] == nil {
				broken = append(broken, "a log line without requestId: "+line)
			}
		}
		p.mu.Unlock()
	}
	s.mu.Lock() // a call that was given up is still on its way through the service
	defer s.mu.Unlock()
	for _, c := range s.seen {
		// In forty invocations at once each has its own role, and its own cluster named after it.
		if n, ok := strings.CutPrefix(c.Cluster, "amv-own"); ok && c.KeyID != keyOf(n) {
			broken = append(broken, fmt.Sprintf("a call for %s was signed by %s", c.Cluster, c.KeyID))
		}
	}
	return broken
}

// decodeLine is one of the function's own log lines, or nil: the runtime SDK prints lines of another kind.
func decodeLine(line string) (fields map[string]any) {
	if json.Unmarshal([]byte(line), &fields) != nil {
		return nil
	}
	return fields
}

// function starts a process. Times are short, unless the story says otherwise.
func (s *story) function(ts *testscript.TestScript, neg bool, args []string) error {
	flags := newFlags("function")
	name := flags.String("p", "a", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := &process{}
	env := append([]string{"ADB_ENDPOINT=" + s.endpoint, "ADB_POLL_INTERVAL=20ms", "ADB_SETTLE_TIME=300ms"}, flags.Args()...)
	instance, err := fakefc.Launch(fakefc.Command{Path: s.binary, Env: env, Stdout: p.keep(&p.stdout), Stderr: p.keep(&p.stderr)})
	if err != nil {
		return err
	}
	p.Instance = instance
	if neg {
		defer instance.Close()
		s.past = append(s.past, p)
		select {
		case <-p.Exited():
		case <-time.After(5 * time.Second):
			return errors.New("the function runs with settings that it should refuse")
		}
		fmt.Fprintln(ts.Stderr(), p.Err())
		if !strings.Contains(p.Err().Error(), "exit status") || strings.Contains(p.Err().Error(), "exit status 0") {
			return fmt.Errorf("the function should have ended with a status: %w", p.Err())
		}
		return nil
	}
	s.retire(*name)
	s.processes[*name] = p
	return nil
}

func (s *story) lose(ts *testscript.TestScript, neg bool, args []string) error {
	flags := newFlags("lose")
	name := flags.String("p", "a", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s.retire(*name)
	return nil
}

func (s *story) retire(name string) {
	if p := s.processes[name]; p != nil {
		p.Close()
		s.past = append(s.past, p)
		delete(s.processes, name)
	}
}

func (p *process) keep(to *[]string) func(string) {
	return func(line string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		*to = append(*to, line)
	}
}

// logHas looks through what all processes printed. A line may come a moment after the answer.
func (s *story) logHas(ts *testscript.TestScript, neg bool, args []string) error {
	flags := newFlags("log")
	want := flags.Int("n", -1, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		n, err := s.matching(flags.Args())
		late := time.Since(began) > 50*time.Millisecond // long enough to hope that no line comes any more
		switch {
		case err != nil:
			return err
		case neg && n == 0 && late, !neg && *want < 0 && n > 0, !neg && n == *want && late:
			return nil
		case neg && n > 0, time.Since(began) > 2*time.Second:
			s.show(ts)
			return fmt.Errorf("%d log lines match %q", n, flags.Args())
		}
	}
}

func (s *story) matching(fields []string) (n int, err error) {
	for _, p := range append(slices.Clone(s.past), slices.Collect(maps.Values(s.processes))...) {
		p.mu.Lock()
		for _, line := range p.stdout {
			all, ok := decodeLine(line), true
			for _, f := range fields {
				name, want, _ := strings.Cut(f, "=")
				re, err := regexp.Compile(want)
				if err != nil {
					return 0, err
				}
				value, present := all[name]
				text, isText := value.(string)
				if !isText {
					b, _ := json.Marshal(value)
					text = string(b)
				}
				ok = ok && present && re.MatchString(text)
			}
			if ok && all != nil {
				n++
			}
		}
		p.mu.Unlock()
	}
	return n, nil
}

// show shows what all processes printed.
func (s *story) show(ts *testscript.TestScript) {
	for _, p := range append(slices.Clone(s.past), slices.Collect(maps.Values(s.processes))...) {
		p.mu.Lock()
		for _, line := range append(slices.Clone(p.stdout), p.stderr...) {
			ts.Logf("%.2000s", line)
		}
		p.mu.Unlock()
	}
}

func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}
