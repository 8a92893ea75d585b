package main

import (
	"slices"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// claim is what a report says of one cluster.
type claim struct {
	*history
	a *attempt
	entry
	place
	meaning
	mine   []creation // what the attempt created there
	ours   []creation // what its process created there
	looked time.Time  // when it looked last; zero: never
	lost   bool       // a CreateBackup of the attempt went without a true answer
}

// call is how long a call takes at most.
const call = 11 * time.Second

func (h *history) claim(a *attempt, e entry, creations []creation) *claim {
	c := &claim{history: h, a: a, entry: e, place: place{e.DBClusterId, e.RegionId}, meaning: a.meaning()}
	for _, made := range creations {
		if placeOf(made.Backup) == c.place && made.by.process == a.process {
			c.ours = append(c.ours, made)
			if made.by == a {
				c.mine = append(c.mine, made)
			}
		}
	}
	c.looked = h.lastLook(c.place, a.answered, func(key string) bool { return key == a.key })
	_, c.lost = h.lost(a, c.place)
	return c
}

func (c *claim) wrong(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf(c.a.label()+" "+c.id+": "+format, args...)
}

func (c *claim) check() {
	c.checkCreated()
	all := c.backups()
	i := slices.IndexFunc(all, func(b fakeadb.Backup) bool { return b.ID == c.BackupId && placeOf(b) == c.place })
	switch {
	case i >= 0:
		c.checkSet(all[i])
	case c.BackupId != "":
		c.wrong("there is no backup %s", c.BackupId)
		return
	}
	if c.ErrorType != "" {
		c.checkFailure()
		return
	}
	switch {
	case i >= 0:
		c.checkReached(all[i])
		c.checkStart(all[i])
	case c.Status != backup.StatusRequested || c.a.waitFor != backup.WaitRequested || c.a.verify:
		c.wrong("%s without a backup id", c.Status)
	case !slices.ContainsFunc(c.ours, func(made creation) bool {
		return made.answered && !made.called.After(c.a.answered) && !made.called.Before(c.earliest())
	}):
		c.wrong("%s, but nothing was", c.Status)
	}
	// An answer without a look speaks of what its process requested not longer ago than the settle time.
	if !c.denied() && c.looked.IsZero() && !slices.ContainsFunc(c.ours, func(made creation) bool {
		return made.answered && c.a.at.Before(made.called.Add(c.cloud.settle+call))
	}) {
		c.wrong("%s without a look", c.Status)
	}
}

// checkCreated: Created and RequestId speak of a CreateBackup of this very attempt. Where an answer was lost, a new backup
// of somebody else cannot be told from its own; but then no request id is claimed.
func (c *claim) checkCreated() {
	last := ""
	for _, made := range c.mine {
		if made.answered {
			last = made.RequestID
		}
	}
	switch {
	case c.RequestId != "" && !c.Created && c.ErrorType == "":
		c.wrong("a request id, but not created")
	case c.RequestId != "" && c.RequestId != last:
		c.wrong("the request id %s is not that of its last answered CreateBackup", c.RequestId)
	case c.Created && len(c.mine) == 0 && !c.lost:
		c.wrong("Created, but nothing was created")
	case c.ErrorType == "" && c.BackupId != "" && !c.lost && c.Created != c.isMine():
		c.wrong("Created is %v for %s", c.Created, c.BackupId)
	}
}

// isMine reports whether the named backup is one that the attempt created, or, if it says so, may be as far as the list tells: a
// backup that seems as new, or one whose answer the process lost before.
func (c *claim) isMine() bool {
	return slices.ContainsFunc(c.mine, func(made creation) bool { return made.ID == c.BackupId }) || c.Created && (slices.ContainsFunc(c.backups(), func(b fakeadb.Backup) bool {
		return b.ID == c.BackupId && slices.ContainsFunc(c.mine, func(made creation) bool { return c.confusable(made, b) })
	}) || slices.ContainsFunc(c.ours, func(made creation) bool { return made.ID == c.BackupId && !made.answered }))
}

// checkSet: what is said of the backup is what the list says of it, and its state is true.
func (c *claim) checkSet(b fakeadb.Backup) {
	if from, _ := c.span(b); c.BackupStartTime == nil || !c.BackupStartTime.Equal(from) {
		c.wrong("start %v, not %v", c.BackupStartTime, from)
	}
	switch state := b.State(c.a.answered.Add(c.cloud.Skew)); c.Status {
	case backup.StatusCompleted:
		if state != fakeadb.Completed || c.gone(b, c.looked) || !c.cloud.wordsKnown() {
			c.wrong("backup %s is said to be complete, but is in state %d, and gone: %v", b.ID, state, c.gone(b, c.looked))
		}
		if end := b.End.Add(c.cloud.FalseZone).Truncate(c.precision()); c.BackupSize != b.Size || c.BackupEndTime == nil || !c.BackupEndTime.Equal(end) {
			c.wrong("size %d, end %v, not %d, %v", c.BackupSize, c.BackupEndTime, b.Size, end)
		}
	case backup.StatusFailed:
		before := c.a.at.Add(-c.cloud.settle - call) // what failed by then is no reason to fail: another is created
		if c.ErrorType == backup.ErrorBackupFailed && (state != fakeadb.Failed || c.failed(b, before) && c.listedFrom(b).Before(before)) {
			c.wrong("backup %s is said to have failed", b.ID)
		}
	case backup.StatusRequested:
		c.wrong("Requested, but it is listed as %s", b.ID)
	}
}

// checkReached: a success is as far as the request asks.
func (c *claim) checkReached(b fakeadb.Backup) {
	switch {
	case c.Status != backup.StatusCompleted && c.Status != backup.StatusRunning:
		c.wrong("a success with %s", c.Status)
	case (c.a.verify || c.a.waitFor >= backup.WaitCompleted) && c.Status != backup.StatusCompleted:
		c.wrong("not waited for: %s", c.Status)
	case !c.a.verify && c.a.waitFor == backup.WaitDDLAllowed && c.a.answered.Before(b.Start.Add(-c.cloud.Skew.Abs()).Add(10*time.Minute)):
		c.wrong("DDL is not allowed yet")
	}
}

// checkStart: a backup that serves started no earlier than the request says, as far as clocks and lists tell. What this process
// made serves, whatever its listed start is; so does what cannot be told from it.
func (c *claim) checkStart(b fakeadb.Backup) {
	m := c.meaning
	if c.a.verify {
		m.known = false
	}
	switch {
	case c.recognised(b, m, c.a.answered), !c.a.verify && !b.Start.Add(-c.cloud.Skew).Before(c.earliest()):
	case c.a.verify:
		c.wrong("%s does not serve a Verify", b.ID)
	case slices.ContainsFunc(c.ours, func(made creation) bool {
		return !made.called.Before(c.earliest()) && (made.ID == b.ID || c.confusable(made, b))
	}), c.mayBeLost(b):
	default:
		c.wrong("%s started too early", b.ID)
	}
}

// mayBeLost reports whether b may be what a CreateBackup of the process made whose answer was lost: after a look a new set may
// seem to be up to a minute older, since the clocks may differ; without one it may not.
func (c *claim) mayBeLost(b fakeadb.Backup) bool {
	_, until := c.span(b)
	return slices.ContainsFunc(c.attempts, func(a *attempt) bool {
		at, lost := c.history.lost(a, c.place)
		if !lost || a.process != c.a.process {
			return false
		}
		looked := !c.lastLook(c.place, at, func(key string) bool { return key == a.key }).IsZero()
		return looked && !until.Before(at.Add(-time.Minute)) || until.After(at)
	})
}

// checkFailure: each error type fits what happened.
func (c *claim) checkFailure() {
	lost := slices.ContainsFunc(c.attempts, func(a *attempt) bool { // this one, or one that its process lost before
		_, lost := c.history.lost(a, c.place)
		return lost && a.process == c.a.process
	})
	fits := map[backup.ErrorType]bool{
		backup.ErrorBackupPending:    true,
		backup.ErrorThrottled:        c.cloud.Rate > 0 || c.cloud.faulty > 0,
		backup.ErrorOutcomeUnknown:   lost,
		backup.ErrorBackupFailed:     c.cloud.Ends == fakeadb.Failed,
		backup.ErrorBackupMissing:    c.a.verify && c.missing(),
		backup.ErrorPermissionDenied: c.denied(),
	}
	if !fits[c.ErrorType] {
		c.wrong("%s: %s", c.ErrorType, c.Error)
	}
}

// missing reports whether the last look showed no completed backup that serves.
func (c *claim) missing() bool {
	m := c.meaning
	m.known = false
	return !c.cloud.wordsKnown() || !slices.ContainsFunc(c.backups(), func(b fakeadb.Backup) bool {
		return placeOf(b) == c.place && c.listedBy(b, c.looked) && !c.gone(b, c.a.answered) && c.recognised(b, m, c.looked) &&
			b.State(c.looked.Add(c.cloud.Skew)) == fakeadb.Completed
	})
}
