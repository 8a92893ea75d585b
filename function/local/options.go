package main

import (
	"adb-backup/function/backup"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// The exit codes. A caller can tell a failed invocation from a run that showed something else than it should.
const (
	exitSuccess     = 0   // the invocation succeeded
	exitFailure     = 1   // it failed
	exitUsage       = 2   // it did not come to an invocation
	exitUnexpected  = 3   // it succeeded, but not as its scenario says
	exitInterrupted = 130 // Ctrl-C
)

// streams are what the command has of the outside, so that tests can give it their own.
type streams struct {
	in       io.Reader
	out, err io.Writer
	environ  []string
}

// options are the command line.
type options struct {
	binary   string
	event    string
	asIs     bool
	fault    string
	takes    time.Duration
	clusters []string // that exist; nil: any
	region   string
	real     bool
	yes      bool
	verbose  bool
}

// run is the command from its arguments to its exit code.
func run(ctx context.Context, args []string, std streams) int {
	o, err := parse(args, std)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitSuccess
	case err != nil:
		return fail(std, err)
	}
	if o.fault == "list" {
		listScenarios(std.out)
		return exitSuccess
	}
	stage, err := newStage(o, std)
	if err != nil {
		return fail(std, err)
	}
	defer stage.close()
	if err := stage.play(ctx); err != nil {
		if ctx.Err() != nil {
			stage.screen.text("Interrupted. The function's process was ended; nothing else is left behind.")
			return exitInterrupted
		}
		return fail(std, err)
	}
	return stage.conclude()
}

func fail(std streams, err error) int {
	fmt.Fprintln(std.err, err)
	return exitUsage
}

func parse(args []string, std streams) (o options, err error) {
	f := flag.NewFlagSet("local", flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.StringVar(&o.binary, "binary", "dist/main", "the function, built for this machine")
	f.StringVar(&o.event, "event", "events/timer.json", "the event's `file`, or a cluster id")
	f.BoolVar(&o.asIs, "as-is", false, "leave the event's time as it is in the file; without it, it is now")
	f.StringVar(&o.fault, "fault", "", "what goes wrong: its `name`")
	faults := f.Bool("faults", false, "list the faults")
	f.DurationVar(&o.takes, "takes", 4*time.Second, "how long a backup takes in the local cloud; the function's intervals go with it")
	clusters := f.String("clusters", "", "the cluster ids that exist, separated by commas; without it, any")
	f.StringVar(&o.region, "region", "", "the region that the function runs in (cn-hangzhou; with -cloud real that of your configuration)")
	cloud := f.String("cloud", "local", "local, or real: AnalyticDB itself, with your credentials")
	f.BoolVar(&o.yes, "yes", false, "do not ask before a backup that costs money")
	f.BoolVar(&o.verbose, "verbose", false, "the function's log as it comes")
	if err := f.Parse(args); errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(std.out, "Runs the function here, in a local cloud, and shows what happens on an event.")
		f.SetOutput(std.out)
		f.PrintDefaults()
		return o, err
	} else if err != nil {
		return o, fmt.Errorf("%w (durations are written 20s or 5m; -h tells what there is)", err)
	}
	if *faults {
		o.fault = "list"
		return o, nil
	}
	for id := range strings.SplitSeq(*clusters, ",") {
		if id = strings.TrimSpace(id); id == "" {
			continue
		}
		if err := backup.CheckClusterID(id); err != nil {
			return o, fmt.Errorf("-clusters: %w", err)
		}
		o.clusters = append(o.clusters, id)
	}
	o.real = *cloud == "real"
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is no option: options begin with a -, as in -event FILE", f.Arg(0))
	case *cloud != "real" && *cloud != "local":
		return o, fmt.Errorf("-cloud %s: there are local and real", *cloud)
	case o.real && (o.fault != "" || o.clusters != nil):
		return o, errors.New("-fault and -clusters are for the local cloud: nobody makes the real one fail")
	case o.takes < 100*time.Millisecond:
		return o, fmt.Errorf("-takes %v: a backup takes 100ms at least", o.takes)
	case o.region != "" && backup.CheckRegion(o.region) != nil:
		return o, fmt.Errorf("-region: %w", backup.CheckRegion(o.region))
	}
	if _, err := os.Stat(o.binary); err != nil {
		return o, fmt.Errorf("there is no %s: run \"make build\" first", o.binary)
	}
	return o, nil
}
