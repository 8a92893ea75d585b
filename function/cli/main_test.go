package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The command line is what people know from other programs: help and version go to standard output, whatever is misspelt names
// what was meant, and exits with 64 before anything is called.
func TestCommandLine(t *testing.T) {
	for line, c := range map[string]struct {
		code           int
		stdout, stderr string // a part; empty: nothing is written
	}{
		"":                                       {exitWrong, "", "which command?"},
		"--help":                                 {exitDone, "COMMANDS:", ""},
		"-h":                                     {exitDone, "COMMANDS:", ""},
		"help":                                   {exitDone, "COMMANDS:", ""},
		"help gate":                              {exitDone, "--max-age", ""},
		"gate --help":                            {exitDone, "--max-age", ""},
		"--help gaet":                            {exitWrong, "", "did you mean gate?"},
		"gate amv-1 -help":                       {exitDone, "--max-age", ""},
		"help help":                              {exitDone, "adb-backup help", ""},
		"help --help":                            {exitDone, "COMMANDS:", ""},
		"--version":                              {exitDone, "adb-backup version ", ""},
		"-version":                               {exitDone, "adb-backup version ", ""},
		"completion bash":                        {exitDone, "adb-backup", ""},
		"gaet":                                   {exitWrong, "", `there is no command "gaet"; did you mean gate?`},
		"gaet -event amv-1":                      {exitWrong, "", `there is no command "gaet"; did you mean gate?`},
		"nonsense":                               {exitWrong, "", `there is no command "nonsense"; --help lists what there is`},
		"help gaet":                              {exitWrong, "", "did you mean gate?"},
		"help gate invoke":                       {exitWrong, "", `unexpected argument "invoke"`},
		"help -json":                             {exitWrong, "", "adb-backup help: flag provided but not defined: -json"},
		"completion":                             {exitWrong, "", "completion: which command?"},
		"completion bahs":                        {exitWrong, "", "did you mean bash?"},
		"-s x gate":                              {exitWrong, "", "adb-backup: flag provided but not defined: -s"},
		"gate -evnt amv-1":                       {exitWrong, "", "adb-backup gate: flag provided but not defined: -evnt; did you mean -event?"},
		"gate amv-1 --tiemout 3m":                {exitWrong, "", "did you mean -timeout?"},
		"gate amv-1 -timeout":                    {exitWrong, "", "flag needs an argument: -timeout"},
		"gate amv-1 -timeout 10":                 {exitWrong, "", `invalid value "10" for flag -timeout; durations are written 20s, 5m or 2h`},
		"status -days x":                         {exitWrong, "", `invalid value "x" for flag -days`},
		"gate amv-1 --timeout=ten":               {exitWrong, "", `invalid value "ten" for flag -timeout`},
		"gate amv-1 amv-2":                       {exitWrong, "", `unexpected argument "amv-2"`},
		"policy a b":                             {exitWrong, "", `unexpected argument "b"`},
		"role x":                                 {exitWrong, "", `unexpected argument "x"`},
		"drill -- -x":                            {exitWrong, "", `unexpected argument "-x"`},
		"gate --max --generate-shell-completion": {exitDone, "--max-age:", ""},
	} {
		t.Run(line, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), strings.Fields(line), &stdout, &stderr)
			has(t, stdout.String(), c.stdout)
			has(t, stderr.String(), c.stderr)
			if code != c.code || (stdout.Len() > 0) != (c.stdout != "") || (stderr.Len() > 0) != (c.stderr != "") {
				t.Errorf("exit code %d, standard output %q, standard error %q", code, &stdout, &stderr)
			}
		})
	}
}

// Every command and every flag says what it is.
func TestHelpIsComplete(t *testing.T) {
	for _, c := range rootCommand().Commands {
		var help bytes.Buffer
		if run(t.Context(), []string{"help", c.Name}, &help, &help); c.Usage == "" || strings.Contains(help.String(), "default: 0s") {
			t.Errorf("%s", &help)
		}
		for _, f := range c.Flags {
			if text := f.String(); strings.HasSuffix(text, "\t") {
				t.Errorf("%s: %s", c.Name, text)
			}
		}
	}
}

// The action hands what it gets to the gate, and the gate's answer and exit code on.
func TestAction(t *testing.T) {
	source := must(os.ReadFile("../../.github/actions/gate/action.yml"))
	var action struct {
		Inputs map[string]any
		Runs   struct {
			Steps []struct {
				Id, Run string
				Env     map[string]string
			}
		}
	}
	must(0, yaml.Unmarshal(source, &action))
	last, folder := action.Runs.Steps[len(action.Runs.Steps)-1], t.TempDir()
	stub, output := filepath.Join(folder, "adb-backup"), filepath.Join(folder, "output")
	must(0, os.WriteFile(stub, []byte("#!/bin/sh\nprintf '<%s>' \"$@\"\nexit 1\n"), 0o755))
	step := exec.Command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", last.Run)
	step.Env = []string{"PATH=" + os.Getenv("PATH"), "COMMAND=" + stub, "GITHUB_OUTPUT=" + output,
		`EVENT={"DBClusterId": "amv-1"}`, "TIMEOUT=5m", "WAIT=Completed", "MAX_AGE=1h", "FUNCTION=f", "REGION=", "QUALIFIER="}
	out, err := step.Output()
	const want = `<gate><-event><{"DBClusterId": "amv-1"}><-timeout><5m><-wait><Completed><-max-age><1h><-function><f>`
	if said := string(must(os.ReadFile(output))); step.ProcessState.ExitCode() != 1 || strings.TrimSpace(string(out)) != want || said != "answer="+want+"\n" {
		t.Errorf("%v: %s, %s", err, out, said)
	}
	for name := range action.Inputs { // each one reaches the script
		has(t, string(source), "${{ inputs."+name+" }}")
	}
}
