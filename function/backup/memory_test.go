package backup

import (
	"testing"
	"time"
)

// TestMemory: the process remembers the last CreateBackup of each cluster.
func TestMemory(t *testing.T) {
	tell(t, "what was accepted earlier and is not listed counts as running for the settle time", func(s *stub) {
		s.run(ensuringOne())
		time.Sleep(10 * time.Second)
		s.expect(s.runFor(30*time.Second, ensuringOne()), "amv-1 cn-a BackupPending", "an earlier backup, which this process requested, had not ended before the deadline; invoking again continues")
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.creates("amv-1", 2)
		s.createdAfter(2*time.Minute, 2*time.Minute+7*time.Second)
	})
	for began, want := range map[time.Duration]string{-2 * time.Second: "Completed", -30 * time.Minute: "BackupPending"} {
		tell(t, "where one that serves is listed later, that one will do, unless the request has its own", func(s *stub) {
			if want == "Completed" {
				s.run(ensuringOne(atOnce))
			}
			s.shows(time.Minute, listed("b", s.began.Add(began), SetComplete)) // by the service's clock, so it cannot be told whose it is
			s.expect(s.run(ensuringOne(waiting, ago(time.Hour))), "amv-1 cn-a "+want)
			s.creates("amv-1", 1)
		})
	}
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
			"nothing is remembered":      {listed: []Set{running}, key: "-"},
			"not listed yet":             {last: &unlisted, listed: []Set{listed("old", now, SetRunning)}},
			"listed for the first time":  {last: &unlisted, listed: []Set{running}, key: "b", first: true},
			"listed again":               {last: &known, listed: []Set{running}, key: "b"},
			"gone":                       {last: &known, listed: []Set{listed("c", now, SetRunning)}, key: "-"},
			"failed":                     {last: &known, listed: []Set{failed}, key: "-"},
			"failed unseen":              {last: &unlisted, listed: []Set{failed}, key: "-", first: true},
			"failed, and the request's":  {last: &known, own: true, listed: []Set{failed}, key: "b"},
			"failed unseen, and its own": {last: &unlisted, own: true, listed: []Set{failed}, key: "b", first: true},
			"gone, though the request's": {last: &known, own: true, key: "-"},
			"24 hours old":               {last: &Create{Sent: now.Add(-24 * time.Hour), Key: "b"}, listed: []Set{running}, key: "b"},
			"older":                      {last: &Create{Sent: now.Add(-24*time.Hour - 1), Key: "b"}, listed: []Set{running}, key: "-"},
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
