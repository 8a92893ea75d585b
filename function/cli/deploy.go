package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/credentials"

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
		Flags: placeFlags(), Action: deploy,
	}
}

func deploy(ctx context.Context, c *cli.Command) error {
	stdout, stderr, file := c.Root().Writer, c.Root().ErrWriter, c.String("s")
	e, err := parseEndpoint(c.String("endpoint"))
	if err != nil {
		return err
	}
	s, err := ready(file, time.Now(), stderr)
	if err := errors.Join(err, missingTools()); err != nil {
		return err
	}
	t, err := newTool(ctx, s, filepath.Dir(file), e, stdout, stderr)
	if err != nil {
		return err
	}
	say(stderr, "credentials  %s\n", t.from)
	if t.known != nil {
		if err := s.lookAtRole(ctx, newRAM(*t.known, e), stderr); err != nil {
			return err
		}
	}
	// s verify finds faults that s deploy passes over.
	if err := t.run(ctx, "verify", "--template", file); err != nil {
		return fmt.Errorf("%w. If it could not reach something: s fetches its component fc3 from the internet", err)
	}
	return s.deployAll(ctx, t, e, file)
}

// deployAll deploys the function and every trigger. It deploys late triggers by name: if the function exists already, before
// the rest, which fails if one of them is new.
func (s settings) deployAll(ctx context.Context, t tool, e adb.Endpoint, file string) error {
	late := s.lateTriggers()
	exists := false
	if len(late) > 0 && t.known != nil {
		var err error
		if exists, err = s.functionExists(ctx, *t.known, e); err != nil {
			return err
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
	return byName()
}

// lookAtRole stops a deployment whose function would have no role. It goes on if the caller may not see the role.
func (s settings) lookAtRole(ctx context.Context, r ram, stderr io.Writer) error {
	name, _, err := roleName(s.Role)
	if err != nil {
		return err
	}
	role, err := r.role(ctx, name)
	if err != nil {
		say(stderr, "note: cannot see whether the role %s exists: %v\n", name, err)
		return nil
	}
	if role == nil {
		return fmt.Errorf("the role %s does not exist: run make role first", name)
	}
	want, err := s.wantedRole()
	if err != nil {
		return nil // s.yaml names no cluster
	}
	if p, err := r.plan(ctx, want); err == nil && len(p.changes) > 0 {
		say(stderr, "note: the role %s does not have all that s.yaml needs now: run make role\n", name)
	}
	return nil
}

// lateTriggers returns the names of the triggers after the first one of EventBridge. The deploy tool passes over them if that
// one is unchanged, and then fails on new ones.
func (s settings) lateTriggers() []string {
	var late []string
	after := false
	for _, t := range s.Triggers {
		if after {
			late = append(late, t.Name)
		}
		after = after || t.Type == "eventbridge"
	}
	return late
}

// functionExists reports whether the function is deployed.
func (s settings) functionExists(ctx context.Context, c credentials.Credentials, e adb.Endpoint) (bool, error) {
	d := deployed{Region: s.Region, Name: s.FunctionName, Endpoint: e}
	if err := d.check(); err != nil {
		return false, err
	}
	err := d.get(ctx, c, "GetFunction", "", new(any))
	if failed := new(apiError); errors.As(err, &failed) && failed.Status == http.StatusNotFound {
		return false, nil
	}
	return err == nil, err
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
		Flags: placeFlags(),
		Action: func(ctx context.Context, c *cli.Command) error {
			return runTool(ctx, c, "remove", "--template", c.String("s"), "-y")
		},
	}
}

// runTool runs one command of Serverless Devs.
func runTool(ctx context.Context, c *cli.Command, command ...string) error {
	e, err := parseEndpoint(c.String("endpoint"))
	if err != nil {
		return err
	}
	s, err := readSettings(c.String("s"))
	if err := errors.Join(err, missingTools()); err != nil {
		return err
	}
	t, err := newTool(ctx, s, filepath.Dir(c.String("s")), e, c.Root().Writer, c.Root().ErrWriter)
	if err != nil {
		return err
	}
	return t.run(ctx, command...)
}
