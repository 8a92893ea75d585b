package main

import (
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// check holds what was claimed in a history against what was true in the service.
func (h *history) check() {
	byRequest := map[string]fakeadb.Backup{}
	byID := map[string]fakeadb.Backup{}
	for _, b := range h.service.Backups(cluster) {
		byID[b.ID] = b
		if b.RequestID != "" {
			byRequest[b.RequestID] = b
		}
	}
	caused := map[int][]creation{} // by event
	for _, d := range h.deliveries {
		if d.killed {
			h.collect(caused, d, byRequest)
			continue // its answer reached nobody
		}
		if d.late > 0 {
			h.t.Errorf("%s answered %v after its deadline", d.key, d.late)
		}
		mine := h.collect(caused, d, byRequest)
		if d.errorType == "" {
			h.checkSuccess(d, byID, mine)
		} else {
			h.checkFailure(d, mine)
		}
	}
	for n, made := range caused {
		for i := 1; i < len(made); i++ {
			if excuse := h.excuse(made[i-1], made[i]); excuse == "" {
				h.t.Errorf("event %d caused two backups, %s and %s", n, made[i-1].ID, made[i].ID)
			}
		}
	}
}

// creation is a backup that a delivery caused.
type creation struct {
	fakeadb.Backup
	by     *sent
	called time.Time
}

// collect adds the backups that a delivery caused, in the order of their calls.
func (h *history) collect(caused map[int][]creation, d *sent, byRequest map[string]fakeadb.Backup) (mine []creation) {
	for _, c := range h.calls {
		if c.KeyID == d.key && c.Effect {
			mine = append(mine, creation{byRequest[c.RequestID], d, c.Time})
		}
	}
	all := append(caused[d.n], mine...)
	for i := range all { // by time, few of them
		for j := i; j > 0 && all[j].called.Before(all[j-1].called); j-- {
			all[j], all[j-1] = all[j-1], all[j]
		}
	}
	caused[d.n] = all
	return mine
}

// excuse says why a second backup of the same event was right, or could not be helped; empty: it was neither.
func (h *history) excuse(first, second creation) string {
	lastLook := time.Time{} // the last successful one of the second's delivery, before it
	for _, c := range h.calls {
		if c.KeyID == second.by.key && c.Action == "DescribeBackups" && c.Code == "" && c.Time.Before(second.called) {
			lastLook = c.Time
		}
	}
	o := h.service.Options()
	precision := map[fakeadb.Precision]time.Duration{fakeadb.Minutes: time.Minute, fakeadb.Seconds: time.Second}[o.Precision]
	shown := lastLook.Add(o.Latency) // at the latest
	listed, ended := first.Listed.Add(-o.Skew), first.End.Add(-o.Skew)
	switch {
	case first.Ends == fakeadb.Fails && !first.End.IsZero() && ended.Before(second.called):
		return "the first one had failed"
	case first.by.direct && second.by.direct && first.by.process != second.by.process && lastLook.IsZero():
		return "a direct request's first attempt looks at nothing"
	case first.by.process != second.by.process && !listed.Before(lastLook.Add(-time.Minute)) && listed.After(lastLook):
		return "another process could not see it"
	case first.by.process != second.by.process && !listed.Before(shown):
		return "another process could not see it"
	case listed.Sub(first.called) > h.settle && !listed.Before(lastLook):
		return "it was listed after the settle time"
	case first.by.process != second.by.process && second.by.retry == 0 && second.by.delivered.Sub(second.by.at) <= time.Minute &&
		first.Start.Truncate(precision).Before(second.by.notBefore):
		return "a fresh delivery must not take a start that may lie before the event"
	case first.by.direct && !first.Start.Truncate(precision).Add(precision).After(first.called):
		return "without a look before it, one listed as started before the call is another's"
	case first.by.process != second.by.process && first.Start.Truncate(precision).Before(second.by.notBefore.Add(-time.Minute)):
		return "a start listed as more than a minute before the event serves not even a redelivery"
	}
	return ""
}

// checkSuccess holds an answer against the service at the moment of the answer.
func (h *history) checkSuccess(d *sent, byID map[string]fakeadb.Backup, mine []creation) {
	if len(d.Backups) != 1 {
		h.t.Errorf("%s: %d backups in the answer", d.key, len(d.Backups))
		return
	}
	claim, o := d.Backups[0], h.service.Options()
	earliest, answered := d.notBefore.Add(-o.Skew.Abs()), d.answered.Add(o.Skew) // the latter by the service's clock
	if d.retry > 0 || !d.direct && d.delivered.Sub(d.at) > time.Minute {
		earliest = earliest.Add(-time.Minute)
	}
	if (d.retry > 0 || !d.direct && d.delivered.Sub(d.at) > time.Minute) && o.Precision == fakeadb.Minutes {
		earliest = earliest.Truncate(time.Minute) // some moment of the listed minute is enough
	}
	if d.direct {
		earliest = earliest.Truncate(time.Second) // a retry knows the first attempt to the second
	}
	if d.direct && d.retry == 0 && d.waitFor == backup.WaitRequested && h.lost(d) && o.Precision == fakeadb.Minutes {
		// No look before, and a start cut to the minute: one that may have started after the call is taken for new.
		earliest = earliest.Truncate(time.Minute)
	}
	if o.ListedAfter > 0 {
		// A backup that another delivery requested less than a minute before, and that was listed only after our own look,
		// is new to us: clocks may differ by as much. A list that lags by more than the settle time, and is cut to minutes,
		// makes that another one.
		earliest = earliest.Add(-time.Minute)
		if o.ListedAfter > h.settle && o.Precision == fakeadb.Minutes {
			earliest = earliest.Add(-time.Minute)
		}
	}
	serving := func(b fakeadb.Backup) bool {
		return b.Type != "IncrementalBackup" && b.Parent == "" && !b.Start.Before(earliest) && !b.Start.After(answered.Add(time.Hour))
	}
	found := false
	for _, b := range byID {
		found = found || serving(b)
	}
	if !found {
		h.t.Errorf("%s: success, but no backup serves", d.key)
	}
	// A lost answer leaves it open whether the new backup is this delivery's or that of another at the same time: the
	// contract calls it created, but then no request id is claimed.
	createdIt := false
	for _, m := range mine {
		// Of two that started at the same time, as far as the list tells, the service does not say which is whose.
		apart := byID[claim.BackupId].Start.Sub(m.Start).Abs()
		createdIt = createdIt || claim.BackupId == "" || claim.BackupId == m.ID || claim.Created && apart <= time.Minute+h.settle
	}
	if claim.Created != createdIt && !(claim.Created && claim.RequestId == "" && h.lost(d)) {
		h.t.Errorf("%s: Created is %v, but it caused %d backups", d.key, claim.Created, len(mine))
	}
	if claim.RequestId != "" && (len(mine) == 0 || mine[len(mine)-1].RequestID != claim.RequestId) {
		h.t.Errorf("%s: RequestId %s is none of its own", d.key, claim.RequestId)
	}
	if claim.BackupId == "" {
		if claim.Status != backup.StatusRequested || d.waitFor != backup.WaitRequested {
			h.t.Errorf("%s: %s without a backup id", d.key, claim.Status)
		}
		return
	}
	b, ok := byID[claim.BackupId]
	switch state := b.State(answered); {
	case !ok || !serving(b):
		h.t.Errorf("%s: backup %s does not serve", d.key, claim.BackupId)
	case claim.Status == backup.StatusCompleted && state != fakeadb.Completed:
		h.t.Errorf("%s: backup %s is said to be complete, but is %d", d.key, b.ID, state)
	case (d.waitFor >= backup.WaitCompleted || d.verify) && claim.Status != backup.StatusCompleted:
		h.t.Errorf("%s: not waited for: %s", d.key, claim.Status)
	case d.waitFor == backup.WaitDDLAllowed && !d.verify && answered.Add(o.Skew.Abs()).Before(b.Start.Add(10*time.Minute)):
		h.t.Errorf("%s: DDL is not allowed yet", d.key)
	case claim.Status == backup.StatusCompleted && claim.BackupSize != b.Size:
		h.t.Errorf("%s: size %d, not %d", d.key, claim.BackupSize, b.Size)
	}
}

// lost says whether a CreateBackup of a delivery went without a readable answer.
func (h *history) lost(d *sent) bool {
	for _, c := range h.calls {
		if c.KeyID == d.key && c.Action == "CreateBackup" && c.Code != "" {
			return true
		}
	}
	return false
}

// checkFailure holds an error against what its delivery did.
func (h *history) checkFailure(d *sent, mine []creation) {
	switch backup.ErrorType(d.errorType) {
	case backup.ErrorBackupPending, backup.ErrorThrottled, backup.ErrorOutcomeUnknown:
	case backup.ErrorBackupFailed:
		if h.service.Options().Ends != fakeadb.Fails {
			h.t.Errorf("%s: %s, but none failed", d.key, d.errorType)
		}
	case backup.ErrorBackupMissing:
		if !d.verify {
			h.t.Errorf("%s: %s", d.key, d.errorType)
		}
	default:
		h.t.Errorf("%s: %s: %s", d.key, d.errorType, d.errorMessage)
	}
	if d.verify && len(mine) > 0 {
		h.t.Errorf("%s: a Verify created %d backups", d.key, len(mine))
	}
}
