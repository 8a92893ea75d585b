package backup

import (
	"strings"
	"testing"
	"time"
)

// TestFirstListing: the log says when a created backup was first listed, and warns of one that shrank.
func TestFirstListing(t *testing.T) {
	for name, c := range map[string]struct {
		size, before int64
		warns        bool
		change       func(b, old *Set)
	}{
		"half the size":            {500, 1000, false, nil},
		"less than half the size":  {499, 1000, true, nil},
		"size not given":           {0, 1000, false, nil},
		"no size before":           {1, 0, false, nil},
		"still running":            {1, 1000, false, func(b, _ *Set) { b.State = SetRunning }},
		"none before is complete":  {1, 1000, false, func(_, old *Set) { old.State = SetFailed }},
		"the one before is a copy": {1, 1000, false, func(_, old *Set) { old.Copy = true }},
	} {
		tell(t, name, func(s *stub) {
			old, older := listed("old", s.began.Add(-24*time.Hour), SetComplete), listed("older", s.began.Add(-48*time.Hour), SetComplete)
			old.Size, older.Size = c.before, 1
			b := listed("b", s.began, SetComplete)
			b.Size, b.Status = c.size, "Success"
			if c.change != nil {
				c.change(&b, &old)
			}
			s.list = func(Cluster) []Set {
				if time.Since(s.began) < 20*time.Second {
					return []Set{old, older}
				}
				return []Set{old, older, b}
			}
			s.runFor(time.Minute, ensuringOne(waiting))
			log := s.log.String()
			if strings.Count(log, `"backupId":"b","backupStartTime":"2000-01-01T00:00:00Z","backupStatus":"Success","listedAfter":2`) != 1 || strings.Count(log, "listedAfter") != 1 {
				s.t.Error(log)
			}
			const shrank = `"WARN","msg":"a backup has less than half the size of the one before it","DBClusterId":"amv-1","RegionId":"cn-a","backupId":"b","backupStartTime":"2000-01-01T00:00:00Z","backupStatus":"Success","backupSize":499,"previousBackupSize":1000`
			if strings.Contains(log, "previousBackupSize") != c.warns || strings.Contains(log, shrank) != c.warns {
				s.t.Error(log)
			}
		})
	}
}

// TestWarnings: what somebody should know is logged once.
func TestWarnings(t *testing.T) {
	unknown := func(s *stub, start time.Duration) []Set {
		b := listed("b", s.began.Add(start), SetUnknown)
		b.Status = "Frozen"
		return []Set{b}
	}
	const notKnown = "a backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED"
	for name, c := range map[string]struct {
		sets    func(s *stub) []Set
		warning string
	}{
		"a stuck one": {func(s *stub) []Set {
			return []Set{listed("stuck", s.began.Add(-25*time.Hour), SetRunning), listed("earlier", s.began.Add(-time.Hour), SetRunning)}
		}, "a backup has run for more than 24 h: it counts as stuck and is not waited for"},
		"one in the future":                     {func(s *stub) []Set { return []Set{listed("b", s.began.Add(8*time.Hour), SetRunning)} }, "a backup is listed with a start in the future, which is not believed"},
		"an earlier one with an unknown status": {func(s *stub) []Set { return unknown(s, -time.Hour) }, notKnown},
		"one that serves, too":                  {func(s *stub) []Set { return unknown(s, 0) }, notKnown},
		"one that runs without a start":         {func(s *stub) []Set { return []Set{{ID: "b", Full: true, State: SetRunning}} }, ""},
		"an incremental one in the future": {func(s *stub) []Set {
			b := listed("b", s.began.Add(8*time.Hour), SetComplete)
			b.Full = false
			return []Set{b, listed("a", s.began.Add(-time.Hour), SetRunning)}
		}, ""},
	} {
		tell(t, name, func(s *stub) {
			s.list = func(Cluster) []Set { return c.sets(s) }
			s.expect(s.runFor(5*time.Minute, ensuringOne(waiting)), "amv-1 cn-a BackupPending")
			warnings := strings.Count(s.log.String(), `"level":"WARN"`) - 1 // that the cluster failed
			if c.warning != "" {
				s.logged("WARN", c.warning)
				warnings--
			}
			if warnings != 0 {
				s.t.Error(s.log.String())
			}
		})
	}
}

// TestLogLines: what a person needs to find a backup and a call is in the lines.
func TestLogLines(t *testing.T) {
	tell(t, "", func(s *stub) {
		s.takes = 50 * time.Millisecond
		s.fails(KindThrottled, 1)
		s.run(ensuringOne(atOnce))
		for _, line := range []string{
			`"INFO","msg":"CreateBackup was throttled","DBClusterId":"amv-1","RegionId":"cn-a","attempt":1,"duration":0,"error":"CreateBackup was throttled: Code: words (request id X-1)","apiRequestId":"X-1"`,
			`"INFO","msg":"backup requested","DBClusterId":"amv-1","RegionId":"cn-a","attempt":2,"duration":0,"apiRequestId":"R-amv-1"`,
		} {
			if !strings.Contains(s.log.String(), line) {
				s.t.Errorf("%s is not in\n%s", line, s.log.String())
			}
		}
	})
}
