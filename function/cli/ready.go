package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
)

// readyCommand says what is missing before `s` can do anything. `s` itself would say so late, or ask on the terminal.
func readyCommand(_ context.Context, args []string, _, stderr io.Writer) error {
	flags := flag.NewFlagSet("ready", flag.ContinueOnError)
	file := flags.String("s", "s.yaml", "the `file` whose vars are checked too; empty for none")
	if err := parse(flags, args, stderr, 0); err != nil {
		return err
	}
	err := missing()
	if *file == "" {
		return err
	}
	s, readErr := readSettings(*file)
	if readErr == nil {
		for _, w := range s.warnings() {
			readErr = errors.Join(readErr, fmt.Errorf("%s: %s", *file, w))
		}
	}
	return errors.Join(err, readErr)
}

// missing reports all that Serverless Devs lacks on this machine, with the way to get each.
func missing() error {
	var faults []error
	if _, err := exec.LookPath("node"); err != nil {
		faults = append(faults, errors.New("no Node.js, which Serverless Devs runs on: install version 18 or later from https://nodejs.org"))
	}
	if _, err := exec.LookPath("s"); err != nil {
		faults = append(faults, errors.New("no Serverless Devs, the command s: npm install -g @serverless-devs/s"))
	}
	return errors.Join(append(faults, missingCredentials())...)
}

// credentialVariables are taken by `s` all three together, or not at all.
var credentialVariables = []string{"AccountID", "AccessKeyID", "AccessKeySecret"}

// access is the alias that s.yaml names.
const access = "default"

func missingCredentials() error {
	var unset []string
	for _, name := range credentialVariables {
		if os.Getenv(name) == "" {
			unset = append(unset, name)
		}
	}
	switch {
	case len(unset) == 0, configured():
		return nil
	case len(unset) < len(credentialVariables):
		return fmt.Errorf("incomplete credentials: the environment also needs %s", strings.Join(unset, " and "))
	}
	return errors.New("no credentials: run `s config add --access " + access + "`, or set " + strings.Join(credentialVariables, ", "))
}

// configured says whether `s config add` has stored credentials under the alias. They are encrypted; nothing is read of them.
func configured() bool {
	home := os.Getenv("serverless_devs_config_home")
	if home == "" {
		home, _ = os.UserHomeDir()
	}
	var aliases map[string]any
	content, err := os.ReadFile(filepath.Join(home, ".s", "access.yaml"))
	return err == nil && yaml.Unmarshal(content, &aliases) == nil && aliases[access] != nil
}
