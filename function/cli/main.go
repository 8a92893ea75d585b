// Command deploy is what the Makefile needs beside `go` and `s`, Serverless Devs' command: the package that is deployed,
// the permissions that it needs, and invocations whose outcome becomes an exit code.
//
//	deploy package [-o FILE]            dist/main as a zip with the same bytes on any machine
//	deploy policy [NAME]                RAM policies, filled in from s.yaml
//	deploy ready                        says what is missing to deploy, and how to get it
//	deploy invoke [-event FILE]         one synchronous invocation
//	deploy gate [-event FILE] ...       invocations until the backup is there; for pipelines
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes. A pipeline tells by them whether to stop the deployment or to look at its own set-up.
const (
	exitDone     = 0
	exitNoBackup = 1  // the function answered, and there is no backup; or there is none yet when time is up
	exitNotAsked = 2  // no answer: a tool is missing, no credentials, no network, no such function
	exitUsage    = 64 // the command or its request is wrong; nothing was called
)

// exitError is an error with an exit code of its own; any other error exits with exitNotAsked.
type exitError struct {
	code int
	error
}

func usage(format string, a ...any) error { return exitError{exitUsage, fmt.Errorf(format, a...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

var commands = map[string]func(ctx context.Context, args []string, stdout, stderr io.Writer) error{
	"package": packageCommand,
	"policy":  policyCommand,
	"ready":   readyCommand,
	"invoke":  invokeCommand,
	"gate":    gateCommand,
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := usage("usage: deploy package|policy|ready|invoke|gate [flags]; -h after one of them lists its flags")
	if len(args) > 0 {
		if command, ok := commands[args[0]]; ok {
			err = command(ctx, args[1:], stdout, stderr)
		}
	}
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitDone
	}
	fmt.Fprintln(stderr, err)
	var coded exitError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitNotAsked
}

// parse reads flags, and at most max arguments after them.
func parse(flags *flag.FlagSet, args []string, stderr io.Writer, max int) error {
	flags.SetOutput(stderr)
	if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
		return err
	} else if err != nil {
		return usage("deploy %s: see the flags above", flags.Name())
	}
	if flags.NArg() > max {
		return usage("deploy %s: too many arguments: %q", flags.Name(), flags.Args()[max:])
	}
	return nil
}
