package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// The exit codes. A run with a fault succeeds when the invocation ended as the fault must make it end, even in failure.
const (
	exitSuccess     = 0   // the invocation succeeded, or ended as its fault must make it end
	exitFailure     = 1   // the invocation failed
	exitUsage       = 2   // there was no invocation
	exitUnexpected  = 3   // the invocation did not end as its fault must make it end, or the answer was not true
	exitInterrupted = 130 // Ctrl-C
)

// streams connect the command to the outside. Tests give it their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
}

// options are the command line.
type options struct {
	binary  string
	event   string
	asIs    bool
	fault   string
	faults  bool
	takes   time.Duration
	cloud   string
	yes     bool
	verbose bool
	exec    bool
	command []string // what exec runs
}

func (o options) real() bool { return o.cloud == "real" }

// run carries out the command, and returns its exit code.
func run(ctx context.Context, args []string, std streams) int {
	o, err := parse(args, std.out)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitSuccess
	case err != nil:
		return fail(std, err)
	case o.faults:
		listScenarios(std.out)
		return exitSuccess
	case o.exec:
		return execute(ctx, o, std)
	}
	stage, err := newStage(ctx, o, std)
	if err != nil {
		return fail(std, err)
	}
	defer stage.close()
	if err := stage.play(ctx); err != nil {
		if ctx.Err() != nil {
			stage.screen.blank() // a terminal shows ^C on the line that follows
			stage.screen.text(plain, stage.interrupted())
			return exitInterrupted
		}
		return fail(std, err)
	}
	return stage.conclude()
}

// fail says why there was no invocation.
func fail(std streams, err error) int {
	screen := newScreen(std.err, std.environ)
	screen.write(strings.Join(screen.fold(err.Error(), 0), "\n"))
	return exitUsage
}

const (
	defaultEvent = "events/timer.json"
	defaultTakes = 4 * time.Second
)

// parse reads the command line.
func parse(args []string, out io.Writer) (o options, err error) {
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.binary, "binary", "dist/main", "the function, built for this machine")
	f.StringVar(&o.event, "event", "", "the event's `file`, or a cluster id; without it "+defaultEvent)
	f.BoolVar(&o.asIs, "as-is", false, "leave the event's time as it is in the file; without it, it becomes now")
	f.StringVar(&o.fault, "fault", "", "the `name` of what goes wrong")
	f.BoolVar(&o.faults, "faults", false, "list the faults")
	f.Func("takes", "how long a backup takes in the local cloud, such as 20s; without it 4s. The function's intervals grow with it", func(text string) (err error) {
		o.takes, err = parseTakes(text)
		return err
	})
	f.StringVar(&o.cloud, "cloud", "local", "local, or real: AnalyticDB itself, with your credentials")
	f.BoolVar(&o.yes, "yes", false, "do not ask before a backup that costs money")
	f.BoolVar(&o.verbose, "verbose", false, "show the function's log as it is")
	f.BoolVar(&o.exec, "exec", false, "run the command that follows, with the local cloud's endpoint and credentials in its environment")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(out, "Runs the function here, in a local cloud, and shows what happens on an event.")
		f.SetOutput(out)
		f.PrintDefaults()
		return o, err
	} else if err != nil {
		return o, fmt.Errorf("%w (-h lists the options)", err)
	}
	o.command = f.Args()
	if err := o.check(); err != nil || o.faults || o.exec {
		return o, err
	}
	o.event, o.takes = cmp.Or(o.event, defaultEvent), cmp.Or(o.takes, defaultTakes)
	if _, err := os.Stat(o.binary); err != nil {
		return o, fmt.Errorf("there is no %s: run \"make build\" first", o.binary)
	}
	return o, nil
}

func parseTakes(text string) (time.Duration, error) {
	d, err := time.ParseDuration(text)
	switch {
	case err != nil:
		return 0, errors.New("give a number with its unit, as in 20s or 5m")
	case d < 100*time.Millisecond:
		return 0, errors.New("100ms is the least here")
	}
	return d, nil
}

// check finds wrong values and options that do not go together.
func (o options) check() error {
	switch {
	case o.cloud != "real" && o.cloud != "local":
		return fmt.Errorf("-cloud must be local or real, not %q", o.cloud)
	case o.exec && len(o.command) == 0:
		return errors.New("-exec needs a command, as in -exec dist/adb-backup status")
	case !o.exec && len(o.command) > 0:
		return fmt.Errorf("unexpected argument %q: options begin with a -, as in -event FILE", o.command[0])
	case o.real():
		return o.checkReal()
	}
	return nil
}

func (o options) checkReal() error {
	switch {
	case o.exec:
		return errors.New("-exec is for the local cloud: for the real one, run the command itself")
	case o.fault != "":
		return errors.New("FAULT is for the local cloud: the real one cannot be made to fail")
	case o.takes != 0:
		return errors.New("TAKES has no meaning with CLOUD=real: nobody can choose how long a real backup takes")
	case o.event == "":
		return errors.New("CLOUD=real needs an event: make run CLOUD=real EVENT=amv-…, with the id of one of your clusters, or a file")
	}
	return nil
}
