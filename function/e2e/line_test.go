package e2e

import (
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakeadb"
)

// step is what goes wrong with one call, or with every call of an action: in the service, or on the line to it.
type step struct {
	action, cluster string
	nth             int // 0: all
	fault           fakeadb.Fault
	spoil           func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder)
}

func (s step) strikes(action, cluster string, nth int) bool {
	return s.action == action && (s.cluster == "" || s.cluster == cluster) && (s.nth == 0 || s.nth == nth)
}

func (s *story) faultOf(c fakeadb.Call) fakeadb.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, step := range s.steps {
		if step.spoil == nil && step.strikes(c.Action, c.Cluster, c.Nth) {
			return step.fault
		}
	}
	return fakeadb.Fault{}
}

// line is the way to the service. It can spoil an answer that the service gave in good faith.
type line struct{ *story }

func (l line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, cluster := r.Header.Get("X-Acs-Action"), r.URL.Query().Get("DBClusterId")
	l.mu.Lock()
	l.arrived[action]++
	var spoil func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder)
	for _, step := range l.steps {
		if step.spoil != nil && step.strikes(action, cluster, l.arrived[action]) {
			spoil = step.spoil
			break
		}
	}
	l.mu.Unlock()
	if spoil == nil {
		l.service.ServeHTTP(w, r)
		return
	}
	truth := httptest.NewRecorder()
	l.service.ServeHTTP(truth, r)
	spoil(w, r, truth)
}

// fault adds a step, or with "none" takes all away. Earlier ones go first.
func (s *story) fault(ts *testscript.TestScript, neg bool, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(args) == 1 && args[0] == "none" {
		s.steps = nil
		return nil
	}
	if len(args) < 3 {
		return fmt.Errorf("fault ACTION[@CLUSTER] N|all KIND [after]")
	}
	var new step
	new.action, new.cluster, _ = strings.Cut(args[0], "@")
	if args[1] != "all" {
		n, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		new.nth = n
	}
	if err := new.kind(args[2]); err != nil {
		return err
	}
	if len(args) > 3 && args[3] == "after" {
		new.fault = new.fault.AfterEffect()
	}
	s.steps = append(s.steps, new)
	return nil
}

var (
	bareStatus  = regexp.MustCompile(`^\d{3}$`)
	serviceCode = regexp.MustCompile(`(?s)^(\d{3}):([^:]*):?(.*)$`)
	replacement = regexp.MustCompile(`(?s)^s/(.*)/(.*)/$`)
)

// kind reads what goes wrong. 503:Code[:message] is an error of the service's, a bare 503 a page that something else wrote.
func (s *step) kind(kind string) error {
	name, value, _ := strings.Cut(kind, ":")
	switch {
	case serviceCode.MatchString(kind):
		m := serviceCode.FindStringSubmatch(kind)
		status, _ := strconv.Atoi(m[1])
		s.fault = fakeadb.Refused(&fakeadb.Error{Status: status, Code: m[2], Message: m[3]})
	case bareStatus.MatchString(kind):
		status, _ := strconv.Atoi(kind)
		s.fault = fakeadb.Fault{Name: kind, Answer: func(w http.ResponseWriter, _ fakeadb.Call) {
			w.Header().Set("Content-Type", "text/html")
			w.WriteHeader(status)
			fmt.Fprintf(w, "<html><h1>%d</h1></html>\n", status)
		}}
	case replacement.MatchString(kind):
		m := replacement.FindStringSubmatch(kind)
		re, err := regexp.Compile(m[1])
		if err != nil {
			return err
		}
		s.spoil = func(w http.ResponseWriter, _ *http.Request, truth *httptest.ResponseRecorder) {
			pass(w, truth)
			fmt.Fprint(w, re.ReplaceAllString(truth.Body.String(), m[2]))
		}
	case name == "broken":
		s.fault = fakeadb.Broken
	case name == "empty":
		s.fault = fakeadb.Empty
	case name == "{}":
		s.fault = fakeadb.EmptyObject
	case name == "garbage":
		s.fault = fakeadb.Garbage
	case name == "nonce":
		s.fault = fakeadb.Refused(fakeadb.ErrNonceUsed)
	case name == "throttled":
		left, _ := time.ParseDuration(value)
		s.fault = fakeadb.Throttled(left)
	case name == "slow":
		d, err := time.ParseDuration(value)
		s.fault = fakeadb.Slow(d)
		return err
	case name == "redirect":
		s.fault = fakeadb.Redirect(value)
	case name == "echo": // an error repeats how the request was signed
		s.spoil = func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintf(w, `{"RequestId":"R","Code":"SignatureDoesNotMatch","Message":"yours: %s"}`, r.Header.Get("Authorization"))
		}
	case name == "hang": // no header ever comes
		s.spoil = func(_ http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { <-r.Context().Done() }
	case name == "trickle": // the body comes a byte at a time
		s.spoil = trickle
	case name == "huge": // so many MB more
		mb, err := strconv.Atoi(value)
		s.spoil = func(w http.ResponseWriter, _ *http.Request, truth *httptest.ResponseRecorder) {
			pass(w, truth)
			body := truth.Body.String()
			fmt.Fprint(w, strings.TrimSuffix(strings.TrimSpace(body), "}"), `,"Padding":"`, strings.Repeat("x", mb<<20), `"}`)
		}
		return err
	default:
		return fmt.Errorf("there is no fault %q", kind)
	}
	return nil
}

func trickle(w http.ResponseWriter, r *http.Request, truth *httptest.ResponseRecorder) {
	pass(w, truth)
	for _, b := range truth.Body.Bytes() {
		w.Write([]byte{b})
		w.(http.Flusher).Flush()
		select {
		case <-time.After(50 * time.Millisecond):
		case <-r.Context().Done():
			return
		}
	}
}

// pass passes on the status and the headers of the truth, but for its length.
func pass(w http.ResponseWriter, truth *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), truth.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(truth.Code)
}
