package backup

import (
	"context"
	"fmt"
	"runtime/debug"
	"time"
)

// task is one request on its way.
type task struct {
	caller
	run     *run
	request Request
	outcome Outcome

	slot    hold // one of the region's slots
	lock    hold // the cluster's
	arrived bool // at the barrier run.requested

	lostCall *CallError // of the last CreateBackup whose outcome is unknown; nil: there was none
	attempts int        // how often CreateBackup was sent, throttled ones included
	pending  string     // what is not done yet, for the message at the deadline
}

func (r *run) task(request Request) *task {
	c := request.Cluster
	x := &task{
		run: r, request: request, pending: "the backup was not started",
		outcome: Outcome{Cluster: c, Status: StatusUnknown},
		caller:  r.caller(c, r.log.With("DBClusterId", c.ID, "RegionId", c.Region)),
	}
	x.slot.tokens = x.region.slots
	return x
}

// do carries the request out. A panic is this request's failure alone.
func (x *task) do(ctx context.Context) (o Outcome) {
	defer func() {
		x.giveWay()
		if p := recover(); p != nil {
			x.log.Error("defect", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = x.outcome.fail(ErrorInternalError, "a defect of the function, see its log: %v", p)
		}
		if o.Failure != nil {
			var more []any
			if x.err != nil && x.err.RequestID != "" && !x.behindAnother() {
				more = []any{"apiRequestId", x.err.RequestID}
			}
			x.logFailure("cluster failed", o.Failure, more...)
		}
	}()
	switch {
	case !x.slot.take(ctx):
		x.heldUp(nil)
		return x.unfinished()
	case x.request.Action == ActionVerify:
		return x.verify(ctx)
	default:
		return x.ensure(ctx)
	}
}

// giveWay lets the other clusters of the invocation go first, because this one has to wait or has ended.
func (x *task) giveWay() {
	x.slot.release()
	if !x.arrived {
		x.arrived = true
		x.run.requested.arrive()
	}
}

// sleep waits, and lets others go first. It reports whether there is still time.
func (x *task) sleep(ctx context.Context, d time.Duration) bool {
	x.giveWay()
	return sleep(ctx, d)
}

// unfinished is the outcome of a request that the deadline cut off.
func (x *task) unfinished() Outcome {
	o := x.outcome
	o.Failure = x.overdue(x.pending)
	return o
}

// hold is one task's hold on a token of a channel: the lock of a cluster, or one of the slots of a region. Whoever holds a
// token may take it again, and release may be called at any time.
type hold struct {
	tokens chan struct{}
	held   bool
}

// try takes a token if one is free. It reports whether the task holds one.
func (h *hold) try() bool {
	if !h.held {
		select {
		case h.tokens <- struct{}{}:
			h.held = true
		default:
		}
	}
	return h.held
}

// take waits for a token. It reports whether it got one before ctx ended.
func (h *hold) take(ctx context.Context) bool {
	if h.try() {
		return true
	}
	select {
	case h.tokens <- struct{}{}:
		h.held = true
	case <-ctx.Done():
	}
	return h.held
}

func (h *hold) release() {
	if h.held {
		h.held = false
		<-h.tokens
	}
}
