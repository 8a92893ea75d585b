package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"

	"github.com/urfave/cli/v3"
)

// targetFlags are the flags for the function that is asked.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		fileFlag("the `FILE` that names region and function, unless -region and -function do"),
		&cli.StringFlag{Name: "region", Usage: "the function's `REGION`, instead of s.yaml's"},
		&cli.StringFlag{Name: "function", Usage: "the function's `NAME`, instead of s.yaml's"},
		&cli.StringFlag{Name: "qualifier", Usage: "a `VERSION` or an alias of the function; the latest code without it"},
		&cli.StringFlag{Name: "endpoint", Usage: "Function Compute's `HOST`, host:port or URL, instead of the region's; http only to a loopback address"},
	}
}

// target returns the function that the flags and s.yaml name.
func target(c *cli.Command) (deployed, error) {
	d := deployed{Region: c.String("region"), Name: c.String("function"), Qualifier: c.String("qualifier"), find: new(credentials.Source).Get}
	if d.Region == "" || d.Name == "" {
		s, err := readSettings(c.String("s"))
		if err != nil {
			return d, wrong("which function? Give -region and -function, or run this beside s.yaml: %w", err)
		}
		d.Region, d.Name = cmp.Or(d.Region, s.Region), cmp.Or(d.Name, s.FunctionName)
	}
	var err error
	if d.Endpoint, err = parseEndpoint(c.String("endpoint")); err != nil {
		return d, err
	}
	if err := d.check(); err != nil {
		return d, wrong("%w", err)
	}
	return d, nil
}

func invokeCommand() *cli.Command {
	return &cli.Command{
		Name: "invoke", Usage: "ask the deployed function once",
		Flags: append(targetFlags(),
			&cli.StringFlag{Name: "event", Usage: "the `FILE` of a request or an event, sent as it is, or a bare cluster id"},
			durationFlag("timeout", 65*time.Minute, "how long to wait for the answer")),
		Action: invoke,
	}
}

func invoke(ctx context.Context, c *cli.Command) error {
	timeout, stdout, stderr := c.Duration("timeout"), c.Root().Writer, c.Root().ErrWriter
	if timeout < time.Second {
		return wrong("-timeout must be at least 1s")
	}
	d, err := target(c)
	if err != nil {
		return err
	}
	payload, err := readEvent(c.String("event"))
	if err != nil {
		return err
	}
	if err := checkEvent(payload, d.Region); err != nil {
		return err
	}
	say(stderr, "invoke: asking %s and waiting for the answer\n", d)
	asked, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := d.invoke(asked, payload)
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if e := new(askError); errors.As(err, &e) && e.why == noAnswerHung {
		r, err = failure(backup.ErrorBackupPending, fmt.Sprintf("the function has not answered within %s, and goes on", short(timeout)), ""), nil
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
		return nil, wrong("what is to be sent? Give -event (with make: EVENT=), a file such as events/request.json, or a cluster id")
	}
	payload, err := os.ReadFile(event)
	switch {
	case err == nil:
		return payload, nil
	case backup.CheckClusterID(event) == nil:
		return []byte(event), nil
	case errors.Is(err, fs.ErrNotExist) && strings.HasPrefix(event, "am"):
		return nil, wrong("-event: there is no such file, and %w", backup.CheckClusterID(event))
	}
	return nil, wrong("-event must be a file or a cluster id: %w", err)
}

// checkEvent refuses an event that the function would refuse. It does not know the function's ADB_DEFAULT_CLUSTERS, so it lets
// an event pass that names no cluster.
func checkEvent(payload []byte, region string) error {
	_, err := events.Decode(payload, events.Invocation{
		Region: region, Received: time.Now(), Timeout: time.Hour, DefaultClusters: []string{"amv-default"},
	})
	if err != nil {
		return wrong("the function would refuse this: %w; nothing was called", err)
	}
	return nil
}
