package backup

import (
	"context"
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

func notNow(Cluster, int) error {
	return &CallError{Action: "CreateBackup", Kind: KindNotNow, Status: 403, Code: "OperationDenied.DBClusterStatus", Message: "scaling"}
}

// TestNotNow: the cluster is busy with something that passes. The refused call created nothing, so a look comes first, and
// then CreateBackup again.
func TestNotNow(t *testing.T) {
	tell(t, "created when the cluster is free again", func(s *stub) {
		s.create = func(c Cluster, n int) error {
			if n < 4 {
				return notNow(c, n)
			}
			return nil
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.creates("amv-1", 4)
		s.called("DescribeBackups", 4)
		s.logged("WARN", "the cluster is busy, so the service refused CreateBackup for now: trying again")
	})
	tell(t, "a direct request looks before it tries again, and adopts what serves", func(s *stub) {
		s.create = notNow
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began, SetRunning)} }
		s.expect(s.run(ensuringOne(atOnce)), "amv-1 cn-a Running")
		s.creates("amv-1", 1)
	})
	tell(t, "until the deadline", func(s *stub) {
		s.create = notNow
		s.expect(s.run(ensuringOne()), "amv-1 cn-a BackupPending", "OperationDenied.DBClusterStatus: scaling", "busy")
		s.logged("WARN", "the cluster is busy, so the service refused CreateBackup for now: trying again")
		if n := s.created["amv-1"]; n < 55 || n > 75 {
			s.t.Errorf("%d attempts in an hour: the pauses grow from 5 s to a minute", n)
		}
	})
	tell(t, "the refusal is about its own lost backup, which is listed when it has ended", func(s *stub) {
		ended := s.began.Add(30 * time.Minute)
		s.create = func(c Cluster, n int) error {
			if n == 1 {
				return &CallError{Action: "CreateBackup", Kind: KindUnanswered}
			}
			return notNow(c, n)
		}
		s.list = func(Cluster) []Set {
			if time.Now().Before(ended) {
				return nil
			}
			return []Set{listed("b", s.began, SetComplete)}
		}
		r := s.run(ensuringOne(waiting))
		s.expect(r, "amv-1 cn-a Completed")
		if !r.Outcomes[0].Created {
			s.t.Error("found, not created")
		}
	})
}

// TestNotSent: where the connection could not be opened nothing was sent, and that is no lost answer.
func TestNotSent(t *testing.T) {
	unreachable := func(Cluster, int) error {
		return &CallError{Action: "CreateBackup", Kind: KindNotSent, Host: "adb.cn-a.aliyuncs.com", Message: "no such host"}
	}
	tell(t, "as often as it takes", func(s *stub) {
		s.create = func(c Cluster, n int) error {
			if n < 8 {
				return unreachable(c, n)
			}
			return nil
		}
		r := s.run(ensuringOne())
		s.expect(r, "amv-1 cn-a Requested")
		s.logged("WARN", "AnalyticDB cannot be reached, so nothing was sent: trying again")
	})
	tell(t, "an outage of five seconds costs a pause of 8 s more at most", func(s *stub) {
		s.create = func(c Cluster, n int) error {
			if time.Since(s.began) < 5*time.Second {
				return unreachable(c, n)
			}
			return nil
		}
		s.run(ensuringOne())
		if took := s.lastCreate.Sub(s.began); took > 13*time.Second {
			s.t.Errorf("after %v", took)
		}
	})
	tell(t, "until the deadline", func(s *stub) {
		s.create = unreachable
		s.expect(s.run(ensuringOne()), "amv-1 cn-a BackupPending", "cannot reach adb.cn-a.aliyuncs.com, nothing was sent: no such host")
	})
	tell(t, "after a lost one its outcome stays unknown", func(s *stub) {
		s.create = func(c Cluster, n int) error {
			if n == 1 {
				return &CallError{Action: "CreateBackup", Kind: KindUnanswered}
			}
			return unreachable(c, n)
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a OutcomeUnknown", "CreateBackup was sent once")
	})
}

// TestVanished: a backup that was listed and is not listed any more is not claimed, and not waited for without end.
func TestVanished(t *testing.T) {
	tell(t, "a complete one that was deleted is not claimed from memory", func(s *stub) {
		var sets []Set
		s.list = func(Cluster) []Set { return sets }
		s.create = func(Cluster, int) error {
			sets = []Set{listed("b", time.Now(), SetComplete)}
			return nil
		}
		s.expect(s.run(ensuringOne(waiting)), "amv-1 cn-a Completed")
		sets = nil
		time.Sleep(5 * time.Minute)
		s.create = nil
		s.expect(s.runFor(time.Minute, ensuringOne(waiting, ago(time.Hour))), "amv-1 cn-a BackupPending")
		s.creates("amv-1", 2)
	})
	tell(t, "nor when it is deleted at once", func(s *stub) {
		var sets []Set
		s.list = func(Cluster) []Set { return sets }
		s.create = func(_ Cluster, n int) error {
			sets = []Set{listed(string(rune('a'+n)), time.Now(), SetComplete)}
			return nil
		}
		moment := ensuringOne(waiting)
		s.expect(s.run(moment), "amv-1 cn-a Completed")
		sets = nil
		time.Sleep(time.Second)
		r := s.run(moment)
		s.expect(r, "amv-1 cn-a Completed")
		s.creates("amv-1", 2)
		if o := r.Outcomes[0]; o.Set.ID != "c" {
			s.t.Errorf("%v is claimed", o.Set)
		}
	})
	tell(t, "one that is remembered as complete is looked for while DDL is not allowed", func(s *stub) {
		var sets []Set
		s.list = func(Cluster) []Set { return sets }
		s.create = func(_ Cluster, n int) error {
			sets = []Set{listed(string(rune('a'+n)), time.Now(), SetComplete)}
			return nil
		}
		s.runner.settings.DDLPause = time.Minute // DDL would be allowed before it counts as vanished
		moment := ensuringOne(waiting)
		s.expect(s.run(moment), "amv-1 cn-a Completed")
		sets = nil
		time.Sleep(time.Second)
		moment.WaitFor = WaitDDLAllowed
		s.expect(s.run(moment), "amv-1 cn-a Completed")
		s.creates("amv-1", 2)
	})
	tell(t, "a running one is missed for the settle time, and then the rule decides anew", func(s *stub) {
		var sets []Set
		s.list = func(Cluster) []Set { return sets }
		s.create = func(_ Cluster, n int) error {
			state := SetRunning
			if n == 2 {
				state = SetComplete
			}
			sets = []Set{listed(string(rune('a'+n)), time.Now(), state)}
			return nil
		}
		time.AfterFunc(time.Minute, func() { s.mu.Lock(); sets = nil; s.mu.Unlock() })
		r := s.run(ensuringOne(waiting))
		s.expect(r, "amv-1 cn-a Completed")
		s.creates("amv-1", 2)
		if took := s.lastCreate.Sub(s.began); took < 3*time.Minute || took > 7*time.Minute {
			s.t.Errorf("created again after %v", took)
		}
	})
	tell(t, "it is not named where the next one is waited for", func(s *stub) {
		s.list = func(Cluster) []Set {
			if time.Since(s.began) > time.Minute {
				return nil
			}
			return []Set{listed("b", s.began, SetRunning)}
		}
		r := s.run(ensuringOne(waiting))
		s.expect(r, "amv-1 cn-a BackupPending", "was not listed")
		s.creates("amv-1", 1)
		if o := r.Outcomes[0]; o.Set != nil || o.Status != StatusRequested {
			s.t.Errorf("%s with %v", o.Status, o.Set)
		}
	})
	tell(t, "nor where an earlier one of somebody else is waited for", func(s *stub) {
		s.list = func(Cluster) []Set {
			if time.Since(s.began) > time.Minute {
				return []Set{listed("x", s.began.Add(-time.Hour), SetRunning)}
			}
			return []Set{listed("b", s.began, SetRunning)}
		}
		r := s.run(ensuringOne(waiting))
		s.expect(r, "amv-1 cn-a BackupPending", "an earlier backup x")
		if o := r.Outcomes[0]; o.Set != nil || o.Status != StatusUnknown {
			s.t.Errorf("%s with %v", o.Status, o.Set)
		}
	})
	tell(t, "a single look that does not show it is not enough", func(s *stub) {
		looks := 0
		s.list = func(Cluster) []Set {
			if looks++; looks == 1 || looks == 4 {
				return nil
			}
			state := SetRunning
			if looks > 6 {
				state = SetComplete
			}
			return []Set{listed("b", s.began, state)}
		}
		s.expect(s.run(ensuringOne(waiting)), "amv-1 cn-a Completed")
		s.creates("amv-1", 1)
		s.logged("INFO", "backup is running") // a change of state, not each look
	})
}

// TestMemory: what the process remembers of its creates, and when it forgets.
func TestMemory(t *testing.T) {
	tell(t, "a second request adopts without a call", func(s *stub) {
		s.run(ensuringOne())
		s.called("DescribeBackups", 1)
		s.expect(s.run(ensuringOne(ago(0))), "amv-1 cn-a Requested")
		s.called("DescribeBackups", 1)
		s.creates("amv-1", 1)
	})
	tell(t, "a remembered one that the list does not show is not waited for where another one serves", func(s *stub) {
		s.run(ensuringOne(atOnce))
		began := time.Now().Add(-2 * time.Second) // by the service's clock, so it cannot be told whose it is
		s.list = func(Cluster) []Set { return []Set{listed("b", began, SetComplete)} }
		r := s.runFor(time.Minute, ensuringOne(waiting, ago(time.Hour)))
		s.expect(r, "amv-1 cn-a Completed")
		if o := r.Outcomes[0]; o.Created || o.Set == nil || o.Set.ID != "b" {
			s.t.Errorf("%+v", o)
		}
		s.creates("amv-1", 1)
	})
	tell(t, "unlisted for 24 hours it is still its own", func(s *stub) {
		moment := ensuringOne()
		s.run(moment)
		time.Sleep(24*time.Hour - time.Minute)
		moment.Redelivered = true
		s.expect(s.run(moment), "amv-1 cn-a Requested")
		s.creates("amv-1", 1)
	})
	tell(t, "and then it is forgotten", func(s *stub) {
		moment := ensuringOne()
		s.run(moment)
		time.Sleep(24*time.Hour + time.Second)
		moment.Redelivered = true
		s.run(moment)
		s.creates("amv-1", 2)
	})
	tell(t, "a lost one that was found is not hidden by one that is lost later", func(s *stub) {
		s.create = func(Cluster, int) error { return &CallError{Action: "CreateBackup", Kind: KindUnanswered} }
		s.list = func(c Cluster) []Set {
			if s.created[c.ID] == 0 {
				return nil
			}
			return []Set{listed("b", s.began.Add(8*time.Hour), SetComplete)} // local time as if it were UTC
		}
		first := ensuringOne()
		s.expect(s.run(first), "amv-1 cn-a Completed")
		time.Sleep(5 * time.Minute)
		s.expect(s.runFor(30*time.Second, ensuringOne()), "amv-1 cn-a OutcomeUnknown")
		s.expect(s.run(first), "amv-1 cn-a Completed")
		s.creates("amv-1", 2)
	})
	tell(t, "an accepted one that failed does not hide a lost one", func(s *stub) {
		s.create = func(_ Cluster, n int) error {
			if n == 2 {
				return &CallError{Action: "CreateBackup", Kind: KindUnanswered}
			}
			return nil
		}
		first := ensuringOne()
		s.expect(s.run(first), "amv-1 cn-a Requested")
		time.Sleep(5 * time.Minute)
		s.list = func(Cluster) []Set { return []Set{listed("a", s.began, SetFailed)} }
		s.expect(s.runFor(30*time.Second, first), "amv-1 cn-a OutcomeUnknown")
		s.expect(s.runFor(30*time.Second, first), "amv-1 cn-a BackupPending")
		s.creates("amv-1", 2)
	})
	tell(t, "clusters without a backup leave nothing behind", func(s *stub) {
		s.create = func(Cluster, int) error { return &CallError{Action: "CreateBackup", Kind: KindNotFound} }
		s.expect(s.run(ensuringOne()), "amv-1 cn-a ClusterNotFound")
		if n := len(s.runner.memory.states); n != 0 {
			s.t.Errorf("%d states", n)
		}
	})
	t.Run("a look that was asked for earlier does not show it, which means nothing", func(t *testing.T) {
		c := sentAfterLook(t, "02:00:00", "02:00:00")
		c.seen.Store(&sighting{set(t, "a", "02:00:00", SetRunning), at(t, "02:00:10")})
		state := &clusterState{last: c, accepted: c}
		state.reconcile(at(t, "02:00:09"), nil, time.Minute)
		if state.last == nil || state.accepted == nil {
			t.Error("forgotten")
		}
		state.reconcile(at(t, "02:00:11"), []Set{set(t, "a", "02:00:00", SetComplete)}, time.Minute)
		if c.set().State != SetComplete {
			t.Error("not brought up to date")
		}
		state.reconcile(at(t, "02:00:12"), nil, time.Minute)
		if state.last != nil || state.accepted != nil {
			t.Error("remembered")
		}
	})
}

// TestFirstListing: the log says when a backup was first listed, and warns of one that shrank.
func TestFirstListing(t *testing.T) {
	story := func(name string, size, before int64, warns bool) {
		tell(t, name, func(s *stub) {
			old := listed("old", s.began.Add(-24*time.Hour), SetComplete)
			old.Size = before
			older := listed("older", s.began.Add(-48*time.Hour), SetComplete)
			older.Size = 1
			s.list = func(Cluster) []Set {
				if time.Since(s.began) < 20*time.Second {
					return []Set{old, older}
				}
				b := listed("b", s.began, SetComplete)
				b.Size = size
				return []Set{old, older, b}
			}
			s.expect(s.run(ensuringOne(waiting)), "amv-1 cn-a Completed")
			if log := s.log.String(); strings.Count(log, `"listedAfter":2`) != 1 {
				s.t.Error(log)
			}
			if log := s.log.String(); strings.Contains(log, "previousBackupSize") != warns {
				s.t.Error(log)
			}
		})
	}
	story("half the size", 500, 1000, false)
	story("less than half the size", 499, 1000, true)
	story("size not given", 0, 1000, false)
	story("no size before", 1, 0, false)
}

// TestUnbelieved: a start in the future and what cannot be read are named in a warning, once for each cluster.
func TestUnbelieved(t *testing.T) {
	tell(t, "a start in the future", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(8*time.Hour), SetRunning)} }
		s.expect(s.runFor(10*time.Minute, ensuringOne()), "amv-1 cn-a BackupPending")
		s.logged("WARN", "a backup is listed with a start in the future, which is not believed")
	})
	tell(t, "Verify does not believe it", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(8*time.Hour), SetComplete)} }
		verify := ensuringOne(ago(time.Hour))
		verify.Action = ActionVerify
		s.expect(s.run(verify), "amv-1 cn-a BackupMissing", "shows no completed one that can be believed; backup b (started ", "has a start in the future")
		s.logged("WARN", "a backup is listed with a start in the future, which is not believed")
	})
	tell(t, "Verify names it beside one that is too old", func(s *stub) {
		s.list = func(Cluster) []Set {
			return []Set{listed("a", s.began.Add(-2*time.Hour), SetComplete), listed("b", s.began.Add(8*time.Hour), SetComplete)}
		}
		verify := ensuringOne(ago(time.Hour))
		verify.Action = ActionVerify
		s.expect(s.run(verify), "amv-1 cn-a BackupMissing", "the newest completed one is backup a (started ", "; backup b (started ", "has a start in the future")
	})
}

// TestTurns: invocations for the same cluster take turns, and whoever waits for a turn holds up nobody else.
func TestTurns(t *testing.T) {
	slowly := func(d time.Duration) func(Cluster, int) error {
		return func(c Cluster, _ int) error {
			if c == one {
				time.Sleep(d)
			}
			return nil
		}
	}
	tell(t, "time is up while it waits for its turn", func(s *stub) {
		s.create = slowly(0)
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(-time.Hour), SetRunning)} }
		held := &hold{tokens: s.runner.memory.use(one).lock}
		held.take(t.Context(), func() {})
		s.expect(s.runFor(time.Minute, ensuringOne()), "amv-1 cn-a BackupPending")
		s.creates("amv-1", 0)
		s.called("DescribeBackups", 0)
		held.release()
	})
	tell(t, "time is up while it waits for an earlier backup", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(-time.Hour), SetRunning)} }
		s.expect(s.runFor(time.Minute, ensuringOne()), "amv-1 cn-a BackupPending", "an earlier backup b")
		s.creates("amv-1", 0)
	})
	tell(t, "others of the invocation go on", func(s *stub) {
		s.runner = NewRunner(s.runner.settings, 1) // one slot for each region
		held := &hold{tokens: s.runner.memory.use(one).lock}
		held.take(t.Context(), func() {})
		two := ensuringOne()
		two.Cluster.ID = "amv-2"
		s.expect(s.runFor(time.Minute, ensuringOne(), two), "amv-1 cn-a BackupPending, amv-2 cn-a Requested")
		if took := s.lastCreate.Sub(s.began); took > time.Second {
			s.t.Errorf("after %v", took)
		}
		held.release()
	})
	for _, id := range []string{"amv-1", "amv-2"} { // whichever is first
		tell(t, "others of the invocation go on while CreateBackup is throttled for "+id, func(s *stub) {
			s.runner = NewRunner(s.runner.settings, 1)
			s.create = func(c Cluster, _ int) error {
				if c.ID == id {
					return &CallError{Action: "CreateBackup", Kind: KindThrottled}
				}
				return nil
			}
			two := ensuringOne()
			two.Cluster.ID = "amv-2"
			for _, o := range s.runFor(time.Minute, ensuringOne(), two).Outcomes {
				if throttled := o.Failure != nil && o.Failure.Type == ErrorThrottled; throttled != (o.Cluster.ID == id) {
					s.t.Errorf("%v: %s, %v", o.Cluster, o.Status, o.Failure)
				}
			}
		})
	}
	tell(t, "two that wait for an earlier backup create one", func(s *stub) {
		s.takes = 3 * time.Second
		s.list = func(Cluster) []Set {
			state := SetRunning
			if time.Since(s.began) > time.Minute {
				state = SetComplete
			}
			return []Set{listed("b", s.began.Add(-time.Hour), state)}
		}
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested") })
		}
		both.Wait()
		s.creates("amv-1", 1)
	})
	tell(t, "another adopts the earlier backup meanwhile", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(-time.Hour), SetRunning)} }
		var first sync.WaitGroup
		first.Go(func() { s.runFor(5*time.Minute, ensuringOne()) })
		time.Sleep(time.Second)
		s.expect(s.runFor(time.Minute, ensuringOne(ago(2*time.Hour))), "amv-1 cn-a Running")
		first.Wait()
	})
}

// TestLostIsSentAgain: after the settle time, and not much later.
func TestLostIsSentAgain(t *testing.T) {
	tell(t, "", func(s *stub) {
		s.create = func(_ Cluster, n int) error {
			if n == 1 {
				return &CallError{Action: "CreateBackup", Kind: KindUnanswered, RequestID: "X-1"}
			}
			return nil
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		if took := s.lastCreate.Sub(s.began); took < 2*time.Minute || took > 2*time.Minute+2*time.Second {
			s.t.Errorf("after %v", took)
		}
		if !strings.Contains(s.log.String(), `"apiRequestId":"X-1"`) {
			s.t.Error("the request id of the call that failed is not logged")
		}
	})
	tell(t, "not where the backup shows before", func(s *stub) {
		s.create = func(Cluster, int) error { return &CallError{Action: "CreateBackup", Kind: KindUnanswered} }
		s.list = func(Cluster) []Set {
			if time.Since(s.began) < 20*time.Second {
				return nil
			}
			return []Set{listed("b", s.began.Add(time.Second), SetRunning)}
		}
		s.expect(s.runFor(time.Minute, ensuringOne()), "amv-1 cn-a Running")
		s.creates("amv-1", 1)
	})
}

// TestWarnings: what somebody should know is logged once.
func TestWarnings(t *testing.T) {
	tell(t, "a stuck backup", func(s *stub) {
		s.list = func(Cluster) []Set {
			return []Set{listed("stuck", s.began.Add(-25*time.Hour), SetRunning), listed("earlier", s.began.Add(-time.Hour), SetRunning)}
		}
		s.runFor(5*time.Minute, ensuringOne())
		s.logged("WARN", "a backup has run for more than 24 h: it counts as stuck and is not waited for")
	})
	tell(t, "an earlier backup whose status is not known", func(s *stub) {
		s.list = func(Cluster) []Set {
			b := listed("b", s.began.Add(-time.Hour), SetUnknown)
			b.Status = "Frozen"
			return []Set{b}
		}
		s.runFor(5*time.Minute, ensuringOne())
		s.logged("WARN", "a backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED")
	})
	tell(t, "a throttled CreateBackup is no warning", func(s *stub) {
		s.create = func(_ Cluster, n int) error {
			if n == 1 {
				return &CallError{Action: "CreateBackup", Kind: KindThrottled}
			}
			return nil
		}
		s.run(ensuringOne())
		s.logged("INFO", "CreateBackup was throttled")
	})
	for action, how := range map[string]func(*Request){"CreateBackup": atOnce, "DescribeBackups": waiting} {
		tell(t, "a "+action+" that a pause held up was not attempted", func(s *stub) {
			held := &CallError{Action: action, Kind: KindThrottled, Message: "held up", Err: context.DeadlineExceeded}
			s.create = func(Cluster, int) error { return held }
			s.look = held
			o := s.runFor(5*time.Minute, ensuringOne(how)).Outcomes[0]
			if o.Failure == nil || o.Failure.Type != ErrorThrottled || !strings.HasSuffix(o.Failure.Message, "the last error: "+held.Error()) {
				s.t.Errorf("%+v", o.Failure)
			}
			if log := s.log.String(); strings.Contains(log, "attempt") || s.calls[action] != 1 {
				s.t.Errorf("%d calls, %s", s.calls[action], log)
			}
		})
	}
	tell(t, "a missing backup has the status Missing", func(s *stub) {
		verify := ensuringOne(ago(time.Hour))
		verify.Action = ActionVerify
		if r := s.run(verify); r.Outcomes[0].Status != StatusMissing {
			s.t.Error(r.Outcomes[0].Status)
		}
	})
}

// TestPauses: they grow, and each is shortened at random.
func TestPauses(t *testing.T) {
	c := &caller{settings: Settings{Poll: 5 * time.Second}, chance: chance("x")}
	for name, p := range map[string]struct {
		pauses *pauses
		want   []time.Duration // at most
		least  float64         // share of it
	}{
		"polls":   {c.polls(), []time.Duration{5 * time.Second, 7500 * time.Millisecond, 11250 * time.Millisecond}, 0.9},
		"retries": {c.retries(), []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, 0.3},
	} {
		for i, most := range p.want {
			if got := p.pauses.next(); got > most || float64(got) < p.least*float64(most) || got == most {
				t.Errorf("%s %d: %v, want a little less than %v", name, i, got, most)
			}
		}
		var last time.Duration
		for range 100 {
			last = max(last, p.pauses.next())
		}
		if most := map[string]time.Duration{"polls": time.Minute, "retries": 30 * time.Second}[name]; last > most || last < most*9/10 {
			t.Errorf("%s grow to %v, want %v", name, last, most)
		}
	}
	for _, d := range []time.Duration{0, time.Millisecond, time.Hour} {
		for range 100 {
			if got := c.later(d); got < d || got > d+d/20 {
				t.Errorf("%v instead of %v", got, d)
			}
		}
	}
	if a, b := c.later(time.Minute), c.later(time.Minute); a == b {
		t.Errorf("%v twice", a)
	}
}

// TestLogLines: what a person needs to find a backup and a call is in the lines.
func TestLogLines(t *testing.T) {
	has := func(s *stub, text string) {
		s.t.Helper()
		if !strings.Contains(s.log.String(), text) {
			s.t.Errorf("%s is not in\n%s", text, s.log.String())
		}
	}
	tell(t, "a backup that was found", func(s *stub) {
		s.list = func(Cluster) []Set {
			found := listed("b-7", s.began, SetComplete)
			found.Status = "Success"
			return []Set{found}
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Completed")
		has(s, `"msg":"a backup that serves was found","DBClusterId":"amv-1","RegionId":"cn-a","backupId":"b-7","backupStartTime":"2000-01-01T00:00:00Z","backupStatus":"Success"`)
	})
	tell(t, "looking is denied", func(s *stub) {
		s.look = &CallError{Action: "DescribeBackups", Kind: KindDenied}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.logged("WARN", "looking is denied, so an earlier backup cannot be found")
		s.called("DescribeBackups", 1)
	})
	tell(t, "looks that keep failing", func(s *stub) {
		s.look = &CallError{Action: "DescribeBackups", Kind: KindUnanswered, RequestID: "R-9"}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a BackupPending")
		s.logged("WARN", "look failed")
		s.logged("WARN", "cluster failed") // invoking again continues
		for line := range strings.Lines(s.log.String()) {
			if strings.Contains(line, `"WARN","msg":"look failed"`) && !strings.Contains(line, `"attempt":3}`) {
				t.Error(line)
			}
		}
		has(s, `invoking again continues; the last error: `)
		has(s, `"apiRequestId":"R-9"}`)
	})
	tell(t, "what a person must act on", func(s *stub) {
		s.create = func(Cluster, int) error {
			return &CallError{Action: "CreateBackup", Kind: KindRefused, RequestID: "R-8"}
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a ServiceError")
		s.logged("ERROR", "cluster failed")
		has(s, `"apiRequestId":"R-8"}`)
	})
}
