package backup

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var one = Cluster{"amv-1", "cn-a"}

// ensuringOne asks for a backup of the one cluster from this moment on.
func ensuringOne(change ...func(*Request)) Request {
	r := Request{Action: ActionEnsure, Cluster: one, NotBefore: time.Now()}
	for _, c := range change {
		c(&r)
	}
	return r
}

func waiting(r *Request) { r.WaitFor = WaitCompleted }
func atOnce(r *Request)  { r.Immediate = true }
func ago(d time.Duration) func(*Request) {
	return func(r *Request) { r.NotBefore = time.Now().Add(-d) }
}

// listed is a full set as the list shows it to the second.
func listed(id string, start time.Time, state State) Set {
	start = start.Truncate(time.Second)
	s := Set{ID: id, Full: true, Start: Span{start, start.Add(time.Second)}, State: state}
	if state == SetComplete {
		s.End = Span{start.Add(time.Minute), start.Add(time.Minute + time.Second)}
	}
	return s
}

func failing(k ErrorKind) *CallError {
	return &CallError{Action: "CreateBackup", Kind: k, Code: "Code", Message: "words", RequestID: "X-1", Host: "adb.cn-a.aliyuncs.com"}
}

// stub is a Service in memory, for what happens between the rule and the service. Its answers are what the fields say.
type stub struct {
	t      *testing.T
	runner *Runner
	log    bytes.Buffer
	takes  time.Duration            // of a call for one cluster
	slow   map[string]time.Duration // beside that, by cluster or region

	mu         sync.Mutex
	began      time.Time
	clusters   map[string][]ListedCluster   // by region
	refused    map[string]error             // lists of clusters, by region, or by region and selector
	list       func(c Cluster) []Set        // nil: nothing is listed
	unreadable string                       // what every list of backups holds beside its sets
	look       func() error                 // of a list of backups; nil: none fails
	create     func(c Cluster, n int) error // nil: accepted; n counts a cluster's calls from 1
	calls      map[string]int
	created    map[string]int
	lastCreate time.Time
}

// tell tells a story in virtual time.
func tell(t *testing.T, name string, story func(*stub)) {
	t.Helper()
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			story(&stub{
				t: t, began: time.Now(), clusters: map[string][]ListedCluster{}, refused: map[string]error{}, calls: map[string]int{}, created: map[string]int{},
				runner: NewRunner(Settings{Poll: 5 * time.Second, Settle: 2 * time.Minute, DDLPause: 10 * time.Minute}, 16),
			})
		})
	})
}

func (s *stub) refuse(region string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refused[region] = err
}

func (s *stub) Clusters(_ context.Context, region string, _ Selector) ([]ListedCluster, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["DescribeDBClusters"]++
	if err := s.refused[region]; err != nil {
		return nil, err
	}
	return s.clusters[region], nil
}

func (s *stub) Backups(_ context.Context, c Cluster, _, _ time.Time) (Listing, error) {
	time.Sleep(s.takes + s.slow[c.ID] + s.slow[c.Region])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["DescribeBackups"]++
	if s.look != nil {
		if err := s.look(); err != nil {
			return Listing{}, err
		}
	}
	if s.list == nil {
		return Listing{}, nil
	}
	return Listing{s.list(c), s.unreadable}, nil
}

// denied makes lists of backups fail for want of permission, from the nth on.
func (s *stub) denied(nth int) {
	clear(s.calls)
	s.look = func() error {
		if s.calls["DescribeBackups"] < nth {
			return nil
		}
		return &CallError{Action: "DescribeBackups", Kind: KindDenied}
	}
}

// fails makes the first n calls of CreateBackup fail, and those after them with the errors given, as long as there are any.
func (s *stub) fails(k ErrorKind, n int, then ...error) {
	s.create = func(_ Cluster, nth int) error {
		switch {
		case nth <= n:
			return failing(k)
		case len(then) > 0:
			return then[0]
		}
		return nil
	}
}

// shows makes a set listed from so long after the story's begin on, as soon as CreateBackup was called.
func (s *stub) shows(after time.Duration, sets ...Set) {
	s.list = func(c Cluster) []Set {
		if s.created[c.ID] == 0 || time.Since(s.began) < after {
			return nil
		}
		return sets
	}
}

// runs lists the set b, which starts so long after the story's begin and is complete from a time on. One that does not start before
// the story is listed only after CreateBackup was called.
func (s *stub) runs(start, ends time.Duration) {
	s.list = func(c Cluster) []Set {
		state := SetRunning
		if time.Since(s.began) >= ends {
			state = SetComplete
		}
		if start >= 0 && s.created[c.ID] == 0 {
			return nil
		}
		return []Set{listed("b", s.began.Add(start), state)}
	}
}

func (s *stub) CreateBackup(_ context.Context, c Cluster) (time.Time, string, error) {
	time.Sleep(s.takes + s.slow[c.ID] + s.slow[c.Region])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls["CreateBackup"]++
	s.created[c.ID]++
	s.lastCreate = time.Now()
	if s.create != nil {
		if err := s.create(c, s.created[c.ID]); err != nil {
			return s.lastCreate, "", err
		}
	}
	return s.lastCreate, "R-" + c.ID, nil
}

// run carries out requests within an hour.
func (s *stub) run(requests ...Request) Result { return s.runFor(time.Hour, requests...) }

func (s *stub) runFor(d time.Duration, requests ...Request) Result {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	defer cancel()
	return s.runner.Run(ctx, s, slog.New(slog.NewJSONHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelDebug})), requests)
}

// expect holds a result against "ID REGION STATUS-OR-TYPE, …, REGION TYPE" and words of its messages.
func (s *stub) expect(r Result, want string, words ...string) {
	s.t.Helper()
	var got, messages []string
	for _, o := range r.Outcomes {
		what := string(o.Status)
		if o.Failure != nil {
			what = string(o.Failure.Type)
			messages = append(messages, o.Failure.Message)
		}
		got = append(got, fmt.Sprintf("%s %s %s", o.Cluster.ID, o.Cluster.Region, what))
	}
	for _, u := range r.Unselected {
		got = append(got, strings.TrimSpace(u.Region+" "+string(u.Failure.Type)))
		messages = append(messages, u.Failure.Message)
	}
	if text := strings.Join(got, ", "); text != want {
		s.t.Errorf("got  %s\nwant %s\n%s\n%s", text, want, messages, s.log.String())
	}
	for _, word := range words {
		if !strings.Contains(strings.Join(messages, "\n"), word) {
			s.t.Errorf("%q is not in %q", word, messages)
		}
	}
}

func (s *stub) creates(id string, want int) {
	s.t.Helper()
	if got := s.created[id]; got != want {
		s.t.Errorf("%d calls of CreateBackup for %s, want %d\n%s", got, id, want, s.log.String())
	}
}

// createdAfter holds how long after the story's begin the last CreateBackup came.
func (s *stub) createdAfter(least, most time.Duration) {
	s.t.Helper()
	if after := s.lastCreate.Sub(s.began); after < least || after > most {
		s.t.Errorf("created after %v", after)
	}
}

func (s *stub) took(want time.Duration) {
	s.t.Helper()
	if took := time.Since(s.began); took != want {
		s.t.Errorf("took %v, want %v", took, want)
	}
}

func (s *stub) called(action string, want int) {
	s.t.Helper()
	if got := s.calls[action]; got != want {
		s.t.Errorf("%d calls of %s, want %d", got, action, want)
	}
}

// logged requires exactly one line of the level with that message.
func (s *stub) logged(level, message string) {
	s.t.Helper()
	if n := strings.Count(s.log.String(), fmt.Sprintf(`"level":%q,"msg":%q`, level, message)); n != 1 {
		s.t.Errorf("%d lines %s %q\n%s", n, level, message, s.log.String())
	}
}
