package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"adb-backup/function/credentials"

	"github.com/urfave/cli/v3"
)

// targetFlags are the flags for the function that is asked.
func targetFlags() []cli.Flag {
	return []cli.Flag{
		fileFlag("the file that names region and function, unless -region and -function do"),
		&cli.StringFlag{Name: "region", Usage: "the function's region, instead of s.yaml's"},
		&cli.StringFlag{Name: "function", Usage: "the function's name, instead of s.yaml's"},
		&cli.StringFlag{Name: "qualifier", Usage: "a version or an alias of the function; the latest code without it"},
		&cli.StringFlag{Name: "endpoint", Usage: "Function Compute's host, host:port or URL, instead of the region's; http only to a loopback address"},
	}
}

func eventFlag() cli.Flag {
	return &cli.StringFlag{Name: "event", Usage: "the cluster id, the request, the event or the file that holds one, instead of the argument"}
}

func invokeCommand() *cli.Command {
	return &cli.Command{
		Name: "invoke", Usage: "ask the deployed function once", ArgsUsage: "[ID|FILE|JSON]",
		Description: "The function's answer is printed as one line of JSON.",
		Flags:       append(targetFlags(), eventFlag(), durationFlag("timeout", 65*time.Minute, "how long to wait for the answer")),
		Action:      ask,
	}
}

func drillCommand() *cli.Command {
	return &cli.Command{
		Name: "drill", Usage: "let the deployed function send a test alarm",
		Description: "Exit code 0 says that the chat robot took it.",
		Flags:       append(targetFlags(), durationFlag("timeout", time.Minute, "how long to wait for the answer")),
		Action:      ask,
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
	if err := d.check(); err != nil {
		return d, wrong("%w", err)
	}
	var err error
	d.Endpoint, err = parseEndpoint(c.String("endpoint"))
	return d, err
}

// messageOf returns what the argument or the flag -event says.
func messageOf(c *cli.Command, region string) (message, error) {
	text := cmp.Or(c.Args().First(), c.String("event"))
	switch {
	case c.Name == "drill":
		text = `{"Action":"Drill"}`
	case c.Args().Present() && c.String("event") != "":
		return message{}, wrong("give -event or the argument %q, not both", text)
	}
	m, err := readMessage(text, region, map[string]string{"WaitFor": c.String("wait"), "MaxAge": c.String("max-age")})
	if err == nil && c.Name == "gate" && m.request == nil {
		return m, wrong("the gate asks for a backup with a cluster id or a request, such as events/request.json; this is another event, which adb-backup invoke sends")
	}
	return m, err
}

// ask is what gate, invoke and drill do. The last two are gates that ask once.
func ask(ctx context.Context, c *cli.Command) error {
	g := gate{name: c.Name, once: c.Name != "gate", timeout: c.Duration("timeout"), ask: c.Duration("ask"), progress: c.Root().ErrWriter}
	text := short(g.ask) + " for each answer and " + short(g.timeout) + " in all"
	if g.once {
		g.ask, text = g.timeout, "at most "+short(g.timeout)+" for the answer"
	}
	if g.timeout < leastAsk || g.ask < leastAsk {
		return wrong("%s: a time is shorter than %s", c.FullName(), leastAsk)
	}
	d, err := target(c)
	if err != nil {
		return err
	}
	m, err := messageOf(c, d.Region)
	if err != nil {
		return err
	}
	if _, err := d.find(ctx); err != nil {
		return err
	}
	fmt.Fprintf(g.progress, "%s: asking %s, %s\n", c.Name, d, text)
	g.invoke = d.invoke
	r, err := g.pass(ctx, m)
	if err != nil {
		return err
	}
	return r.conclude(c, m)
}

// errAskInterrupted ends the commands that ask for a backup.
var errAskInterrupted = errors.New("a backup that was requested already goes on in AnalyticDB")

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
