package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/credentials"

	fc "github.com/alibabacloud-go/fc-20230330/v4/client"
	"github.com/alibabacloud-go/tea/dara"
)

// place holds the flags for the s.yaml that a command works with, and for where this program itself reaches the cloud.
type place struct{ file, endpoint *string }

func placeFlags(flags *flag.FlagSet) place {
	return place{
		file:     flags.String("s", "s.yaml", "the `file` that says what is deployed"),
		endpoint: flags.String("endpoint", "", "the `host`, host:port or URL for this program's own calls of RAM, STS and Function Compute; http only to a loopback address"),
	}
}

// parseEndpoint reads the flag -endpoint. An empty one gives a zero Endpoint, which stands for the service's own host.
func parseEndpoint(value string) (e adb.Endpoint, err error) {
	if value == "" {
		return e, nil
	}
	if e, err = adb.ParseEndpoint(value); err != nil {
		return e, usage("-endpoint %w", err)
	}
	return e, nil
}

func deployCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("deploy", flag.ContinueOnError)
	at := placeFlags(flags)
	if err := parse(flags, args, stderr, 0); err != nil {
		return err
	}
	e, err := parseEndpoint(*at.endpoint)
	if err != nil {
		return err
	}
	s, err := ready(*at.file, time.Now(), stderr)
	if err := errors.Join(err, missingTools()); err != nil {
		return err
	}
	t, err := newTool(ctx, s, filepath.Dir(*at.file), e, stdout, stderr)
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
	if err := t.run(ctx, "verify", "--template", *at.file); err != nil {
		return fmt.Errorf("%w. If it could not reach something: s fetches its component fc3 from the internet", err)
	}
	return s.deployAll(ctx, t, e, *at.file)
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
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	client, x, err := d.client(c, maxReply)
	if err != nil {
		return false, errors.New(harmless(err.Error(), c))
	}
	_, err = client.GetFunctionWithContext(ctx, dara.String(d.Name), &fc.GetFunctionRequest{}, nil, &dara.RuntimeOptions{})
	switch {
	case x.status == http.StatusNotFound:
		return false, nil
	case x.status == 0:
		return false, d.unanswered(ctx, x, err, c)
	case x.status/100 != 2:
		return false, d.refused(x.status, x.header, x.body, c)
	}
	return true, nil
}

func logsCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("logs", flag.ContinueOnError)
	at := placeFlags(flags)
	tail := flags.Bool("tail", false, "go on with what is logged from now on")
	if err := parse(flags, args, stderr, 0); err != nil {
		return err
	}
	command := []string{"logs", "--template", *at.file}
	if *tail {
		command = append(command, "--tail")
	}
	return at.runTool(ctx, stdout, stderr, command...)
}

func removeCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("remove", flag.ContinueOnError)
	at := placeFlags(flags)
	if err := parse(flags, args, stderr, 0); err != nil {
		return err
	}
	return at.runTool(ctx, stdout, stderr, "remove", "--template", *at.file, "-y")
}

// runTool runs one command of Serverless Devs.
func (p place) runTool(ctx context.Context, stdout, stderr io.Writer, command ...string) error {
	e, err := parseEndpoint(*p.endpoint)
	if err != nil {
		return err
	}
	s, err := readSettings(*p.file)
	if err := errors.Join(err, missingTools()); err != nil {
		return err
	}
	t, err := newTool(ctx, s, filepath.Dir(*p.file), e, stdout, stderr)
	if err != nil {
		return err
	}
	return t.run(ctx, command...)
}
