package backup

import (
	"testing"
	"time"
)

func TestFollow(t *testing.T) {
	const pause = 10 * time.Minute
	p := func(s Set) *Set { return &s }
	for name, c := range map[string]struct {
		now  string
		wait WaitFor
		set  *Set
		want Progress
	}{
		"requested, unlisted":                  {"02:01:00", WaitRequested, nil, Progress{Reached: true}},
		"completed, unlisted":                  {"02:01:00", WaitCompleted, nil, Progress{}},
		"requested, running":                   {"02:01:00", WaitRequested, p(set(t, "a", "02:00", SetRunning)), Progress{Reached: true}},
		"completed, running":                   {"02:01:00", WaitCompleted, p(set(t, "a", "02:00", SetRunning)), Progress{}},
		"completed, unknown":                   {"02:01:00", WaitCompleted, p(set(t, "a", "02:00", SetUnknown)), Progress{}},
		"completed, unknown with an end":       {"02:09:00", WaitCompleted, p(set(t, "a", "02:00", SetUnknown, withEnd)), Progress{}},
		"completed":                            {"02:01:00", WaitCompleted, p(set(t, "a", "02:00", SetComplete)), Progress{Reached: true}},
		"requested, failed":                    {"02:01:00", WaitRequested, p(set(t, "a", "02:00", SetFailed)), Progress{Failed: true}},
		"DDL, running after the pause":         {"02:30:00", WaitDDLAllowed, p(set(t, "a", "02:00", SetRunning)), Progress{}},
		"DDL, the whole minute counts":         {"02:10:59", WaitDDLAllowed, p(set(t, "a", "02:00", SetComplete)), Progress{Until: at(t, "02:11:00")}},
		"DDL, the pause is over":               {"02:11:00", WaitDDLAllowed, p(set(t, "a", "02:00", SetComplete)), Progress{Reached: true, Until: at(t, "02:11:00")}},
		"DDL, listed to the second":            {"02:10:07", WaitDDLAllowed, p(set(t, "a", "02:00:07", SetComplete)), Progress{Until: at(t, "02:10:08")}},
		"DDL, without a start: complete since": {"02:05:00", WaitDDLAllowed, p(set(t, "a", "02:00", SetComplete, withoutStart)), Progress{Until: at(t, "02:15:00")}},
		"DDL, a start in the future: the same": {"02:15:00", WaitDDLAllowed, p(set(t, "a", "10:00", SetComplete)), Progress{Reached: true, Until: at(t, "02:15:00")}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Follow(at(t, c.now), c.wait, c.set, at(t, "02:05:00"), pause); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// TestFollowing: this backup is waited for, as far as the request asks.
func TestFollowing(t *testing.T) {
	ddl := func(r *Request) { r.WaitFor = WaitDDLAllowed }
	tell(t, "seen complete within a minute, with few looks", func(s *stub) {
		s.runs(0, 30*time.Minute)
		r := s.run(ensuringOne(waiting))
		s.expect(r, "amv-1 cn-a Completed")
		if o := r.Outcomes[0]; !o.Created || o.RequestID != "R-amv-1" || o.Set.ID != "b" {
			s.t.Errorf("%+v", o)
		}
		if late, looks := time.Since(s.began)-30*time.Minute, s.calls["DescribeBackups"]; late < 0 || late > time.Minute || looks > 60 {
			s.t.Errorf("seen %v after its end, %d looks", late, looks)
		}
		s.logged("INFO", "backup is running") // a change of state, not each look
		s.logged("INFO", "backup is complete")
	})
	for start, want := range map[time.Duration]string{0: "backup b (started 2000-01-01T00:00:00Z) was not complete", -time.Hour: "an earlier backup b (started 1999-12-31T23:00:00Z) had not ended"} {
		tell(t, "an error that was overcome is not named", func(s *stub) {
			s.create = func(Cluster, int) error { return &CallError{Kind: KindThrottled, RetryAfter: 5 * time.Minute} }
			s.shows(0, listed("b", s.began.Add(start), SetRunning))
			if o := s.run(ensuringOne(waiting)).Outcomes[0]; o.Failure == nil || *o.Failure != (Failure{ErrorBackupPending, want + " before the deadline; invoking again continues"}) {
				s.t.Errorf("%+v", o.Failure)
			}
		})
	}
	tell(t, "though others that fit better come, and a look misses it", func(s *stub) {
		s.list = func(c Cluster) []Set {
			b, state := listed("b", s.began.Add(20*time.Second), SetRunning), SetRunning
			if time.Since(s.began) > 10*time.Minute {
				b.State, state = SetComplete, SetComplete
			}
			switch n := s.calls["DescribeBackups"]; {
			case s.created[c.ID] == 0:
				return nil
			case n == 2:
				return []Set{b}
			case n == 4:
				return nil
			}
			return []Set{b, listed("a", s.began.Add(time.Second), state), listed("c", s.began.Add(40*time.Second), state)}
		}
		r := s.run(ensuringOne(waiting))
		s.expect(r, "amv-1 cn-a Completed")
		if o := r.Outcomes[0]; o.Set.ID != "b" || time.Since(s.began) < 10*time.Minute {
			s.t.Errorf("%v after %v", o.Set, time.Since(s.began))
		}
	})
	tell(t, "only time has to pass until DDL is allowed", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(-time.Minute), SetComplete)} }
		r := ensuringOne(ddl, ago(time.Hour))
		s.expect(s.runFor(5*time.Minute, r), "amv-1 cn-a BackupPending", "backup b (started 1999-12-31T23:59:00Z) is complete, but DDL was not allowed before the deadline")
		s.expect(s.run(r), "amv-1 cn-a Completed")
		s.called("DescribeBackups", 2)
		if took := time.Since(s.began); took != 9*time.Minute+time.Second { // it may have started as late as the listed second ends
			s.t.Errorf("took %v", took)
		}
	})
}
