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
	if _, err := exec.LookPath("s"); err != nil {
		if _, err := exec.LookPath("node"); err != nil {
			faults = append(faults, errors.New("no Node.js, which Serverless Devs runs on: install version 18 or later from https://nodejs.org"))
		}
		faults = append(faults, errors.New("no Serverless Devs, the command s: npm install -g @serverless-devs/s"))
	}
	return errors.Join(append(faults, credentials())...)
}

// credentialVariables are taken by `s` only all together.
var credentialVariables = []string{"AccountID", "AccessKeyID", "AccessKeySecret"}

func credentials() error {
	var unset []string
	for _, name := range credentialVariables {
		if os.Getenv(name) == "" {
			unset = append(unset, name)
		}
	}
	if len(unset) == 0 {
		return nil
	}
	if len(unset) < len(credentialVariables) {
		return fmt.Errorf("incomplete credentials: the environment also needs %s", strings.Join(unset, " and "))
	}
	// Where `s config add` keeps them, encrypted; and the variables by which a pipeline hands over an alias.
	for _, variable := range os.Environ() {
		if name, _, _ := strings.Cut(variable, "="); strings.HasSuffix(name, "_serverless_devs_key") {
			return nil
		}
	}
	home := os.Getenv("serverless_devs_config_home")
	if home == "" {
		home, _ = os.UserHomeDir()
	}
	if _, err := os.Stat(filepath.Join(home, ".s", "access.yaml")); err == nil {
		return nil
	}
	return errors.New("no credentials: run `s config add --access default`, or set AccountID, AccessKeyID and AccessKeySecret")
}
