package main

import (
	"cmp"
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

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
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

// checkup is all that doctor finds, in the form of its JSON.
type checkup struct {
	Protected bool
	Verdict   string // in one sentence
	Findings  []finding

	about string // what the next findings are about
}

func (c *checkup) say(s state, format string, a ...any) {
	c.Findings = append(c.Findings, finding{c.about, s, fmt.Sprintf(format, a...)})
}

// each says a line for each of several errors, which errors.Join has joined.
func (c *checkup) each(s state, joined error) {
	if joined != nil {
		for line := range strings.SplitSeq(joined.Error(), "\n") {
			c.say(s, "%s", line)
		}
	}
}

// has reports whether there is a finding of a state.
func (c *checkup) has(s state) bool {
	return slices.ContainsFunc(c.Findings, func(f finding) bool { return f.State == s })
}

// print writes the findings for a person.
func (c *checkup) print(w io.Writer) {
	about := ""
	for _, f := range c.Findings {
		if f.About != about {
			about = f.About
			fmt.Fprintln(w, about)
		}
		fmt.Fprintf(w, "  %-8s %s\n", f.State, f.Text)
	}
}

// judge sums the findings up in the verdict, which is an error unless all is right.
func (c *checkup) judge(offline bool) (err error) {
	c.Verdict = "Protected: what is online is as s.yaml says, and each cluster has the backup that was due."
	switch {
	case c.has(stateWrong):
		err = wrong("s.yaml is wrong, as said above: correct that first")
	case c.has(stateUnread):
		err = errors.New("nobody can say whether the clusters are protected: not everything could be read")
	case c.has(stateMissing) && offline:
		err = no("s.yaml is right, but it cannot be deployed from here: what is missing is said above")
	case c.has(stateMissing):
		err = no("not protected: what is missing, or not as s.yaml says, is said above")
	case offline:
		c.Verdict = "s.yaml is right. What is online was not looked at."
	}
	if c.Protected = err == nil && !offline; err != nil {
		c.Verdict = err.Error()
	}
	return err
}

func doctorCommand() *cli.Command {
	return settingsCommand("doctor", "say whether everything is as s.yaml says, and the clusters protected", doctor, endpointFlag(),
		&cli.BoolFlag{Name: "offline", Usage: "look at s.yaml and this machine alone"},
		&cli.BoolFlag{Name: "json", Usage: "print one line of JSON instead of the lines for a person"})
}

func doctor(ctx context.Context, cmd *cli.Command, s settings) error {
	stdout, offline, c := cmd.Root().Writer, cmd.Bool("offline"), s.inspect(time.Now())
	if offline && !c.has(stateWrong) { // what is wrong may be the alarm
		s.inspectAlarm(c, s)
	}
	c.about = "this machine"
	switch lack := missingTools(); {
	case lack == nil:
		c.say(stateRight, "Node.js and Serverless Devs are there")
	case offline:
		c.each(stateMissing, lack)
	default: // what is online can be looked at without
		c.each(stateNote, lack)
	}
	if c.about = "the account"; !offline && !c.has(stateWrong) {
		stop := terminal.Progress(cmd.Root().ErrWriter, "doctor: still reading what is online")
		s.inspectAccount(ctx, c)
		stop()
	}
	err := c.judge(offline)
	if cmd.Bool("json") {
		return errors.Join(json.NewEncoder(stdout).Encode(c), err)
	}
	c.print(stdout)
	if err == nil {
		fmt.Fprintln(stdout, c.Verdict)
	}
	return err
}

// missingTools says what a deployment needs and this machine lacks, and how to get it.
func missingTools() (lack error) {
	if _, err := exec.LookPath("node"); err != nil {
		lack = errors.New("no Node.js, which a deployment needs: install version 18 or later from https://nodejs.org")
	}
	if _, err := exec.LookPath("s"); err != nil {
		lack = errors.Join(lack, errors.New("no Serverless Devs, which a deployment needs: npm install -g @serverless-devs/s"))
	}
	return lack
}

// inspectAccount compares what is in the account with s.yaml. It looks for credentials before it asks anything.
func (s settings) inspectAccount(ctx context.Context, c *checkup) {
	who, account, err := s.identify(ctx)
	if err != nil {
		c.say(stateUnread, "nothing online was read: %v", err)
		return
	}
	c.say(stateRight, "account %s, credentials from %s", account, who.From)
	s.compareRole(ctx, c, who)
	online, err := s.online(ctx, who)
	switch {
	case err != nil:
		c.say(stateUnread, "the function: %v", err)
	case online.props == nil:
		c.say(stateMissing, "the function %s is not deployed in %s: make deploy", s.FunctionName, s.Region)
	default:
		s.compareFunction(c, online, account)
		s.inspectAlarm(c, online)
	}
	s.inspectBackups(ctx, c)
}

// inspectAlarm says whether a failure is told to anybody, and whether it gets out.
func (s settings) inspectAlarm(c *checkup, function settings) {
	webhook := function.variable("ADB_ALARM_WEBHOOK")
	switch {
	case webhook != "" && (s.props["vpcConfig"] != nil || s.props["internetAccess"] == false):
		c.say(stateNote, "the alarm: the function is in a VPC or has no internetAccess, so the robot is reached only if the VPC has a way out. make drill tries it")
	case webhook != "":
		c.say(stateRight, "the alarm: failures are told to the robot of ADB_ALARM_WEBHOOK. make drill tries it")
	case slices.ContainsFunc(function.AsyncInvokeConfig.destinations(), arn.MatchString):
		c.say(stateRight, "the alarm: failures are told to a destination")
	default:
		c.say(stateNote, "no alarm is set, so nobody is told of a failure: set ADB_ALARM_WEBHOOK in the shell that deploys, or destinationConfig in s.yaml")
	}
}

// compareRole compares the role, its trust and its policy with what the command role would make. It reports whether the role
// is known to be missing.
func (s settings) compareRole(ctx context.Context, c *checkup, who credentials.Credentials) (missing bool) {
	name, err := roleName(s.Role)
	if err = cmp.Or(err, s.unclear); err != nil {
		c.say(stateMissing, "%v", err)
		return false
	}
	steps, err := s.planRole(ctx, who, name)
	if errors.Is(err, errForeign) {
		c.say(stateNote, "%v. Whether it may do what the function needs was not compared", err)
	} else if err != nil {
		c.say(stateUnread, "%v", err)
	}
	for _, step := range steps {
		if step.action == "" {
			c.say(stateRight, "the role %s: %s", name, step.what)
		} else {
			c.say(stateMissing, "the role %s: to do: %s. make role does it", name, step.what)
		}
	}
	return len(steps) > 0 && steps[0].action == "CreateRole"
}

// inspectBackups looks whether each cluster has the backup that was due.
func (s settings) inspectBackups(ctx context.Context, c *checkup) {
	if s.unclear != nil { // compareRole has told why
		return
	}
	at, unfit := parseEndpoint(os.Getenv("ADB_ENDPOINT"))
	service, err := openADB(ctx, cmp.Or(at, s.cloud), s)
	if err = cmp.Or(unfit, err); err != nil {
		c.say(stateUnread, "the backups: %v", err)
		return
	}
	o := newOverview(time.Now().In(s.zone), 0, 1)
	o.read(ctx, service, s.scope, io.Discard)
	for _, err := range o.Errors {
		c.say(stateUnread, "%v", err)
	}
	if len(o.Backups)+len(o.Errors) == 0 {
		c.say(stateMissing, "%s", o.text)
	}
	for _, skipped := range o.Skipped {
		c.say(stateNote, "cluster %s (%s) is left out: %s", skipped.DBClusterId, skipped.RegionId, skipped.Reason)
	}
	for _, r := range o.Backups {
		s.inspectCluster(c, r, o.now)
	}
}

// inspectCluster says whether a cluster has the backups that its timers make. One is due when the platform does not retry the
// timer's event any more.
func (s settings) inspectCluster(c *checkup, r row, now time.Time) {
	switch {
	case r.Error != "":
		c.say(stateUnread, "cluster %v: %s", r.cluster(), r.Error)
		return
	case r.BackupStartTime.IsZero():
		c.say(stateMissing, "cluster %v: no complete backup: make invoke backs up now", r.cluster())
		return
	}
	start := r.BackupStartTime
	state, rest := stateNote, "; no timer backs it up, so none is due"
	if now.Sub(start) > 26*time.Hour { // a night and a little more: whatever makes its backups, it is not protected
		state, rest = stateMissing, "; no timer backs it up"
	}
	for _, t := range s.timers {
		covers := func(q backup.Request) bool { return q.Selector != nil || q.Cluster == r.cluster() } // a selector may choose any
		if !t.is(backup.ActionEnsure) || !slices.ContainsFunc(t.requests, covers) {
			continue
		}
		due := t.unmet(start.Add(time.Minute + backup.ClockSkew)) // a listed start is cut to the minute, and clocks differ
		if !due.Add(s.AsyncInvokeConfig.life()).After(now) {
			state, rest = stateMissing, fmt.Sprintf("; the one of %s is missing: make logs shows why, make invoke backs up now", t.show(due))
			break
		}
		state, rest = stateRight, ""
	}
	c.say(state, "cluster %v: the last complete backup started %s, %s ago%s", r.cluster(), start.In(now.Location()).Format("Mon 2 Jan 15:04 MST"), age(now.Sub(start)), rest)
}
