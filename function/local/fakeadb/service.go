// Package fakeadb emulates the endpoint of AnalyticDB for MySQL, API 2021-12-01, as far as backups need it: CreateBackup,
// DescribeBackups and DescribeDBClusters, signed with ACS3-HMAC-SHA256. Any other action or dialect is refused. What the
// service's documents leave open is an option, so that a client can be tried against every answer. A fault hits a call before or
// after it takes effect.
//
// Its only clock is time.Now, its pauses end with the request's context, and it starts no goroutine: as a client's transport it works
// in a testing/synctest bubble, and hours pass in a moment.
package fakeadb

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"adb-backup/function/local/acs3"
)

const defaultRegion = "cn-hangzhou"

// Service is the endpoint, an http.Handler. It may be changed while it is used.
type Service struct {
	signatures acs3.Verifier
	bucket     *rate.Limiter

	mu      sync.Mutex
	options Options
	backups []Backup
	lastID  int
	calls   map[string]int
}

// New returns a service without backups.
func New(o Options) *Service {
	bucket := rate.NewLimiter(cmp.Or(rate.Limit(o.Rate), rate.Inf), max(o.Burst, 1))
	return &Service{options: o, bucket: bucket, lastID: 32732000, calls: map[string]int{}}
}

// Set changes options; it takes effect with the next call that arrives.
func (s *Service) Set(change func(*Options)) { s.locked(func() { change(&s.options) }) }

// Now is the time by the service's clock.
func (s *Service) Now() (now time.Time) { s.locked(func() { now = s.options.now() }); return now }

// Count is how many calls of an action arrived, refused ones too.
func (s *Service) Count(action string) (n int) { s.locked(func() { n = s.calls[action] }); return n }

func (s *Service) locked(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	do()
}

// Call is a request and, once it is over, what became of it.
type Call struct {
	Time      time.Time // of arrival
	Action    string
	Cluster   string // empty for DescribeDBClusters
	Region    string
	KeyID     string
	RequestID string
	Nth       int // it is the nth of its action, from 1

	Status  int    // of HTTP; 0: there was no answer
	Code    string // of the error, or the fault's name; empty: the answer was true
	Effect  bool   // a backup was created
	Listed  int    // entries shown
	Running int    // of them backups that have not ended
	Took    time.Duration
}

// ServeHTTP serves one call. If there is no answer it panics with http.ErrAbortHandler, as handlers do for net/http.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	response, err := s.serve(r)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	maps.Copy(w.Header(), response.Header)
	w.WriteHeader(response.StatusCode)
	io.Copy(w, response.Body) // an error means that the caller is gone
}

// RoundTrip serves a client's request without a network, on the caller's goroutine: a Service is an http.RoundTripper, too. The
// body of a reply never stalls; that needs a real connection.
func (s *Service) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	// A server sees header names in canonical case, though the SDK writes lower case, and a body in each request.
	served := r.Clone(r.Context())
	for name, values := range r.Header {
		delete(served.Header, name)
		served.Header[http.CanonicalHeaderKey(name)] = values
	}
	if served.Body == nil {
		served.Body = http.NoBody
	}
	return s.serve(served)
}

// serve serves one call. It returns an error if the connection breaks or the caller leaves.
func (s *Service) serve(r *http.Request) (*http.Response, error) {
	c, o := s.arrive(r)
	pause(r.Context(), o.Latency/2)
	answer := s.answer(&c, o, r)
	pause(r.Context(), o.Latency-o.Latency/2)
	gone := r.Context().Err()
	if gone != nil {
		c.Code, answer.Status = "caller gone", 0
	}
	c.Status, c.Took = answer.Status, time.Since(c.Time)
	if o.OnCall != nil {
		o.OnCall(c)
	}
	if answer.Status == 0 {
		return nil, cmp.Or(gone, error(&net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}))
	}
	response := &http.Response{StatusCode: answer.Status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer.Body))}
	response.Header.Set("X-Acs-Request-Id", c.RequestID)
	for name, value := range answer.Header {
		response.Header.Set(name, value)
	}
	return response, nil
}

func (s *Service) arrive(r *http.Request) (c Call, o Options) {
	q := r.URL.Query()
	var id [16]byte
	rand.Read(id[:])
	c = Call{
		Time: time.Now(), Action: r.Header.Get("X-Acs-Action"), Cluster: q.Get("DBClusterId"), Region: cmp.Or(q.Get("RegionId"), defaultRegion),
		KeyID: acs3.KeyID(r), RequestID: fmt.Sprintf("%X-%X-%X-%X-%X", id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
	}
	s.locked(func() {
		o = s.options
		s.calls[c.Action]++
		c.Nth = s.calls[c.Action]
	})
	return c, o
}

// answer carries a call out, unless a fault strikes it before.
func (s *Service) answer(c *Call, o Options, r *http.Request) (answer Answer) {
	if wrong := s.admit(c, o, r); wrong != nil {
		return c.refuse(wrong, 0)
	}
	token := s.bucket.Reserve()
	if timeLeft := token.Delay(); timeLeft > 0 {
		token.Cancel()
		return c.refuse(ErrThrottled, timeLeft)
	}
	var fault Fault
	if o.Faults != nil {
		fault = o.Faults(*c)
	}
	if !fault.After {
		pause(r.Context(), fault.Delay)
	}
	if r.Context().Err() == nil && (fault.After || fault.Answer == nil) {
		v, wrong := s.perform(c, o, r.URL.Query())
		if answer = answerJSON(200, v); wrong != nil {
			answer = c.refuse(wrong, 0)
		}
	}
	if fault.After {
		pause(r.Context(), fault.Delay)
	}
	if fault.Answer != nil {
		c.Code = fault.Name
		return fault.Answer(c)
	}
	return answer
}

// admit is the gateway: it checks a request before the service itself sees it.
func (s *Service) admit(c *Call, o Options, r *http.Request) *Error {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	switch wrong := acs3.Dialect(r, body); {
	case err != nil:
		return acs3.ErrIncomplete
	case wrong != nil:
		return wrong
	case r.URL.Path != "/" && r.URL.Path != "" || actions[c.Action].do == nil:
		return ErrUnknownAction
	case r.Header.Get("X-Acs-Version") != "2021-12-01":
		return ErrVersion
	}
	return s.signatures.Verify(r, body, o.Credentials, o.now())
}

// actions are all that is emulated, each with the parameters that it needs.
var actions = map[string]struct {
	do       func(*Service, *Call, Options, url.Values) (any, *Error)
	required []string
}{
	"CreateBackup":       {(*Service).createBackup, []string{"DBClusterId"}},
	"DescribeBackups":    {(*Service).describeBackups, []string{"DBClusterId", "StartTime", "EndTime"}},
	"DescribeDBClusters": {(*Service).describeClusters, []string{"RegionId"}},
}

// perform carries an action out. Permission is checked before existence, so that a refusal does not tell which clusters exist.
func (s *Service) perform(c *Call, o Options, q url.Values) (any, *Error) {
	denies := func(d Denial) bool {
		return cmp.Or(d.Action, c.Action) == c.Action && cmp.Or(d.Cluster, c.Cluster) == c.Cluster
	}
	switch wrong := check(actions[c.Action].required, q); {
	case wrong != nil:
		return nil, wrong
	case slices.ContainsFunc(o.Denied, denies):
		return nil, ErrNoPermission
	case c.Cluster != "" && o.Clusters != nil && o.cluster(c.Cluster, c.Region) == nil:
		return nil, ErrClusterNotFound
	}
	return actions[c.Action].do(s, c, o, q)
}

// pause lets time pass, until the caller leaves.
func pause(ctx context.Context, d time.Duration) {
	if d > 0 {
		select {
		case <-time.After(d):
		case <-ctx.Done():
		}
	}
}
