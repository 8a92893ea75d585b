package main

import (
	"slices"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// claim is what an answer or a report says of one cluster.
type claim struct {
	*history
	a *attempt
	entry
	place
	meaning
	mine []creation // what the attempt created
}

func (c *claim) wrong(format string, args ...any) {
	c.t.Helper()
	c.t.Errorf(c.a.label()+" "+c.id+": "+format, args...)
}

// backup returns the one that the claim names.
func (c *claim) backup() (fakeadb.Backup, bool) {
	for _, b := range c.backups() {
		if b.ID == c.BackupId && placeOf(b) == c.place {
			return b, true
		}
	}
	return fakeadb.Backup{}, false
}

func (c *claim) check(creations []creation) {
	c.checkCreated(creations)
	b, ok := c.backup()
	if c.BackupId != "" {
		if !ok || !full(b) {
			c.wrong("there is no full backup %s", c.BackupId)
			return
		}
		c.checkSet(b)
	}
	switch {
	case c.ErrorType != "":
		c.checkFailure()
	case ok:
		c.checkReached(b)
		c.checkStart(b, creations)
		c.checkMemory(creations)
	case c.Status != backup.StatusRequested || c.a.waitFor != backup.WaitRequested || c.a.verify:
		c.wrong("%s without a backup id", c.Status)
	case !c.requested(creations):
		c.wrong("%s, but nothing was", c.Status)
	default:
		c.checkMemory(creations)
	}
}

// checkMemory: an answer without a look speaks of a backup that the process requested not longer ago than the settle time. Until
// DDL is allowed there is time for a look.
func (c *claim) checkMemory(creations []creation) {
	if c.denied() || !c.lastLook(c.place, c.a.answered, func(key string) bool { return key == c.a.key }).IsZero() {
		return
	}
	for _, made := range creations {
		if made.by.process == c.a.process && placeOf(made.Backup) == c.place && made.answered && c.a.waitFor != backup.WaitDDLAllowed && c.a.at.Before(made.called.Add(c.cloud.settle+call)) {
			return
		}
	}
	c.wrong("%s without a look", c.Status)
}

// requested reports whether this attempt's process created a backup that serves and read the answer.
func (c *claim) requested(creations []creation) bool {
	for _, made := range creations {
		if made.by.process == c.a.process && placeOf(made.Backup) == c.place && made.answered &&
			!made.called.After(c.a.answered) && !made.called.Before(c.earliest()) {
			return true
		}
	}
	return false
}

// checkCreated: Created and RequestId speak of a CreateBackup of this very attempt. Where an answer was lost, a new backup
// of somebody else cannot be told from its own; but then no request id is claimed.
func (c *claim) checkCreated(creations []creation) {
	_, lost := c.lost(c.a, c.place)
	switch {
	case c.RequestId != "" && !(c.Created || c.ErrorType != ""):
		c.wrong("a request id, but not created")
	case c.RequestId != "" && !c.answeredBy(c.RequestId):
		c.wrong("the request id %s is not that of its last answered CreateBackup", c.RequestId)
	case c.Created && len(c.mine) == 0 && !lost:
		c.wrong("Created, but nothing was created")
	case c.ErrorType != "" || c.BackupId == "" || lost:
	case c.Created != c.isMine(creations) && !c.mistakenForVanished():
		c.wrong("Created is %v for %s", c.Created, c.BackupId)
	}
}

// answeredBy reports whether the id is that of the attempt's last CreateBackup with a true answer.
func (c *claim) answeredBy(id string) bool {
	last := ""
	for _, made := range c.mine {
		if made.answered {
			last = made.RequestID
		}
	}
	return last == id
}

// isMine reports whether the named backup is one that the attempt created, or may be as far as the list tells: a backup that
// seems as new, or one whose answer the process lost before.
func (c *claim) isMine(creations []creation) bool {
	b, _ := c.backup()
	for _, made := range c.mine {
		if made.ID == b.ID || c.Created && c.confusable(made, b) {
			return true
		}
	}
	return c.Created && slices.ContainsFunc(creations, func(made creation) bool {
		return made.ID == b.ID && made.by.process == c.a.process && !made.answered
	})
}

// mistakenForVanished reports whether a backup vanished that the process may have taken for its own.
func (c *claim) mistakenForVanished() bool {
	for _, v := range c.vanished {
		for _, made := range c.mine {
			if placeOf(v.Backup) == c.place && c.confusable(made, v.Backup) {
				return true
			}
		}
	}
	return false
}

// checkSet: what is said of the backup is what the list says of it, and its state is true.
func (c *claim) checkSet(b fakeadb.Backup) {
	if from, _ := c.span(b); c.BackupStartTime == nil || !c.BackupStartTime.Equal(from) {
		c.wrong("start %v, not %v", c.BackupStartTime, from)
	}
	state := b.State(c.a.answered.Add(c.cloud.Skew))
	looked := c.lastLook(c.place, c.a.answered, func(key string) bool { return key == c.a.key })
	if looked.IsZero() { // it speaks of what its process knew when it began
		looked = c.lastLook(c.place, c.a.at, func(key string) bool { return c.processOf(key) == c.a.process })
	}
	switch c.Status {
	case backup.StatusCompleted:
		if state != fakeadb.Completed || c.gone(b, looked) || !c.cloud.wordsKnown() {
			c.wrong("backup %s is said to be complete, but is in state %d, and gone: %v", b.ID, state, c.gone(b, looked))
		}
		if end := b.End.Add(c.cloud.FalseZone).Truncate(c.precision()); c.BackupSize != b.Size || c.BackupEndTime == nil || !c.BackupEndTime.Equal(end) {
			c.wrong("size %d, end %v, not %d, %v", c.BackupSize, c.BackupEndTime, b.Size, end)
		}
	case backup.StatusFailed:
		// The process may only just have created it. Otherwise the attempt would have created another.
		before := c.a.at.Add(-c.cloud.settle - call)
		// In pages of one entry a set may slip unseen while others come, and then look new: a list is read three times at most.
		if c.ErrorType == backup.ErrorBackupFailed && c.cloud.PageCap != 1 && (state != fakeadb.Failed || c.failed(b, before) && c.listedFrom(b).Before(before)) {
			c.wrong("backup %s is said to have failed", b.ID)
		}
	case backup.StatusRequested:
		c.wrong("Requested, but it is listed as %s", b.ID)
	}
}

// call is how long a call takes at most.
const call = 11 * time.Second

func (h *history) processOf(key string) int {
	for _, a := range h.attempts {
		if a.key == key {
			return a.process
		}
	}
	return -1
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

// checkStart: a backup that serves started no earlier than the request says, as far as clocks and lists tell.
func (c *claim) checkStart(b fakeadb.Backup, creations []creation) {
	if c.a.verify {
		m := c.meaning
		m.known = false
		if !c.recognised(b, m, c.a.answered) {
			c.wrong("%s does not serve a Verify", b.ID)
		}
		return
	}
	if c.recognised(b, c.meaning, c.a.answered) || !b.Start.Add(-c.cloud.Skew).Before(c.earliest()) { // it is true, whatever the list says
		return
	}
	for _, made := range creations {
		if made.by.process != c.a.process || placeOf(made.Backup) != c.place || made.called.Before(c.earliest()) {
			continue
		}
		// What this process made serves, whatever its listed start is; so does what cannot be told from it.
		if made.ID == b.ID || c.confusable(made, b) {
			return
		}
	}
	if c.mayBeLost(b) {
		return
	}
	c.wrong("%s started too early", b.ID)
}

// mayBeLost reports whether b may be what a CreateBackup of the process made whose answer was lost: after a look a new set may
// seem to be up to a quarter of an hour older, since the clocks may differ by so much; without one it may not.
func (c *claim) mayBeLost(b fakeadb.Backup) bool {
	_, until := c.span(b)
	for _, a := range c.attempts {
		at, lost := c.lost(a, c.place)
		if !lost || a.process != c.a.process {
			continue
		}
		looked := !c.lastLook(c.place, at, func(key string) bool { return key == a.key }).IsZero()
		if looked && !b.Start.Before(at.Add(-15*time.Minute)) || until.After(at) {
			return true
		}
	}
	return false
}

// checkFailure: each error type fits what happened.
func (c *claim) checkFailure() {
	_, lost := c.lost(c.a, c.place)
	for _, other := range c.attempts { // one that this process lost before
		_, too := c.lost(other, c.place)
		lost = lost || too && other.process == c.a.process
	}
	fits := map[backup.ErrorType]bool{
		backup.ErrorBackupPending:    true,
		backup.ErrorThrottled:        c.cloud.Rate > 0 || c.cloud.faulty > 0 || c.cloud.outage.throttled,
		backup.ErrorOutcomeUnknown:   lost,
		backup.ErrorBackupFailed:     c.cloud.Ends == fakeadb.Fails,
		backup.ErrorBackupMissing:    c.a.verify && c.missing(),
		backup.ErrorPermissionDenied: c.denied(),
	}
	if !fits[c.ErrorType] {
		c.wrong("%s: %s", c.ErrorType, c.Error)
	}
}

// missing reports whether the last look showed no completed backup that serves.
func (c *claim) missing() bool {
	if !c.cloud.wordsKnown() {
		return true
	}
	looked := c.lastLook(c.place, c.a.answered, func(key string) bool { return key == c.a.key })
	m := c.meaning
	m.known = false
	for _, b := range c.backups() {
		from := c.listedFrom(b)
		if placeOf(b) == c.place && !from.IsZero() && !from.After(looked) && !c.gone(b, c.a.answered) && c.recognised(b, m, looked) &&
			b.State(looked.Add(c.cloud.Skew)) == fakeadb.Completed {
			return false
		}
	}
	return true
}
