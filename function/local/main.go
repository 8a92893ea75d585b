// Command local is the local cloud behind `make run`: it starts the function as deployed between an emulated Function
// Compute and an emulated AnalyticDB, delivers an event, and shows what happens. README.md lists the faults, and what is
// not emulated.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"adb-backup/function/terminal"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := start(ctx, os.Args[1:], streams{os.Stdin, os.Stdout, os.Stderr, os.Environ()})
	stop()
	os.Exit(code)
}

// streams connect the command to the outside. Tests give it their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
}

// The exit codes. A run with a fault succeeds when the invocation ended as the fault makes it end, even in failure.
const (
	exitDone        = 0
	exitFailed      = 1   // the invocation failed
	exitNotAsked    = 2   // there was no invocation
	exitWrong       = 64  // the command, the event or the fault is wrong, and nothing was called
	exitInterrupted = 130 // Ctrl-C
)

// wrongError is a fault of the command line, the event or the choice of a fault.
type wrongError struct{ error }

func wrong(format string, a ...any) error { return wrongError{fmt.Errorf(format, a...)} }

// start carries out the command, and returns its exit code.
func start(ctx context.Context, args []string, std streams) int {
	o, err := parse(args, std)
	code := exitDone
	switch {
	case err != nil:
	case o.faults:
		listFaults(std.out)
	case o.exec:
		code, err = execute(ctx, o.command, std)
	default:
		var r *run
		if r, err = newRun(ctx, o, std); err == nil {
			defer r.close()
			code, err = r.play(ctx)
		}
	}
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return code
	}
	fmt.Fprintln(std.err, strings.Join(terminal.Wrap(err.Error(), terminal.Width(std.err)), "\n"))
	if errors.As(err, new(wrongError)) {
		return exitWrong
	}
	return exitNotAsked
}

// options are the command line. Make hands its variables over in the environment; a flag counts more.
type options struct {
	binary, event, fault, cloud string
	takes                       time.Duration
	faults, yes, verbose, exec  bool
	command                     []string // what exec runs
}

func (o options) real() bool { return o.cloud == "real" }

func parse(args []string, std streams) (o options, err error) {
	env := environment(std.environ)
	var takes string
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.binary, "binary", "dist/main", "the function, built for this machine")
	f.StringVar(&o.event, "event", env["EVENT"], "the event's `file`, or a cluster id; without it events/timer.json")
	f.StringVar(&o.fault, "fault", env["FAULT"], "the `name` of what goes wrong")
	f.BoolVar(&o.faults, "faults", false, "list the faults")
	f.StringVar(&takes, "takes", env["TAKES"], "how long a backup takes in the local cloud, such as 20s; without it 4s")
	f.StringVar(&o.cloud, "cloud", cmp.Or(env["CLOUD"], "local"), "local, or real: AnalyticDB itself, with your credentials")
	f.BoolVar(&o.yes, "yes", yes(env["YES"]), "do not ask before a backup that costs money")
	f.BoolVar(&o.verbose, "verbose", yes(env["VERBOSE"]), "show the function's log as it is, and all of it")
	f.BoolVar(&o.exec, "exec", false, "run the command that follows, with the local cloud's endpoint and credentials in its environment")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprintln(std.out, "Runs the function here, in a local cloud, and shows what happens on an event.")
		f.SetOutput(std.out)
		f.PrintDefaults()
		return o, err
	case err != nil:
		return o, wrong("%w (-h lists the options)", err)
	}
	if o.command = f.Args(); o.faults || o.exec && len(o.command) > 0 {
		return o, nil
	}
	if o.takes, err = time.ParseDuration(cmp.Or(takes, "4s")); err != nil || o.takes < 100*time.Millisecond {
		return o, wrong("TAKES=%s: give a number with its unit, as in 20s or 5m, 100ms at least", takes)
	}
	return o, o.check(takes != "")
}

// check finds wrong values and options that do not go together.
func (o options) check(takes bool) error {
	_, missing := os.Stat(o.binary)
	switch {
	case o.exec:
		return wrong("-exec needs a command, as in -exec dist/adb-backup status")
	case len(o.command) > 0:
		return wrong("unexpected argument %q: options begin with a -, as in -event FILE", o.command[0])
	case o.cloud != "real" && o.cloud != "local":
		return wrong("-cloud must be local or real, not %q", o.cloud)
	case o.real() && (o.fault != "" || takes):
		return wrong("FAULT and TAKES are for the local cloud: the real one cannot be made to fail, and takes its own time")
	case o.real() && o.event == "":
		return wrong("CLOUD=real needs an event: make run CLOUD=real EVENT=amv-…, with the id of one of your clusters, or a file")
	case missing != nil:
		return wrong("there is no %s: run \"make build\" first", o.binary)
	}
	return nil
}

// yes reports whether a variable of make's means yes.
func yes(value string) bool {
	return slices.Contains([]string{"1", "y", "yes", "true"}, strings.ToLower(value))
}

// environment is a list of NAME=value as a map; of several the last counts, as for a process.
func environment(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		m[name] = value
	}
	return m
}
