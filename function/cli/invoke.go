package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"
)

// target holds the flags of gate and invoke for the function that is asked.
type target struct {
	file, region, function, qualifier, endpoint *string
}

func targetFlags(flags *flag.FlagSet) target {
	return target{
		file:      flags.String("s", "s.yaml", "the `file` that names region and function, unless -region and -function do"),
		region:    flags.String("region", "", "the function's `region`, instead of s.yaml's"),
		function:  flags.String("function", "", "the function's `name`, instead of s.yaml's"),
		qualifier: flags.String("qualifier", "", "a `version` or an alias of the function; the latest code without it"),
		endpoint:  flags.String("endpoint", "", "Function Compute's `host`, host:port or URL, instead of the region's; http only to a loopback address"),
	}
}

// deployed returns the function that the flags and s.yaml name.
func (t target) deployed() (deployed, error) {
	d := deployed{Region: *t.region, Name: *t.function, Qualifier: *t.qualifier, find: new(credentials.Source).Get}
	if d.Region == "" || d.Name == "" {
		s, err := readSettings(*t.file)
		if err != nil {
			return d, usage("which function? Give -region and -function, or run this beside s.yaml: %w", err)
		}
		d.Region, d.Name = cmp.Or(d.Region, s.Region), cmp.Or(d.Name, s.FunctionName)
	}
	var err error
	if d.Endpoint, err = parseEndpoint(*t.endpoint); err != nil {
		return d, err
	}
	if err := d.check(); err != nil {
		return d, usage("%w", err)
	}
	return d, nil
}

func invokeCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("invoke", flag.ContinueOnError)
	event := flags.String("event", "", "the `file` of a request or an event, sent as it is, or a bare cluster id")
	to := targetFlags(flags)
	timeout := flags.Duration("timeout", 65*time.Minute, "how long to wait for the answer; the function goes on without you")
	if err := parse(flags, args, stderr, 0); err != nil {
		return err
	}
	if *timeout < time.Second {
		return usage("-timeout must be at least 1s")
	}
	d, err := to.deployed()
	if err != nil {
		return err
	}
	payload, err := readEvent(*event)
	if err != nil {
		return err
	}
	if err := checkEvent(payload, d.Region); err != nil {
		return err
	}
	say(stderr, "invoke: asking %s and waiting for the answer\n", d)
	asked, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	r, err := d.invoke(asked, payload)
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if e := new(askError); errors.As(err, &e) && e.why == noAnswerHung {
		r, err = failure(backup.ErrorBackupPending, fmt.Sprintf("the function has not answered within %s, and goes on", short(*timeout)), ""), nil
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "%s\n", r.Answer)
	return r.err()
}

// stopped is the error of a command that a signal ended.
func stopped(ctx context.Context) error {
	return fmt.Errorf("stopped: what was asked for may go on in the cloud: %w", context.Cause(ctx))
}

// readEvent reads the event's file. A bare cluster id is an event by itself.
func readEvent(event string) ([]byte, error) {
	if event == "" {
		return nil, usage("what is to be sent? Give -event (with make: EVENT=), a file such as events/request.json, or a cluster id")
	}
	payload, err := os.ReadFile(event)
	switch {
	case err == nil:
		return payload, nil
	case backup.CheckClusterID(event) == nil:
		return []byte(event), nil
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(event, "am"):
		return nil, usage("-event: there is no such file, and %w", backup.CheckClusterID(event))
	}
	return nil, usage("-event must be a file or a cluster id: %w", err)
}

// checkEvent refuses an event that the function would refuse. It does not know the function's ADB_DEFAULT_CLUSTERS, so it lets
// an event pass that names no cluster.
func checkEvent(payload []byte, region string) error {
	_, err := events.Decode(payload, events.Invocation{
		Region: region, Received: time.Now(), Timeout: time.Hour, DefaultClusters: []string{"amv-default"},
	})
	if err != nil {
		return usage("the function would refuse this: %w; nothing was called", err)
	}
	return nil
}
