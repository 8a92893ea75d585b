package backup

import (
	"strings"
	"sync"
	"testing"
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

// fails makes the first n calls of CreateBackup fail.
func (s *stub) fails(k ErrorKind, n int) {
	s.create = func(_ Cluster, nth int) error {
		if nth <= n {
			return failing(k)
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

const ever = 1 << 30

// TestSendAgain: what the service refuses for now did nothing, so CreateBackup is sent again until the deadline.
func TestSendAgain(t *testing.T) {
	for name, c := range map[string]struct {
		kind          ErrorKind
		want          ErrorType // at the deadline
		words         string
		least, most   int // calls in an hour
		level, line   string
		looks, looks8 int // if the first works, if the ninth works
	}{
		"the cluster is busy": {KindNotNow, ErrorBackupPending, "the cluster was busy, so no backup was created before the deadline; invoking again continues; the last error: CreateBackup was refused for now: Code: words",
			55, 75, "WARN", "the cluster is busy, so the service refused CreateBackup for now: trying again", 9, 9},
		"not sent": {KindNotSent, ErrorBackupPending, "CreateBackup was not accepted before the deadline; invoking again continues; the last error: CreateBackup cannot reach adb.cn-a.aliyuncs.com, nothing was sent",
			100, 250, "WARN", "AnalyticDB cannot be reached, so nothing was sent: trying again", 1, 2},
		"throttled": {KindThrottled, ErrorThrottled, "CreateBackup was throttled: Code: words", 100, 250, "", "", 1, 2},
	} {
		tell(t, name+", and then accepted", func(s *stub) {
			s.fails(c.kind, 8)
			s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
			s.creates("amv-1", 9)
			if n := s.calls["DescribeBackups"]; n < c.looks || n > c.looks8 {
				s.t.Errorf("%d looks", n)
			}
			if c.line != "" {
				s.logged(c.level, c.line)
			}
		})
		tell(t, name+" until the deadline", func(s *stub) {
			s.fails(c.kind, ever)
			s.expect(s.run(ensuringOne()), "amv-1 cn-a "+string(c.want), c.words)
			if n := s.created["amv-1"]; n < c.least || n > c.most {
				s.t.Errorf("%d calls in an hour", n)
			}
		})
		tell(t, name+" after a lost one: its outcome stays unknown", func(s *stub) {
			s.create = func(_ Cluster, n int) error {
				if n == 1 {
					return failing(KindUnanswered)
				}
				return failing(c.kind)
			}
			s.expect(s.run(ensuringOne()), "amv-1 cn-a OutcomeUnknown", "CreateBackup was sent once without a readable answer, and no new backup was seen; invoking again is safe")
		})
	}
	tell(t, "the service says when", func(s *stub) {
		s.create = func(_ Cluster, n int) error {
			if n == 1 {
				return &CallError{Kind: KindThrottled, RetryAfter: 50 * time.Second}
			}
			return nil
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.called("DescribeBackups", 1)
		s.logged("INFO", "CreateBackup was throttled")
		if took := s.lastCreate.Sub(s.began); took < 50*time.Second || took > 53*time.Second {
			s.t.Errorf("after %v", took)
		}
	})
	tell(t, "after more than a minute it looks again: another process may have created meanwhile", func(s *stub) {
		s.create = func(Cluster, int) error { return &CallError{Kind: KindThrottled, RetryAfter: 5 * time.Minute} }
		s.shows(0, listed("b", s.began.Add(time.Minute), SetRunning))
		r := s.run(ensuringOne())
		s.expect(r, "amv-1 cn-a Running")
		s.creates("amv-1", 1)
		if r.Outcomes[0].Created {
			s.t.Error("created")
		}
	})
	tell(t, "a direct request looks before it sends to a busy cluster again, and adopts what serves", func(s *stub) {
		s.fails(KindNotNow, ever)
		s.shows(0, listed("b", s.began, SetRunning))
		s.expect(s.run(ensuringOne(atOnce)), "amv-1 cn-a Running")
		s.creates("amv-1", 1)
	})
}

// TestRefused: what the service refuses for certain fails at once.
func TestRefused(t *testing.T) {
	for kind, want := range map[ErrorKind]ErrorType{KindRefused: ErrorServiceError, KindDenied: ErrorPermissionDenied, KindNotFound: ErrorClusterNotFound} {
		tell(t, string(want), func(s *stub) {
			s.fails(kind, ever)
			r := s.run(ensuringOne())
			s.expect(r, "amv-1 cn-a "+string(want), "CreateBackup "+kindTexts[kind])
			s.creates("amv-1", 1)
			s.logged("ERROR", "cluster failed")
			if o := r.Outcomes[0]; o.Status != StatusFailed || o.Created {
				s.t.Errorf("%+v", o)
			}
		})
	}
	for kind, want := range map[ErrorKind]ErrorType{KindRefused: ErrorServiceError, KindNotFound: ErrorClusterNotFound} {
		tell(t, "a look: "+string(want), func(s *stub) {
			s.look = func() error { return &CallError{Action: "DescribeBackups", Kind: kind} }
			s.expect(s.run(ensuringOne()), "amv-1 cn-a "+string(want), "DescribeBackups was refused")
			s.called("DescribeBackups", 1)
		})
	}
	tell(t, "after a lost one, which may have made a backup", func(s *stub) {
		s.create = func(_ Cluster, n int) error {
			if n == 1 {
				return failing(KindUnanswered)
			}
			return failing(KindRefused)
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a ServiceError", "an earlier CreateBackup went without a readable answer and may have made one; then CreateBackup was refused")
	})
}

// TestLost: where the outcome of a CreateBackup is unknown, its backup is looked for until it must be listed.
func TestLost(t *testing.T) {
	found := func(s *stub, r Result, status string, ours bool, id string) {
		s.t.Helper()
		s.expect(r, "amv-1 cn-a "+status)
		o := r.Outcomes[0]
		if o.Created != ours || (o.Set == nil) != (id == "") || o.Set != nil && o.Set.ID != id {
			s.t.Errorf("created %v, set %v; want %v, %q", o.Created, o.Set, ours, id)
		}
	}
	tell(t, "sent again after the settle time, and not much later", func(s *stub) {
		s.fails(KindUnanswered, 1)
		r := s.run(ensuringOne())
		found(s, r, "Requested", true, "")
		if took := s.lastCreate.Sub(s.began); took < 2*time.Minute || took > 2*time.Minute+7*time.Second || r.Outcomes[0].RequestID != "R-amv-1" {
			s.t.Errorf("after %v: %+v", took, r.Outcomes)
		}
		s.logged("WARN", "whether CreateBackup took effect is unknown: looking for the backup")
		if !strings.Contains(s.log.String(), `"apiRequestId":"X-1"`) {
			s.t.Error("the request id of the call that failed is not logged")
		}
	})
	tell(t, "it is looked for at once", func(s *stub) {
		s.fails(KindUnanswered, ever)
		s.shows(0, listed("b", s.began, SetRunning))
		r := s.run(ensuringOne())
		found(s, r, "Running", true, "b")
		if took := time.Since(s.began); took != 0 || r.Outcomes[0].RequestID != "" {
			s.t.Errorf("seen after %v: %+v", took, r.Outcomes)
		}
	})
	tell(t, "not sent again where the backup shows before", func(s *stub) {
		s.fails(KindUnanswered, ever)
		s.shows(100*time.Second, listed("b", s.began.Add(time.Second), SetRunning))
		found(s, s.run(ensuringOne()), "Running", true, "b")
		s.creates("amv-1", 1)
	})
	tell(t, "three in all", func(s *stub) {
		s.fails(KindUnanswered, ever)
		s.expect(s.run(ensuringOne()), "amv-1 cn-a OutcomeUnknown", "CreateBackup was sent 3 times without a readable answer, and no new backup was seen; invoking again is safe; the last error: CreateBackup was not answered")
		s.creates("amv-1", 3)
		s.logged("WARN", "cluster failed")
		if took := time.Since(s.began); took < 6*time.Minute || took > 7*time.Minute {
			s.t.Errorf("after %v", took)
		}
	})
	tell(t, "only a look that succeeds allows another", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.look = func() error {
			if s.created["amv-1"] > 0 && time.Since(s.began) < 20*time.Minute {
				return &CallError{Action: "DescribeBackups", Kind: KindUnanswered}
			}
			return nil
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		if took := s.lastCreate.Sub(s.began); took < 20*time.Minute || took > 21*time.Minute {
			s.t.Errorf("after %v", took)
		}
	})
	tell(t, "what the first one made is this request's, though it is listed after the second was sent", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.shows(150*time.Second, listed("b", s.began.Add(time.Second), SetComplete))
		found(s, s.run(ensuringOne(waiting)), "Completed", true, "b")
		s.creates("amv-1", 2)
	})
	tell(t, "without a look an older one is somebody else's, and what is listed before the second is not the second's", func(s *stub) {
		s.fails(KindUnanswered, 2)
		old := listed("old", s.began.Add(-30*time.Second), SetComplete)
		future := listed("future", s.began.Add(8*time.Hour), SetComplete)
		s.list = func(c Cluster) []Set {
			if s.created[c.ID] < 2 {
				return []Set{old, future}
			}
			return []Set{old, future, listed("b", s.began.Add(8*time.Hour), SetRunning)}
		}
		found(s, s.run(ensuringOne(atOnce)), "Running", true, "b")
		s.creates("amv-1", 2)
	})
	tell(t, "it failed: that is told", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.shows(0, listed("b", s.began, SetFailed))
		s.expect(s.run(ensuringOne()), "amv-1 cn-a BackupFailed", "backup b (started 2000-01-01T00:00:00Z) ended in failure")
	})
	tell(t, "one of somebody else that serves is adopted, and not called created", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.shows(0, listed("b", s.began.Add(-10*time.Minute), SetRunning))
		found(s, s.run(ensuringOne(ago(time.Hour))), "Running", false, "b")
	})
	tell(t, "unknown at the deadline, and the retry finds it", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.shows(30*time.Second, listed("b", s.began, SetRunning))
		r := ensuringOne()
		s.expect(s.runFor(10*time.Second, r), "amv-1 cn-a OutcomeUnknown")
		r.Redelivered = true
		found(s, s.runFor(time.Minute, r), "Running", false, "b")
		s.creates("amv-1", 1)
	})
	tell(t, "another invocation has created meanwhile: that one is not this request's", func(s *stub) {
		s.fails(KindUnanswered, 1)
		var both sync.WaitGroup
		both.Go(func() { found(s, s.run(ensuringOne()), "Requested", false, "") })
		time.Sleep(119 * time.Second) // it waits for less time, so it comes back first
		both.Go(func() { found(s, s.run(ensuringOne()), "Requested", true, "") })
		both.Wait()
		s.creates("amv-1", 2)
	})
	tell(t, "looking is denied: nothing is sent again", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.denied()
		for range 2 {
			s.expect(s.run(ensuringOne(ago(time.Hour))), "amv-1 cn-a OutcomeUnknown", "looking for the backup is denied: invoking again may create a second one")
		}
		s.creates("amv-1", 1)
	})
	tell(t, "looking is denied afterwards", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.look = func() error {
			if s.created["amv-1"] > 0 {
				return &CallError{Action: "DescribeBackups", Kind: KindDenied}
			}
			return nil
		}
		s.expect(s.run(ensuringOne(waiting)), "amv-1 cn-a OutcomeUnknown", "DescribeBackups was denied")
	})
}

// TestDenied: a missing permission to look costs no backup. But what has to be waited for is not begun.
func TestDenied(t *testing.T) {
	tell(t, "Requested", func(s *stub) {
		s.denied()
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.logged("WARN", "looking is denied, so an earlier backup cannot be found")
		s.called("DescribeBackups", 1)
	})
	tell(t, "Completed", func(s *stub) {
		s.denied()
		s.expect(s.run(ensuringOne(waiting)), "amv-1 cn-a PermissionDenied", "DescribeBackups was denied")
		s.creates("amv-1", 0)
	})
	tell(t, "while it waits", func(s *stub) {
		s.look = func() error {
			if s.calls["DescribeBackups"] > 3 {
				return &CallError{Action: "DescribeBackups", Kind: KindDenied}
			}
			return nil
		}
		r := s.run(ensuringOne(waiting))
		s.expect(r, "amv-1 cn-a PermissionDenied", "CreateBackup was accepted (request id R-amv-1), but then DescribeBackups was denied")
		if o := r.Outcomes[0]; !o.Created || o.RequestID == "" || o.Status != StatusRequested {
			s.t.Errorf("%+v", o)
		}
	})
	tell(t, "what was listed before it was denied counts no more", func(s *stub) {
		running := listed("b", s.began.Add(-time.Hour), SetRunning)
		s.list = func(Cluster) []Set { return []Set{running} }
		s.look = func() error {
			if time.Since(s.began) > time.Minute {
				return &CallError{Action: "DescribeBackups", Kind: KindDenied}
			}
			return nil
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
	})
}

// TestOneAtATime: an earlier backup is waited for, and invocations for one cluster take turns.
func TestOneAtATime(t *testing.T) {
	earlier := func(s *stub, ends time.Duration) {
		s.list = func(Cluster) []Set {
			state := SetRunning
			if time.Since(s.began) >= ends {
				state = SetComplete
			}
			return []Set{listed("b", s.began.Add(-time.Hour), state)}
		}
	}
	tell(t, "it is waited for, then another is created", func(s *stub) {
		earlier(s, 20*time.Minute)
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		if after := s.lastCreate.Sub(s.began); after < 20*time.Minute || after > 21*time.Minute {
			s.t.Errorf("created after %v", after)
		}
		s.logged("INFO", "an earlier backup is running; another is created after it")
	})
	tell(t, "until the deadline", func(s *stub) {
		earlier(s, 2*time.Hour)
		s.expect(s.run(ensuringOne()), "amv-1 cn-a BackupPending", "an earlier backup b (started 1999-12-31T23:00:00Z) had not ended before the deadline; invoking again continues")
		s.creates("amv-1", 0)
		if n := s.calls["DescribeBackups"]; n < 55 || n > 75 {
			s.t.Errorf("%d looks in an hour: the pauses grow from 5 s to a minute", n)
		}
	})
	tell(t, "two that wait for it create one", func(s *stub) {
		s.takes = 3 * time.Second
		earlier(s, time.Minute)
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested") })
		}
		both.Wait()
		s.creates("amv-1", 1)
	})
	tell(t, "ten of one moment create one, and look once", func(s *stub) {
		s.takes = time.Second
		var all sync.WaitGroup
		created := 0
		for range 10 {
			all.Go(func() {
				r := s.run(ensuringOne())
				s.mu.Lock()
				defer s.mu.Unlock()
				s.expect(r, "amv-1 cn-a Requested")
				if r.Outcomes[0].Created {
					created++
				}
			})
		}
		all.Wait()
		s.creates("amv-1", 1)
		if s.called("DescribeBackups", 1); created != 1 {
			s.t.Errorf("%d say that they created it", created)
		}
	})
	tell(t, "whoever waits holds no turn", func(s *stub) {
		earlier(s, time.Hour)
		var first sync.WaitGroup
		first.Go(func() { s.runFor(5*time.Minute, ensuringOne()) })
		time.Sleep(time.Second)
		s.expect(s.runFor(time.Minute, ensuringOne(ago(2*time.Hour))), "amv-1 cn-a Running")
		if took := time.Since(s.began); took != time.Second {
			s.t.Errorf("after %v", took)
		}
		first.Wait()
	})
	tell(t, "time is up while it waits for its turn, and the next cluster gets its slot", func(s *stub) {
		state := s.runner.memory.use(Cluster{"amv-0", "cn-a"})
		state.turn.TryAcquire(1)
		s.runner.concurrency = 1
		requests := fleet(8)
		requests[0].WaitAtMost = time.Minute
		r := s.run(requests...)
		s.expect(Result{Outcomes: r.Outcomes[:2]}, "amv-0 cn-a BackupPending, amv-1 cn-a Requested", "the backup was not started before the deadline; invoking again continues")
		s.called("CreateBackup", 7)
		state.turn.Release(1)
	})
}
