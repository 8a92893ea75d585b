package backup

import (
	"testing"
	"time"
)

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
		s.logged("WARN", "a backup is not listed any more")
	})
	tell(t, "at the deadline it had disappeared", func(s *stub) {
		s.list = func(Cluster) []Set {
			if time.Since(s.began) > time.Minute {
				return nil
			}
			return []Set{listed("b", s.began, SetRunning)}
		}
		s.expect(s.runFor(2*time.Minute, ensuringOne(waiting)), "amv-1 cn-a BackupPending",
			"backup b (started 2000-01-01T00:00:00Z) had disappeared from the list before the deadline; invoking again continues")
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
		state.reconcile(nil, at(t, "02:00:09"), time.Minute)
		if state.last == nil || state.accepted == nil {
			t.Error("forgotten")
		}
		state.reconcile([]Set{set(t, "a", "02:00:00", SetComplete)}, at(t, "02:00:11"), time.Minute)
		if c.set().State != SetComplete {
			t.Error("not brought up to date")
		}
		state.reconcile(nil, at(t, "02:00:12"), time.Minute)
		if state.last != nil || state.accepted != nil {
			t.Error("remembered")
		}
	})
}

// TestKnown: which CreateBackup of the process bears on a request.
func TestKnown(t *testing.T) {
	tell(t, "", func(s *stub) {
		now := time.Now()
		accepted, lost := &Create{Sent: now, Accepted: true, foreign: &keys{}}, &Create{Sent: now, foreign: &keys{}}
		state := &clusterState{last: lost, accepted: accepted}
		earlier := Request{NotBefore: now}
		if got := state.known(earlier, nil); got != accepted {
			t.Errorf("another invocation's lost create hides an accepted one: %+v", got)
		}
		if got := state.known(earlier, lost); got != lost {
			t.Errorf("a request's own lost create is hidden: %+v", got)
		}
		if got := state.known(Request{NotBefore: now.Add(time.Second)}, nil); got != lost {
			t.Errorf("one that does not serve hides a lost one: %+v", got)
		}
	})
}
