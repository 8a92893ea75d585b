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
	"slices"
	"strings"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

	"github.com/urfave/cli/v3"
)

func doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "say whether everything is as s.yaml says, and the clusters protected",
		Description: "AnalyticDB is read at ADB_ENDPOINT, if that is set, else where the other services are.",
		Flags: append(placeFlags(),
			&cli.BoolFlag{Name: "offline", Usage: "look at s.yaml and this machine alone"},
			&cli.BoolFlag{Name: "json", Usage: "print one line of JSON instead of the lines for a person"},
			durationFlag("max-age", 0, "how old each cluster's last complete backup may be, instead of what the timers say"),
		),
		Action: doctor,
	}
}

func doctor(ctx context.Context, cmd *cli.Command) error {
	stdout, offline, maxAge, now := cmd.Root().Writer, cmd.Bool("offline"), cmd.Duration("max-age"), time.Now()
	if maxAge < 0 {
		return wrong("-max-age must not be negative")
	}
	e, err := parseEndpoint(cmd.String("endpoint"))
	if err != nil {
		return err
	}
	s, err := readSettings(cmd.String("s"))
	if err != nil {
		return err
	}
	c := s.inspect(now)
	if offline {
		s.inspectAlarm(c, s.variable("ADB_ALARM_WEBHOOK") != "", len(s.AsyncInvokeConfig.DestinationConfig) > 0)
	}
	c.about = "this machine"
	s.inspectMachine(c, offline)
	if c.about = "the account"; !offline && c.count(stateWrong) == 0 {
		stop := terminal.Progress(cmd.Root().ErrWriter, func(elapsed time.Duration) string {
			return fmt.Sprintf("doctor: still reading what is online, after %s", elapsed)
		})
		s.inspectAccount(ctx, c, e, filepath.Dir(cmd.String("s")), maxAge)
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

// inspectMachine looks for what Serverless Devs needs. Only a deployment needs it.
func (s settings) inspectMachine(c *checkup, offline bool) {
	lack := missingTools()
	for _, tool := range lack {
		if offline {
			c.missing("%s", tool)
		} else {
			c.note("%s. Only a deployment needs it", tool)
		}
	}
	if len(lack) == 0 {
		c.right("Node.js and Serverless Devs are there")
	}
}

// missingTools says what Serverless Devs needs and this machine lacks, and how to get it.
func missingTools() (lack []string) {
	if _, err := exec.LookPath("node"); err != nil {
		lack = append(lack, "no Node.js, which Serverless Devs runs on: install version 18 or later from https://nodejs.org")
	}
	if _, err := exec.LookPath("s"); err != nil {
		lack = append(lack, "no Serverless Devs, the command s: npm install -g @serverless-devs/s")
	}
	return lack
}

// inspectAlarm says whether a failure is told to anybody, and whether it gets out.
func (s settings) inspectAlarm(c *checkup, webhook, destination bool) {
	switch {
	case webhook && s.InternetAccess != nil && !*s.InternetAccess:
		c.note("the alarm: internetAccess is false, so the robot is reached only through the VPC's own way out, a NAT gateway. make drill tries it")
	case webhook && s.VpcConfig != nil:
		c.note("the alarm: the function is in a VPC, and a VPC without a way out keeps the alarm in. make drill tries it")
	case webhook:
		c.right("the alarm: failures are told to the robot of ADB_ALARM_WEBHOOK. make drill tries it")
	case destination:
		c.right("the alarm: failures are told to a destination")
	default:
		c.note("no alarm is set, so nobody is told of a failure: set ADB_ALARM_WEBHOOK in the shell that deploys, or destinationConfig in s.yaml")
	}
}

// inspectAccount compares what is in the account with s.yaml. It looks for credentials before it asks anything.
func (s settings) inspectAccount(ctx context.Context, c *checkup, e adb.Endpoint, folder string, maxAge time.Duration) {
	who, err := new(credentials.Source).Get(ctx)
	if err != nil {
		c.unread("no credentials, so nothing online was read: %v", err)
		return
	}
	account, err := callerAccount(ctx, who, s.Region, e)
	if err != nil {
		c.unread("%v", err)
		return
	}
	c.right("account %s, credentials from %s", account, who.From)
	s.compareRole(ctx, c, newRAM(who, e), account)
	l, err := s.online(ctx, who, e)
	if err == nil && l.function != nil {
		err = l.more(ctx)
	}
	switch {
	case err != nil:
		c.unread("the function: %v", err)
	case l.function == nil:
		c.missing("the function %s is not deployed in %s: make deploy", s.FunctionName, s.Region)
	default:
		s.compareFunction(c, l, account, folder)
		s.compareTriggers(c, l, account)
		s.inspectAlarm(c, scalar(l.environment()["ADB_ALARM_WEBHOOK"]) != "", strings.Contains(shown(l.async), `"destination":"acs:`))
	}
	s.inspectBackups(ctx, c, e, maxAge)
}

// compareRole compares the role, its trust and its policy with what the command role would make. It reports whether the role
// is known to be missing.
func (s settings) compareRole(ctx context.Context, c *checkup, r ram, account string) (missing bool) {
	want, err := s.wantedRole(account)
	if err != nil {
		c.missing("%v", err)
		return false
	}
	steps, err := r.plan(ctx, want)
	if errors.Is(err, errForeign) {
		c.note("%v. Whether it may do what the function needs was not compared", err)
	} else if err != nil {
		c.unread("%v", ramHint(err))
	}
	for _, step := range steps {
		missing = missing || step.action == "CreateRole"
		if step.action == "" {
			c.right("the role %s: %s", want.name, step.what)
		} else {
			c.missing("the role %s: to do: %s. make role does it", want.name, step.what)
		}
	}
	return missing
}

// inspectBackups looks whether each cluster has the backup that was due, as `status -max-age` does.
func (s settings) inspectBackups(ctx context.Context, c *checkup, e adb.Endpoint, maxAge time.Duration) {
	requests, err := s.clusterRequests()
	if err != nil {
		c.missing("%v", err)
		return
	}
	if host := os.Getenv("ADB_ENDPOINT"); host != "" {
		e, err = parseEndpoint(host)
	}
	var service backup.Service
	if err == nil {
		service, err = openADB(ctx, e, s)
	}
	if err != nil {
		c.unread("the backups: %v", err)
		return
	}
	o := &overview{Now: time.Now().In(s.zone())}
	o.read(ctx, service, requests, io.Discard)
	for _, err := range o.Failed {
		c.unread("%v", err)
	}
	if len(o.Rows)+len(o.Failed) == 0 {
		c.missing("no cluster is selected; is a tag missing?")
	}
	for _, skipped := range o.Skipped {
		c.note("cluster %s (%s) is left out: %s", skipped.Cluster.ID, skipped.Cluster.Region, skipped.Reason)
	}
	timers, _ := s.timers(o.Now) // inspect has told what is wrong with them
	for _, r := range o.Rows {
		oldest := maxAge
		if oldest == 0 {
			oldest = s.due(timers, r.Cluster, o.Now)
		}
		c.inspectCluster(r, o.Now, oldest)
	}
}

// due returns how old the last backup of a cluster may be: as old as the latest one that the platform does not retry any more.
// It is 0 if no timer backs the cluster up.
func (s settings) due(timers []timer, cluster backup.Cluster, now time.Time) time.Duration {
	fired, start := lastOf(slices.DeleteFunc(slices.Clone(timers), func(t timer) bool {
		return !t.is(backup.ActionEnsure) || !t.covers(cluster)
	}), now.Add(-s.life()))
	if fired.IsZero() {
		return 0
	}
	return now.Sub(start.Truncate(time.Minute)) + backup.ClockSkew // listed times are cut to the minute
}

// inspectCluster says whether a cluster has the backup that was due; none is due if oldest is 0.
func (c *checkup) inspectCluster(r row, now time.Time, oldest time.Duration) {
	last := "no complete backup"
	if r.Last != nil {
		start := r.Last.Start.From
		last = fmt.Sprintf("the last complete backup started %s, %s ago", start.In(now.Location()).Format("Mon 2 Jan 15:04 MST"), age(now.Sub(start)))
	}
	last = fmt.Sprintf("cluster %s (%s): %s", r.Cluster.ID, r.Cluster.Region, last)
	switch {
	case r.Err != nil:
		c.unread("cluster %s (%s): %v", r.Cluster.ID, r.Cluster.Region, r.Err)
	case oldest > 0 && r.young(now, oldest):
		c.right("%s", last)
	case oldest > 0:
		c.missing("%s; one no older than %s was due. make logs shows why it is not there, make invoke backs up now", last, age(oldest))
	case r.Last != nil:
		c.note("%s; no timer backs it up, so none is due", last)
	default:
		c.missing("%s, and no timer makes one: make invoke backs up now", last)
	}
}
