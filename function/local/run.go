package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
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
	function   *fakefc.Function
	logged     chan bool // gets a value when the log says that an invocation has ended

	// In the local cloud alone.
	adb     *fakeadb.Service
	robot   *robot
	servers []*http.Server

	mu      sync.Mutex
	results []fakefc.Result // of the deliveries, in the order in which they ended
}

func newRun(ctx context.Context, o options, std streams) (r *run, err error) {
	r = &run{options: o, std: std, screen: &screen{w: std.out, all: o.verbose, began: time.Now()}, logged: make(chan bool, 10)}
	r.function = &fakefc.Function{Launch: r.launch}
	if r.in, err = readEvent(cmp.Or(o.event, defaultEvent), time.Now()); err != nil {
		return nil, err
	}
	if o.real() {
		return r, r.useReal(ctx)
	}
	return r, r.useLocal()
}

// play shows what is about to happen, lets it happen, and returns the exit code.
func (r *run) play(ctx context.Context) (int, error) {
	r.introduce()
	if err := r.confirm(); err != nil {
		return exitNotAsked, err
	}
	r.screen.text(terminal.Plain, "")
	r.screen.began = time.Now()
	stop := terminal.Progress(r.std.out, func(elapsed time.Duration) string { return fmt.Sprintf("%7.2fs  still waiting", elapsed.Seconds()) })
	deliver := once
	if r.fault.deliver != nil {
		deliver = r.fault.deliver
	}
	err := deliver(ctx, r)
	stop()
	switch {
	case ctx.Err() != nil:
		left := "nothing else is left behind."
		if r.real() {
			left = "if a backup was requested, it goes on in the cloud, is kept and costs money. adb-backup status shows it."
		}
		r.screen.text(terminal.Plain, "\nInterrupted. The function's process was ended; "+left) // a terminal shows ^C on the line before
		return exitInterrupted, nil
	case err != nil:
		return exitNotAsked, err
	}
	return r.conclude(), nil
}

func once(ctx context.Context, r *run) error { return r.deliver(ctx, fakefc.Invocation{}) }

// confirm asks before a backup of the real cloud, which costs money. A Verify costs nothing, and a wrong event makes no backup.
func (r *run) confirm() error {
	if !r.real() || r.in.err != nil || !r.in.any(isEnsure) {
		return nil
	}
	r.screen.field("Cost", "a backup that is made is kept, and paid for, as long as the cluster's backup policy says; for about ten minutes no DDL is allowed")
	if r.yes {
		return nil
	}
	switch ok, err := terminal.Confirm(r.std.in, r.std.out, "Go ahead?"); {
	case errors.Is(err, terminal.ErrNoTerminal):
		return fmt.Errorf("nothing was called: this makes backups, and %w. With YES=1 (or -yes) it does not ask", err)
	case err != nil:
		return err
	case !ok:
		return errors.New("nothing was called")
	}
	return nil
}

// launch starts an instance of the function.
func (r *run) launch(number int) (*fakefc.Instance, error) {
	show := func(line string) { r.showLog(strings.TrimSuffix(fmt.Sprint("log ", number), " 1"), line) }
	i, err := fakefc.Launch(fakefc.Command{Path: r.binary, Env: r.env, Output: show})
	if err != nil {
		return nil, err
	}
	r.screen.event(terminal.Bold, "start", fmt.Sprintf("instance %d of the function, process %d", number, i.Pid()))
	return i, nil
}

// deliver gives the event to the function, waits for the result, and keeps it. change has what differs from other deliveries.
func (r *run) deliver(ctx context.Context, change fakefc.Invocation) error {
	inv := r.invocation
	inv.Payload, inv.RequestID, inv.RetryCount = r.in.payload, change.RequestID, change.RetryCount
	inv.Timeout = cmp.Or(change.Timeout, inv.Timeout)
	inv.Grace = 15 * time.Second // a busy machine is no fault of the function's
	what := fmt.Sprintf("the event, timeout %v", inv.Timeout)
	if inv.RetryCount > 0 {
		what += fmt.Sprint(", retry ", inv.RetryCount)
	}
	r.screen.event(terminal.Bold, "deliver", what)
	result, err := r.function.Invoke(ctx, inv)
	if err != nil {
		return err
	}
	select { // the answer may arrive before the end of its log
	case <-r.logged:
	case <-time.After(time.Second):
	}
	colour := map[bool]terminal.Colour{true: terminal.Green, false: terminal.Red}[result.ErrorType == ""]
	r.screen.event(colour, "answer", fmt.Sprintf("%s, after %.2f s", cmp.Or(result.ErrorType, "success"), result.Took.Seconds()))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.results = append(r.results, result)
	return nil
}

// retry delivers the event and, if that fails, once more, as the platform does after a minute; here after half a second. between
// happens in the meantime.
func (r *run) retry(ctx context.Context, timeout time.Duration, between func()) error {
	id := fakefc.NewRequestID(time.Now())
	if err := r.deliver(ctx, fakefc.Invocation{RequestID: id, Timeout: timeout}); err != nil || r.results[0].ErrorType == "" {
		return err
	}
	time.Sleep(500 * time.Millisecond)
	between()
	return r.deliver(ctx, fakefc.Invocation{RequestID: id, RetryCount: 1})
}

// twoInstances delivers the event to two instances, to the second one when so many backups have been made, or when the first one
// has its answer.
func (r *run) twoInstances(ctx context.Context, made int) error {
	first := make(chan error, 1)
	go func() { first <- r.deliver(ctx, fakefc.Invocation{}) }()
	for r.made() < made && len(first) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	r.function.Replace() // so that it is another one, even if the first one has its answer
	err := r.deliver(ctx, fakefc.Invocation{})
	return errors.Join(<-first, err)
}

// made counts the backups that the function made.
func (r *run) made() (n int) {
	for _, b := range r.adb.Backups("") {
		if b.RequestID != "" {
			n++
		}
	}
	return n
}

// close ends everything that was started.
func (r *run) close() {
	r.function.Close()
	for _, s := range r.servers {
		s.Close()
	}
}
