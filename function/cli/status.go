package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/config"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

	"github.com/urfave/cli/v3"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show what backups the clusters of s.yaml have, or those named", ArgsUsage: "[ID ...]",
		ArgValidator: atMost(1000),
		Flags: []cli.Flag{
			fileFlag("the `FILE` that names the clusters, the region and the schedule's zone"),
			&cli.StringFlag{Name: "region", Usage: "the `REGION` of the clusters, instead of s.yaml's"},
			&cli.IntFlag{Name: "days", Value: 14, DefaultText: "14, and 31 on a page", Usage: "how many days are shown, at most 31"},
			&cli.BoolFlag{Name: "backups", Usage: "list every backup of these days, too"},
			&cli.StringFlag{Name: "html", Usage: "write all of it to a `FILE`, as one page for a browser"},
			&cli.BoolFlag{Name: "json", Usage: "print one line of JSON instead of the table"},
			durationFlag("max-age", 0, "fail, with exit code 1, if a cluster has no complete backup as young as this: 26h for a nightly one"),
			&cli.StringFlag{Name: "endpoint", Sources: cli.EnvVars("ADB_ENDPOINT"), Usage: "AnalyticDB's `HOST`, host:port or URL, instead of the region's; http only to a loopback address"},
		},
		Action: status,
	}
}

func status(ctx context.Context, c *cli.Command) error {
	maxAge, days := c.Duration("max-age"), c.Int("days")
	switch {
	case maxAge < 0:
		return wrong("-max-age must not be negative")
	case days < 1 || days > longestHistory:
		return wrong("-days must be 1 to %d", longestHistory)
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
	o := readOverview(ctx, service, what.requests, time.Now().In(what.zone), maxAge, c.Root().ErrWriter)
	if ctx.Err() != nil {
		return stopped(ctx)
	}
	o.Zone = what.zoneName
	return errors.Join(o.show(c, days), o.verdict())
}

// show prints the overview, and writes the page if one is asked for. A page has a whole month if nobody asks for less.
func (o *overview) show(c *cli.Command, days int) error {
	stdout := c.Root().Writer
	if file := c.String("html"); file != "" {
		month := longestHistory
		if c.IsSet("days") {
			month = days
		}
		if err := os.WriteFile(file, []byte(o.html(month)), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(c.Root().ErrWriter, "status: the page is %s\n", file)
	}
	if c.Bool("json") {
		return json.NewEncoder(stdout).Encode(o.answer(days))
	}
	text := o.table(terminal.Width(stdout), days)
	if c.Bool("backups") {
		text += "\n" + o.backups(days)
	}
	_, err := io.WriteString(stdout, text)
	return err
}

// verdict returns the command's error: exit code 2 if something could not be read, 1 if a backup is missing.
func (o *overview) verdict() error {
	text, unread, lack := o.summary()
	switch {
	case unread > 0:
		return fmt.Errorf("status: %s: see above", text)
	case len(o.Rows) == 0 || lack > 0 && o.MaxAge > 0:
		return no("status: %s", text)
	}
	return nil
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
		environ = append(environ, name+"="+cmp.Or(os.Getenv(name), s.variable(name)))
	}
	c, err := config.Load(environ)
	return c.ADB.Statuses, err
}
