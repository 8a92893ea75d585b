// Command adb-backup is for people and pipelines: it asks the deployed function for backups, shows what backups there are, and
// prepares what is deployed. `adb-backup` alone lists its commands.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"regexp"
	"runtime/debug"
	"syscall"
	"time"

	"adb-backup/events"

	"github.com/urfave/cli/v3"
)

// Exit codes. They tell a pipeline whether to stop the deployment or to look at its own set-up.
const (
	exitDone        = 0
	exitNo          = 1   // the answer is no: there is no backup, or not yet when time is up
	exitNotAsked    = 2   // no answer that can be believed: no credentials, no network, no such function
	exitWrong       = 64  // the command, its request or s.yaml is wrong; nothing was called
	exitInterrupted = 130 // somebody pressed Ctrl-C
)

// exitError is an error with an exit code of its own. Any other error exits with exitNotAsked.
type exitError struct {
	code int
	error
}

func (e exitError) Unwrap() error { return e.error }

// wrong is the error of a command that cannot be carried out as it was given.
func wrong(format string, a ...any) error { return exitError{exitWrong, fmt.Errorf(format, a...)} }

// no is the error of a command whose answer is no.
func no(format string, a ...any) error { return exitError{exitNo, fmt.Errorf(format, a...)} }

// version is set by the linker where a release is built.
var version string

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the program at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run carries out one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := rootCommand()
	root.Writer, root.ErrWriter = stdout, stderr
	err := root.Run(ctx, append([]string{root.Name}, args...))
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil {
		fmt.Fprintf(stderr, "interrupted: %v\n", err)
		return exitInterrupted
	}
	fmt.Fprintln(stderr, err)
	var own exitError
	var library cli.ExitCoder // with which it ends where the command line is wrong
	switch {
	case errors.As(err, &own):
		return own.code
	case errors.As(err, &library):
		return exitWrong
	}
	return exitNotAsked
}

// rootCommand returns the program's commands, in the order of help. A command keeps what it parsed, so each run needs new ones.
func rootCommand() *cli.Command {
	root := &cli.Command{
		Name:    "adb-backup",
		Usage:   "ask the deployed function for backups, see what backups there are, prepare what is deployed",
		Version: programVersion(),
		Description: "Exit codes: 0 done; 1 the answer is no: no backup, not protected; 2 could not ask; " +
			"64 the command, its request or s.yaml is wrong, nothing was called; 130 interrupted.",
		EnableShellCompletion: true,
		ConfigureShellCompletionCommand: func(c *cli.Command) {
			c.Hidden, c.Usage, c.Action = false, "print a script that completes commands and flags", missingCommand
			prepare(append(c.Commands, c)...)
		},
		Commands: []*cli.Command{
			gateCommand(), invokeCommand(), drillCommand(), statusCommand(),
			doctorCommand(), roleCommand(), policyCommand(), packageCommand(), deployCommand(), logsCommand(), removeCommand(),
			helpCommand(),
		},
		Action:         missingCommand,
		ExitErrHandler: func(context.Context, *cli.Command, error) {}, // run prints the error, and ends the program
		OnUsageError:   wrongFlag,
	}
	prepare(root.Commands...)
	return root
}

// prepare gives commands what the library does not let them inherit.
func prepare(commands ...*cli.Command) {
	for _, c := range commands {
		c.OnUsageError, c.HideHelpCommand = wrongFlag, true
		if c.ArgValidator == nil && len(c.Commands) == 0 {
			c.ArgValidator = atMost(0)
		}
	}
}

// atMost refuses more than so many arguments.
func atMost(n int) cli.ArgValidatorFunc {
	return func(_ context.Context, c *cli.Command) error {
		if c.NArg() > n {
			return wrong("%s: unexpected argument %q; %s --help shows what it takes", c.FullName(), c.Args().Get(n), c.FullName())
		}
		return nil
	}
}

// programVersion returns the release's version, else what Go knows of the source that was built.
func programVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return cmp.Or(version, "unknown")
	}
	return cmp.Or(version, info.Main.Version, "unknown")
}

func helpCommand() *cli.Command {
	return &cli.Command{
		Name: "help", Usage: "show the commands, or what one of them takes", ArgsUsage: "[COMMAND]",
		ArgValidator: atMost(1),
		Action: func(ctx context.Context, c *cli.Command) error {
			name, root := c.Args().First(), c.Root()
			if name == "" {
				return cli.ShowRootCommandHelp(root)
			}
			return showHelp(ctx, root, name)
		},
	}
}

// init replaces what the library does where --help follows an argument: it takes that for the name of a command.
func init() { cli.ShowCommandHelp = showHelp }

func showHelp(ctx context.Context, c *cli.Command, name string) error {
	switch {
	case c.Command(name) != nil:
		return cli.DefaultShowCommandHelp(ctx, c, name)
	case len(c.Commands) > 0:
		return unknownCommand(c, name)
	}
	cli.HelpPrinter(c.Root().Writer, cli.CommandHelpTemplate, c)
	return nil
}

// missingCommand is what happens where a command line ends before a command, or names one that there is not.
func missingCommand(_ context.Context, c *cli.Command) error {
	if name := c.Args().First(); name != "" {
		return unknownCommand(c, name)
	}
	cli.HelpPrinter(c.Root().ErrWriter, cli.SubcommandHelpTemplate, c)
	return wrong("%s: which command?", c.FullName())
}

func unknownCommand(parent *cli.Command, name string) error {
	var known []string
	for _, c := range parent.Commands {
		known = append(known, c.Name)
	}
	return wrong("%s: there is no command %q%s", parent.FullName(), name, meant("", name, known))
}

// meant asks whether somebody meant the nearest of the known names; else it names help.
func meant(before, name string, known []string) string {
	if nearest := events.Nearest(name, known); len(nearest) > 1 {
		return fmt.Sprintf("; did you mean %s%s?", before, nearest)
	}
	return "; --help lists what there is"
}

// What the library says of a flag that it cannot read.
var (
	unknownFlag = regexp.MustCompile(`^flag provided but not defined: -(.*)$`)
	wrongTime   = regexp.MustCompile(`^invalid value "(.*)" for flag -(\S+): time: (missing unit)?`)
)

// wrongFlag says what is wrong with a flag. Where the command was misspelt its flags are unknown, too, so then it names that.
func wrongFlag(_ context.Context, c *cli.Command, err error, _ bool) error {
	name := c.FullName()
	if first := c.Args().First(); first != "" && c.Root() == c {
		return unknownCommand(c, first)
	}
	if m := unknownFlag.FindStringSubmatch(err.Error()); m != nil {
		var known []string
		for _, f := range c.Flags {
			known = append(known, f.Names()...)
		}
		if c.Root() == c {
			return wrong("%s: there is no flag -%s before the command%s", name, m[1], meant("-", m[1], known))
		}
		return wrong("%s: there is no flag -%s%s", name, m[1], meant("-", m[1], known))
	}
	if m := wrongTime.FindStringSubmatch(err.Error()); m != nil && m[3] != "" {
		return wrong("%s: -%s %s has no unit: write %ss for seconds, %sm for minutes or %sh for hours", name, m[2], m[1], m[1], m[1], m[1])
	} else if m != nil {
		return wrong("%s: -%s %q is no duration: durations are written 20s, 5m or 2h", name, m[2], m[1])
	}
	return wrong("%s: %w", name, err)
}

// durationFlag is a flag of a length of time. Help shows no default of 0.
func durationFlag(name string, value time.Duration, about string) cli.Flag {
	return &cli.DurationFlag{Name: name, Value: value, HideDefault: value == 0, DefaultText: short(value), Usage: about}
}

// fileFlag is the flag that names another s.yaml.
func fileFlag(about string) cli.Flag {
	return &cli.StringFlag{Name: "s", Value: "s.yaml", Usage: about}
}
