package backup

import (
	"strings"
	"sync"
	"testing"
	"time"
)

const ever = 1 << 30 // calls

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
			s.fails(KindUnanswered, 1, failing(c.kind))
			s.expect(s.run(ensuringOne()), "amv-1 cn-a OutcomeUnknown", "CreateBackup was sent without a readable answer (attempt 1 of 3), and no new backup was seen; invoking again is safe")
		})
	}
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
		for action, creates := range map[string]int{"CreateBackup": 1, "DescribeBackups": 0} {
			tell(t, action+": "+string(want), func(s *stub) {
				if s.fails(kind, ever); creates == 0 {
					s.look = func() error { return &CallError{Action: action, Kind: kind, RequestID: "X-1"} }
				}
				r := s.run(ensuringOne(waiting))
				s.expect(r, "amv-1 cn-a "+string(want), action+" "+kindTexts[kind])
				s.creates("amv-1", creates)
				s.called("DescribeBackups", 1)
				s.logged("ERROR", "cluster failed")
				if o := r.Outcomes[0]; o.Status != StatusFailed || o.Created || !strings.Contains(s.log.String(), `"apiRequestId":"X-1"`) {
					s.t.Errorf("%+v\n%s", o, s.log.String())
				}
			})
		}
	}
	tell(t, "after a lost one, which may have made a backup", func(s *stub) {
		s.fails(KindUnanswered, 1, failing(KindRefused))
		s.expect(s.run(ensuringOne()), "amv-1 cn-a ServiceError", "an earlier CreateBackup went without a readable answer and may have made one; then CreateBackup was refused")
	})
}

// TestLost: where the outcome of a CreateBackup is unknown, its backup is looked for until it must be listed.
func TestLost(t *testing.T) {
	const never = 2 * time.Hour
	for name, c := range map[string]struct {
		lost    int           // the first calls
		seen    time.Duration // when the backup b is listed
		start   time.Duration
		state   State
		wait    WaitFor
		want    string
		words   string
		set     string // its id
		creates int
		took    [2]time.Duration // until the last call, or until it was given up
	}{
		"sent again after the settle time, and not much later": {1, never, 0, 0, WaitRequested, "Requested", "", "", 2, [2]time.Duration{2 * time.Minute, 2*time.Minute + 7*time.Second}},
		"looked for at once":                    {ever, 0, 0, SetRunning, WaitRequested, "Running", "", "b", 1, [2]time.Duration{}},
		"not sent again where it shows before":  {ever, 100 * time.Second, time.Second, SetRunning, WaitRequested, "Running", "", "b", 1, [2]time.Duration{}},
		"what the first one made is this one's": {1, 150 * time.Second, time.Second, SetComplete, WaitCompleted, "Completed", "", "b", 2, [2]time.Duration{2 * time.Minute, 2*time.Minute + 7*time.Second}},
		"it failed: that is told":               {1, 0, 0, SetFailed, WaitRequested, "BackupFailed", "backup b (started 2000-01-01T00:00:00Z) ended in failure, \"Failure\"; invoking again creates another", "b", 1, [2]time.Duration{}},
		"three in all":                          {ever, never, 0, 0, WaitRequested, "OutcomeUnknown", "CreateBackup was sent without a readable answer (attempt 3 of 3), and no new backup was seen; invoking again is safe; the last error: CreateBackup was not answered", "", 3, [2]time.Duration{4 * time.Minute, 5 * time.Minute}},
	} {
		tell(t, name, func(s *stub) {
			s.fails(KindUnanswered, c.lost)
			b := listed("b", s.began.Add(c.start), c.state)
			if c.state == SetFailed {
				b.Status = "Failure"
			}
			s.shows(c.seen, b)
			r := s.run(ensuringOne(func(r *Request) { r.WaitFor = c.wait }))
			s.expect(r, "amv-1 cn-a "+c.want, c.words)
			s.creates("amv-1", c.creates)
			if c.seen == 0 && c.creates == 1 {
				s.took(0)
			}
			o, id := r.Outcomes[0], ""
			if o.Set != nil {
				id = o.Set.ID
			}
			if took := s.lastCreate.Sub(s.began); took < c.took[0] || took > c.took[1] || o.Created != (c.creates < 3) || id != c.set || (o.RequestID != "") != (c.creates == 2) {
				s.t.Errorf("after %v: %+v", took, o)
			}
			if !strings.Contains(s.log.String(), `"WARN","msg":"whether CreateBackup took effect is unknown: looking for the backup"`) || c.creates == 3 != strings.Contains(s.log.String(), `"WARN","msg":"cluster failed"`) {
				s.t.Error(s.log.String())
			}
		})
	}
	tell(t, "only a look that succeeds allows another", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.look = func() error {
			if s.created["amv-1"] > 0 && time.Since(s.began) < 20*time.Minute {
				return &CallError{Action: "DescribeBackups", Kind: KindUnanswered}
			}
			return nil
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.createdAfter(20*time.Minute, 21*time.Minute)
	})
	tell(t, "one that was listed before, though its start lies after the call, is not its own", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.list = func(Cluster) []Set { return []Set{listed("old", s.began.Add(30*time.Second), SetFailed)} }
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.creates("amv-1", 2)
	})
	tell(t, "unknown at the deadline, and the retry finds it", func(s *stub) {
		s.fails(KindUnanswered, 1)
		s.shows(30*time.Second, listed("b", s.began, SetRunning))
		r := ensuringOne()
		s.expect(s.runFor(10*time.Second, r), "amv-1 cn-a OutcomeUnknown")
		r.Redelivered = true
		s.expect(s.runFor(time.Minute, r), "amv-1 cn-a Running")
		s.creates("amv-1", 1)
	})
	tell(t, "another invocation has created meanwhile: that one is not this request's", func(s *stub) {
		s.fails(KindUnanswered, 1)
		time.AfterFunc(time.Minute, func() { s.expect(s.run(ensuringOne(atOnce)), "amv-1 cn-a Requested") })
		r := s.run(ensuringOne())
		if s.expect(r, "amv-1 cn-a Requested"); r.Outcomes[0].Created {
			s.t.Error(r.Outcomes[0])
		}
		s.creates("amv-1", 2)
	})
	for name, c := range map[string]struct {
		from   int // the look from which on it is denied
		change func(*Request)
		words  string
	}{
		"looking is denied: nothing is sent again": {1, ago(time.Hour), "looking for the backup is denied: invoking again may create a second one"},
		"looking is denied afterwards":             {2, waiting, "DescribeBackups was denied"},
	} {
		tell(t, name, func(s *stub) {
			s.fails(KindUnanswered, 1)
			for range 3 - c.from {
				s.denied(c.from)
				s.expect(s.run(ensuringOne(c.change)), "amv-1 cn-a OutcomeUnknown", c.words)
				s.creates("amv-1", 1)
			}
		})
	}
}

// TestDenied: a missing permission to look costs no backup. But what has to be waited for is not begun.
func TestDenied(t *testing.T) {
	for name, c := range map[string]struct {
		from   int
		change func(*Request)
		want   string
		words  string
		state  Status
	}{
		"Requested":      {1, ago(0), "Requested", "", StatusRequested},
		"Completed":      {1, waiting, "PermissionDenied", "DescribeBackups was denied", StatusFailed},
		"while it waits": {3, waiting, "PermissionDenied", "CreateBackup was accepted (request id R-amv-1), but then DescribeBackups was denied", StatusRequested},
	} {
		tell(t, name, func(s *stub) {
			s.denied(c.from)
			r := s.run(ensuringOne(c.change))
			s.expect(r, "amv-1 cn-a "+c.want, c.words)
			s.called("DescribeBackups", c.from)
			if o := r.Outcomes[0]; o.Status != c.state || o.Created != (c.state == StatusRequested) || o.Created != (o.RequestID != "") {
				s.t.Errorf("%+v", o)
			}
			if c.want == "Requested" {
				s.logged("WARN", "looking is denied, so an earlier backup cannot be found")
			}
		})
	}
}

// TestOneAtATime: an earlier backup is waited for, and invocations for one cluster take turns.
func TestOneAtATime(t *testing.T) {
	tell(t, "it is waited for, then another is created", func(s *stub) {
		s.runs(-time.Hour, 20*time.Minute)
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.createdAfter(20*time.Minute, 21*time.Minute)
		s.logged("INFO", "an earlier backup is running; another is created after it")
	})
	tell(t, "ten of one moment create one, and look once", func(s *stub) {
		s.takes = time.Second
		var all sync.WaitGroup
		created := map[bool]int{} // by what is said of it
		for range 10 {
			all.Go(func() {
				r := s.run(ensuringOne())
				s.mu.Lock()
				defer s.mu.Unlock()
				if s.expect(r, "amv-1 cn-a Requested"); r.Outcomes[0].Created == (r.Outcomes[0].RequestID != "") {
					created[r.Outcomes[0].Created]++
				}
			})
		}
		if all.Wait(); created[true] != 1 || created[false] != 9 {
			s.t.Error(created)
		}
		s.creates("amv-1", 1)
		s.called("DescribeBackups", 1)
	})
	tell(t, "whoever waits holds no turn", func(s *stub) {
		s.runs(-time.Hour, time.Hour)
		var first sync.WaitGroup
		first.Go(func() {
			s.expect(s.runFor(5*time.Minute, ensuringOne()), "amv-1 cn-a BackupPending", "an earlier backup b (started 1999-12-31T23:00:00Z) had not ended before the deadline; invoking again continues")
		})
		time.Sleep(time.Second)
		s.expect(s.runFor(time.Minute, ensuringOne(ago(2*time.Hour))), "amv-1 cn-a Running")
		s.took(time.Second)
		first.Wait()
		s.logged("INFO", "a backup that serves was found")
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
