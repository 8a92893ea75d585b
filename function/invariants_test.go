package main

import (
	"reflect"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// check compares what was claimed in a history with what was true.
func (h *history) check() {
	creations := h.creations()
	for _, a := range h.attempts {
		if a.killed {
			continue
		}
		if a.late >= 0 {
			h.t.Errorf("%s answered %v after its deadline", a.label(), a.late)
		}
		h.checkCalls(a)
		h.checkProgress(a)
		if a.errorType == "" && !reflect.DeepEqual(a.Backups, a.report.entries) {
			h.t.Errorf("%s: the answer and the report differ:\n%+v\n%+v", a.label(), a.Backups, a.report.entries)
		}
		h.checkType(a)
		h.checkTargets(a)
		for _, e := range a.report.entries {
			c := claim{h, a, e, place{e.DBClusterId, e.RegionId}, a.meaning(), nil}
			for _, made := range creations {
				if made.by == a && placeOf(made.Backup) == c.place {
					c.mine = append(c.mine, made)
				}
			}
			c.check(creations)
		}
	}
	h.checkCreations()
}

// checkCalls: a wrong event calls nothing, a Verify creates nothing.
func (h *history) checkCalls(a *attempt) {
	for _, c := range h.calls {
		if c.KeyID == a.key && (a.trigger == wrong || a.verify && c.Action == "CreateBackup") {
			h.t.Errorf("%s called %s", a.label(), c.Action)
			return
		}
	}
}

// checkProgress: where nothing stands in the way, an hour is enough for three backups, and nobody waits for a backup that
// vanished, that is stuck, or that serves.
func (h *history) checkProgress(a *attempt) {
	if a.verify {
		return
	}
	for _, e := range a.report.entries {
		if e.ErrorType == "" {
			continue
		}
		p := place{e.DBClusterId, e.RegionId}
		if h.easy(a, p) && a.took > 59*time.Minute {
			h.t.Errorf("%s came to nothing in %v: %s", a.label(), a.took, e.Error)
		}
		if v, ok := h.vanished[e.BackupId]; ok && e.Status == backup.StatusRunning && a.answered.Sub(v.at) > h.cloud.settle+3*time.Minute+h.gap() {
			h.t.Errorf("%s still waited for %s: %s", a.label(), e.BackupId, e.Error)
		}
		for _, b := range h.backups() {
			if placeOf(b) == p && strings.HasPrefix(e.Error, "an earlier backup "+b.ID+" ") && (h.stuck(b, a.at) || h.recognised(b, a.meaning(), a.at)) {
				h.t.Errorf("%s waited for %s to end: %s", a.label(), b.ID, e.Error)
			}
		}
	}
}

// easy reports whether nothing stood in the way of an attempt: no faults, no changes, and at most three backups that ran, of
// twelve minutes at most.
func (h *history) easy(a *attempt, p place) bool {
	c := h.cloud
	if c.faulty > 0 || !c.outage.until.IsZero() || c.Busy != nil || len(c.changing) > 0 || c.Takes > 12*time.Minute || !c.wordsKnown() {
		return false
	}
	ran := 0
	for _, b := range h.backups() {
		_, vanished := h.vanished[b.ID] // perhaps before anybody saw it: then it is waited for
		switch {
		case placeOf(b) != p:
		case vanished || b.End.IsZero() && (c.Overlap != nil || !h.stuck(b, a.at.Add(10*time.Minute))):
			return false
		case b.End.After(a.at.Add(-time.Minute)):
			ran++
		}
	}
	return ran <= 3
}

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

// checkMemory: an answer without a look speaks of a backup that the process requested not longer ago than the settle time.
func (c *claim) checkMemory(creations []creation) {
	if c.denied() || !c.lastLook(c.place, c.a.answered, func(key string) bool { return key == c.a.key }).IsZero() {
		return
	}
	for _, made := range creations {
		if made.by.process == c.a.process && placeOf(made.Backup) == c.place && made.answered && c.a.at.Before(made.called.Add(c.cloud.settle+call)) {
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
	if looked.IsZero() { // it speaks of what its process knows
		looked = c.lastLook(c.place, c.a.answered, func(key string) bool { return c.processOf(key) == c.a.process })
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
		if c.ErrorType == backup.ErrorBackupFailed && (state != fakeadb.Failed || c.failed(b, before) && c.listedFrom(b).Before(before)) {
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
	if c.recognised(b, c.meaning, c.a.answered) {
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
