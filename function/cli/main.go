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
	"runtime/debug"
	"slices"
	"strings"
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

// wrong is the error of a command that cannot be carried out as it was given.
func wrong(format string, a ...any) error { return cli.Exit(fmt.Errorf(format, a...), exitWrong) }

// no is the error of a command whose answer is no.
func no(format string, a ...any) error { return cli.Exit(fmt.Errorf(format, a...), exitNo) }

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
	if err != nil && ctx.Err() != nil {
		err = cli.Exit(fmt.Errorf("interrupted: %w", err), exitInterrupted)
	}
	if err != nil {
		fmt.Fprintln(stderr, err)
	}
	return exitCode(err)
}

// exitCode returns the exit code of a command that ended with an error or with none.
func exitCode(err error) int {
	if err == nil {
		return exitDone
	}
	if own := cli.ExitCoder(nil); errors.As(err, &own) {
		return own.ExitCode()
	}
	return exitNotAsked
}

// rootCommand returns the program's commands, in the order of help. A command keeps what it parsed, so each run needs new ones.
func rootCommand() *cli.Command {
	built, _ := debug.ReadBuildInfo() // go build writes it into every program
	root := &cli.Command{
		Name:    "adb-backup",
		Usage:   "ask the deployed function for backups, see what backups there are, prepare what is deployed",
		Version: cmp.Or(version, built.Main.Version, "unknown"),
		Description: "Exit codes: 0 done; 1 the answer is no: no backup, not protected; 2 could not ask; " +
			"64 the command, its request or s.yaml is wrong, nothing was called; 130 interrupted.",
		Commands: []*cli.Command{
			gateCommand(), invokeCommand(), drillCommand(), statusCommand(),
			doctorCommand(), roleCommand(), policyCommand(), packageCommand(), deployCommand(), logsCommand(), removeCommand(),
		},
		ArgValidator:          expected,
		ExitErrHandler:        func(context.Context, *cli.Command, error) {}, // run prints the error, and ends the program
		EnableShellCompletion: true,
	}
	root.ConfigureShellCompletionCommand = func(completion *cli.Command) { // by now the library has added its own commands
		completion.Hidden, completion.Usage = false, "print a script that completes commands and flags"
		root.Command("help").HideHelp = false
		root.Walk(func(c *cli.Command) error { // root has its own help by now; a usage error is not inherited
			c.OnUsageError, c.HideHelpCommand = wrongFlag, true
			return nil
		})
	}
	return root
}

// expected refuses what stands behind a command's name where its help names nothing. A command that only holds others needs the
// name of one; any other may have as many arguments as its ArgsUsage names, each in brackets.
func expected(_ context.Context, c *cli.Command) error {
	first, most := c.Args().First(), strings.Count(c.ArgsUsage, "[")
	switch {
	case len(c.Commands) > 0 && first == "":
		cli.HelpPrinter(c.Root().ErrWriter, cli.SubcommandHelpTemplate, c)
		return wrong("%s: which command?", c.FullName())
	case len(c.Commands) > 0:
		return unknownCommand(c, first)
	case c.NArg() > most && !strings.Contains(c.ArgsUsage, "..."):
		return wrong("%s: unexpected argument %q; %s --help shows what it takes", c.FullName(), c.Args().Get(most), c.FullName())
	}
	return nil
}

// init changes what the library shows as help. Where --help follows an argument it takes that for the name of a command.
func init() {
	cli.UsageCommandHelp, cli.ArgsUsageCommandHelp = "show the commands, or what one of them takes", "[COMMAND]"
	cli.ShowCommandHelp = func(ctx context.Context, c *cli.Command, name string) error {
		if c.Command(name) != nil {
			return cli.DefaultShowCommandHelp(ctx, c, name)
		} else if len(c.Commands) > 0 {
			return unknownCommand(c, name)
		}
		cli.HelpPrinter(c.Root().Writer, cli.CommandHelpTemplate, c)
		return nil
	}
}

func unknownCommand(parent *cli.Command, name string) error {
	return wrong("%s: there is no command %q%s", parent.FullName(), name, meant("", name, parent.Commands))
}

// meant asks whether somebody meant the nearest of the commands or flags that there are; else it names help.
func meant[T interface{ Names() []string }](before, name string, known []T) string {
	var names []string
	for _, k := range known {
		names = append(names, k.Names()...)
	}
	return cmp.Or(didYouMean(before, name, names), "; --help lists what there is")
}

// didYouMean asks whether somebody meant the nearest of the known names, or else the one that the name begins with, as codeUri
// begins with code.
func didYouMean(before, name string, known []string) string {
	nearest := events.Nearest(name, known)
	if i := slices.IndexFunc(known, func(k string) bool { return strings.HasPrefix(name, k) }); nearest == "" && i >= 0 {
		nearest = known[i]
	}
	if len(nearest) <= 1 { // a letter is near to everything
		return ""
	}
	return "; did you mean " + before + nearest + "?"
}

// wrongFlag says what is wrong with a flag. Where the command was misspelt its flags are unknown, too, so then it names that.
func wrongFlag(_ context.Context, c *cli.Command, err error, _ bool) error {
	if first := c.Args().First(); c.Root() == c && first != "" {
		return unknownCommand(c, first)
	}
	text, _, _ := strings.Cut(err.Error(), ": strconv.")
	text, _, duration := strings.Cut(text, ": time: ")
	name, unknown := strings.CutPrefix(text, "flag provided but not defined: -")
	switch {
	case duration:
		text += "; durations are written 20s, 5m or 2h"
	case unknown:
		text += meant("-", name, c.Flags)
	}
	return wrong("%s: %s", c.FullName(), text)
}

// durationFlag is a flag of a length of time. Help shows no default of 0.
func durationFlag(name string, value time.Duration, about string) cli.Flag {
	return &cli.DurationFlag{Name: name, Value: value, HideDefault: value == 0, DefaultText: short(value), Usage: about}
}

// fileFlag is the flag that names another s.yaml.
func fileFlag(about string) cli.Flag {
	return &cli.StringFlag{Name: "s", Value: "s.yaml", Usage: about}
}
