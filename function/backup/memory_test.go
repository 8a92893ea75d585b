package backup

import (
	"testing"
	"time"
)

// TestMemory: the process remembers the last CreateBackup of each cluster.
func TestMemory(t *testing.T) {
	tell(t, "a second request adopts without a call", func(s *stub) {
		s.run(ensuringOne())
		r := s.run(ensuringOne(ago(0)))
		s.expect(r, "amv-1 cn-a Requested")
		s.called("DescribeBackups", 1)
		s.creates("amv-1", 1)
		if o := r.Outcomes[0]; o.Created || o.RequestID != "" {
			s.t.Errorf("%+v", o)
		}
	})
	tell(t, "one that waits looks, and waits for it", func(s *stub) {
		s.run(ensuringOne())
		s.shows(time.Minute, listed("b", s.began, SetComplete))
		s.expect(s.run(ensuringOne(waiting, ago(0))), "amv-1 cn-a Completed")
		s.creates("amv-1", 1)
	})
	tell(t, "what was accepted earlier and is not listed counts as running for the settle time", func(s *stub) {
		s.run(ensuringOne())
		time.Sleep(10 * time.Second)
		s.expect(s.runFor(30*time.Second, ensuringOne()), "amv-1 cn-a BackupPending", "an earlier backup, which this process requested, had not ended before the deadline; invoking again continues")
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.creates("amv-1", 2)
		if after := s.lastCreate.Sub(s.began); after < 2*time.Minute || after > 2*time.Minute+7*time.Second {
			s.t.Errorf("created after %v", after)
		}
	})
	tell(t, "a remembered one that the list does not show is not waited for where another one serves", func(s *stub) {
		s.run(ensuringOne(atOnce))
		other := listed("b", s.began.Add(-2*time.Second), SetComplete) // by the service's clock, so it cannot be told whose it is
		s.list = func(Cluster) []Set { return []Set{other} }
		s.expect(s.run(ensuringOne(waiting, ago(time.Hour))), "amv-1 cn-a Completed")
		s.creates("amv-1", 1)
	})
	tell(t, "nor where the other one is listed later", func(s *stub) {
		s.run(ensuringOne(atOnce))
		s.shows(time.Minute, listed("b", s.began.Add(-2*time.Second), SetComplete))
		s.expect(s.run(ensuringOne(waiting, ago(time.Hour))), "amv-1 cn-a Completed")
	})
	tell(t, "but a request waits for its own", func(s *stub) {
		r := ensuringOne(waiting, ago(time.Hour))
		s.shows(time.Minute, listed("b", s.began.Add(-30*time.Minute), SetComplete))
		s.expect(s.run(r), "amv-1 cn-a BackupPending", "the backup was accepted, but was not listed as complete before the deadline")
	})
	for after, creates := range map[time.Duration]int{24*time.Hour - time.Minute: 1, 24*time.Hour + time.Second: 2} {
		tell(t, "for 24 hours", func(s *stub) {
			moment := ensuringOne()
			s.run(moment)
			time.Sleep(after)
			moment.Redelivered = true
			s.expect(s.run(moment), "amv-1 cn-a Requested")
			s.creates("amv-1", creates)
		})
	}
	tell(t, "a complete one that was deleted is not claimed", func(s *stub) {
		moment := ensuringOne(waiting)
		s.list = func(c Cluster) []Set {
			switch {
			case s.created[c.ID] == 0:
				return nil
			case time.Since(s.began) < time.Minute:
				return []Set{listed("b", s.began, SetComplete)}
			case s.created[c.ID] == 1:
				return nil
			}
			return []Set{listed("c", s.lastCreate, SetComplete)}
		}
		s.expect(s.run(moment), "amv-1 cn-a Completed")
		time.Sleep(2 * time.Minute)
		for _, r := range []Request{moment, ensuringOne(ago(time.Hour))} {
			result := s.run(r)
			if s.expect(result, "amv-1 cn-a Completed"); result.Outcomes[0].Set.ID != "c" {
				s.t.Errorf("%v is claimed", result.Outcomes[0].Set)
			}
		}
		s.creates("amv-1", 2)
	})
	tell(t, "a failed one is not claimed as Requested", func(s *stub) {
		moment := ensuringOne(waiting)
		s.shows(0, listed("b", s.began, SetFailed))
		s.expect(s.run(moment), "amv-1 cn-a BackupFailed")
		moment.WaitFor = WaitRequested
		time.Sleep(time.Minute)
		r := s.run(moment)
		s.expect(r, "amv-1 cn-a Requested")
		s.creates("amv-1", 2)
		if !r.Outcomes[0].Created {
			s.t.Error("found, not created")
		}
	})
	tell(t, "clusters without a backup leave nothing behind", func(s *stub) {
		s.fails(KindNotFound, 1)
		s.expect(s.run(ensuringOne()), "amv-1 cn-a ClusterNotFound")
		if n := len(s.runner.memory.states); n != 0 {
			s.t.Errorf("%d states", n)
		}
		s.run(ensuringOne())
		if n := len(s.runner.memory.states); n != 1 {
			s.t.Errorf("%d states", n)
		}
	})
}

// TestReconcile: what a list does to the memory.
func TestReconcile(t *testing.T) {
	tell(t, "", func(s *stub) {
		now := time.Now()
		unlisted := Create{Sent: now, Answered: now, Accepted: true, Before: map[string]bool{"old": true}}
		known := unlisted
		known.Key = "b"
		running, failed := listed("b", now, SetRunning), listed("b", now, SetFailed)
		for name, c := range map[string]struct {
			last   *Create
			own    bool
			listed []Set
			key    string // of what is remembered; "-": nothing is
			first  bool
		}{
			"nothing is remembered":       {listed: []Set{running}, key: "-"},
			"not listed yet":              {last: &unlisted, listed: []Set{listed("old", now, SetRunning)}},
			"listed for the first time":   {last: &unlisted, listed: []Set{running}, key: "b", first: true},
			"listed again":                {last: &known, listed: []Set{running}, key: "b"},
			"gone":                        {last: &known, listed: []Set{listed("c", now, SetRunning)}, key: "-"},
			"failed":                      {last: &known, listed: []Set{failed}, key: "-"},
			"failed unseen":               {last: &unlisted, listed: []Set{failed}, key: "-", first: true},
			"failed, and the request's":   {last: &known, own: true, listed: []Set{failed}, key: "b"},
			"failed unseen, and its own":  {last: &unlisted, own: true, listed: []Set{failed}, key: "b", first: true},
			"gone, though the request's":  {last: &known, own: true, key: "-"},
			"a look that shows it is old": {last: &Create{Sent: now.Add(-25 * time.Hour), Key: "b"}, listed: []Set{running}, key: "-"},
		} {
			var last, own *Create
			if c.last != nil {
				copied := *c.last
				last = &copied
			}
			if c.own {
				own = last
			}
			state := &clusterState{last: last}
			first := state.reconcile(c.listed, now, time.Minute, own)
			key := "-"
			if state.last != nil {
				key = state.last.Key
			}
			if key != c.key || (first != nil) != c.first || first != nil && first.Key != "b" {
				t.Errorf("%s: remembered %q, first %+v", name, key, first)
			}
		}
	})
}
