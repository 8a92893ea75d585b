package backup

import (
	"strings"
	"testing"
	"time"
)

// verifying asks whether there is a completed backup that is not older than d.
func verifying(d time.Duration) Request {
	return Request{Action: ActionVerify, Cluster: one, NotBefore: time.Now().Add(-d)}
}

func TestVerify(t *testing.T) {
	const hour = time.Hour
	for name, c := range map[string]struct {
		age    time.Duration
		change func(*Set)
		want   string
		words  string
	}{
		"yesterday's":   {25 * hour, nil, "Completed", ""},
		"too old":       {26*hour + time.Second, nil, "BackupMissing", "no completed backup that started at or after 1999-12-30T22:00:00Z; the newest completed one is backup b (started 1999-12-30T21:59:59Z), 26h0m1s ago"},
		"running":       {hour, func(s *Set) { s.State = SetRunning }, "BackupMissing", "the list, read back to 1999-11-30, shows no completed one; backup b (started 1999-12-31T23:00:00Z) is not complete"},
		"failed":        {hour, func(s *Set) { s.State = SetFailed }, "BackupMissing", "shows no completed one"},
		"incremental":   {hour, incremental, "BackupMissing", "shows no completed one"},
		"a copy":        {hour, copied, "BackupMissing", "shows no completed one"},
		"without start": {hour, withoutStart, "BackupMissing", "shows no completed one"},
		"unknown":       {hour, func(s *Set) { s.State, s.Status, s.End = SetUnknown, "Frozen", Span{} }, "BackupMissing", `backup b (started 1999-12-31T23:00:00Z) (its status "Frozen" is not known: see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED) is not complete`},
		"in the future": {-8 * hour, nil, "BackupMissing", "shows no completed one; backup b (started 2000-01-01T08:00:00Z) has a start in the future, which is not believed"},
	} {
		tell(t, name, func(s *stub) {
			b := listed("b", s.began.Add(-c.age), SetComplete)
			if c.change != nil {
				c.change(&b)
			}
			s.list = func(Cluster) []Set { return []Set{b} }
			request := verifying(26 * hour)
			request.Redelivered = true // a retry does not soften it
			r := s.run(request)
			if s.expect(r, "amv-1 cn-a "+c.want, c.words); c.want == "BackupMissing" && r.Outcomes[0].Status != StatusMissing {
				s.t.Error(r.Outcomes[0].Status)
			}
			s.creates("amv-1", 0)
			switch {
			case c.age < 0:
				s.logged("WARN", "a backup is listed with a start in the future, which is not believed")
			case name == "unknown":
				s.logged("WARN", "a backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED")
			case strings.Contains(s.log.String(), "WARN"):
				s.t.Error(s.log.String())
			}
		})
	}
	tell(t, "the newest complete one is named, and how old it is to the second", func(s *stub) {
		s.list = func(Cluster) []Set {
			return []Set{listed("a", s.began.Add(-2*hour), SetComplete), listed("b", s.began.Add(-28*time.Second), SetComplete), listed("c", s.began.Add(8*hour), SetComplete)}
		}
		s.unreadable = "a row of stars"
		s.expect(s.run(verifying(10*time.Second)), "amv-1 cn-a BackupMissing", "the newest completed one is backup b (started 1999-12-31T23:59:32Z), 28s ago; backup c (started ",
			"has a start in the future, which is not believed; the list holds something that cannot be read: a row of stars")
		s.logged("WARN", "the list of backups holds something that cannot be read")
	})
}
