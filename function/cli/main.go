// Command adb-backup is for people and pipelines: it asks the deployed function for backups, shows what backups there are, and
// prepares what is deployed. `adb-backup` alone lists its commands.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"unicode/utf8"
)

// Exit codes. They tell a pipeline whether to stop the deployment or to look at its own set-up.
const (
	exitDone     = 0
	exitNoBackup = 1  // there is no backup, or not yet when time is up
	exitNotAsked = 2  // no answer: no credentials, no network, no such function
	exitUsage    = 64 // the command or its request is wrong; nothing was called
)

// exitError is an error with an exit code of its own; any other error exits with exitNotAsked.
type exitError struct {
	code int
	error
}

func (e exitError) Unwrap() error { return e.error }

func usage(format string, a ...any) error { return exitError{exitUsage, fmt.Errorf(format, a...)} }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// command is one of the program's commands.
type command struct {
	name  string
	usage string // what follows the name
	about string // one sentence
	run   func(ctx context.Context, args []string, stdout, stderr io.Writer) error
}

// commands returns all commands, in the order of help. A variable would depend on itself, because every command prints its own
// usage from it.
func commands() []command {
	return []command{
		{"gate", "-event FILE|ID [flags]", "Ask the deployed function until the backup is there; for pipelines.", gateCommand},
		{"invoke", "-event FILE|ID [flags]", "Ask the deployed function once.", invokeCommand},
		{"status", "[flags] [ID ...]", "Show what backups the clusters of s.yaml have, or those named.", statusCommand},
		{"policy", "[NAME]", "Print the RAM policies that are needed, filled in from s.yaml.", policyCommand},
		{"role", "[flags]", "Make the RAM role that the function works as, or bring it up to date with s.yaml.", roleCommand},
		{"deploy", "[flags]", "Check s.yaml, then let Serverless Devs deploy the function and its triggers.", deployCommand},
		{"logs", "[flags]", "Show the deployed function's log of the last hour.", logsCommand},
		{"remove", "[flags]", "Take the function and its triggers out of the cloud; backups stay.", removeCommand},
		{"ready", "[flags]", "Say what is missing to deploy, and how to get it.", readyCommand},
		{"package", "[flags]", "Pack dist/main as a zip with the same bytes on any machine.", packageCommand},
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	err := dispatch(ctx, args, stdout, stderr)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitDone
	}
	say(stderr, "%s\n", err)
	var coded exitError
	if errors.As(err, &coded) {
		return coded.code
	}
	return exitNotAsked
}

func dispatch(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	if len(args) == 0 {
		fmt.Fprint(stderr, help())
		return usage("which command?")
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		fmt.Fprint(stdout, help())
		return nil
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return c.run(ctx, args[1:], stdout, stderr)
		}
	}
	fmt.Fprint(stderr, help())
	return usage("unknown command %q", args[0])
}

// say writes a text for a person. On a terminal it breaks long lines at words.
func say(w io.Writer, format string, a ...any) {
	fmt.Fprint(w, broken(fmt.Sprintf(format, a...), screenOf(w).width))
}

// label matches the beginning of a line whose text stands in a column: a word or two, and a gap.
var label = regexp.MustCompile(`^ *(?:[a-z:0-9]+ )?[a-z:0-9]+ {2,}(?:[0-9a-z]+  )?`)

// broken breaks the lines of a text that are longer than width at words. What follows a label stays in its column. Width 0 is
// unlimited.
func broken(text string, width int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		column := len(label.FindString(line))
		if column > width/3 {
			column = 0
		}
		for width > 0 && utf8.RuneCountInString(line) > width+1 { // with its newline
			space := strings.LastIndex(string([]rune(line)[:width+1]), " ")
			if space <= column { // a word that does not fit
				break
			}
			b.WriteString(line[:space] + "\n")
			line = strings.Repeat(" ", column) + line[space+1:]
		}
		b.WriteString(line)
	}
	return b.String()
}

func help() string {
	var b strings.Builder
	b.WriteString("adb-backup asks the deployed function for backups, and prepares what is deployed.\n\n")
	for _, c := range commands() {
		fmt.Fprintf(&b, "  %-8s %s\n", c.name, c.about)
	}
	b.WriteString("\nadb-backup COMMAND -h lists a command's flags.\nExit codes: 0 done; 1 there is no backup, or not yet; 2 could not ask; 64 the command or its request is wrong.\n")
	return b.String()
}

// bareNumber matches package flag's error for a duration without a unit.
var bareNumber = regexp.MustCompile(`^invalid value "([0-9.]+)" for flag (-\S+): parse error$`)

// parse reads flags, and at most max arguments after them. -h prints what the command does, and its flags.
func parse(flags *flag.FlagSet, args []string, stderr io.Writer, max int) error {
	flags.SetOutput(io.Discard) // run prints the error
	flags.Usage = func() {}
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		flags.SetOutput(stderr)
		for _, c := range commands() {
			if c.name == flags.Name() {
				fmt.Fprintf(stderr, "%s\n\nadb-backup %s %s\n", c.about, c.name, c.usage)
			}
		}
		flags.PrintDefaults()
		return err
	}
	if err != nil {
		if m := bareNumber.FindStringSubmatch(err.Error()); m != nil {
			return usage("adb-backup %s: %s %s has no unit: write %ss for seconds, %sm for minutes or %sh for hours", flags.Name(), m[2], m[1], m[1], m[1], m[1])
		}
		hint := ""
		if strings.HasSuffix(err.Error(), "parse error") {
			hint = " (durations are written 20s, 5m or 2h)"
		}
		return usage("adb-backup %s: %w%s; adb-backup %s -h lists its flags", flags.Name(), err, hint, flags.Name())
	}
	if flags.NArg() > max {
		return usage("adb-backup %s: unexpected argument %q; flags come before arguments", flags.Name(), flags.Arg(max))
	}
	return nil
}
