package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
	"adb-backup/function/terminal"
)

// run is one run: the cloud, the function, the event, and the results.
type run struct {
	options
	std        streams
	screen     *screen
	fault      fault // its name is empty: nothing goes wrong
	in         incoming
	invocation fakefc.Invocation // what every delivery begins with
	env        []string          // the function's own
	function   fakefc.Function
	logged     chan bool // gets a value when the log says that an invocation has ended

	// Of the local cloud alone: what AnalyticDB is like, what backups it has before the event comes, and the service itself.
	cloud   fakeadb.Options
	history []fakeadb.Backup
	adb     *fakeadb.Service
	server  http.Server

	mu      sync.Mutex
	results []fakefc.Result // of the deliveries, in the order in which they ended
}

func newRun(ctx context.Context, o options, std streams) (r *run, err error) {
	r = &run{options: o, std: std, screen: &screen{w: std.out, began: time.Now(), all: o.verbose}, logged: make(chan bool, 10)}
	r.function.Launch = r.launch
	if r.in, err = readEvent(cmp.Or(o.event, "events/timer.json")); err != nil {
		return nil, err
	}
	if o.real {
		return r, r.useReal(ctx)
	}
	return r, r.useLocal()
}

// play shows what is about to happen, lets it happen, and returns the exit code.
func (r *run) play(ctx context.Context) (int, error) {
	r.introduce()
	if err := r.confirm(ctx); err != nil {
		return exitNotAsked, err
	}
	r.screen.print(terminal.Plain, "", "")
	r.screen.began = time.Now()
	stop := terminal.Progress(r.std.out, "still waiting")
	deliver := (*run).once
	if r.fault.deliver != nil {
		deliver = r.fault.deliver
	}
	err := deliver(r, ctx)
	stop()
	switch {
	case ctx.Err() != nil:
		left := "nothing else is left behind."
		if r.real {
			left = "if a backup was requested, it goes on in the cloud, is kept and costs money. adb-backup status shows it."
		}
		r.screen.print(terminal.Plain, "", "\nInterrupted. The function's process was ended; "+left) // a terminal shows ^C on the line before
		return exitInterrupted, nil
	case err != nil:
		return exitNotAsked, err
	}
	return r.conclude(), nil
}

// confirm asks before a backup of the real cloud, which costs money. A Verify costs nothing, and a wrong event makes no backup.
func (r *run) confirm(ctx context.Context) error {
	if !r.real || r.in.err != nil || !slices.ContainsFunc(r.in.Requests, isEnsure) {
		return nil
	}
	r.screen.field("Cost", "a backup that is made is kept, and paid for, as long as the cluster's backup policy says; for about ten minutes no DDL is allowed")
	if r.yes {
		return nil
	}
	if ok, err := terminal.Confirm(ctx, r.std.in, r.std.out, "Go ahead?"); !ok {
		return errors.Join(err, errors.New("nothing was called; with YES=1 it does not ask"))
	}
	return nil
}

// launch starts an instance of the function.
func (r *run) launch(number int) (*fakefc.Instance, error) {
	log := fmt.Sprint("log ", number)
	i, err := fakefc.Launch(r.binary, r.env, func(line string) { r.showLog(log, line) })
	if err == nil {
		r.screen.event("start", fmt.Sprintf("instance %d of the function, process %d", number, i.Cmd.Process.Pid))
	}
	return i, err
}

// deliver gives the event to the function, waits for the result, and keeps it.
func (r *run) deliver(ctx context.Context, inv fakefc.Invocation) error {
	r.screen.event("deliver", fmt.Sprintf("the event, timeout %v", inv.Timeout))
	inv.Payload, inv.Grace = r.in.payload, 15*time.Second // a busy machine is no fault of the function's
	result, err := r.function.Invoke(ctx, inv)
	if err != nil {
		return err
	}
	select { // the answer may arrive before the end of its log
	case <-r.logged:
	case <-time.After(time.Second):
	}
	r.screen.event("answer", fmt.Sprintf("%s, after %.2f s", cmp.Or(result.ErrorType, "success"), result.Took.Seconds()))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, result)
	return nil
}

func (r *run) once(ctx context.Context) error { return r.deliver(ctx, r.invocation) }

// retry delivers the event and, if that fails, once more to another instance, as the platform may do after a minute; here after
// half a second, in which AnalyticDB recovers.
func (r *run) retry(ctx context.Context, timeout time.Duration) error {
	inv := r.invocation
	inv.RequestID, inv.Timeout = fakefc.NewRequestID(time.Now()), timeout
	if err := r.deliver(ctx, inv); err != nil || r.results[0].ErrorType == "" {
		return err
	}
	time.Sleep(500 * time.Millisecond)
	r.adb.Set(func(o *fakeadb.Options) { o.Faults = nil })
	r.function.Close()
	inv.RetryCount, inv.Timeout = 1, r.invocation.Timeout
	return r.deliver(ctx, inv)
}

// close ends everything that was started.
func (r *run) close() {
	r.function.Close()
	r.server.Shutdown(context.Background()) // the calls of an ended process end, too
}
