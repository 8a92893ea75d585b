package backup

import (
	"context"
	"log/slog"
	"time"
)

// window is how far the list is read: generously, since whether the service means a backup's start, its end or both is
// not documented.
func window(now time.Time, r Request) (from, to time.Time) {
	back := 48 * time.Hour
	if r.Action == ActionVerify {
		back = 31 * 24 * time.Hour
	}
	from = now.Add(-back)
	if r.NotBefore.Before(from) {
		from = r.NotBefore
	}
	return from.Add(-time.Hour), now.Add(time.Hour)
}

// look lists the cluster's sets, again and again while the service cannot answer. An error is final: the service refuses,
// or ctx has ended.
func (x *task) look(ctx context.Context) (sets []Set, at time.Time, err error) {
	retries := x.retries()
	for attempt := 1; ; attempt++ {
		at = time.Now()
		from, to := window(at, x.request)
		listing, err := x.service.Backups(ctx, x.request.Cluster, from, to)
		sets = listing.Sets
		call := sent(err)
		if err != nil && call == nil { // not sent: the time is up
			x.noTurn()
			return nil, at, err
		}
		x.answered("DescribeBackups", call)
		if call == nil {
			return sets, at, nil
		}
		if call.Kind != KindThrottled && call.Kind != KindUnanswered {
			return nil, at, call
		}
		level := slog.LevelDebug
		if attempt == 3 { // once: whoever watches must not learn at the deadline alone why nothing happens
			level = slog.LevelWarn
		}
		x.log.Log(ctx, level, "look failed", append(call.attrs(), "attempt", attempt)...)
		if !x.sleep(ctx, max(retries.next(), call.RetryAfter)) {
			return nil, at, ctx.Err()
		}
	}
}
