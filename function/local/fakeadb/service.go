// Package fakeadb emulates the endpoint of AnalyticDB for MySQL, API 2021-12-01, as far as backups need it: CreateBackup,
// DescribeBackups and DescribeDBClusters, signed with ACS3-HMAC-SHA256. Any other action or dialect is refused. What the
// service's documents leave open is an option, so that a client can be tried against every answer. A fault hits a call before or
// after it takes effect.
//
// Its only clock is time.Now, its timers end with the request's context, and it starts no goroutine: behind the transport of
// package inmemory it works in a testing/synctest bubble, and hours pass in a moment.
package fakeadb

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"adb-backup/function/local/acs3"
)

const defaultRegion = "cn-hangzhou"

// Service is the endpoint, an http.Handler. It may be changed while it is used.
type Service struct {
	mu          sync.Mutex
	options     Options
	backups     map[place][]Backup
	lastID      int
	signatures  acs3.Verifier
	bucket      *rate.Limiter
	calls       map[string]int
	inFlight    int
	maxInFlight int
}

// New returns a service without backups.
func New(o Options) *Service {
	return &Service{options: o, backups: map[place][]Backup{}, lastID: 32732000, calls: map[string]int{}}
}

// Set changes options; it takes effect with the next call that arrives.
func (s *Service) Set(change func(*Options)) { s.locked(func() { change(&s.options) }) }

// Now is the time by the service's clock.
func (s *Service) Now() (now time.Time) { s.locked(func() { now = s.options.now() }); return now }

// Count is how many calls of an action arrived, refused ones too.
func (s *Service) Count(action string) (n int) { s.locked(func() { n = s.calls[action] }); return n }

// MaxInFlight is the largest number of calls that were served at once.
func (s *Service) MaxInFlight() (n int) { s.locked(func() { n = s.maxInFlight }); return n }

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

// call is a Call while it is served.
type call struct {
	Call
	fault Fault
	gone  bool // the caller left before the answer
}

// ServeHTTP serves one call. If the connection breaks or the caller leaves, it panics with http.ErrAbortHandler, as handlers do
// for net/http.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c, o := s.arrive(r)
	answered := false
	defer func() {
		s.locked(func() { s.inFlight-- })
		c.Took = time.Since(c.Time)
		if !answered {
			c.Status = 0
		}
		if o.OnCall != nil {
			o.OnCall(c.Call)
		}
	}()
	w.Header().Set("X-Acs-Request-Id", c.RequestID)
	w = &statusWriter{w, &c.Status}
	answer, err := s.serve(&c, o, r)
	switch {
	case c.gone:
		c.Code = "caller gone"
		panic(http.ErrAbortHandler)
	case c.fault.Answer != nil:
		c.Code = c.fault.Name
		c.fault.Answer(w, c.Call)
	case err != nil:
		c.Code = err.Code
		err.write(w, c.RequestID)
	default:
		writeJSON(w, http.StatusOK, answer)
	}
	answered = true
}

func (s *Service) arrive(r *http.Request) (c call, o Options) {
	q := r.URL.Query()
	var id [16]byte
	rand.Read(id[:])
	c.Call = Call{
		Time: time.Now(), Action: r.Header.Get("X-Acs-Action"), Cluster: q.Get("DBClusterId"), Region: cmp.Or(q.Get("RegionId"), defaultRegion),
		KeyID: acs3.KeyID(r), RequestID: fmt.Sprintf("%X-%X-%X-%X-%X", id[:4], id[4:6], id[6:8], id[8:10], id[10:]),
	}
	s.locked(func() {
		o = s.options
		s.calls[c.Action]++
		c.Nth = s.calls[c.Action]
		s.inFlight++
		s.maxInFlight = max(s.maxInFlight, s.inFlight)
	})
	return c, o
}

// serve returns the answer to a call. A caller who left and a fault are noted in c.
func (s *Service) serve(c *call, o Options, r *http.Request) (answer any, err *Error) {
	c.pause(r.Context(), o.Latency/2)
	defer c.pause(r.Context(), o.Latency-o.Latency/2)
	if err := s.admit(c, o, r); err != nil {
		return nil, err
	}
	if o.Faults != nil {
		c.fault = o.Faults(c.Call)
	}
	if !c.fault.After {
		c.pause(r.Context(), c.fault.Delay)
	}
	if !c.gone && (c.fault.After || c.fault.Answer == nil) {
		answer, err = s.perform(c, o, r.URL.Query())
	}
	if c.fault.After {
		c.pause(r.Context(), c.fault.Delay)
	}
	return answer, err
}

// admit is the gateway: it checks a request before the service itself sees it.
func (s *Service) admit(c *call, o Options, r *http.Request) *Error {
	body, err := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	wrong := acs3.Dialect(r, body)
	switch {
	case err != nil:
		return gateway(acs3.ErrIncomplete)
	case wrong != nil:
		return gateway(wrong)
	case r.URL.Path != "/" && r.URL.Path != "" || actions[c.Action] == nil:
		return ErrUnknownAction
	case r.Header.Get("X-Acs-Version") != "2021-12-01":
		return ErrVersion
	}
	if wrong := s.signatures.Verify(r, body, o.Credentials, o.now()); wrong != nil {
		return gateway(wrong)
	}
	if wait := s.take(o); wait > 0 {
		return ErrThrottled.after(wait)
	}
	return nil
}

// take takes a token from the bucket, or returns how long it is until there is one.
func (s *Service) take(o Options) (wait time.Duration) {
	if o.Rate <= 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bucket == nil || s.bucket.Limit() != rate.Limit(o.Rate) {
		s.bucket = rate.NewLimiter(rate.Limit(o.Rate), max(o.Burst, 1))
	}
	token := s.bucket.Reserve()
	if wait = token.Delay(); wait > 0 {
		token.Cancel()
	}
	return wait
}

// actions are all that is emulated.
var actions = map[string]func(*Service, *call, Options, url.Values) (any, *Error){
	"CreateBackup":       (*Service).createBackup,
	"DescribeBackups":    (*Service).describeBackups,
	"DescribeDBClusters": (*Service).describeClusters,
}

var clusterID = regexp.MustCompile(`^am[a-z]*-[a-z0-9]{1,60}$`)

// perform carries an action out. Permission is checked before existence, so that a refusal does not tell which clusters exist.
func (s *Service) perform(c *call, o Options, q url.Values) (any, *Error) {
	ofOne := c.Action != "DescribeDBClusters"
	switch {
	case ofOne && c.Cluster == "":
		return nil, missing("DBClusterId")
	case ofOne && !clusterID.MatchString(c.Cluster):
		return nil, ErrClusterMalformed
	case slices.ContainsFunc(o.Denied, c.isDenied):
		return nil, c.denied()
	case ofOne && o.Clusters != nil && o.cluster(c.Cluster, c.Region) == nil:
		return nil, ErrClusterNotFound
	}
	return actions[c.Action](s, c, o, q)
}

// pause lets time pass, and notes whether the caller has left.
func (c *call) pause(ctx context.Context, d time.Duration) {
	if d <= 0 || c.gone {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
		c.gone = true
	}
}

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter
	status *int
}

func (w *statusWriter) WriteHeader(status int) {
	*w.status = status
	w.ResponseWriter.WriteHeader(status)
}
