package e2e

import (
	"fmt"
	"io"
	"maps"
	"net"
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
	action string
	where  string // a cluster or a region; empty: any
	nth    int    // 0: all
	fault  fakeadb.Fault
	spoil  func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder)
}

func (s step) strikes(action, cluster, region string, nth int) bool {
	return s.action == action && (s.where == "" || s.where == cluster || s.where == region) && (s.nth == 0 || s.nth == nth)
}

func (s *story) faultOf(c fakeadb.Call) fakeadb.Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, step := range s.steps {
		if step.spoil == nil && step.strikes(c.Action, c.Cluster, c.Region, c.Nth) {
			return step.fault
		}
	}
	return fakeadb.Fault{}
}

// line is the way to the service. It can spoil an answer that the service gave in good faith.
type line struct{ *story }

func (l line) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	action, query := r.Header.Get("X-Acs-Action"), r.URL.Query()
	l.mu.Lock()
	l.arrived[action]++
	var spoil func(http.ResponseWriter, *http.Request, *httptest.ResponseRecorder)
	for _, step := range l.steps {
		if step.spoil != nil && step.strikes(action, query.Get("DBClusterId"), query.Get("RegionId"), l.arrived[action]) {
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
		return fmt.Errorf("fault ACTION[@CLUSTER|@REGION] N|all KIND [after]")
	}
	var new step
	new.action, new.where, _ = strings.Cut(args[0], "@")
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
	case name == "switch": // 101 Switching Protocols, on a connection that stays open
		s.spoil = func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
			connection, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				fmt.Fprint(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
				io.Copy(io.Discard, connection) // until the other side has enough
				connection.Close()
			}
		}
	case name == "endless": // a list that says of every page that there is another; each entry may have so many bytes more
		padding, _ := strconv.Atoi(value)
		s.spoil = func(w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { endless(w, r, padding) }
	case name == "retry-after": // 429 of something on the way, with the header Retry-After
		s.fault = fakeadb.Fault{Name: kind, Answer: func(w http.ResponseWriter, _ fakeadb.Call) {
			w.Header().Set("Retry-After", value)
			w.WriteHeader(http.StatusTooManyRequests)
		}}
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

func endless(w http.ResponseWriter, r *http.Request, padding int) {
	q := r.URL.Query()
	page, _ := strconv.Atoi(q.Get("PageNumber"))
	size, _ := strconv.Atoi(q.Get("PageSize"))
	var sets []string
	for i := range size {
		sets = append(sets, fmt.Sprintf(`{"DBClusterId":%q,"BackupId":"%d","BackupType":"FullBackup","BackupStatus":"Success","BackupStartTime":"2020-01-01T00:00Z","BackupEndTime":"2020-01-01T00:10Z","Padding":"%s"}`, q.Get("DBClusterId"), page*size+i, strings.Repeat("x", padding)))
	}
	fmt.Fprintf(w, `{"RequestId":"E","TotalCount":"2000000000","PageNumber":"%d","PageSize":"%d","Items":{"Backup":[%s]}}`, page, size, strings.Join(sets, ","))
}

// outage refuses connections for a while. It begins at once, and ends by itself.
func (s *story) outage(ts *testscript.TestScript, neg bool, args []string) error {
	lasts, err := time.ParseDuration(args[0])
	if err != nil {
		return err
	}
	s.api.Listener.Close()
	s.api.CloseClientConnections()
	time.AfterFunc(lasts, func() {
		if listener, err := net.Listen("tcp", s.address); err == nil {
			s.api.Config.Serve(listener) // until the story ends
		}
	})
	return nil
}

// pass passes on the status and the headers of the truth, but for its length.
func pass(w http.ResponseWriter, truth *httptest.ResponseRecorder) {
	maps.Copy(w.Header(), truth.Header())
	w.Header().Del("Content-Length")
	w.WriteHeader(truth.Code)
}
