package backup

import (
	"context"
	"slices"
	"time"
)

// Progress says how far a backup is that was adopted or created.
type Progress struct {
	Reached bool      // as far as the request asks
	Failed  bool      // it ended in failure
	Until   time.Time // not reached, but will be at this moment without another look
}

// Follow is the rule of the waiting. set is the backup as it is listed, nil while it is not; completeSince is the first
// moment at which the list showed it as complete.
func Follow(now time.Time, w WaitFor, set *Set, completeSince time.Time, ddlPause time.Duration) Progress {
	switch {
	case set == nil:
		return Progress{Reached: w == WaitRequested}
	case set.State == SetFailed:
		return Progress{Failed: true}
	case w == WaitRequested:
		return Progress{Reached: true}
	case set.State != SetComplete:
		return Progress{}
	case w == WaitCompleted:
		return Progress{Reached: true}
	}
	// AnalyticDB allows DDL again some time after the start. The latest moment that the listed start can mean is on the safe
	// side. But a start can be missing or in the future, and no backup starts after it is complete.
	started := set.Start.Until
	if started.IsZero() || started.After(completeSince) {
		started = completeSince
	}
	allowed := started.Add(ddlPause)
	return Progress{Reached: !now.Before(allowed), Until: allowed}
}

// watch is the waiting for one backup.
type watch struct {
	*task
	create        *Create   // the CreateBackup that made it; nil: somebody else did
	completeSince time.Time // when it was first seen as complete
	missingSince  time.Time // when a look first did not show it any more; zero: it is listed, or never was
	passed        bool      // whether it has waited for the other backups to be requested
	polls         *pauses
}

// follow waits for a backup as far as the request asks. vanished reports that the list does not show the backup any more,
// so that there is nothing to wait for.
func (x *task) follow(ctx context.Context, step Step, o Observed) (outcome Outcome, vanished bool) {
	x.err = nil // what came before has been overcome
	x.outcome.Created = step.Create != nil && step.Create == o.Own
	x.outcome.Status = StatusRequested
	if !x.outcome.Created {
		x.log.Info("a backup that serves was found", setAttrs(step.Set)...)
	}
	w := &watch{task: x, create: step.Create, polls: x.polls()}
	if step.Set != nil {
		w.sees(*step.Set, o.Listed, o.Looked)
	}
	for {
		p := Follow(time.Now(), x.request.WaitFor, x.outcome.Set, w.completeSince, x.settings.DDLPause)
		switch {
		case p.Failed:
			return x.outcome.fail(ErrorBackupFailed, "%v ended in failure, %q; invoking again creates another", x.outcome.Set, x.outcome.Set.Status), false
		case p.Reached:
			return x.outcome, false
		}
		x.pending = w.notReached()
		if !w.pause(ctx, p.Until) {
			return x.unfinished(), false
		}
		if !p.Until.IsZero() { // it is complete, and only time had to pass
			continue
		}
		listing, at, err := x.look(ctx)
		if err != nil {
			return x.lookFailed(err), false
		}
		if w.misses(listing.Sets, at) {
			return Outcome{}, true
		}
	}
}

// pause waits until the next look, or until the given time if there is one. It reports whether there is still time. First
// every other backup of the invocation is requested. But a region that is throttled does not hold up the others for ever.
func (w *watch) pause(ctx context.Context, until time.Time) bool {
	w.giveWay()
	if !w.passed {
		select {
		case <-w.run.requested.open:
		case <-time.After(w.settings.longestPoll()):
		case <-ctx.Done():
			return false
		}
		w.passed = true
	}
	d := w.polls.next()
	if left := time.Until(until); left > 0 {
		d = left
	}
	return w.sleep(ctx, d)
}

// misses takes over what a look shows. It reports whether a backup that was listed has been missing for the settle time: a
// single look may err.
func (w *watch) misses(listed []Set, at time.Time) bool {
	var found *Set
	set := w.outcome.Set
	switch {
	case set != nil:
		found = find(listed, set.key())
	case w.create != nil:
		w.create.exclude(listed, at)
		found = w.create.made(Observed{Looked: at, Listed: listed, Settle: w.settings.Settle})
		if found == nil && !w.outcome.Created { // any backup that serves will do; it may be this one by a clock that is behind
			if found = best(serving(listed, w.request, at)); found != nil {
				w.create = nil
			}
		}
	}
	if found != nil {
		w.missingSince = time.Time{}
		w.sees(*found, listed, at)
		return false
	}
	if set == nil {
		return false
	}
	if w.missingSince.IsZero() {
		w.missingSince = at
		w.log.Warn("a backup is not listed any more", setAttrs(set)...)
	}
	return at.Sub(w.missingSince) >= w.settings.Settle
}

// sees takes over what a look shows of the backup. at is zero if there was no look just now.
func (w *watch) sees(s Set, listed []Set, at time.Time) {
	var attrs []any
	if c := w.create; c != nil && !at.IsZero() {
		if c.seen.Swap(&sighting{s, at}) == nil { // shared with the other invocations for the cluster
			attrs = append(attrs, "listedAfter", at.Sub(c.Sent).Round(time.Millisecond).Seconds())
		}
	}
	if s.State == SetComplete && w.completeSince.IsZero() {
		w.completeSince = time.Now()
	}
	w.shows(s, listed, attrs...)
}

// shows takes a set over into the outcome, and logs a change of state.
func (x *task) shows(s Set, listed []Set, more ...any) {
	was := x.outcome.Status
	if x.outcome.Set == nil || x.outcome.Set.Status != s.Status {
		x.warnOfUnknownStatus(s)
	}
	x.outcome.Set = &s
	var news string
	switch s.State {
	case SetComplete:
		x.outcome.Status, news = StatusCompleted, "backup is complete"
	case SetFailed:
		x.outcome.Status, news = StatusFailed, "backup has failed"
	default:
		x.outcome.Status, news = StatusRunning, "backup is running"
	}
	if x.outcome.Status == was {
		return
	}
	x.log.Info(news, append(setAttrs(&s), more...)...)
	if p := previous(listed, s); p != nil && s.State == SetComplete && s.Size > 0 && s.Size < p.Size-s.Size {
		x.log.Warn("a backup has less than half the size of the one before it", append(setAttrs(&s), "backupSize", s.Size, "previousBackupSize", p.Size)...)
	}
}

// previous returns the newest complete full set in the list that is older than s and has a size; nil: there is none.
func previous(listed []Set, s Set) *Set {
	var older []Set
	for _, o := range listed {
		if o.full() && o.State == SetComplete && o.Size > 0 && o.Start.From.Before(s.Start.From) {
			older = append(older, o)
		}
	}
	return best(older)
}

// warnOfUnknownStatus logs a status that the rule does not know: it counts as running, and somebody must say what it means.
func (x *task) warnOfUnknownStatus(s Set) {
	if s.State == SetUnknown {
		x.log.Warn("a backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED", setAttrs(&s)...)
	}
}

// notReached says what is not reached yet, for the message at the deadline.
func (w *watch) notReached() string {
	switch s := w.outcome.Set; {
	case s == nil:
		return "the backup was accepted, but was not listed as complete"
	case !w.missingSince.IsZero():
		return s.String() + " had disappeared from the list"
	case s.State == SetComplete:
		return s.String() + " is complete, but DDL was not allowed"
	default:
		return s.String() + " was not complete"
	}
}

// awaiting notes that an earlier backup is waited for. s is nil while it is not listed.
func (x *task) awaiting(s *Set) {
	pending := "an earlier backup, which this process requested, had not ended"
	if s != nil {
		pending = "an earlier " + s.String() + " had not ended"
	}
	if pending == x.pending {
		return
	}
	x.pending, x.err = pending, nil
	x.log.Info("an earlier backup is running; another is created after it", setAttrs(s)...)
	if s != nil {
		x.warnOfUnknownStatus(*s)
	}
}

// setAttrs returns a set's log attributes, as far as they are known. A nil set has none.
func setAttrs(s *Set) []any {
	if s == nil {
		return nil
	}
	var a []any
	if s.ID != "" {
		a = append(a, "backupId", s.ID)
	}
	if !s.Start.From.IsZero() {
		a = append(a, "backupStartTime", s.Start.From)
	}
	if s.Status != "" {
		a = append(a, "backupStatus", s.Status)
	}
	return a
}

// find returns the set with the given key; nil: it is not in the list.
func find(listed []Set, key string) *Set {
	if i := slices.IndexFunc(listed, func(s Set) bool { return s.key() == key }); i >= 0 {
		return &listed[i]
	}
	return nil
}
