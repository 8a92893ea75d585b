package backup

import (
	"context"
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

// follow waits for a backup as far as the request asks. If the list does not show the backup any more, it goes on until the
// deadline: a look may err, and the next invocation begins with another backup.
func (e *ensuring) follow(ctx context.Context, step Step) Outcome {
	e.err = nil // what came before has been overcome
	e.outcome.Created, e.outcome.Status = step.Ours, StatusRequested
	if !step.Ours {
		e.log.Info("a backup that serves was found", step.Set.attrs()...)
	}
	e.shows(step.Set, e.observed.Listed)
	others, cancel := context.WithTimeout(ctx, 12*e.settings.Poll) // one that hangs does not hold up this one for long
	defer cancel()
	for poll := e.polls(); ; {
		p := Follow(time.Now(), e.request.WaitFor, e.outcome.Set, e.completeSince, e.settings.DDLPause)
		switch {
		case p.Failed:
			return e.outcome.fail(ErrorBackupFailed, "%v ended in failure, %q; invoking again creates another", e.outcome.Set, e.outcome.Set.Status)
		case p.Reached:
			return e.outcome
		}
		e.pending = notReached(e.outcome.Set)
		e.giveWay()
		select {
		case <-e.part.requested: // every backup of the region is requested first
		case <-others.Done():
		}
		pause := poll()
		if !p.Until.IsZero() { // it is complete, and only time has to pass
			pause = time.Until(p.Until)
		}
		if !e.pause(ctx, pause) {
			return e.failed(nil)
		}
		if p.Until.IsZero() {
			listing, at, err := e.task.look(ctx)
			if err != nil {
				return e.failed(err)
			}
			e.shows(e.followed(listing.Sets, at), listing.Sets)
		}
	}
}

// followed finds the backup in a list. One that was listed once is known by its key.
func (e *ensuring) followed(listed []Set, at time.Time) *Set {
	if set := e.outcome.Set; set != nil {
		return find(listed, set.key())
	}
	set := e.observed.Last.made(listed, at, e.settings.Settle)
	if set == nil && !e.outcome.Created { // any that serves will do
		set = best(listed, func(s Set) bool { return s.serves(e.request, at) })
	}
	return set
}

// notReached says what is not reached yet, for the message at the deadline.
func notReached(s *Set) string {
	switch {
	case s == nil:
		return "the backup was accepted, but was not listed as complete"
	case s.State == SetComplete:
		return s.String() + " is complete, but DDL was not allowed"
	default:
		return s.String() + " was not complete"
	}
}

// shows takes a set that is listed over into the outcome, and logs a change of state.
func (x *task) shows(set *Set, listed []Set) {
	if set == nil {
		return
	}
	was, s := x.outcome.Status, *set
	x.outcome.Set = &s // a copy: the list may be long
	var news string
	switch s.State {
	case SetComplete:
		x.outcome.Status, x.completeSince, news = StatusCompleted, time.Now(), "backup is complete"
	case SetFailed:
		x.outcome.Status, news = StatusFailed, "backup has failed"
	default:
		x.outcome.Status, news = StatusRunning, "backup is running"
	}
	if x.outcome.Status == was {
		return
	}
	x.log.Info(news, append(s.attrs(), x.first[s.key()]...)...)
	delete(x.first, s.key())
	x.warnOfSize(s, listed)
}

// warnOfSize logs that a complete set has less than half the size of the one before it.
func (x *task) warnOfSize(s Set, listed []Set) {
	p := best(listed, func(o Set) bool {
		return o.full() && o.State == SetComplete && o.Size > 0 && o.Start.From.Before(s.Start.From)
	})
	if p != nil && s.State == SetComplete && s.Size > 0 && s.Size < p.Size-s.Size {
		x.log.Warn("a backup has less than half the size of the one before it", append(s.attrs(), "backupSize", s.Size, "previousBackupSize", p.Size)...)
	}
}
