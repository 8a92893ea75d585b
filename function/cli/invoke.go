package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

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

// messageOf returns what the argument or the flag -event says.
func messageOf(c *cli.Command, d deployed, with map[string]string) (message, error) {
	if c.Args().Present() && c.String("event") != "" {
		return message{}, wrong("give -event or the argument %q, not both", c.Args().First())
	}
	return readMessage(cmp.Or(c.Args().First(), c.String("event")), d.Region, with)
}

func invokeCommand() *cli.Command {
	return &cli.Command{
		Name: "invoke", Usage: "ask the deployed function once", ArgsUsage: "[ID|FILE|JSON]",
		Description:  "The function's answer is printed as one line of JSON.",
		ArgValidator: atMost(1),
		Flags: append(targetFlags(),
			&cli.StringFlag{Name: "event", Usage: "the cluster id, the request, the event or the `FILE` that holds one, instead of the argument"},
			durationFlag("timeout", 65*time.Minute, "how long to wait for the answer")),
		Action: func(ctx context.Context, c *cli.Command) error {
			d, err := target(c)
			if err != nil {
				return err
			}
			m, err := messageOf(c, d, nil)
			if err != nil {
				return err
			}
			return askOnce(ctx, c, d, m)
		},
	}
}

func drillCommand() *cli.Command {
	return &cli.Command{
		Name: "drill", Usage: "let the deployed function send a test alarm",
		Description: "Exit code 0 says that the chat robot took it.",
		Flags:       append(targetFlags(), durationFlag("timeout", time.Minute, "how long to wait for the answer")),
		Action: func(ctx context.Context, c *cli.Command) error {
			d, err := target(c)
			if err != nil {
				return err
			}
			return askOnce(ctx, c, d, message{payload: []byte(`{"Action":"Drill"}`), event: events.Event{Drill: true}})
		},
	}
}

// askOnce asks one question and prints the answer.
func askOnce(ctx context.Context, c *cli.Command, d deployed, m message) error {
	timeout, progress := c.Duration("timeout"), c.Root().ErrWriter
	if timeout < leastAsk {
		return wrong("-timeout must be at least %s", leastAsk)
	}
	fmt.Fprintf(progress, "%s: asking %s, at most %s for the answer\n", c.Name, d, short(timeout))
	stop := terminal.Progress(progress, func(elapsed time.Duration) string {
		return fmt.Sprintf("%s: %5s  waiting for the answer", c.Name, elapsed)
	})
	asked, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	r, err := d.invoke(asked, m.within(timeout).payload)
	stop()
	if ctx.Err() != nil {
		return errAskInterrupted
	}
	if e := new(askError); errors.As(err, &e) && e.why == noAnswerHung && !m.event.Drill {
		r, err = hung("the function has not answered within "+short(timeout)), nil
	}
	if err != nil {
		return err
	}
	return r.conclude(c, m)
}

// errAskInterrupted ends the commands that ask for a backup.
var errAskInterrupted = errors.New("a backup that was requested already goes on in AnalyticDB")

// hung stands in for the answer of a function that was not heard in time.
func hung(what string) reply {
	return failure(backup.ErrorBackupPending, what+"; a backup that was requested goes on in AnalyticDB")
}

// conclude prints an answer, and returns nil only if it proves what was asked. What proves nothing is not printed.
func (r reply) conclude(c *cli.Command, m message) error {
	if r.ErrorType == "" {
		if err := proves(m.event, r.Answer); err != nil {
			return fmt.Errorf("this is not adb-backup's answer to the request: %w. Is it the right function (-function, -region)? It answered: %s", err, r.Said)
		}
	}
	fmt.Fprintf(c.Root().Writer, "%s\n", r.Answer)
	return r.err()
}

// stopped is the error of a command that a signal ended.
func stopped(ctx context.Context) error { return context.Cause(ctx) }
