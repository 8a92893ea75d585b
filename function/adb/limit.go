package adb

import (
	"cmp"
	"context"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// AnalyticDB's limits differ by account and region, and some are not documented, so each region's rate is learnt from its
// answers. It finds a limit of 50 calls a second within a second, at the price of a few throttled calls.
const (
	startRate = 40.0                   // calls per second; at least 1 and at most 200
	gain      = 0.2                    // what a success adds to the rate
	ease      = 0.9                    // what a throttled call leaves of it
	together  = 100 * time.Millisecond // in which several throttled calls say the same, because they were in flight together
)

// limiter spaces and bounds the calls to one region. A region that misbehaves holds up no other one.
type limiter struct {
	slots *semaphore.Weighted // one for each call that may be in flight
	calls atomic.Int32        // that wait or are in flight
	rate  *rate.Limiter
	eased atomic.Int64 // when the rate was eased last, in Unix nanoseconds
}

func newLimiter(slots int) *limiter {
	return &limiter{slots: semaphore.NewWeighted(int64(slots)), rate: rate.NewLimiter(startRate, 1)}
}

// take waits for a call's turn. Whoever gets it must release it. A call that is alone in its region skips the rate: calls one
// after another are spaced by their answers. An error is ctx's, or tells that the turn would come too late.
func (l *limiter) take(ctx context.Context) (alone bool, err error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-lastCall))
		defer cancel()
	}
	alone = l.calls.Add(1) == 1
	if err := l.slots.Acquire(ctx, 1); err != nil {
		l.calls.Add(-1)
		return alone, err
	}
	if !alone && l.rate.Wait(ctx) != nil {
		l.release()
		return alone, cmp.Or(ctx.Err(), context.DeadlineExceeded) // Wait does not wait in vain
	}
	return alone, nil
}

func (l *limiter) release() {
	l.slots.Release(1)
	l.calls.Add(-1)
}

// learn changes the rate after an answer. A call that was alone did not use the rate, and so says nothing about it. Of two
// answers at the same time one may be lost, which does not matter.
func (l *limiter) learn(alone, throttled bool) {
	now, next := time.Now().UnixNano(), float64(l.rate.Limit())+gain
	switch {
	case alone, throttled && now < l.eased.Load()+int64(together):
		return
	case throttled:
		l.eased.Store(now)
		next = float64(l.rate.Limit()) * ease
	}
	l.rate.SetLimit(rate.Limit(min(max(next, 1), 200)))
}
