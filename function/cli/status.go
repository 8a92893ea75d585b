package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/config"
	"adb-backup/function/credentials"
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

func statusCommand(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("status", flag.ContinueOnError)
	file := flags.String("s", "s.yaml", "the `file` that names the clusters, the region and the schedule's zone")
	region := flags.String("region", "", "the `region` of the clusters, instead of s.yaml's")
	asJSON := flags.Bool("json", false, "print one line of JSON instead of the table")
	maxAge := flags.Duration("max-age", 0, "fail, with exit code 1, if a cluster has no complete backup as young as this: 26h for a nightly one")
	endpoint := flags.String("endpoint", os.Getenv("ADB_ENDPOINT"), "AnalyticDB's `host`, host:port or URL, instead of the region's; http only to a loopback address")
	ids, err := parseMixed(flags, args, stderr)
	if err != nil {
		return err
	}
	if *maxAge < 0 {
		return usage("-max-age must not be negative")
	}
	e, err := parseEndpoint(*endpoint)
	if err != nil {
		return err
	}
	what, err := chooseClusters(*file, *region, ids)
	if err != nil {
		return err
	}
	service, err := openADB(ctx, e, what.statuses)
	if err != nil {
		return err
	}
	o := overview{Now: time.Now().In(what.zone), Zone: what.zoneName, MaxAge: *maxAge}
	o.choose(ctx, service, what.requests)
	o.readHistories(ctx, service, stderr)
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	if *asJSON {
		err = json.NewEncoder(stdout).Encode(o.answer())
	} else {
		err = o.print(stdout, screenOf(stdout))
	}
	return errors.Join(err, o.verdict())
}

// parseMixed reads flags and arguments in any order, and returns the arguments.
func parseMixed(flags *flag.FlagSet, args []string, stderr io.Writer) (ids []string, err error) {
	for {
		if err := parse(flags, args, stderr, len(args)); err != nil {
			return nil, err
		}
		if flags.NArg() == 0 {
			return ids, nil
		}
		ids, args = append(ids, flags.Arg(0)), flags.Args()[1:]
	}
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
		return what, usage("which clusters? Name them, or run this beside s.yaml: %w", err)
	}
	if err == nil {
		what.zone = s.zone()
		what.zoneName = fmt.Sprintf("%s (the schedule in %s)", what.zone, file)
	}
	if what.statuses, err = s.statuses(); err != nil {
		return what, usage("%w", err)
	}
	if region = cmp.Or(region, s.Region, credentials.Region(os.Getenv)); region == "" {
		return what, usage("in which region? Give -region")
	}
	if err := backup.CheckRegion(region); err != nil {
		return what, usage("%w", err)
	}
	if len(ids) == 0 {
		s.Region = region
		if what.requests, err = s.clusterRequests(); err != nil {
			return what, usage("%s: %w. Correct it, or name clusters: adb-backup status ID ...", file, err)
		}
		return what, nil
	}
	payload, _ := json.Marshal(map[string][]string{"DBClusterIds": ids}) // strings cannot fail
	event, err := events.Decode(payload, events.Invocation{Region: region, Received: time.Now(), Timeout: time.Hour})
	if err != nil {
		return what, usage("%w", err)
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
		return exitError{exitNoBackup, errors.New("status: no cluster is selected; is a tag missing?")}
	case old > 0:
		return exitError{exitNoBackup, fmt.Errorf("status: %d of %d clusters have no complete backup that started in the last %s", old, len(o.Rows), short(o.MaxAge))}
	}
	return nil
}
