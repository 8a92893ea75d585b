package main

import (
	"maps"
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
		if a.late >= 0 || a.atMost > 0 && a.took > a.atMost {
			h.t.Errorf("%s answered after %v, too late", a.label(), a.took)
		}
		if invalid := a.errorType == string(backup.ErrorInvalidEvent); invalid != (a.trigger == wrong) {
			h.t.Errorf("%s: %s: %s", a.label(), a.errorType, a.errorMessage)
		}
		h.checkCalls(a)
		about := map[place]bool{}
		for _, e := range a.entries {
			p := place{e.DBClusterId, e.RegionId}
			about[p] = true
			h.checkProgress(a, e, p)
			h.claim(a, e, creations).check()
		}
		asked := map[place]bool{}
		for _, p := range a.places {
			asked[p] = a.trigger != wrong
		}
		maps.DeleteFunc(asked, func(_ place, asked bool) bool { return !asked })
		if !maps.Equal(about, asked) {
			h.t.Errorf("%s is about %v, not %v", a.label(), about, asked)
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

// easy reports whether nothing stood in the way of an attempt: no faults, no changes, and at most three backups that ran, of
// twelve minutes at most. What was created without a look cannot be told from others where the listed start is not believed.
func (h *history) easy(a *attempt, p place) bool {
	c := h.cloud
	if c.faulty > 0 || !c.outage.until.IsZero() || c.Busy != nil || c.Ends == fakeadb.Failed || c.Takes > 12*time.Minute || !c.wordsKnown() || len(h.vanished) > 0 || c.FalseZone != 0 {
		return false
	}
	ran := 0
	for _, b := range h.backups() {
		switch {
		case placeOf(b) != p:
		case b.End.IsZero() && (c.Overlap != nil || !h.stuck(b, a.at.Add(10*time.Minute))):
			return false
		case b.End.After(a.at.Add(-time.Minute)):
			ran++
		}
	}
	return ran <= 3
}
