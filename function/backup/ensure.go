package backup

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ensuring carries out what Decide says: look, one backup at a time, create.
type ensuring struct {
	*task
	observed Observed
	attempts int                  // how often CreateBackup was sent, throttled ones included
	poll     func() time.Duration // the next pause between looks for a change
	retry    func() time.Duration // the next pause between attempts to create
}

// ensure carries out an Ensure.
func (x *task) ensure(ctx context.Context) Outcome {
	e := &ensuring{task: x, observed: Observed{Settle: x.settings.Settle}, poll: x.polls(), retry: x.retries()}
	for {
		if outcome, done := e.step(ctx); done {
			return outcome
		}
	}
}

// step takes the next step. done reports that it was the last one.
func (e *ensuring) step(ctx context.Context) (o Outcome, done bool) {
	e.observed.Last = e.state.recall() // another invocation may have created one meanwhile
	e.observed.Own = e.own != nil && e.own == e.observed.Last
	step := Decide(time.Now(), e.request, e.observed)
	switch step.Kind {
	case StepLook:
		return e.look(ctx)
	case StepAwait:
		return e.await(ctx, step.Set)
	case StepSend:
		return e.send(ctx)
	case StepGiveUp:
		return e.unknown(), true
	default:
		return e.follow(ctx, step), true
	}
}

// look reads the list and notes what it shows.
func (e *ensuring) look(ctx context.Context) (Outcome, bool) {
	listing, at, err := e.task.look(ctx)
	var failed *CallError
	switch {
	case err == nil:
		e.observed.Listed, e.observed.Looked = listing.Sets, at
		return Outcome{}, false
	case errors.As(err, &failed) && failed.Kind == KindDenied && e.request.WaitFor == WaitRequested:
		e.log.Warn("looking is denied, so an earlier backup cannot be found", failed.attrs()...)
		e.observed.Denied = true
		return Outcome{}, false
	default:
		return e.ended(err), true
	}
}

// await waits for a backup that runs, or for what the last CreateBackup may have made: two backups must not overlap. set is nil
// while it is not listed. Then it counts as running only for the settle time.
func (e *ensuring) await(ctx context.Context, set *Set) (Outcome, bool) {
	pause, pending := e.poll(), e.pending
	if set != nil {
		pending = "an earlier " + set.String() + " had not ended"
	} else {
		pause = min(pause, max(time.Until(e.observed.Last.Answered.Add(e.observed.Settle)), time.Millisecond))
		if !e.observed.Own {
			pending = "an earlier backup, which this process requested, had not ended"
		}
	}
	if pending != e.pending {
		e.pending, e.err = pending, nil
		e.log.Info("an earlier backup is running; another is created after it", set.attrs()...)
	}
	e.observed.Looked = time.Time{} // what was listed counts no more
	return e.wait(ctx, pause)
}

// send sends CreateBackup and decides what its answer means.
func (e *ensuring) send(ctx context.Context) (Outcome, bool) {
	create := &Create{Before: e.before()}
	sent, id, err := e.service.CreateBackup(ctx, e.request.Cluster)
	create.Sent, create.Answered = sent, time.Now()
	if e.observed.Own { // the answer to the one before was lost: what either of them made is this request's
		create.Sent = e.own.Sent
	}
	failed := e.called("CreateBackup", err)
	if err != nil && failed == nil { // it was not made
		return e.ended(err), true
	}
	e.attempts++
	about := []any{"attempt", e.attempts, "duration", create.Answered.Sub(sent).Round(time.Millisecond).Seconds()}
	if create.Accepted = failed == nil; create.Accepted || failed.Kind == KindUnanswered {
		e.observed.Creates++
		e.own, e.state.last = create, create
	}
	if create.Accepted {
		e.outcome.RequestID = id
		e.log.Info("backup requested", append(about, "apiRequestId", id)...)
		return Outcome{}, false
	}
	about = append(about, failed.attrs()...)
	switch failed.Kind {
	case KindUnanswered:
		e.observed.Looked = time.Time{} // what was listed counts no more
		e.log.Warn("whether CreateBackup took effect is unknown: looking for the backup", about...)
		return Outcome{}, false
	case KindThrottled, KindNotSent, KindNotNow:
		return e.sendAgain(ctx, failed, about)
	default:
		return e.failed(failed), true
	}
}

// before returns the keys of what is listed before a CreateBackup is sent; nil if nobody looked.
func (e *ensuring) before() map[string]bool {
	if e.observed.Looked.IsZero() {
		return nil
	}
	keys := map[string]bool{}
	for _, s := range e.observed.Listed {
		keys[s.key()] = true
	}
	return keys
}

// sendAgain waits after a CreateBackup that certainly did nothing. Where the cluster is busy, a look comes next: the service may
// have refused because of a backup that serves.
func (e *ensuring) sendAgain(ctx context.Context, failed *CallError, about []any) (Outcome, bool) {
	e.pending = "CreateBackup was not accepted"
	switch failed.Kind {
	case KindNotNow:
		e.pending = "the cluster was busy, so no backup was created"
		e.warnOnce("busy", "the cluster is busy, so the service refused CreateBackup for now: trying again", about...)
		e.observed.NotNow = true
		e.observed.Looked = time.Time{} // what was listed counts no more
		return e.wait(ctx, e.poll())
	case KindNotSent:
		e.warnOnce("unreachable", "AnalyticDB cannot be reached, so nothing was sent: trying again", append(about, "host", failed.Host)...)
	default:
		e.log.Info("CreateBackup was throttled", about...)
	}
	return e.wait(ctx, max(e.retry(), failed.RetryAfter))
}

// wait waits before the next step. At the deadline there is none.
func (e *ensuring) wait(ctx context.Context, d time.Duration) (Outcome, bool) {
	if !e.pause(ctx, d) {
		return e.ended(nil), true
	}
	return Outcome{}, false
}

// ended is the outcome of a request that did not come to its end. Nothing is worse than a CreateBackup whose outcome is unknown.
func (e *ensuring) ended(err error) Outcome {
	if e.own != nil && !e.own.Accepted {
		return e.unknown()
	}
	return e.failed(err)
}

// unknown is the outcome where whether there is a backup could not be found out.
func (e *ensuring) unknown() Outcome {
	e.outcome.Status = StatusUnknown
	result := "no new backup was seen; invoking again is safe"
	if e.observed.Denied {
		result = "looking for the backup is denied: invoking again may create a second one"
	}
	text := fmt.Sprintf("CreateBackup was sent without a readable answer (attempt %d of %d), and %s", e.observed.Creates, maxCreates, result)
	if e.err != nil {
		text += "; the last error: " + e.err.Error()
	}
	return e.outcome.fail(ErrorOutcomeUnknown, "%s", text)
}
