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

// getenv is a variable's value; of several the last counts, as for a process.
func (s streams) getenv(name string) (value string) {
	for _, variable := range s.environ {
		if v, found := strings.CutPrefix(variable, name+"="); found {
			value = v
		}
	}
	return value
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
	code, err := command(ctx, args, std)
	if err == nil {
		return code
	}
	fmt.Fprintln(std.err, strings.Join(terminal.Wrap(err.Error(), terminal.Width(std.err)), "\n"))
	if errors.As(err, new(wrongError)) {
		return exitWrong
	}
	return exitNotAsked
}

func command(ctx context.Context, args []string, std streams) (int, error) {
	f := flag.NewFlagSet("local, with the variables EVENT, FAULT, TAKES, VERBOSE, CLOUD and YES", flag.ContinueOnError)
	f.SetOutput(std.err)
	binary := f.String("binary", "dist/main", "the function, built for this machine")
	faults := f.Bool("faults", false, "list the faults")
	exec := f.Bool("exec", false, "run the command that follows, with the local cloud's endpoint and credentials in its environment")
	switch err := f.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return exitDone, nil
	case err != nil: // it has been told
		return exitWrong, nil
	case *faults:
		listFaults(std.out)
		return exitDone, nil
	case *exec && f.NArg() == 0:
		return exitWrong, wrong("-exec needs a command, as in -exec dist/adb-backup status")
	case *exec:
		return execute(ctx, f.Args(), std)
	case f.NArg() > 0:
		return exitWrong, wrong("unexpected argument %q: the event is the variable EVENT, as in EVENT=FILE make run", f.Arg(0))
	}
	o, err := readOptions(*binary, std)
	if err != nil {
		return exitWrong, err
	}
	r, err := newRun(ctx, o, std)
	if err != nil {
		return exitNotAsked, err
	}
	defer r.close()
	return r.play(ctx)
}

// options are make's variables, which it hands over in the environment.
type options struct {
	binary, event, fault string
	takes                time.Duration
	real, yes, verbose   bool
}

func readOptions(binary string, std streams) (o options, err error) {
	yes := func(name string) bool {
		return slices.Contains([]string{"1", "y", "yes", "true"}, strings.ToLower(std.getenv(name)))
	}
	o = options{binary: binary, event: std.getenv("EVENT"), fault: std.getenv("FAULT"), yes: yes("YES"), verbose: yes("VERBOSE")}
	cloud, takes := std.getenv("CLOUD"), std.getenv("TAKES")
	o.real = cloud == "real"
	o.takes, err = time.ParseDuration(cmp.Or(takes, "4s"))
	switch {
	case err != nil || o.takes < 100*time.Millisecond:
		return o, wrong("TAKES=%s: give a number with its unit, as in 20s or 5m, 100ms at least", takes)
	case !o.real && cloud != "" && cloud != "local":
		return o, wrong("CLOUD must be local or real, not %q", cloud)
	case o.real && (o.fault != "" || takes != ""):
		return o, wrong("FAULT and TAKES are for the local cloud: the real one cannot be made to fail, and takes its own time")
	case o.real && o.event == "":
		return o, wrong("CLOUD=real needs an event: make run CLOUD=real EVENT=amv-…, with the id of one of your clusters, or a file")
	}
	return o, nil
}
