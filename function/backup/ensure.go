package backup

import (
	"cmp"
	"context"
	"fmt"
	"time"
)

// ensure is steps 1 to 3 of an Ensure, one at a time for each cluster in this process, and then the waiting.
func (x *task) ensure(ctx context.Context) Outcome {
	l := x.ledger(x.request.Cluster)
	if !x.takeTurn(ctx, l) {
		return x.unfinished()
	}
	defer x.endTurn(l)
	known := Observed{Settling: x.settings.Settle}
	polls, retries := x.polls(), x.retries()
	warned := map[string]bool{}
	for {
		known.Last = l.known(x.request, x.made)
		known.Mine = known.Last != nil && known.Last == x.made
		step := Decide(time.Now(), x.request, known)
		for _, s := range step.Stuck {
			if !warned[s.key()] {
				warned[s.key()] = true
				x.log.Warn("a backup runs for more than 24 h: it counts as stuck and is not waited for", setAttrs(&s)...)
			}
		}
		switch step.Kind {
		case StepAdopt:
			x.endTurn(l)
			return x.follow(ctx, step)

		case StepGiveUp:
			return x.unknown(known)

		case StepLookAgain:
			if !x.sleep(ctx, min(polls.next(), untilSettled(known))) {
				return x.cutOff(known)
			}
			fallthrough
		case StepLook:
			sets, at, err := x.look(ctx)
			switch call := sent(err); {
			case err == nil:
				known.Listed, known.Looked = sets, at
			case call != nil && call.Kind == KindDenied && x.request.WaitFor == WaitRequested:
				x.log.Warn("looking is denied, so an earlier backup cannot be found", call.attrs()...)
				known.Denied = true
			case call != nil && !known.open():
				return x.refused(call)
			default:
				return x.cutOff(known)
			}

		case StepAwait:
			// A backup before the moment asked for: what comes of it is not ours, but two at once are nobody's.
			x.awaiting(step.Set)
			x.endTurn(l)
			pause := polls.next()
			if step.Set == nil { // it counts as running for the settle time alone
				pause = min(pause, untilSettled(known))
			}
			if !x.sleep(ctx, pause) || !x.takeTurn(ctx, l) {
				return x.unfinished()
			}
			known.Looked, known.Listed = time.Time{}, nil

		case StepSend:
			err := x.create(ctx, l, &known)
			switch call := sent(err); {
			case err == nil:
			case call != nil && call.Kind == KindThrottled:
				x.doing = "CreateBackup was not accepted"
				if !x.sleep(ctx, max(retries.next(), call.RetryAfter)) {
					return x.cutOff(known)
				}
				if time.Since(known.Looked) > x.settings.Settle { // meanwhile another instance may have created one
					known.Looked, known.Listed = time.Time{}, nil
				}
			case call != nil:
				return x.refused(call)
			default:
				return x.cutOff(known)
			}
		}
	}
}

// takeTurn waits until no other invocation of this process decides on the cluster.
func (x *task) takeTurn(ctx context.Context, l *clusterState) bool {
	select {
	case l.turn <- struct{}{}:
	default:
		x.asked()
		select {
		case l.turn <- struct{}{}:
		case <-ctx.Done():
			return false
		}
	}
	x.turn = true
	return true
}

// endTurn lets the next one decide. It may be called again.
func (x *task) endTurn(l *clusterState) {
	if x.turn {
		x.turn = false
		<-l.turn
	}
}

// create sends CreateBackup and enters it in the ledger. An unanswered one is no error: the next step is to look for it.
func (x *task) create(ctx context.Context, l *clusterState, known *Observed) error {
	c := &Create{looked: !known.Looked.IsZero(), before: map[string]bool{}}
	for _, s := range known.Listed {
		c.before[s.key()] = true
	}
	at, id, err := x.service.CreateBackup(ctx, x.request.Cluster)
	c.Sent, c.Answered = at, time.Now()
	took := c.Answered.Sub(c.Sent).Round(time.Millisecond).Seconds()
	if p := known.Last; p != nil && !p.Accepted && (known.Mine || p.serves(x.request)) && p.made(known.Listed, p.settled(known.Looked, known.Settling)) == nil {
		// Sent again: a backup of the first one, listed late, is ours too. One that is listed by now has failed.
		c.Sent, c.looked, c.before = p.Sent, p.looked, p.before
	}
	call := sent(err)
	if err != nil && call == nil { // not sent: the time is up
		x.noTurn()
		return err
	}
	x.answered("CreateBackup", call)
	x.attempts++
	about := []any{"attempt", x.attempts, "duration", took}
	if call == nil {
		c.Accepted = true
		known.Creates++
		l.last, l.accepted, x.made = c, c, c
		x.outcome.RequestID = id
		x.log.Info("backup requested", append(about, "apiRequestId", id)...)
		return nil
	}
	if call.Kind == KindUnanswered {
		known.Creates++
		l.last, x.made, x.open = c, c, call
		known.Looked = time.Time{}
		x.log.Warn("whether CreateBackup took effect is open: looking for the backup", append(about, call.attrs()...)...)
		return nil
	}
	if call.Kind == KindThrottled {
		x.log.Info("CreateBackup was throttled", append(about, call.attrs()...)...)
	}
	return call
}

// untilSettled is how long a backup that the last create may have made is still looked for.
func untilSettled(k Observed) time.Duration {
	return max(time.Until(k.Last.Answered.Add(k.Settling)), time.Millisecond)
}

// refused is the outcome where the service says no.
func (x *task) refused(call *CallError) Outcome {
	if x.outcome.Status == StatusUnknown {
		x.outcome.Status = StatusFailed
	}
	before := ""
	switch {
	case x.outcome.RequestID != "":
		before = fmt.Sprintf("CreateBackup was accepted (request id %s), but then ", x.outcome.RequestID)
	case x.open != nil:
		before = "an earlier CreateBackup went without a readable answer and may have made one; then "
	}
	return x.outcome.fail(errorTypes[call.Kind], "%s%v", before, call)
}

// cutOff is the outcome at the deadline, which is worse than pending while a CreateBackup has no known outcome.
func (x *task) cutOff(known Observed) Outcome {
	if known.open() {
		return x.unknown(known)
	}
	return x.unfinished()
}

func (x *task) unknown(known Observed) Outcome {
	x.outcome.Status = StatusUnknown
	times := "once"
	if known.Creates > 1 {
		times = fmt.Sprintf("%d times", known.Creates)
	}
	if known.Denied {
		return x.outcome.fail(ErrorOutcomeUnknown, "CreateBackup was sent %s without a readable answer, and looking for the backup is denied: invoking again may create a second one; the last error: %v", times, x.err)
	}
	return x.outcome.fail(ErrorOutcomeUnknown, "CreateBackup was sent %s without a readable answer, and no new backup was seen; invoking again is safe; the last error: %v", times, cmp.Or(x.err, x.open))
}
