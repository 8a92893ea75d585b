package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/credentials"
)

// tool is Serverless Devs' command s, with credentials to work with.
type tool struct {
	env   []string                 // the environment of s
	args  []string                 // options that every command gets
	from  string                   // where the credentials are from, for a person
	known *credentials.Credentials // nil: only s can read them

	endpoint adb.Endpoint // of this program's own calls; zero: the cloud

	stdout, stderr io.Writer
}

// handedOver is the alias under which s finds credentials that this program hands to it, and the name of the variable that
// holds them. Unlike the three variables, such an alias can carry a security token.
const handedOver = "adb_backup_serverless_devs_key"

// newTool returns s with the credentials that this program works with, which are handed over in its environment and nowhere
// else. If s.yaml names an alias of s's own, s finds those itself. e is where STS is asked whose the credentials are.
func newTool(ctx context.Context, s settings, e adb.Endpoint, stdout, stderr io.Writer) (tool, error) {
	if lack := missingTools(); len(lack) > 0 {
		return tool{}, errors.New(strings.Join(lack, "\n"))
	}
	t := tool{env: os.Environ(), endpoint: e, stdout: stdout, stderr: stderr}
	variables := !slices.ContainsFunc(credentials.ServerlessDevs, func(name string) bool { return os.Getenv(name) == "" })
	if s.access != "default" && !variables {
		t.env = without(t.env, credentials.ServerlessDevs...) // s takes them if all three exist, even empty
		t.from = fmt.Sprintf("s config, under the alias %s", s.access)
		return t, nil
	}
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return t, err
	}
	t.known, t.from = &c, c.From
	if variables && c.SecurityToken == "" {
		return t, nil
	}
	account, err := callerAccount(ctx, c, s.Region, e)
	if err != nil {
		return t, fmt.Errorf("the account's id, which Serverless Devs needs, is not known: %w", err)
	}
	key, _ := json.Marshal(map[string]string{ // strings cannot fail
		"AccountID": account, "AccessKeyID": c.AccessKeyID, "AccessKeySecret": c.AccessKeySecret, "SecurityToken": c.SecurityToken,
	})
	// In a pipeline the variable ending in cicd_alias_name would name another alias.
	t.env = without(without(t.env, credentials.ServerlessDevs...), handedOver, "serverless_devs_access_cicd_alias_name")
	t.env = append(t.env, handedOver+"="+string(key))
	t.args = []string{"--access", handedOver}
	t.from = fmt.Sprintf("%s, account %s", c.From, account)
	return t, nil
}

// without returns an environment that lacks some variables.
func without(environ []string, names ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains(names, name)
	})
}

// run runs s to its end and shows what it prints. Callers write options out, because s hands all of them to its component,
// whose command logs takes -t for --tail.
func (t tool) run(ctx context.Context, args ...string) error {
	fmt.Fprintln(t.stderr, "s", strings.Join(args, " "))
	cmd := exec.CommandContext(ctx, "s", append(args, t.args...)...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = t.env, os.Stdin, t.stdout, t.stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if exit := new(exec.ExitError); errors.As(err, &exit) { // not wrapped: its exit code is not this program's
		return fmt.Errorf("s %s failed (%v); what it says is above", args[0], err)
	}
	return err
}
