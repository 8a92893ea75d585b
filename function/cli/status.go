package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/config"
	"adb-backup/function/credentials"

	"github.com/urfave/cli/v3"
)

// row is what status shows of a cluster.
type row struct {
	Cluster backup.Cluster
	history
	Err error // why its list could not be read
}

// overview is all that status shows.
type overview struct {
	Now     time.Time     // in the zone that times and days are shown in
	Zone    string        // its name, and where it comes from
	MaxAge  time.Duration // 0: nothing is checked
	Rows    []row
	Skipped []backup.Skipped
	Failed  []error // regions whose clusters could not be listed
}

func statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show what backups the clusters of s.yaml have, or those named", ArgsUsage: "[ID ...]",
		ArgValidator: atMost(1000),
		Flags: []cli.Flag{
			fileFlag("the `FILE` that names the clusters, the region and the schedule's zone"),
			&cli.StringFlag{Name: "region", Usage: "the `REGION` of the clusters, instead of s.yaml's"},
			&cli.BoolFlag{Name: "json", Usage: "print one line of JSON instead of the table"},
			durationFlag("max-age", 0, "fail, with exit code 1, if a cluster has no complete backup as young as this: 26h for a nightly one"),
			&cli.StringFlag{Name: "endpoint", Sources: cli.EnvVars("ADB_ENDPOINT"), Usage: "AnalyticDB's `HOST`, host:port or URL, instead of the region's; http only to a loopback address"},
		},
		Action: status,
	}
}

func status(ctx context.Context, c *cli.Command) error {
	stdout, stderr := c.Root().Writer, c.Root().ErrWriter
	maxAge := c.Duration("max-age")
	if maxAge < 0 {
		return wrong("-max-age must not be negative")
	}
	e, err := parseEndpoint(c.String("endpoint"))
	if err != nil {
		return err
	}
	what, err := chooseClusters(c.String("s"), c.String("region"), c.Args().Slice())
	if err != nil {
		return err
	}
	service, err := openADB(ctx, e, what.statuses)
	if err != nil {
		return err
	}
	o := overview{Now: time.Now().In(what.zone), Zone: what.zoneName, MaxAge: maxAge}
	o.choose(ctx, service, what.requests)
	o.readHistories(ctx, service, stderr)
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if c.Bool("json") {
		err = json.NewEncoder(stdout).Encode(o.answer())
	} else {
		err = o.print(stdout, screenOf(stdout))
	}
	return errors.Join(err, o.verdict())
}

// choice is what status asks for, and how it shows it.
type choice struct {
	requests []backup.Request
	statuses backup.Statuses // as the function knows them
	zone     *time.Location
	zoneName string
}

// chooseClusters returns the clusters that the ids name, or those of s.yaml if there are no ids.
func chooseClusters(file, region string, ids []string) (choice, error) {
	what := choice{zone: time.UTC, zoneName: "UTC"}
	s, err := readSettings(file)
	if err != nil && len(ids) == 0 {
		return what, wrong("which clusters? Name them, or run this beside s.yaml: %w", err)
	}
	if err == nil {
		what.zone = s.zone()
		what.zoneName = fmt.Sprintf("%s (the schedule in %s)", what.zone, file)
	}
	if what.statuses, err = s.statuses(); err != nil {
		return what, wrong("%w", err)
	}
	if region = cmp.Or(region, s.Region, credentials.Region(os.Getenv)); region == "" {
		return what, wrong("in which region? Give -region")
	}
	if err := backup.CheckRegion(region); err != nil {
		return what, wrong("%w", err)
	}
	if len(ids) == 0 {
		s.Region = region
		if what.requests, err = s.clusterRequests(); err != nil {
			return what, wrong("%s: %w. Correct it, or name clusters: adb-backup status ID ...", file, err)
		}
		return what, nil
	}
	payload, _ := json.Marshal(map[string][]string{"DBClusterIds": ids}) // strings cannot fail
	event, err := events.Decode(payload, events.Invocation{Region: region, Received: time.Now(), Timeout: time.Hour})
	if err != nil {
		return what, wrong("%w", err)
	}
	what.requests = event.Requests
	return what, nil
}

// statuses returns the words of BackupStatus: the built-in ones, and those that this program's environment sets or, if it sets
// none, s.yaml.
func (s settings) statuses() (backup.Statuses, error) {
	var environ []string
	for _, name := range []string{"ADB_STATUS_COMPLETED", "ADB_STATUS_FAILED"} {
		environ = append(environ, name+"="+cmp.Or(os.Getenv(name), s.Environment[name]))
	}
	c, err := config.Load(environ)
	return c.ADB.Statuses, err
}

// tooOld reports whether the last complete backup is older than MaxAge, or is missing.
func (o *overview) tooOld(r row) bool { return o.MaxAge > 0 && !r.young(o.Now, o.MaxAge) }

// verdict returns the command's error: exit code 2 if something could not be read, 1 if a backup is missing.
func (o *overview) verdict() error {
	unread, old := len(o.Failed), 0
	for _, r := range o.Rows {
		switch {
		case r.Err != nil:
			unread++
		case o.tooOld(r):
			old++
		}
	}
	switch {
	case unread > 0:
		return fmt.Errorf("status: %d of %d could not be read: see above", unread, len(o.Rows)+len(o.Failed))
	case len(o.Rows) == 0:
		return exitError{exitNo, errors.New("status: no cluster is selected; is a tag missing?")}
	case old > 0:
		return exitError{exitNo, fmt.Errorf("status: %d of %d clusters have no complete backup that started in the last %s", old, len(o.Rows), short(o.MaxAge))}
	}
	return nil
}
