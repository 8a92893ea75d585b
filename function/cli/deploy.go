package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v3"
)

// placeFlags are the flags for the s.yaml that a command works with, and for where this program itself reaches the cloud.
func placeFlags() []cli.Flag {
	return []cli.Flag{
		fileFlag("the `FILE` that says what is deployed"),
		&cli.StringFlag{Name: "endpoint", Usage: "the `HOST`, host:port or URL for this program's own calls of RAM, STS and Function Compute; http only to a loopback address"},
	}
}

func deployCommand() *cli.Command {
	return &cli.Command{
		Name: "deploy", Usage: "check s.yaml, then let Serverless Devs deploy the function and its triggers",
		Flags:  append(placeFlags(), yesFlag()),
		Action: deploy,
	}
}

func deploy(ctx context.Context, c *cli.Command) error {
	file, stderr := c.String("s"), c.Root().ErrWriter
	s, err := readSettings(file)
	if err != nil {
		return err
	}
	found := s.inspect(time.Now())
	found.print(stderr)
	if n := found.count(stateWrong); n > 0 {
		return wrong("nothing was deployed: %s wrong in %s", things(n), file)
	}
	t, err := s.tool(ctx, c)
	if err != nil {
		return err
	}
	exists := false
	if t.known == nil {
		fmt.Fprintln(stderr, "note: only s can read these credentials, so what is online was not looked at before")
	} else if exists, err = s.lookBefore(ctx, c, t); err != nil {
		return err
	}
	// s verify finds faults that s deploy passes over.
	if err := t.run(ctx, "verify", "--template", file); err != nil {
		return fmt.Errorf("%w. If it could not reach something: s fetches its component fc3 from the internet", err)
	}
	return s.deployAll(ctx, t, exists, file)
}

// tool returns Serverless Devs with credentials, and says whose they are.
func (s settings) tool(ctx context.Context, c *cli.Command) (tool, error) {
	e, err := parseEndpoint(c.String("endpoint"))
	if err != nil {
		return tool{}, err
	}
	t, err := newTool(ctx, s, e, c.Root().Writer, c.Root().ErrWriter)
	if err == nil {
		fmt.Fprintln(c.Root().ErrWriter, "credentials:", t.from)
	}
	return t, err
}

// lookBefore looks at what is online, and reports whether the function exists. It stops a deployment whose function would
// have no role, and asks before one that would take an alarm away.
func (s settings) lookBefore(ctx context.Context, c *cli.Command, t tool) (exists bool, err error) {
	found := &checkup{about: "the account"}
	if s.compareRole(ctx, found, newRAM(*t.known, t.endpoint), "") {
		return false, no("nothing was deployed: the role %s does not exist: make role first", s.Role)
	}
	found.print(t.stderr)
	l, err := s.online(ctx, *t.known, t.endpoint)
	if lost := s.takenAway(l); err == nil && len(lost) > 0 {
		fmt.Fprintf(t.stderr, "%s: online, and not in this shell, so nobody would be told of a failure any more. Set it here to keep it.\n", strings.Join(lost, ", "))
		err = goOn(c, "Take the alarm away?")
	}
	return l.function != nil, err
}

// deployAll deploys the function and every trigger. The deploy tool passes over the triggers after the first one of EventBridge
// if that one is unchanged, and then fails on new ones. So those are deployed by name: if the function exists already, before
// the rest.
func (s settings) deployAll(ctx context.Context, t tool, exists bool, file string) error {
	var late []string
	for i, trigger := range s.Triggers {
		if i > 0 && (len(late) > 0 || s.Triggers[i-1].Type == "eventbridge") {
			late = append(late, trigger.Name)
		}
	}
	byName := func() error {
		for _, name := range late {
			if err := t.run(ctx, "deploy", "--template", file, "--trigger", name, "-y"); err != nil {
				return err
			}
		}
		return nil
	}
	if exists {
		if err := byName(); err != nil {
			return err
		}
	}
	if err := t.run(ctx, "deploy", "--template", file, "-y"); err != nil || t.known != nil {
		return err
	}
	return byName() // whether it existed is not known
}

func logsCommand() *cli.Command {
	return &cli.Command{
		Name: "logs", Usage: "show the deployed function's log of the last hour",
		Flags: append(placeFlags(), &cli.BoolFlag{Name: "tail", Usage: "go on with what is logged from now on"}),
		Action: func(ctx context.Context, c *cli.Command) error {
			command := []string{"logs", "--template", c.String("s")}
			if c.Bool("tail") {
				command = append(command, "--tail")
			}
			return runTool(ctx, c, command...)
		},
	}
}

func removeCommand() *cli.Command {
	return &cli.Command{
		Name: "remove", Usage: "take the function and its triggers out of the cloud; backups stay",
		Flags: append(placeFlags(), yesFlag()),
		Action: func(ctx context.Context, c *cli.Command) error {
			s, err := readSettings(c.String("s"))
			if err != nil {
				return err
			}
			fmt.Fprintf(c.Root().ErrWriter, "The function %s in %s goes, with its triggers: nothing backs up any more. Backups, role and log stay.\n", s.FunctionName, s.Region)
			if err := goOn(c, "Remove it?"); err != nil {
				return err
			}
			return runTool(ctx, c, "remove", "--template", c.String("s"), "-y")
		},
	}
}

// runTool runs one command of Serverless Devs.
func runTool(ctx context.Context, c *cli.Command, command ...string) error {
	s, err := readSettings(c.String("s"))
	if err != nil {
		return err
	}
	t, err := s.tool(ctx, c)
	if err != nil {
		return err
	}
	return t.run(ctx, command...)
}
