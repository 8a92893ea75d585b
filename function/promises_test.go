package main

import (
	"maps"
	"slices"
	"strings"
	"time"

	"adb-backup/function/local/fakeadb"
)

// check compares what was claimed in a history with what was true.
func (h *history) check() {
	creations := h.creations()
	for _, a := range h.attempts {
		if a.killed {
			continue
		}
		if a.late >= 0 || a.atMost > 0 && a.took > a.atMost {
			h.t.Errorf("%s answered after %v, too late", a.label(), a.took)
		}
		about := map[place]bool{}
		for _, e := range a.entries {
			p := place{e.DBClusterId, e.RegionId}
			about[p] = true
			h.checkProgress(a, e, p)
			h.claim(a, e, creations).check()
		}
		asked := map[place]bool{}
		for _, p := range a.places {
			asked[p] = true
		}
		if !maps.Equal(about, asked) {
			h.t.Errorf("%s is about %v, not %v", a.label(), about, asked)
		}
	}
	h.checkCreations()
}

// checkProgress: where nothing stands in the way, an hour is enough for three backups, and nobody waits for a backup that is
// stuck, or that serves, to end.
func (h *history) checkProgress(a *attempt, e entry, p place) {
	if a.verify || a.atMost > 0 || !e.ErrorType.Continues() {
		return
	}
	if h.easy(a, p) && a.took > 59*time.Minute {
		h.t.Errorf("%s came to nothing in %v: %s", a.label(), a.took, e.Error)
	}
	for _, b := range h.backups() {
		if placeOf(b) == p && strings.HasPrefix(e.Error, "an earlier backup "+b.ID+" ") && (h.stuck(b, a.at) || h.recognised(b, a.meaning(), a.at)) {
			h.t.Errorf("%s waited for %s to end: %s", a.label(), b.ID, e.Error)
		}
	}
}

// easy reports whether nothing stood in the way of an attempt: no faults, no changes, and nobody else's backup that ran. What was
// created without a look cannot be told from others where the listed start is not believed.
func (h *history) easy(a *attempt, p place) bool {
	c := h.cloud
	if c.faulty > 0 || c.Busy != nil || c.Ends == fakeadb.Failed || c.Takes > time.Minute || !c.wordsKnown() || len(h.vanished) > 0 || c.FalseZone != 0 {
		return false
	}
	return !slices.ContainsFunc(h.backups(), func(b fakeadb.Backup) bool {
		return placeOf(b) == p && (b.End.IsZero() || b.RequestID == "" && b.End.After(a.at.Add(-time.Minute)))
	})
}

// checkCreations compares the backups that the function made with what it promises about their number. A second backup is
// right only if no promise speaks against it:
//   - what a list showed in time, by any process, is taken (promiseOfTheList);
//   - what this process made and heard of is taken, listed or not (promiseOfTheMemory);
//   - what runs is waited for (promiseOfOneAtATime).
//
// Together they leave one backup for an event where the list shows it before the next process looks, where the service
// refuses overlaps and lists at once, and where all deliveries come to one process. And whatever the cloud is like, there is
// at most one for each process and each lost answer (promiseOfTheNumber).
func (h *history) checkCreations() {
	all := h.creations()
	for i, c := range all {
		if c.by.verify {
			h.t.Errorf("%s: a Verify created %s", c.by.label(), c.ID)
		}
		h.promiseOfTheList(c)
		h.promiseOfTheMemory(c, all[:i])
		h.promiseOfOneAtATime(c, all[:i])
	}
	h.promiseOfTheNumber(all)
}

// promiseOfTheList: nothing is created after a look that showed a backup which serves.
func (h *history) promiseOfTheList(c creation) {
	looked := h.lastLook(placeOf(c.Backup), c.called, func(key string) bool { return key == c.by.key })
	if looked.IsZero() {
		if !c.by.meaning().unlooked {
			h.t.Errorf("%s created %s without a look", c.by.label(), c.ID)
		}
		return
	}
	if h.denied() {
		return
	}
	if age := c.called.Sub(looked); age > h.cloud.settle+time.Minute { // a call may have to wait for its turn
		h.t.Errorf("%s created %s %v after the last look", c.by.label(), c.ID, age)
	}
	for _, b := range h.backups() {
		if placeOf(b) == placeOf(c.Backup) && h.listedBy(b, looked) && h.stands(b, c.called) && h.recognised(b, c.by.meaning(), looked) {
			h.t.Errorf("%s created %s, although its look at %s showed %s", c.by.label(), c.ID, looked.Format(stamp), b.ID)
		}
	}
}

// promiseOfTheMemory: a process creates nothing where the last one that it created serves, if it read the answer.
func (h *history) promiseOfTheMemory(c creation, before []creation) {
	var last *creation
	for i, b := range before {
		if placeOf(b.Backup) == placeOf(c.Backup) && b.by.process == c.by.process {
			if !h.stands(b.Backup, c.called) { // what the process remembers after that is no longer certain
				return
			}
			if b.answered {
				last = &before[i]
			}
		}
	}
	if last == nil || h.mistaken(*last, func(b fakeadb.Backup) bool { return !h.stands(b, c.called) }) {
		return
	}
	for _, a := range h.attempts { // one whose answer was lost since then is the last one
		if at, lost := h.lost(a, placeOf(c.Backup)); lost && a.process == c.by.process && at.After(last.called) && at.Before(c.called) {
			return
		}
	}
	if !h.since(*last).Before(c.by.meaning().earliest()) {
		h.t.Errorf("%s created %s, although its process had created %s", c.by.label(), c.ID, last.ID)
	}
}

// mistaken reports whether there was somebody else's backup that a process may take for its own, and of which a question is true.
func (h *history) mistaken(own creation, is func(fakeadb.Backup) bool) bool {
	return slices.ContainsFunc(h.backups(), func(b fakeadb.Backup) bool {
		return placeOf(b) == placeOf(own.Backup) && is(b) && h.confusable(own, b)
	})
}

// since is when the backup of an answered CreateBackup may have been requested: as long as an answer that was lost before is
// open, either of the two may have made what is listed next.
func (h *history) since(c creation) time.Time {
	at := c.called
	for _, a := range h.attempts {
		if lost, ok := h.lost(a, placeOf(c.Backup)); ok && a.process == c.by.process && lost.Before(at) {
			at = lost
		}
	}
	return at
}

// promiseOfOneAtATime: nothing is created while the last look showed a running backup, nor within the settle time after what the
// process itself created and no look has shown yet.
func (h *history) promiseOfOneAtATime(c creation, before []creation) {
	looked := h.lastLook(placeOf(c.Backup), c.called, func(key string) bool { return key == c.by.key })
	if looked.IsZero() || h.denied() {
		return
	}
	for _, b := range h.backups() {
		if placeOf(b) == placeOf(c.Backup) && h.listedBy(b, looked) && !h.gone(b, c.called) && b.State(c.called.Add(h.cloud.Skew)) == fakeadb.Running && !h.stuck(b, c.called) {
			h.t.Errorf("%s created %s, although %s was running", c.by.label(), c.ID, b.ID)
		}
	}
	for _, b := range before {
		other := func(o fakeadb.Backup) bool { return o.ID != b.ID && h.listedBy(o, c.called) }
		if placeOf(b.Backup) == placeOf(c.Backup) && b.by.process == c.by.process && c.called.Before(b.called.Add(h.cloud.settle)) &&
			!h.listedBy(b.Backup, c.called) && h.stands(b.Backup, c.called) && !h.mistaken(b, other) {
			h.t.Errorf("%s created %s too soon after %s, which is not listed yet", c.by.label(), c.ID, b.ID)
		}
	}
}

// promiseOfTheNumber: an attempt creates three times at most, and of one event there is at most one backup for each process
// that an attempt came to, and one more for each lost answer. Backups that failed or vanished justify others. Where an
// event's time or its NotBefore lies in the future, each delivery is another event, from the moment of the delivery.
func (h *history) promiseOfTheNumber(all []creation) {
	type ofAttempt struct {
		*attempt
		place
	}
	type ofEvent struct {
		*simulatedEvent
		place
	}
	byAttempt, byEvent := map[ofAttempt]int{}, map[ofEvent][]creation{}
	for _, c := range all {
		attempt, event := ofAttempt{c.by, placeOf(c.Backup)}, ofEvent{c.by.simulatedEvent, placeOf(c.Backup)}
		if byAttempt[attempt]++; byAttempt[attempt] > 3 {
			h.t.Errorf("%s created more than three backups of %s", c.by.label(), c.Cluster)
		}
		byEvent[event] = append(byEvent[event], c)
	}
	for of, made := range byEvent {
		if most := h.most(of.simulatedEvent, of.place, made); len(made) > most && !of.inFuture() {
			h.t.Errorf("event %d made %d backups of %s: %d at most", of.n, len(made), of.id, most)
		}
	}
}

// most is how many backups of a cluster an event may make.
func (h *history) most(event *simulatedEvent, p place, made []creation) int {
	processes := map[int]bool{}
	for _, a := range h.attempts {
		if a.simulatedEvent == event {
			processes[a.process] = true
		}
	}
	most := len(processes)
	for _, a := range h.attempts { // an answer that the process lost on behalf of another event
		if _, lost := h.lost(a, p); lost && a.simulatedEvent != event && processes[a.process] {
			most++
		}
	}
	for _, c := range made {
		if !c.answered {
			most++
		}
	}
	for _, b := range h.backups() {
		if placeOf(b) == p && !h.stands(b, made[len(made)-1].called) {
			most++
		}
	}
	return most
}
