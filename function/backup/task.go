package backup

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// task is one request on its way. It works with one of its region's slots and the cluster's turn, and waits without them.
type task struct {
	caller
	part    *part
	request Request
	state   *clusterState
	working bool   // it has a slot and the turn
	arrive  func() // says that the backup is requested, or has to wait
	outcome Outcome
	pending string // what is not done yet, for the message at the deadline

	own           *Create          // the last CreateBackup of this request that took effect, or may have; nil: none
	first         map[string][]any // by key: what the log says of a set that is listed for the first time
	completeSince time.Time        // when the backup was first seen as complete
}

// do carries the request out. A panic is this request's failure alone.
func (x *task) do(ctx context.Context) (o Outcome) {
	cluster, memory := x.request.Cluster, &x.part.run.memory
	x.state = memory.use(cluster)
	defer func() {
		x.giveWay()
		memory.done(cluster, x.state)
		if p := recover(); p != nil {
			x.log.Error("defect", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = x.outcome.fail(ErrorInternalError, "a defect of the function, see its log: %v", p)
		}
		if o.Failure != nil {
			x.logFailure("cluster failed", o.Failure)
		}
	}()
	switch {
	case !x.begin(ctx):
		return x.failed(nil)
	case x.request.Action == ActionVerify:
		return x.verify(ctx)
	default:
		return x.ensure(ctx)
	}
}

// begin waits for a slot and the cluster's turn. It reports whether it got them in time.
func (x *task) begin(ctx context.Context) bool {
	if x.part.slots.Acquire(ctx, 1) != nil {
		return false
	}
	if x.state.turn.Acquire(ctx, 1) != nil {
		x.part.slots.Release(1)
		return false
	}
	x.working = true
	return true
}

// giveWay lets the other clusters of the region and the other invocations go first, because this task has to wait or has ended.
func (x *task) giveWay() {
	if x.working {
		x.working = false
		x.state.turn.Release(1)
		x.part.slots.Release(1)
	}
	x.arrive()
}

// pause waits. It reports whether there is still time. Meanwhile another invocation may have created a backup.
func (x *task) pause(ctx context.Context, d time.Duration) bool {
	x.giveWay()
	return Sleep(ctx, d) && x.begin(ctx)
}

// window returns how far the list is read. It is generous, because no page says whether the service means a backup's start,
// its end or both.
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

// look lists the cluster's sets, and brings the memory up to date. at is when the list was asked for. An error is final, as
// read's is.
func (x *task) look(ctx context.Context) (l Listing, at time.Time, err error) {
	err = x.read(ctx, "DescribeBackups", x.pause, func() (err error) {
		at = time.Now()
		from, to := window(at, x.request)
		l, err = x.service.Backups(ctx, x.request.Cluster, from, to)
		return err
	})
	if err != nil {
		return Listing{}, at, err
	}
	if l.Unreadable != "" {
		x.warnOnce("unreadable", "the list of backups holds something that cannot be read", "unreadable", l.Unreadable)
	}
	x.warnOf(l.Sets, at)
	if c := x.state.reconcile(l.Sets, at, x.settings.Settle, x.own); c != nil {
		x.first = map[string][]any{c.Key: {"listedAfter", at.Sub(c.Sent).Round(time.Millisecond).Seconds()}}
	}
	return l, at, nil
}

// warnOf warns of what a list shows that somebody should know, once of each.
func (x *task) warnOf(listed []Set, at time.Time) {
	for i := range listed {
		s := &listed[i]
		if s.full() && !s.believed(at) {
			x.warnOnce("future "+s.key(), "a backup is listed with a start in the future, which is not believed", s.attrs()...)
		}
		if s.stuck(at) {
			x.warnOnce("stuck "+s.key(), "a backup has run for more than 24 h: it counts as stuck and is not waited for", s.attrs()...)
		}
		if s.full() && s.State == SetUnknown { // somebody must say what the word means
			x.warnOnce("status "+s.Status, "a backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED", s.attrs()...)
		}
	}
}

// failed is the outcome of a request that did not come to its end: err says no, or the time is up.
func (x *task) failed(err error) Outcome {
	f := x.failure(err, x.pending)
	x.outcome.Failure = f
	if f.Type.Continues() {
		return x.outcome
	}
	if x.outcome.Status == StatusUnknown {
		x.outcome.Status = StatusFailed
	}
	switch {
	case x.outcome.RequestID != "":
		f.Message = fmt.Sprintf("CreateBackup was accepted (request id %s), but then %s", x.outcome.RequestID, f.Message)
	case x.own != nil:
		f.Message = "an earlier CreateBackup went without a readable answer and may have made one; then " + f.Message
	}
	return x.outcome
}
