package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

	"github.com/cenkalti/backoff/v5"
	"github.com/urfave/cli/v3"
)

func statusCommand() *cli.Command {
	return &cli.Command{
		Name: "status", Usage: "show what backups the clusters of s.yaml have, or those named", ArgsUsage: "[ID ...]",
		Flags: []cli.Flag{
			fileFlag("the file that names the clusters, the region and the schedule's zone"),
			&cli.StringFlag{Name: "region", Usage: "the region of the clusters, instead of s.yaml's"},
			&cli.IntFlag{Name: "days", Value: 14, DefaultText: "14, and 31 with -html", Usage: "how many days are shown, at most 31"},
			&cli.BoolFlag{Name: "backups", Usage: "list every backup of these days, too"},
			&cli.StringFlag{Name: "html", Usage: "write all of it to a file, as one page for a browser"},
			&cli.BoolFlag{Name: "json", Usage: "print one line of JSON instead of the table"},
			durationFlag("max-age", 0, "fail, with exit code 1, if a cluster has no complete backup as young as this: 26h for a nightly one"),
			&cli.StringFlag{Name: "endpoint", Sources: cli.EnvVars("ADB_ENDPOINT"), Usage: "AnalyticDB's host, host:port or URL, instead of the region's; http only to a loopback address"},
		},
		Action: status,
	}
}

func status(ctx context.Context, c *cli.Command) error {
	maxAge, days, page := c.Duration("max-age"), c.Int("days"), c.String("html")
	switch {
	case c.IsSet("max-age") && maxAge <= 0:
		return wrong("-max-age must be more than 0, such as 26h")
	case days < 1 || days > longestHistory:
		return wrong("-days must be 1 to %d", longestHistory)
	case page == "-":
		return wrong("-html needs the name of a file")
	case page != "" && !c.IsSet("days"):
		days = longestHistory
	}
	e, unfit := parseEndpoint(c.String("endpoint"))
	s, err := chooseClusters(c.String("s"), c.String("region"), c.Args().Slice())
	if err = errors.Join(unfit, err); err != nil {
		return err
	}
	service, err := openADB(ctx, e, s)
	if err != nil {
		return err
	}
	o := &overview{Now: time.Now().In(s.zone), MaxAge: maxAge, Days: days}
	o.read(ctx, service, s.scope, c.Root().ErrWriter)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return errors.Join(o.show(c), o.outcome())
}

// show prints the overview, and writes the page if one is asked for.
func (o *overview) show(c *cli.Command) error {
	stdout := c.Root().Writer
	if file := c.String("html"); file != "" {
		if err := os.WriteFile(file, []byte(o.html()), 0o644); err != nil {
			return err
		}
		fmt.Fprintf(c.Root().ErrWriter, "status: the page is %s\n", file)
	}
	if c.Bool("json") {
		return json.NewEncoder(stdout).Encode(o.answer())
	}
	if err := o.table(stdout); err != nil || !c.Bool("backups") {
		return err
	}
	return o.backups(stdout)
}

// outcome returns the command's error: exit code 2 if something could not be read, 1 if a backup is missing.
func (o *overview) outcome() error {
	switch status, text := o.summary(); {
	case status == backup.StatusUnknown:
		return fmt.Errorf("status: %s: see above", text)
	case status == backup.StatusMissing && (o.MaxAge > 0 || len(o.Rows) == 0):
		return no("status: %s", text)
	}
	return nil
}

// chooseClusters returns what s.yaml says, with the clusters that the ids name instead of its own, if there are ids. Then s.yaml may
// be missing.
func chooseClusters(file, region string, ids []string) (settings, error) {
	s, err := readSettings(file, region)
	if err != nil && len(ids) == 0 {
		return s, wrong("which clusters? Name them, or run this beside s.yaml: %w", err)
	}
	if s.Region = cmp.Or(s.Region, credentials.Region(os.Getenv)); s.Region == "" {
		return s, wrong("in which region? Give -region")
	}
	var named scope
	faults := []error{backup.CheckRegion(s.Region)}
	for _, id := range ids {
		faults = append(faults, backup.CheckClusterID(id))
		named = append(named, backup.Request{Cluster: backup.Cluster{ID: id, Region: s.Region}})
	}
	if err = errors.Join(faults...); err != nil {
		return s, wrong("%w", err)
	}
	if len(ids) > 0 {
		s.scope = named
	} else if s.unclear != nil {
		return s, wrong("%s: %w. Correct it, or name clusters: adb-backup status ID ...", file, s.unclear)
	}
	return s, nil
}

const (
	longestHistory = 31 // how many days back a list is read: as far as a Verify reads it
	statusCalls    = 8  // how many calls are in flight at once in each region
)

// overview is what backups the clusters have.
type overview struct {
	Now     time.Time     // in the zone that times and days are shown in
	MaxAge  time.Duration // how old the last complete backup may be; 0: any age is right
	Days    int           // how many are shown, the last one is today
	Rows    []row         // in the order of s.yaml
	Skipped []backup.Skipped
	Failed  []string // regions whose clusters could not be listed, and why
}

// day returns the day that was so many days after the first one that is shown.
func (o *overview) day(n int) time.Time { return o.Now.AddDate(0, 0, n-o.Days+1) }

// verdict says how a cluster is: Completed, Missing without a complete backup (as young as MaxAge), or Unknown; and what is
// wrong with it, empty if it is Completed.
func (o *overview) verdict(r row) (status backup.Status, wrong string) {
	switch {
	case r.Err != nil:
		return backup.StatusUnknown, r.Err.Error()
	case r.Last == nil:
		return backup.StatusMissing, fmt.Sprintf("no complete backup in %d days", longestHistory)
	case o.MaxAge > 0 && o.Now.Sub(r.Last.Start.From) > o.MaxAge: // the earliest moment that its listed start can mean
		return backup.StatusMissing, age(o.Now.Sub(r.Last.Start.From)) + " old, more than " + short(o.MaxAge)
	}
	return backup.StatusCompleted, ""
}

// summary says in one sentence how the clusters are. The status is that of the cluster that is worst off.
func (o *overview) summary() (status backup.Status, text string) {
	count := map[backup.Status]int{backup.StatusUnknown: len(o.Failed)}
	for _, r := range o.Rows {
		status, _ := o.verdict(r)
		count[status]++
	}
	unread, lack, young := count[backup.StatusUnknown], count[backup.StatusMissing], ""
	if o.MaxAge > 0 {
		young = " that started in the last " + short(o.MaxAge)
	}
	switch {
	case unread > 0:
		return backup.StatusUnknown, fmt.Sprintf("%d of %d could not be read, %d have no complete backup%s", unread, len(o.Rows)+len(o.Failed), lack, young)
	case len(o.Rows) == 0:
		return backup.StatusMissing, "no cluster is selected; is a tag missing?"
	case lack > 0:
		return backup.StatusMissing, fmt.Sprintf("%d of %d clusters have no complete backup%s", lack, len(o.Rows), young)
	}
	return backup.StatusCompleted, "each cluster has a complete backup" + young
}

// read reads the lists of the clusters that the requests name or select. It tells on progress that it still reads.
func (o *overview) read(ctx context.Context, service backup.Service, requests []backup.Request, progress io.Writer) {
	defer terminal.Progress(progress, func(elapsed time.Duration) string { return "status: still reading, after " + elapsed.String() })()
	for _, c := range o.choose(ctx, service, requests) {
		if !slices.ContainsFunc(o.Rows, func(r row) bool { return r.Cluster == c }) {
			o.Rows = append(o.Rows, row{Cluster: c})
		}
	}
	from, until := o.Now.AddDate(0, 0, -longestHistory), o.Now.Add(time.Hour)
	var all sync.WaitGroup
	for i := range o.Rows {
		all.Go(func() {
			r := &o.Rows[i]
			l, err := again(ctx, func() (backup.Listing, error) { return service.Backups(ctx, r.Cluster, from, until) })
			if r.Err = err; err == nil { // a cluster that cannot be read fails by itself
				r.tell(l, o.Now, o.Days)
			}
		})
	}
	all.Wait()
}

// choose returns the clusters that the requests name or select. Several may name the same one.
func (o *overview) choose(ctx context.Context, service backup.Service, requests []backup.Request) (clusters []backup.Cluster) {
	for _, r := range requests {
		if r.Selector == nil {
			clusters = append(clusters, r.Cluster)
			continue
		}
		for _, region := range r.Selector.Regions {
			listed, err := again(ctx, func() ([]backup.ListedCluster, error) { return service.Clusters(ctx, region, *r.Selector) })
			if err != nil {
				o.Failed = append(o.Failed, fmt.Sprintf("the clusters of %s cannot be listed: %v", region, err))
				continue
			}
			chosen, skipped := r.Choose(region, listed)
			clusters = append(clusters, chosen...)
			o.Skipped = append(o.Skipped, skipped...)
		}
	}
	return clusters
}

// again makes a call that changes nothing, up to five times while the service cannot answer it.
func again[T any](ctx context.Context, call func() (T, error)) (T, error) {
	return backoff.Retry(ctx, func() (T, error) {
		reply, err := call()
		if failed := new(backup.CallError); !errors.As(err, &failed) || !failed.Kind.Passes() {
			err = backoff.Permanent(err)
		}
		return reply, err
	}, backoff.WithMaxTries(5))
}

// took returns how long a set took, in words; empty: it has not ended, or the list does not say when.
func took(s backup.Set) string {
	if s.End == (backup.Span{}) {
		return ""
	}
	return age(s.End.From.Sub(s.Start.From))
}

// age writes how old something is, from two days on in days and hours.
func age(d time.Duration) string {
	if hours := int(d.Hours()); hours >= 48 {
		return fmt.Sprintf("%dd%02dh", hours/24, hours%24)
	}
	return short(max(d, 0).Truncate(time.Minute))
}

// short writes a duration without zeros at its end: 26h, not 26h0m0s.
func short(d time.Duration) string {
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(d.String())
}

// size writes a number of bytes. It is empty if the size is not known.
func size(bytes int64) string {
	if bytes <= 0 {
		return ""
	}
	value, unit := float64(bytes), 0
	for ; value >= 1000 && unit < 4; unit++ {
		value /= 1024
	}
	return fmt.Sprintf("%.1f %s", value, [...]string{"B", "KiB", "MiB", "GiB", "TiB"}[unit])
}
