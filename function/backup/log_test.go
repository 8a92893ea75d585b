package backup

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestFirstListing: the log says when a backup was first listed, and warns of one that shrank.
func TestFirstListing(t *testing.T) {
	story := func(name string, size, before int64, warns bool, change ...func(b, old, older *Set)) {
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
				if time.Since(s.began) > 40*time.Second { // it has grown, and is complete
					b.Size = max(size, before)
				} else if len(change) > 0 {
					change[0](&b, &old, &older)
				}
				return []Set{old, older, b}
			}
			s.expect(s.run(ensuringOne(waiting)), "amv-1 cn-a Completed")
			if log := s.log.String(); strings.Count(log, `"listedAfter":2`) != 1 {
				s.t.Error(log)
			}
			const shrank = `"WARN","msg":"a backup has less than half the size of the one before it","DBClusterId":"amv-1","RegionId":"cn-a","backupId":"b"`
			if log := s.log.String(); strings.Contains(log, "previousBackupSize") != warns || strings.Contains(log, shrank) != warns {
				s.t.Error(log)
			}
			s.logged("INFO", "backup requested")
		})
	}
	story("half the size", 500, 1000, false)
	story("less than half the size", 499, 1000, true)
	story("size not given", 0, 1000, false)
	story("no size before", 1, 0, false)
	story("still running", 1, 1000, false, func(b, _, _ *Set) { b.State = SetRunning })
	story("none before is complete", 1, 1000, false, func(_, old, older *Set) { old.State, older.State = SetFailed, SetFailed })
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
	tell(t, "what cannot be read", func(s *stub) {
		s.list, s.unreadable = func(Cluster) []Set { return nil }, "a row of stars"
		verify := ensuringOne(ago(time.Hour))
		verify.Action = ActionVerify
		s.expect(s.run(verify), "amv-1 cn-a BackupMissing", "shows no completed one at all; the list holds something that cannot be read: a row of stars")
		s.logged("WARN", "the list of backups holds something that cannot be read")
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

// frozen lists one set, whose status is not known.
func frozen(start time.Time) func(Cluster) []Set {
	set := listed("b", start, SetUnknown)
	set.Status = "Frozen"
	return func(Cluster) []Set { return []Set{set} }
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
		s.list = frozen(s.began.Add(-time.Hour))
		s.runFor(5*time.Minute, ensuringOne())
		s.logged("WARN", "a backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED")
	})
	tell(t, "a Verify that finds one whose status is not known", func(s *stub) {
		s.list = frozen(s.began.Add(-time.Minute))
		verify := ensuringOne(ago(time.Hour))
		verify.Action = ActionVerify
		s.expect(s.run(verify), "amv-1 cn-a BackupMissing", "no completed backup that started at or after 1999-12-31T23:00:00Z; the list, read back to 1999-11-30, shows no completed one at all; "+
			`backup b (started 1999-12-31T23:59:00Z; its status "Frozen" is not known: see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED) is not complete`)
		s.logged("WARN", "a backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED")
	})
	tell(t, "an incremental one in the future is none", func(s *stub) {
		s.list = func(Cluster) []Set {
			b := listed("b", s.began.Add(8*time.Hour), SetComplete)
			b.Full = false
			return []Set{b, listed("a", s.began, SetComplete)}
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Completed")
		if strings.Contains(s.log.String(), "WARN") {
			s.t.Error(s.log.String())
		}
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
	tell(t, "a complete one before DDL is allowed", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began, SetComplete)} }
		s.expect(s.runFor(5*time.Minute, ensuringOne(func(r *Request) { r.WaitFor = WaitDDLAllowed })), "amv-1 cn-a BackupPending",
			"backup b (started 2000-01-01T00:00:00Z) is complete, but DDL was not allowed before the deadline; invoking again continues")
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
		has(s, `"msg":"look failed","DBClusterId":"amv-1","RegionId":"cn-a","error":"DescribeBackups was not answered (request id R-9)","apiRequestId":"R-9","attempt":3`)
		has(s, `"apiRequestId":"R-9"}`)
	})
	tell(t, "an earlier backup that is not listed yet", func(s *stub) {
		s.run(ensuringOne())
		time.Sleep(time.Second)
		s.expect(s.runFor(30*time.Second, ensuringOne()), "amv-1 cn-a BackupPending",
			"an earlier backup, which this process requested, had not ended before the deadline; invoking again continues")
		s.logged("INFO", "an earlier backup is running; another is created after it")
	})
	tell(t, "who waited behind a throttled call", func(s *stub) {
		s.create = func(c Cluster, _ int) error {
			if c.ID == "amv-1" {
				return &CallError{Action: "CreateBackup", Kind: KindThrottled, Status: 400, RequestID: "R-7"}
			}
			return context.DeadlineExceeded // its turn did not come
		}
		s.runFor(time.Minute, ensuringOne(atOnce))
		s.log.Reset()
		s.expect(s.runFor(time.Minute, ensuringOne(atOnce, func(r *Request) { r.Cluster.ID = "amv-2" })), "amv-2 cn-a Throttled",
			"invoking again continues; it waited behind another call to the region: CreateBackup was throttled (HTTP 400, request id R-7)")
		if strings.Contains(s.log.String(), "apiRequestId") {
			s.t.Error(s.log.String())
		}
	})
	tell(t, "an error that was overcome is not named at the deadline", func(s *stub) {
		s.look = &CallError{Action: "DescribeBackups", Kind: KindUnanswered}
		time.AfterFunc(time.Minute, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(time.Minute), SetRunning)} }
		})
		o := s.runFor(10*time.Minute, ensuringOne(waiting)).Outcomes[0]
		if want := "backup b (started 2000-01-01T00:01:00Z) was not complete before the deadline; invoking again continues"; o.Failure == nil || o.Failure.Message != want {
			s.t.Errorf("%+v", o.Failure)
		}
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
