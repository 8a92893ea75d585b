package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	_ "time/tzdata" // for the zones of schedules, where the machine knows none

	"adb-backup/events"
	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"

	"golang.org/x/term"
)

// How far back the list is read. It is what a Verify reads.
const statusWindow = 31 * 24 * time.Hour

// statusCalls is how many calls status has in flight at once.
const statusCalls = 8

// row is a cluster in the table.
type row struct {
	Cluster backup.Cluster
	history
	Err error // why its list could not be read; nil: it was read
}

// overview is all that status shows.
type overview struct {
	Now     time.Time     // in the zone of the days
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
	endpoint := flags.String("endpoint", os.Getenv("ADB_ENDPOINT"), "AnalyticDB's `host`, host:port or URL, instead of the region's; http to a loopback address alone")
	ids, err := parseMixed(flags, args, stderr)
	if err != nil {
		return err
	}
	if *maxAge < 0 {
		return usage("-max-age must not be negative")
	}
	s := status{stderr: stderr}
	if *endpoint != "" {
		if s.endpoint, err = adb.ParseEndpoint(*endpoint); err != nil {
			return usage("-endpoint %w", err)
		}
	}
	what, err := chooseClusters(*file, *region, ids)
	if err != nil {
		return err
	}
	if s.service, err = s.open(ctx); err != nil {
		return err
	}
	o := overview{Now: time.Now().In(what.zone), Zone: what.zoneName, MaxAge: *maxAge}
	s.read(ctx, &o, what.requests)
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

// choice is whose backups are shown.
type choice struct {
	requests []backup.Request
	zone     *time.Location
	zoneName string
}

// chooseClusters returns the clusters that the ids name, or s.yaml where there are none.
func chooseClusters(file, region string, ids []string) (choice, error) {
	what := choice{zone: time.UTC, zoneName: "UTC"}
	s, err := readSettings(file)
	if err != nil && len(ids) == 0 {
		return what, usage("which clusters? Name them, or run this beside s.yaml: %w", err)
	}
	if zone, ok := strings.CutPrefix(s.BackupCron, "CRON_TZ="); ok {
		zone, _, _ = strings.Cut(zone, " ")
		if location, err := time.LoadLocation(zone); err == nil {
			what.zone, what.zoneName = location, zone+" (backupCron in "+file+")"
		}
	}
	if region == "" {
		region = s.Region
	}
	if region == "" {
		region = credentials.Region(os.Getenv)
	}
	if region == "" {
		return what, usage("in which region? Give -region")
	}
	if err := backup.CheckRegion(region); err != nil {
		return what, usage("%w", err)
	}
	payload := []byte("{" + s.Clusters + "}")
	if !strings.Contains(s.Clusters, ":") { // ids alone
		payload = []byte(`{"DBClusterIds":[` + s.Clusters + `]}`)
	}
	if len(ids) > 0 {
		list, _ := json.Marshal(ids) // cannot fail: strings
		payload = []byte(`{"DBClusterIds":` + string(list) + `}`)
	}
	event, err := events.Decode(payload, events.Invocation{Region: region, Received: time.Now(), Timeout: time.Hour})
	if err != nil && len(ids) == 0 {
		return what, usage("%s: vars.clusters: %w. Correct it, or name clusters: adb-backup status ID ...", file, err)
	} else if err != nil {
		return what, usage("%w", err)
	}
	what.requests = event.Requests
	return what, nil
}

// status reads what backups there are.
type status struct {
	endpoint adb.Endpoint
	service  backup.Service
	stderr   io.Writer
}

// open returns AnalyticDB with the caller's own credentials.
func (s *status) open(ctx context.Context) (backup.Service, error) {
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return nil, err
	}
	words := func(name string) []string {
		return strings.FieldsFunc(os.Getenv(name), func(r rune) bool { return r == ',' || r == ' ' })
	}
	api := adb.New(adb.Options{
		Endpoint:    s.endpoint,
		Statuses:    backup.NewStatuses(words("ADB_STATUS_COMPLETED"), words("ADB_STATUS_FAILED")),
		Concurrency: statusCalls,
	})
	account := c.Account
	if account == "" {
		account = "*"
	}
	return api.With(adb.Credentials{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken, Personal: true}, account), nil
}

// read fills in the overview: which clusters there are, then the history of each.
func (s *status) read(ctx context.Context, o *overview, requests []backup.Request) {
	known := map[backup.Cluster]bool{}
	add := func(c backup.Cluster) {
		if !known[c] {
			known[c] = true
			o.Rows = append(o.Rows, row{Cluster: c})
		}
	}
	for _, r := range requests {
		if r.Selector == nil {
			add(r.Cluster)
			continue
		}
		for _, region := range r.Selector.Regions {
			clusters, skipped, err := s.selected(ctx, region, r)
			if err != nil {
				o.Failed = append(o.Failed, fmt.Errorf("the clusters of %s cannot be listed: %w", region, err))
			}
			for _, c := range clusters {
				add(c)
			}
			o.Skipped = append(o.Skipped, skipped...)
		}
	}
	s.readRows(ctx, o)
}

// readRows reads the histories, several at once. A cluster that cannot be read fails by itself.
func (s *status) readRows(ctx context.Context, o *overview) {
	p := newProgress(s.stderr, len(o.Rows))
	defer p.end()
	next := make(chan *row)
	var all sync.WaitGroup
	for range min(statusCalls, len(o.Rows)) {
		all.Go(func() {
			for r := range next {
				var l backup.Listing
				r.Err = again(ctx, func() (err error) {
					l, err = s.service.Backups(ctx, r.Cluster, o.Now.Add(-statusWindow), o.Now.Add(time.Hour))
					return err
				})
				if r.Err == nil {
					r.history = tellHistory(l, o.Now)
				}
				p.step()
			}
		})
	}
	for i := range o.Rows {
		next <- &o.Rows[i]
	}
	close(next)
	all.Wait()
}

// again makes a call that changes nothing up to four times, while the service cannot answer it.
func again(ctx context.Context, call func() error) error {
	for wait := time.Second; ; wait *= 2 {
		err := call()
		failed := new(backup.CallError)
		if !errors.As(err, &failed) || wait > 4*time.Second {
			return err
		}
		switch failed.Kind {
		case backup.KindThrottled, backup.KindNotNow, backup.KindUnanswered, backup.KindNotSent:
		default:
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(max(wait, min(failed.RetryAfter, time.Minute))):
		}
	}
}

// verdict is the command's error: 2 where something could not be read, 1 where a backup is missing.
func (o *overview) verdict() error {
	unread, old := len(o.Failed), 0
	for _, r := range o.Rows {
		switch {
		case r.Err != nil:
			unread++
		case o.MaxAge > 0 && !r.young(o.Now, o.MaxAge):
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

// progress is a line on a terminal that says how far a fleet is; elsewhere it is silent.
type progress struct {
	mu    sync.Mutex
	w     io.Writer // nil: silent
	done  int
	total int
}

func newProgress(w io.Writer, total int) *progress {
	p := &progress{total: total}
	if f, ok := w.(*os.File); ok && total > 1 && term.IsTerminal(int(f.Fd())) {
		p.w = w
	}
	return p
}

func (p *progress) step() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done++
	if p.w != nil {
		fmt.Fprintf(p.w, "\rstatus: %d of %d clusters", p.done, p.total)
	}
}

// end removes the line.
func (p *progress) end() {
	if p.w != nil {
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
