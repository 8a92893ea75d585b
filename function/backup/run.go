package backup

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"time"
)

// task is one request on its way.
type task struct {
	*Runner
	service Service
	log     *slog.Logger
	request Request
	outcome Outcome

	chance   *rand.Rand      // scatters the intervals
	region   *region         // the cluster's
	slot     bool            // whether it holds one of the region's
	turn     bool            // whether it holds the cluster's turn
	asked    func()          // to be called when the request first waits for something, or ends
	allAsked <-chan struct{} // closed when all requests of the invocation have

	made     *Create    // the last CreateBackup of this request that may have taken effect
	attempts int        // how often CreateBackup was sent, throttled ones too
	doing    string     // what it is waiting for, for the message at the deadline
	err      *CallError // of the last call that failed; nil once that is overcome
	open     *CallError // of the last CreateBackup whose outcome is unknown
}

// do carries the request out. A panic is this request's failure alone.
func (x *task) do(ctx context.Context) (o Outcome) {
	defer func() {
		x.asked()
		if p := recover(); p != nil {
			x.log.Error("defect", "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
			o = x.outcome.fail(ErrorInternalError, "a defect of the function, see its log: %v", p)
		}
		if o.Failure != nil {
			level := slog.LevelError
			if o.Failure.Type.Continues() {
				level = slog.LevelWarn
			}
			attrs := []any{"errorType", o.Failure.Type, "error", o.Failure.Message}
			if x.err != nil && x.err.RequestID != "" {
				attrs = append(attrs, "apiRequestId", x.err.RequestID)
			}
			x.log.Log(ctx, level, "cluster failed", attrs...)
		}
	}()
	select {
	case x.region.slots <- struct{}{}:
	case <-ctx.Done():
		x.noTurn()
		return x.unfinished()
	}
	x.slot = true
	if x.request.Action == ActionVerify {
		return x.verify(ctx)
	}
	return x.ensure(ctx)
}

// sleep waits, and lets others ask meanwhile. It says whether there is still time.
func (x *task) sleep(ctx context.Context, d time.Duration) bool {
	x.asked()
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// answered takes note of what came of a call: nil if it succeeded. A look that succeeds does not undo a create that did not.
func (x *task) answered(action string, call *CallError) {
	if call != nil || x.err != nil && x.err.Action == action {
		x.err = call
	}
	if call != nil && call.Kind != KindThrottled {
		call = nil
	}
	x.region.throttled.Store(call)
}

// noTurn says why a call's turn did not come: perhaps the service throttles all calls to the region.
func (x *task) noTurn() { x.err = cmp.Or(x.err, x.region.throttled.Load()) }

// unfinished is the outcome of a request that the deadline cut off.
func (x *task) unfinished() Outcome {
	t, last := ErrorBackupPending, ""
	if x.err != nil {
		last = "; the last error: " + x.err.Error()
		if x.err.Kind == KindThrottled {
			t = ErrorThrottled
		}
	}
	return x.outcome.fail(t, "%s before the deadline; invoking again continues%s", x.doing, last)
}
