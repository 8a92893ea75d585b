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

// TestOnlyTimeHasToPass: a backup that is complete is not looked for again until DDL is allowed.
func TestOnlyTimeHasToPass(t *testing.T) {
	tell(t, "", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(-time.Minute), SetComplete)} }
		s.expect(s.run(ensuringOne(ago(time.Hour), func(r *Request) { r.WaitFor = WaitDDLAllowed })), "amv-1 cn-a Completed")
		s.called("DescribeBackups", 1)
		if took := time.Since(s.began); took != 9*time.Minute+time.Second { // it may have started as late as the listed second ends
			t.Errorf("took %v", took)
		}
	})
}
