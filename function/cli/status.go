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
	o := newOverview(time.Now().In(s.zone), maxAge, days)
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
		return json.NewEncoder(stdout).Encode(o)
	}
	if err := o.table(stdout); err != nil || !c.Bool("backups") {
		return err
	}
	return o.list(stdout)
}

// outcome returns the command's error: exit code 2 if something could not be read, 1 if a backup is missing.
func (o *overview) outcome() error {
	switch {
	case o.Status == backup.StatusUnknown:
		return fmt.Errorf("status: %s: see above", o.text)
	case o.Status == backup.StatusMissing && (o.maxAge > 0 || len(o.Backups) == 0):
		return no("status: %s", o.text)
	}
	return nil
}

// chooseClusters returns what s.yaml says, with the clusters that the ids name instead of its own, if there are ids. Then s.yaml may
// be missing.
func chooseClusters(file, region string, ids []string) (settings, error) {
	s, err := readSettings(file, region)
	s.Region = cmp.Or(s.Region, credentials.Region(os.Getenv))
	if len(ids) > 0 {
		s.scope, s.unclear, err = nil, nil, nil
	}
	faults := []error{backup.CheckRegion(s.Region)}
	for _, id := range ids {
		faults = append(faults, backup.CheckClusterID(id))
		s.scope = append(s.scope, backup.Request{Cluster: backup.Cluster{ID: id, Region: s.Region}})
	}
	switch unfit := errors.Join(faults...); {
	case err != nil:
		err = wrong("which clusters? Name them, or run this beside s.yaml: %w", err)
	case s.Region == "":
		err = wrong("in which region? Give -region")
	case unfit != nil:
		err = wrong("%w", unfit)
	case s.unclear != nil:
		err = wrong("%s: %w. Correct it, or name clusters: adb-backup status ID ...", file, s.unclear)
	}
	return s, err
}

const (
	longestHistory = 31 // how many days back a list is read: as far as a Verify reads it
	statusCalls    = 8  // how many calls are in flight at once in each region
)

// overview is what backups the clusters have. As JSON its names and forms are those of the function's answer.
type overview struct {
	Status  backup.Status // of the cluster that is worst off
	Time    time.Time
	Zone    string   // times are shown in it, and days are days there
	MaxAge  string   `json:",omitempty"`
	Backups []row    // in the order of s.yaml
	Skipped []left   `json:",omitempty"`
	Errors  []string `json:",omitempty"` // regions whose clusters could not be listed, and why

	now    time.Time
	maxAge time.Duration // how old the last complete backup may be; 0: any age is right
	days   int           // how many are shown, the last one is today
	text   string        // how the clusters are, in one sentence
}

// left is a cluster that is left out.
type left struct{ DBClusterId, RegionId, Reason string }

func newOverview(now time.Time, maxAge time.Duration, days int) *overview {
	return &overview{Time: now.UTC().Truncate(time.Second), Zone: now.Location().String(), Backups: []row{}, now: now, maxAge: maxAge, days: days}
}

// day returns the day that was so many days after the first one that is shown.
func (o *overview) day(n int) time.Time { return o.now.AddDate(0, 0, n-o.days+1) }

// read reads the lists of the clusters that the requests name or select. It tells on progress that it still reads.
func (o *overview) read(ctx context.Context, service backup.Service, requests []backup.Request, progress io.Writer) {
	defer terminal.Progress(progress, "status: still reading")()
	var clusters []backup.Cluster
	for _, c := range o.choose(ctx, service, requests) {
		if !slices.Contains(clusters, c) {
			clusters = append(clusters, c)
		}
	}
	o.Backups = make([]row, len(clusters))
	from, until := o.now.AddDate(0, 0, -longestHistory), o.now.Add(time.Hour)
	var all sync.WaitGroup
	for i, c := range clusters {
		all.Go(func() {
			l, err := again(ctx, func() (backup.Listing, error) { return service.Backups(ctx, c, from, until) })
			o.Backups[i] = o.tell(c, l, err)
		})
	}
	all.Wait()
	o.judge()
}

// judge says how the clusters are.
func (o *overview) judge() {
	count, young := map[backup.Status]int{backup.StatusUnknown: len(o.Errors)}, ""
	for _, r := range o.Backups {
		count[r.Status]++
	}
	if o.maxAge > 0 {
		o.MaxAge = short(o.maxAge)
		young = " that started in the last " + o.MaxAge
	}
	switch unread, lack := count[backup.StatusUnknown], count[backup.StatusMissing]; {
	case unread > 0:
		o.Status = backup.StatusUnknown
		o.text = fmt.Sprintf("%d of %d could not be read, %d have no complete backup%s", unread, len(o.Backups)+len(o.Errors), lack, young)
	case len(o.Backups) == 0:
		o.Status, o.text = backup.StatusMissing, "no cluster is selected; is a tag missing?"
	case lack > 0:
		o.Status, o.text = backup.StatusMissing, fmt.Sprintf("%d of %d clusters have no complete backup%s", lack, len(o.Backups), young)
	default:
		o.Status, o.text = backup.StatusCompleted, "each cluster has a complete backup"+young
	}
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
				o.Errors = append(o.Errors, fmt.Sprintf("the clusters of %s cannot be listed: %v", region, err))
				continue
			}
			chosen, skipped := r.Choose(region, listed)
			clusters = append(clusters, chosen...)
			for _, s := range skipped {
				o.Skipped = append(o.Skipped, left{s.Cluster.ID, s.Cluster.Region, s.Reason})
			}
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
func (s set) took() string {
	if s.BackupEndTime.IsZero() {
		return ""
	}
	return age(s.BackupEndTime.Sub(s.BackupStartTime))
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
