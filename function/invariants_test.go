package main

import (
	"reflect"
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
		if !e.ErrorType.Continues() {
			continue
		}
		p := place{e.DBClusterId, e.RegionId}
		if h.easy(a, p) && a.took > 59*time.Minute {
			h.t.Errorf("%s came to nothing in %v: %s", a.label(), a.took, e.Error)
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
	if c.faulty > 0 || !c.outage.until.IsZero() || c.Busy != nil || c.Ends == fakeadb.Fails || len(c.changing) > 0 || c.Takes > 12*time.Minute || !c.wordsKnown() {
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

// checkType: the type of the whole is among those that fit the history.
func (h *history) checkType(a *attempt) {
	fits := map[string]bool{"": a.trigger != wrong, string(backup.ErrorInvalidEvent): a.trigger == wrong}
	if a.trigger != wrong {
		fits[string(backup.ErrorMixed)] = true
		fits[string(backup.ErrorNothingSelected)] = a.selector != nil
		fits[string(backup.ErrorPermissionDenied)] = len(h.cloud.Denied) > 0
		for _, t := range []backup.ErrorType{
			backup.ErrorBackupPending, backup.ErrorThrottled, backup.ErrorOutcomeUnknown, backup.ErrorBackupFailed, backup.ErrorBackupMissing, backup.ErrorClusterNotFound,
		} {
			fits[string(t)] = true // checkFailure looks at each cluster's
		}
	}
	if !fits[a.errorType] {
		h.t.Errorf("%s: %s: %s", a.label(), a.errorType, a.errorMessage)
	}
}
