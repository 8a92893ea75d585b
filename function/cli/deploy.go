package main

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"adb-backup/function/credentials"

	"github.com/urfave/cli/v3"
)

func deployCommand() *cli.Command {
	return &cli.Command{
		Name: "deploy", Usage: "check s.yaml, then let Serverless Devs deploy the function and its triggers",
		Flags:  append(placeFlags(), yesFlag()),
		Action: onSettings(deploy),
	}
}

func deploy(ctx context.Context, c *cli.Command, s settings) error {
	stderr, found := c.Root().ErrWriter, s.inspect(time.Now())
	found.print(stderr)
	if found.has(stateWrong) {
		return wrong("nothing was deployed, because %s is wrong, as said above", s.file)
	}
	who, run, err := serverlessDevs(ctx, c, s)
	if err != nil {
		return err
	}
	found = &checkup{about: "the account"}
	noRole := s.compareRole(ctx, found, who)
	found.print(stderr)
	if noRole {
		return no("nothing was deployed: the role %s does not exist: make role first", s.Role)
	}
	online, err := s.online(ctx, who)
	if err != nil {
		return err
	}
	if lost := s.takenAway(online); len(lost) > 0 {
		fmt.Fprintf(stderr, "%s: online, and not in this shell, so nobody would be told of a failure any more. Set it here to keep it.\n", strings.Join(lost, ", "))
		if err := goOn(c, "Take the alarm away?"); err != nil {
			return err
		}
	}
	// s verify finds faults that s deploy passes over.
	if err := run("verify"); err != nil {
		return fmt.Errorf("%w. If it could not reach something: s fetches its component fc3 from the internet", err)
	}
	// The deploy tool passes over the triggers after the first one of EventBridge if that one is unchanged, and then fails on
	// new ones. So, where the function exists, those are deployed by name, before the rest.
	first := slices.IndexFunc(s.Triggers, func(t trigger) bool { return t.Type == "eventbridge" })
	if online != nil && first >= 0 {
		for _, late := range s.Triggers[first+1:] {
			if err := run("deploy", "--trigger", late.Name, "-y"); err != nil {
				return err
			}
		}
	}
	return run("deploy", "-y")
}

func logsCommand() *cli.Command {
	return &cli.Command{
		Name: "logs", Usage: "show the deployed function's log of the last hour",
		Flags: append(placeFlags(), &cli.BoolFlag{Name: "tail", Usage: "go on with what is logged from now on"}),
		Action: onSettings(func(ctx context.Context, c *cli.Command, s settings) error {
			args := []string{"logs"}
			if c.Bool("tail") {
				args = append(args, "--tail") // written out: the component takes -t for something else
			}
			return runServerlessDevs(ctx, c, s, args...)
		}),
	}
}

func removeCommand() *cli.Command {
	return &cli.Command{
		Name: "remove", Usage: "take the function and its triggers out of the cloud; backups stay",
		Flags: append(placeFlags(), yesFlag()),
		Action: onSettings(func(ctx context.Context, c *cli.Command, s settings) error {
			fmt.Fprintf(c.Root().ErrWriter, "The function %s in %s goes, with its triggers: nothing backs up any more. Backups, role and log stay.\n", s.FunctionName, s.Region)
			if err := goOn(c, "Remove it?"); err != nil {
				return err
			}
			return runServerlessDevs(ctx, c, s, "remove", "-y")
		}),
	}
}

// handedOver is the alias under which s finds credentials that this program hands to it, and the name of the variable that
// holds them. Unlike s's own three variables, such an alias can carry a security token.
const handedOver = "adb_backup_serverless_devs_key"

// serverlessDevs returns the caller's credentials and what runs Serverless Devs' command s with them. They are handed over in
// its environment and nowhere else. It says whose they are.
func serverlessDevs(ctx context.Context, c *cli.Command, s settings) (who credentials.Credentials, run func(args ...string) error, err error) {
	if err := missingTools(); err != nil {
		return who, nil, err
	}
	who, account, err := s.identify(ctx)
	if err != nil {
		return who, nil, err
	}
	fmt.Fprintf(c.Root().ErrWriter, "credentials: %s, account %s\n", who.From, account)
	// s would rather take its own three variables, even if they are empty, and in a pipeline the alias that a variable names.
	misleading := append([]string{"serverless_devs_access_cicd_alias_name"}, credentials.ServerlessDevs...)
	env := slices.DeleteFunc(os.Environ(), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(misleading, name)
	})
	env = append(env, handedOver+"="+shown(map[string]string{
		"AccountID": account, "AccessKeyID": who.AccessKeyID, "AccessKeySecret": who.AccessKeySecret, "SecurityToken": who.SecurityToken,
	}))
	return who, func(args ...string) error {
		fmt.Fprintln(c.Root().ErrWriter, "s", strings.Join(args, " "))
		cmd := exec.CommandContext(ctx, "s", append(args, "--template", s.file, "--access", handedOver)...)
		cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = env, os.Stdin, c.Root().Writer, c.Root().ErrWriter
		cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
		cmd.WaitDelay = 10 * time.Second
		if err := cmd.Run(); err != nil { // not wrapped: the exit code of s is not this program's
			return fmt.Errorf("s %s failed (%v); what it says is above", args[0], err)
		}
		return nil
	}, nil
}

func runServerlessDevs(ctx context.Context, c *cli.Command, s settings, args ...string) error {
	_, run, err := serverlessDevs(ctx, c, s)
	if err != nil {
		return err
	}
	return run(args...)
}

func packageCommand() *cli.Command {
	return &cli.Command{
		Name: "package", Usage: "pack dist/main as a zip with the same bytes on any machine",
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "binary", Value: "dist/main", Usage: "the file to pack"},
			&cli.StringFlag{Name: "o", Value: "dist/function.zip", Usage: "the file to write"},
		},
		Action: func(_ context.Context, c *cli.Command) error {
			out, binary := c.String("o"), c.String("binary")
			err := writePackage(out, binary)
			if err == nil {
				fmt.Fprintf(c.Root().ErrWriter, "%s holds %s\n", out, binary)
			}
			return err
		},
	}
}

// writePackage writes a zip that holds only the binary. Its bytes depend only on the binary's: the entry has no owner, and
// always the same time and mode. The mode has the execute bit, without which Function Compute runs nothing.
func writePackage(out, binary string) error {
	content, err := os.ReadFile(binary)
	if err != nil {
		return fmt.Errorf("%w: run `make build` first", err)
	}
	header := &zip.FileHeader{Name: filepath.Base(binary), Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	entry, err := z.CreateHeader(header)
	if err == nil {
		_, err = entry.Write(content)
	}
	if err = errors.Join(err, z.Close()); err != nil {
		return err
	}
	return os.WriteFile(out, packed.Bytes(), 0o644)
}
