package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/credentials"

	"github.com/goccy/go-yaml"
)

// tool is Serverless Devs' command s, with credentials to work with.
type tool struct {
	env   []string                 // the environment of s
	args  []string                 // options that every command gets
	from  string                   // where the credentials are from, for a person
	known *credentials.Credentials // nil: only s can read them

	stdout, stderr io.Writer
}

// handedOver is the alias under which s finds credentials that this program hands to it, and the name of the variable that
// holds them. Unlike the three variables, such an alias can carry a security token.
const handedOver = "adb_backup_serverless_devs_key"

// newTool returns s with credentials: its own if it has some, else those of the default chain, which are handed over in its
// environment and nowhere else. e is where STS is asked whose they are.
func newTool(ctx context.Context, s settings, folder string, e adb.Endpoint, stdout, stderr io.Writer) (tool, error) {
	t := tool{env: os.Environ(), stdout: stdout, stderr: stderr}
	if !complete(os.Getenv) {
		t.env = without(t.env, credentials.ServerlessDevs...) // s takes them if all three exist, even empty
		if complete(dotenv(folder)) {
			t.from = "the file .env"
			return t, nil
		}
		if stored(s.Access) {
			t.from = fmt.Sprintf("s config, under the alias %s", s.Access)
			return t, nil
		}
		if s.Access != "default" {
			return t, fmt.Errorf("access: %s names credentials that s config add has not stored on this machine; with access: default the usual ones are handed over", s.Access)
		}
	}
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return t, err
	}
	t.known, t.from = &c, c.From
	if complete(os.Getenv) && c.SecurityToken == "" {
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

// complete reports whether s finds credentials in variables.
func complete(getenv func(string) string) bool {
	return !slices.ContainsFunc(credentials.ServerlessDevs, func(name string) bool { return getenv(name) == "" })
}

var assignment = regexp.MustCompile(`(?m)^\s*(?:export\s+)?(\w+)\s*=\s*(\S.*)$`)

// dotenv returns the variables of the file .env beside s.yaml, which s reads, too. A missing file has none.
func dotenv(folder string) func(string) string {
	content, _ := os.ReadFile(filepath.Join(folder, ".env"))
	values := map[string]string{}
	for _, m := range assignment.FindAllStringSubmatch(string(content), -1) {
		values[m[1]] = m[2]
	}
	return func(name string) string { return values[name] }
}

// stored reports whether s config add has stored credentials under an alias. They are encrypted, so only s can use them.
func stored(alias string) bool {
	home := os.Getenv("serverless_devs_config_home")
	if home == "" {
		home, _ = os.UserHomeDir()
	}
	for _, name := range []string{"access.yaml", "access.yml"} {
		var aliases map[string]any
		content, err := os.ReadFile(filepath.Join(home, ".s", name))
		if err == nil && yaml.Unmarshal(content, &aliases) == nil && aliases[alias] != nil {
			return true
		}
	}
	return false
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
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return fmt.Errorf("s %s failed (%w); what it says is above", args[0], err)
	}
	return err
}
