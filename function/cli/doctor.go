package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"adb-backup/function/terminal"

	"github.com/urfave/cli/v3"
)

// state is what a line of a checkup means.
type state string

const (
	stateRight   state = "right"
	stateNote    state = "note"    // worth knowing, and no reason to act
	stateMissing state = "missing" // is to be done, or is not as s.yaml says
	stateUnread  state = "unread"  // nobody can say
	stateWrong   state = "wrong"   // in s.yaml
)

// finding is one line of a checkup.
type finding struct {
	About string // s.yaml, this machine, the account
	State state
	Text  string // what there is, and what to do
}

// checkup is all that doctor finds.
type checkup struct {
	about    string // what the next findings are about
	findings []finding
}

func (c *checkup) say(s state, format string, a ...any) {
	c.findings = append(c.findings, finding{c.about, s, fmt.Sprintf(format, a...)})
}

// faults says what is wrong in s.yaml: a line for each line of several errors.
func (c *checkup) faults(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			c.say(stateWrong, "%s", line)
		}
	}
}

// has reports whether there is a finding of a state.
func (c *checkup) has(s state) bool {
	return slices.ContainsFunc(c.findings, func(f finding) bool { return f.State == s })
}

// print writes the findings for a person.
func (c *checkup) print(w io.Writer) {
	about := ""
	for _, f := range c.findings {
		if f.About != about {
			about = f.About
			fmt.Fprintln(w, about)
		}
		fmt.Fprintf(w, "  %-8s %s\n", f.State, f.Text)
	}
}

// verdict sums the findings up in one sentence, as an error unless all is right.
func (c *checkup) verdict(offline bool) (text string, err error) {
	switch {
	case c.has(stateWrong):
		return "", wrong("s.yaml is wrong, as said above: correct that first")
	case c.has(stateUnread):
		return "", errors.New("nobody can say whether the clusters are protected: not everything could be read")
	case c.has(stateMissing) && offline:
		return "", no("s.yaml is right, but it cannot be deployed from here: what is missing is said above")
	case c.has(stateMissing):
		return "", no("not protected: what is missing, or not as s.yaml says, is said above")
	case offline:
		return "s.yaml is right. What is online was not looked at.", nil
	}
	return "Protected: what is online is as s.yaml says, and each cluster has the backup that was due.", nil
}

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "say whether everything is as s.yaml says, and the clusters protected",
		Description: "AnalyticDB is read at ADB_ENDPOINT, if that is set, else where the other services are.",
		Flags: append(placeFlags(),
			&cli.BoolFlag{Name: "offline", Usage: "look at s.yaml and this machine alone"},
			&cli.BoolFlag{Name: "json", Usage: "print one line of JSON instead of the lines for a person"},
		),
		Action: onSettings(doctor),
	}
}

func doctor(ctx context.Context, cmd *cli.Command, s settings) error {
	stdout, offline, c := cmd.Root().Writer, cmd.Bool("offline"), s.inspect(time.Now())
	if offline {
		s.inspectAlarm(c, s.props)
	}
	c.about = "this machine"
	lack, state := missingTools(), stateNote // what is online can be looked at without
	if offline {
		state = stateMissing
	}
	for _, tool := range lack {
		c.say(state, "%s", tool)
	}
	if lack == nil {
		c.say(stateRight, "Node.js and Serverless Devs are there")
	}
	if c.about = "the account"; !offline && !c.has(stateWrong) {
		stop := terminal.Progress(cmd.Root().ErrWriter, func(elapsed time.Duration) string {
			return fmt.Sprintf("doctor: still reading what is online, after %s", elapsed)
		})
		s.inspectAccount(ctx, c)
		stop()
	}
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	text, err := c.verdict(offline)
	if err != nil {
		text = err.Error()
	}
	if cmd.Bool("json") {
		return errors.Join(json.NewEncoder(stdout).Encode(struct {
			Protected bool
			Verdict   string
			Findings  []finding
		}{err == nil && !offline, text, c.findings}), err)
	}
	c.print(stdout)
	if err == nil {
		fmt.Fprintln(stdout, text)
	}
	return err
}

// missingTools says what a deployment needs and this machine lacks, and how to get it.
func missingTools() (lack []string) {
	for _, tool := range [][2]string{
		{"node", "no Node.js, which a deployment needs: install version 18 or later from https://nodejs.org"},
		{"s", "no Serverless Devs, which a deployment needs: npm install -g @serverless-devs/s"},
	} {
		if _, err := exec.LookPath(tool[0]); err != nil {
			lack = append(lack, tool[1])
		}
	}
	return lack
}
