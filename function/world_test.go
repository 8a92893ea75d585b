package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/config"
	"adb-backup/function/local/fakeadb"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

const (
	cluster   = "amv-wz9or2xawpnc"
	region    = "cn-hangzhou"
	keyID     = "STS.MarkedKeyId"
	keySecret = "MarkedKeySecret"
	token     = "MarkedToken/+=="

	plain   = `{"DBClusterId":"` + cluster + `"}`
	waiting = `{"DBClusterId":"` + cluster + `","WaitFor":"Completed"}`
	image   = `{"specversion":"1.0","id":"1","source":"acs.cr","type":"cr:Repository:ImagePushed","time":"2000-01-01T00:00:00Z","data":{}}`
)

// epoch is when virtual time begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// world is the emulated cloud with one or more processes of the function in it, all in this process's memory: inside
// a synctest bubble hours pass in a moment.
type world struct {
	t       *testing.T
	service *fakeadb.Service
	env     []string
	log     *safeBuffer
}

func newWorld(t *testing.T, o fakeadb.Options, env ...string) *world {
	o.Credentials = map[string]fakeadb.Credential{keyID: {Secret: keySecret, Token: token}}
	w := &world{t: t, service: fakeadb.New(o), env: env, log: &safeBuffer{}}
	return w
}

// story runs in virtual time, in which hours pass in a moment.
func story(t *testing.T, name string, o fakeadb.Options, tell func(*testing.T, *world), env ...string) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, o, env...)
			tell(t, w)
			if t.Failed() {
				t.Log(w.log)
			}
		})
	})
}

// expect holds a result against a status or an error type, and the service against the calls it should have had.
func (w *world) expect(r result, want string, creates int) {
	w.t.Helper()
	if got := r.Status + r.errorType; got != want {
		w.t.Errorf("got %s %s, want %s", got, r.errorMessage, want)
	}
	if n := w.service.Count("CreateBackup"); n != creates {
		w.t.Errorf("%d calls of CreateBackup, want %d", n, creates)
	}
	if r.late > 0 {
		w.t.Errorf("answered %v after the deadline", r.late)
	}
}

func (w *world) looks(want int) {
	w.t.Helper()
	if n := w.service.Count("DescribeBackups"); n != want {
		w.t.Errorf("%d looks, want %d", n, want)
	}
}

// process starts a process of the function: it knows nothing of the others.
func (w *world) process() *process { return w.processOn(w.service) }

func (w *world) processOn(transport http.RoundTripper) *process {
	c, err := config.Load(w.env)
	if err != nil {
		w.t.Fatal(err)
	}
	c.ADB.Transport = transport
	return &process{w, newHandler(c, w.log)}
}

type process struct {
	*world
	*handler
}

// delivery is how an event reaches a process.
type delivery struct {
	requestID  string
	retryCount int
	timeout    time.Duration // of the function; 0: an hour
	anonymous  bool          // without credentials
	keyID      string        // others than the world's
	ctx        context.Context
}

// result is an answer or an error, as the platform sees it.
type result struct {
	Action, Status string
	Backups        []entry
	errorType      string
	errorMessage   string
	late           time.Duration // how long after the deadline it came, if positive
	took           time.Duration
}

func (p *process) deliver(event string, d delivery) (r result) {
	p.t.Helper()
	if d.timeout == 0 {
		d.timeout = time.Hour
	}
	start := time.Now()
	if d.ctx == nil {
		d.ctx = context.Background()
	}
	ctx, cancel := context.WithDeadline(d.ctx, start.Add(d.timeout))
	defer cancel()
	invocation := &fccontext.FcContext{
		RequestID: d.requestID, RetryCount: d.retryCount, Region: region, AccountId: "1234567890123456",
		Credentials: fccontext.Credentials{AccessKeyId: keyID, AccessKeySecret: keySecret, SecurityToken: token},
		Function:    fccontext.Function{Timeout: int(d.timeout.Seconds())},
	}
	if d.requestID == "" {
		invocation.RequestID = fmt.Sprintf("1-%08x-story", start.Unix())
	}
	if d.anonymous {
		invocation.Credentials = fccontext.Credentials{}
	}
	if d.keyID != "" {
		invocation.Credentials.AccessKeyId = d.keyID
	}
	answer, err := p.handle(fccontext.NewContext(ctx, invocation), []byte(event))
	r.took = time.Since(start)
	r.late = r.took - d.timeout
	var failure messages.InvokeResponse_Error
	switch {
	case errors.As(err, &failure):
		r.errorType, r.errorMessage = failure.Type, failure.Message
	case err != nil:
		p.t.Errorf("an error without a type: %v", err)
	default:
		if err := json.Unmarshal(answer, &r); err != nil {
			p.t.Errorf("%s: %v", answer, err)
		}
	}
	if strings.ContainsAny(r.errorMessage, "\n\r") {
		p.t.Errorf("more than one line: %q", r.errorMessage)
	}
	for _, secret := range []string{keyID, keySecret, token} {
		if strings.Contains(string(answer)+r.errorMessage+p.world.log.String(), secret) {
			p.t.Errorf("%s was told:\n%s%s\n%s", secret, answer, r.errorMessage, p.world.log)
		}
	}
	return r
}

// timer is a timer's event of this moment.
func timer(request string) string {
	return timerAt(time.Now(), request)
}

func timerAt(t time.Time, request string) string {
	payload, _ := json.Marshal(request)
	return fmt.Sprintf(`{"triggerTime":%q,"triggerName":"nightly","payload":%s}`, t.UTC().Format(time.RFC3339Nano), payload)
}

// fleet is a request for so many clusters.
func fleet(n int, more string) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"amv-%04d"`, i)
	}
	return `{"DBClusterIds":[` + strings.Join(ids, ",") + `]` + more + `}`
}

// onlyOne are the clusters of a service that knows no other.
var onlyOne = []fakeadb.Cluster{{ID: "amv-0000", Region: region}}

type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
