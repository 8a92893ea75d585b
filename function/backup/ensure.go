package backup

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// ensuring is steps 1 to 3 of an Ensure: look, one backup at a time, create. Whoever works on a cluster holds its lock,
// but not while it waits for an earlier backup.
type ensuring struct {
	*task
	state    *clusterState
	observed Observed
	polls    *pauses // between looks for a change
	retries  *pauses // between attempts to create
}

// ensure carries out an Ensure.
func (x *task) ensure(ctx context.Context) Outcome {
	state := x.run.memory.use(x.request.Cluster)
	defer x.run.memory.done(x.request.Cluster, state)
	x.lock.tokens = state.lock
	defer x.lock.release()
	e := &ensuring{task: x, state: state, observed: Observed{Settle: x.settings.Settle}, polls: x.polls(), retries: x.retries()}
	if !e.takeLock(ctx) {
		return x.unfinished()
	}
	for {
		if outcome, done := e.step(ctx); done {
			return outcome
		}
	}
}

// takeLock waits for the cluster's lock. It reports whether it got it in time. Others may have created meanwhile.
func (e *ensuring) takeLock(ctx context.Context) bool {
	if !e.lock.try() {
		e.giveWay()
		if !e.lock.take(ctx) {
			return false
		}
	}
	e.recall()
	return true
}

// recall takes over what the process remembers of the cluster.
func (e *ensuring) recall() { e.observed.Last = e.state.known(e.request, e.observed.Own) }

// step takes the next step. done reports that it was the last one.
func (e *ensuring) step(ctx context.Context) (o Outcome, done bool) {
	step := Decide(time.Now(), e.request, e.observed)
	for i := range step.Stuck {
		s := &step.Stuck[i]
		e.warnOnce("stuck "+s.key(), "a backup has run for more than 24 h: it counts as stuck and is not waited for", setAttrs(s)...)
	}
	switch step.Kind {
	case StepLook:
		return e.look(ctx)
	case StepLookAgain:
		if !e.sleep(ctx, min(e.polls.next(), e.untilSettled())) {
			return e.cutOff(), true
		}
		return e.look(ctx)
	case StepAwait:
		return e.await(ctx, step.Set)
	case StepSend:
		return e.send(ctx)
	case StepGiveUp:
		return e.unknown(), true
	default:
		return e.adopt(ctx, step)
	}
}

// look reads the list and notes what it shows.
func (e *ensuring) look(ctx context.Context) (Outcome, bool) {
	listing, at, err := e.task.look(ctx)
	var failed *CallError
	switch {
	case err == nil:
		e.observed.Listed, e.observed.Looked = listing.Sets, at
		e.state.reconcile(listing.Sets, at, e.settings.Settle)
		e.recall()
		return Outcome{}, false
	case errors.As(err, &failed) && failed.Kind == KindDenied && e.request.WaitFor == WaitRequested:
		e.log.Warn("looking is denied, so an earlier backup cannot be found", failed.attrs()...)
		e.observed.Denied = true
		return Outcome{}, false
	case e.observed.lost():
		return e.unknown(), true
	default:
		return e.lookFailed(err), true
	}
}

// lookAnew makes the next step a look, because time has passed.
func (e *ensuring) lookAnew() { e.observed.Looked, e.observed.Listed = time.Time{}, nil }

// await waits for an earlier backup. Its outcome does not matter here, but two backups must not overlap. set is nil while
// the backup is not listed; then it counts as running only for the settle time.
func (e *ensuring) await(ctx context.Context, set *Set) (Outcome, bool) {
	e.awaiting(set)
	pause := e.polls.next()
	if set == nil {
		pause = min(pause, e.untilSettled())
	}
	if !e.sleepUnlocked(ctx, pause) {
		return e.unfinished(), true
	}
	e.lookAnew()
	return Outcome{}, false
}

// sleepUnlocked waits, and lets other invocations work on the cluster meanwhile. It reports whether there is still time.
func (e *ensuring) sleepUnlocked(ctx context.Context, d time.Duration) bool {
	e.lock.release()
	return e.sleep(ctx, d) && e.takeLock(ctx)
}

// adopt follows the backup that serves. If it vanishes from the list, it is forgotten, and the rule decides anew.
func (e *ensuring) adopt(ctx context.Context, step Step) (Outcome, bool) {
	e.lock.release()
	outcome, vanished := e.follow(ctx, step, e.observed)
	if !vanished {
		return outcome, true
	}
	if !e.takeLock(ctx) {
		return e.unfinished(), true
	}
	e.outcome = Outcome{Cluster: e.request.Cluster, Status: StatusUnknown}
	e.state.forget(step.Create)
	e.recall()
	e.lookAnew()
	return Outcome{}, false
}

// send sends CreateBackup and decides what its answer means.
func (e *ensuring) send(ctx context.Context) (Outcome, bool) {
	create := newCreate(e.observed)
	sent, id, err := e.service.CreateBackup(ctx, e.request.Cluster)
	create.Sent, create.Answered = sent, time.Now()
	if lost := e.observed.unlistedLost(e.request); lost != nil { // a backup of that one, listed late, is this request's, too
		create.takeOver(lost)
	}
	failed, made := e.called("CreateBackup", err)
	if !made {
		return e.cutOff(), true
	}
	e.attempts++
	about := []any{"attempt", e.attempts, "duration", create.Answered.Sub(sent).Round(time.Millisecond).Seconds()}
	if failed == nil {
		create.Accepted = true
		e.remember(create)
		e.outcome.RequestID = id
		e.log.Info("backup requested", append(about, "apiRequestId", id)...)
		return Outcome{}, false
	}
	about = append(about, failed.attrs()...)
	switch failed.Kind {
	case KindUnanswered:
		e.remember(create)
		e.lostCall = failed
		e.observed.Looked = time.Time{}
		e.log.Warn("whether CreateBackup took effect is unknown: looking for the backup", about...)
		return Outcome{}, false
	case KindThrottled, KindNotSent:
		return e.sendLater(ctx, failed, about)
	case KindNotNow:
		return e.sendWhenFree(ctx, about)
	default:
		return e.refused(failed), true
	}
}

// remember notes a CreateBackup that took effect, or may have.
func (e *ensuring) remember(c *Create) {
	e.observed.Creates++
	if last := e.state.last; last != nil && last.set() != nil { // it was found, so it was accepted
		e.state.accepted = last
	}
	e.observed.Own, e.observed.Last, e.state.last = c, c, c
	if c.Accepted {
		e.state.accepted = c
	}
}

// sendLater waits after a CreateBackup that certainly did nothing, because it was throttled or not sent.
func (e *ensuring) sendLater(ctx context.Context, failed *CallError, about []any) (Outcome, bool) {
	e.pending = "CreateBackup was not accepted"
	if failed.Kind == KindNotSent {
		e.warnOnce("unreachable", "AnalyticDB cannot be reached, so nothing was sent: trying again", append(about, "host", failed.Host)...)
	} else {
		e.log.Info("CreateBackup was throttled", about...)
	}
	if !e.sleep(ctx, max(e.retries.next(), e.later(failed.RetryAfter))) {
		return e.cutOff(), true
	}
	if time.Since(e.observed.Looked) > e.settings.Settle { // meanwhile another instance may have created one
		e.lookAnew()
	}
	return Outcome{}, false
}

// sendWhenFree waits while the cluster is busy with something that passes, and then looks: the service may have refused
// because of a backup that serves.
func (e *ensuring) sendWhenFree(ctx context.Context, about []any) (Outcome, bool) {
	e.pending = "the cluster was busy, so no backup was created"
	e.warnOnce("busy", "the cluster is busy, so the service refused CreateBackup for now: trying again", about...)
	e.observed.NotNow = true
	if !e.sleepUnlocked(ctx, e.polls.next()) {
		return e.cutOff(), true
	}
	e.lookAnew()
	return Outcome{}, false
}

// untilSettled returns for how long a backup that the last CreateBackup may have made is still looked for. Several invocations
// may wait for it.
func (e *ensuring) untilSettled() time.Duration {
	return e.later(max(time.Until(e.observed.Last.Answered.Add(e.observed.Settle)), time.Millisecond))
}

// refused is the outcome where the service says no.
func (x *task) refused(failed *CallError) Outcome {
	if x.outcome.Status == StatusUnknown {
		x.outcome.Status = StatusFailed
	}
	before := ""
	switch {
	case x.outcome.RequestID != "":
		before = fmt.Sprintf("CreateBackup was accepted (request id %s), but then ", x.outcome.RequestID)
	case x.lostCall != nil:
		before = "an earlier CreateBackup went without a readable answer and may have made one; then "
	}
	return x.outcome.fail(refusals[failed.Kind], "%s%v", before, failed)
}

// cutOff is the outcome at the deadline. It is worse than pending while the outcome of a CreateBackup is unknown.
func (e *ensuring) cutOff() Outcome {
	if e.observed.lost() {
		return e.unknown()
	}
	return e.unfinished()
}

// unknown is the outcome where whether there is a backup could not be found out.
func (e *ensuring) unknown() Outcome {
	e.outcome.Status = StatusUnknown
	times := "once"
	if e.observed.Creates > 1 {
		times = fmt.Sprintf("%d times", e.observed.Creates)
	}
	result := "no new backup was seen; invoking again is safe"
	if e.observed.Denied {
		result = "looking for the backup is denied: invoking again may create a second one"
	}
	return e.outcome.fail(ErrorOutcomeUnknown, "CreateBackup was sent %s without a readable answer, and %s; the last error: %v", times, result, cmp.Or(e.err, e.lostCall))
}
