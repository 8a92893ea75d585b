package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"adb-backup/events"
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
	logged     chan struct{} // gets a value when the log says that an invocation has ended
	requested  atomic.Bool   // the log says that a backup was requested

	// In the local cloud alone.
	adb     *fakeadb.Service
	robot   *robot
	servers []*http.Server

	mu        sync.Mutex
	instances []*fakefc.Instance
	results   []fakefc.Result // of the deliveries, in the order in which they ended
}

// grace is for how long an answer may be late. A busy machine is no fault of the function's.
const grace = 15 * time.Second

func newRun(ctx context.Context, o options, std streams) (*run, error) {
	r := &run{options: o, std: std, screen: &screen{w: std.out, all: o.verbose, began: time.Now()}, logged: make(chan struct{}, 10)}
	r.function = &fakefc.Function{Launch: r.launch}
	payload, err := readEvent(o.event)
	if err != nil {
		return nil, err
	}
	r.in.payload, r.in.replaced = freshen(payload, time.Now())
	if o.real() {
		return r, r.useReal(ctx)
	}
	return r, r.useLocal()
}

// useLocal starts AnalyticDB and the chat robot here.
func (r *run) useLocal() error {
	now := time.Now()
	r.adb = fakeadb.New(fakeadb.Options{})
	r.robot = &robot{show: func(text string) { r.screen.event(terminal.Yellow, "chat", text) }}
	adbURL, adbServer, err1 := serve(r.adb)
	robotURL, robotServer, err2 := serve(r.robot)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	r.servers = []*http.Server{adbServer, robotServer}
	r.invocation = fakefc.Invocation{
		Region: localRegion, Timeout: max(5*time.Minute, 3*r.takes),
		AccessKeyID: localKeyID, AccessKeySecret: localSecret, SecurityToken: localToken,
	}
	r.env = slices.Concat(settings(r.takes), ownSettings(r.std.environ, localOnly...), []string{
		"ADB_ENDPOINT=" + adbURL, "ADB_ALARM_WEBHOOK=" + robotURL + robotPath, "ADB_ALARM_SECRET=" + robotSecret})
	r.decode()
	if r.options.fault != "" {
		var err error
		if r.fault, err = findFault(r.options.fault, &r.in); err != nil {
			return err
		}
	}
	o := account(now, r.in.clusters()...)
	o.Takes, o.OnCall = r.takes, r.showCall
	r.adb.Add(history(now, false)...)
	if r.fault.cloud != nil {
		r.fault.cloud(&o, r.takes)
	}
	r.adb.Set(func(old *fakeadb.Options) { *old = o })
	if r.fault.begins != nil {
		r.fault.begins(r)
	}
	return nil
}

// decode reads the event as the function will. This is only for the screen: the payload goes on as it is.
func (r *run) decode() {
	defaults := strings.FieldsFunc(environment(r.env)["ADB_DEFAULT_CLUSTERS"], func(c rune) bool { return c == ',' || c == ' ' })
	r.in.Event, r.in.err = events.Decode(r.in.payload, events.Invocation{
		RequestID: fakefc.NewRequestID(time.Now()), Timeout: r.invocation.Timeout, Region: r.invocation.Region, Received: time.Now(), DefaultClusters: defaults,
	})
}

// play shows what is about to happen, lets it happen, and returns the exit code.
func (r *run) play(ctx context.Context) (int, error) {
	r.introduce()
	if r.real() {
		if err := r.confirm(); err != nil {
			return exitNotAsked, err
		}
	}
	r.screen.text(terminal.Plain, "")
	r.screen.began = time.Now()
	stop := terminal.Progress(r.std.out, func(elapsed time.Duration) string { return fmt.Sprintf("%7.2fs  still waiting", elapsed.Seconds()) })
	var err error
	if r.fault.deliver != nil {
		err = r.fault.deliver(ctx, r)
	} else {
		err = r.deliver(ctx, fakefc.Invocation{})
	}
	stop()
	switch {
	case ctx.Err() != nil:
		text := "\nInterrupted. The function's process was ended; nothing else is left behind." // a terminal shows ^C on the line before
		if r.real() {
			text = "\n" + r.leftBehind()
		}
		r.screen.text(terminal.Plain, text)
		return exitInterrupted, nil
	case err != nil:
		return exitNotAsked, err
	}
	return r.conclude(), nil
}

// launch starts an instance of the function.
func (r *run) launch() (*fakefc.Instance, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	number := len(r.instances) + 1
	show := func(line string) { r.showLog(strings.TrimSuffix(fmt.Sprint("log ", number), " 1"), line) }
	i, err := fakefc.Launch(fakefc.Command{Path: r.binary, Env: r.env, Output: show})
	if err != nil {
		return nil, err
	}
	r.instances = append(r.instances, i)
	r.screen.event(terminal.Bold, "start", fmt.Sprintf("instance %d of the function, process %d", number, i.Pid()))
	return i, nil
}

func (r *run) newest() *fakefc.Instance {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.instances[len(r.instances)-1]
}

// deliver gives the event to the function, waits for the result, and keeps it. change has what differs from other deliveries.
func (r *run) deliver(ctx context.Context, change fakefc.Invocation) error {
	inv := r.invocation
	inv.Payload, inv.Grace, inv.RequestID, inv.RetryCount = r.in.payload, grace, change.RequestID, change.RetryCount
	inv.Timeout = cmp.Or(change.Timeout, inv.Timeout)
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
	colour := terminal.Green
	if result.ErrorType != "" {
		colour = terminal.Red
	}
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
	answered := make(chan struct{})
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error {
		defer close(answered)
		return r.deliver(ctx, fakefc.Invocation{})
	})
	both.Go(func() error {
		for r.made() < made {
			select {
			case <-answered:
				made = 0
				r.function.Replace()
			case <-time.After(10 * time.Millisecond):
			}
		}
		return r.deliver(ctx, fakefc.Invocation{})
	})
	return both.Wait()
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
