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
