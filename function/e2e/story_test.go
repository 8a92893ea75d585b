package e2e

import (
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakeadb"
)

// story is what a script talks to: the cloud, and the processes that the platform has started.
type story struct {
	binary   string
	service  *fakeadb.Service
	endpoint string
	address  string // where the service listens
	api      *httptest.Server
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

func begin(env *testscript.Env, binary string) error {
	s := &story{
		binary:    binary,
		roles:     map[string]fakeadb.Credential{},
		arrived:   map[string]int{},
		processes: map[string]*process{},
	}
	s.service = fakeadb.New(fakeadb.Options{Layout: fakeadb.Seconds, Faults: s.faultOf, OnCall: func(c fakeadb.Call) {
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
	s.endpoint, s.address, s.api = api.URL, api.Listener.Addr().String(), api
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	closed.Close()
	env.Setenv("ENDPOINT", api.URL)
	env.Setenv("SECURE", secure.Listener.Addr().String())
	env.Setenv("CA", ca)
	env.Setenv("CLOSED", closed.Addr().String())
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
