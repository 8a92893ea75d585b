package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/sync/errgroup"
)

// longestHistory is how many days back a list is read: as far as a Verify reads it.
const longestHistory = 31

// statusCalls is how many calls status has in flight at once.
const statusCalls = 8

// row is what status shows of a cluster.
type row struct {
	Cluster backup.Cluster
	history
	Err error // why its list could not be read
}

// overview is what backups the clusters have.
type overview struct {
	Now     time.Time     // in the zone that times and days are shown in
	Zone    string        // its name, and where it comes from
	MaxAge  time.Duration // how old the last complete backup may be; 0: any age is right
	Rows    []row         // in the order of s.yaml
	Skipped []backup.Skipped
	Failed  []error // regions whose clusters could not be listed
}

// wrong says what is wrong with a cluster's backups; empty: nothing is.
func (o *overview) wrong(r row) string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case r.Last == nil:
		return fmt.Sprintf("no complete backup in %d days", longestHistory)
	case o.MaxAge > 0 && !r.young(o.Now, o.MaxAge):
		return "older than " + short(o.MaxAge)
	}
	return ""
}

// summary says in one sentence how the clusters are. It counts those whose backups, or which themselves, could not be read, and
// those that lack a backup.
func (o *overview) summary() (text string, unread, lack int) {
	unread = len(o.Failed)
	for _, r := range o.Rows {
		if r.Err != nil {
			unread++
		} else if o.wrong(r) != "" {
			lack++
		}
	}
	young := ""
	if o.MaxAge > 0 {
		young = " that started in the last " + short(o.MaxAge)
	}
	var parts []string
	if unread > 0 {
		parts = append(parts, fmt.Sprintf("%d of %d could not be read", unread, len(o.Rows)+len(o.Failed)))
	}
	switch {
	case lack > 0:
		parts = append(parts, fmt.Sprintf("%d of %d clusters have no complete backup%s", lack, len(o.Rows), young))
	case unread > 0:
	case len(o.Rows) == 0:
		parts = append(parts, "no cluster is selected; is a tag missing?")
	case len(o.Rows) == 1:
		parts = append(parts, "the cluster has a complete backup"+young)
	default:
		parts = append(parts, fmt.Sprintf("each of the %d clusters has a complete backup%s", len(o.Rows), young))
	}
	return strings.Join(parts, ", "), unread, lack
}

// openADB returns AnalyticDB with the caller's own credentials.
func openADB(ctx context.Context, e adb.Endpoint, statuses backup.Statuses) (backup.Service, error) {
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return nil, err
	}
	api := adb.New(adb.Options{Endpoint: e, Statuses: statuses, Concurrency: statusCalls})
	own := adb.Credentials{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken, Personal: true}
	return api.With(own, cmp.Or(c.Account, "*")), nil
}

// readOverview reads the histories of the clusters that the requests name or select, as they are at now. It tells on progress
// that it still reads.
func readOverview(ctx context.Context, service backup.Service, requests []backup.Request, now time.Time, maxAge time.Duration, progress io.Writer) *overview {
	o := &overview{Now: now, Zone: now.Location().String(), MaxAge: maxAge}
	var done atomic.Int64
	defer terminal.Progress(progress, func(elapsed time.Duration) string {
		return fmt.Sprintf("status: %d clusters are read after %s", done.Load(), elapsed)
	})()
	o.choose(ctx, service, requests)
	var all errgroup.Group
	all.SetLimit(statusCalls)
	for i := range o.Rows {
		all.Go(func() error { // a cluster that cannot be read fails by itself
			r := &o.Rows[i]
			l, err := again(ctx, func() (backup.Listing, error) {
				return service.Backups(ctx, r.Cluster, o.Now.AddDate(0, 0, -longestHistory), o.Now.Add(time.Hour))
			})
			if r.Err = err; err == nil {
				r.history = tellHistory(l, o.Now)
			}
			done.Add(1)
			return nil
		})
	}
	all.Wait()
	return o
}

// choose adds a row for each cluster that the requests name or select.
func (o *overview) choose(ctx context.Context, service backup.Service, requests []backup.Request) {
	add := func(c backup.Cluster) {
		if !slices.ContainsFunc(o.Rows, func(r row) bool { return r.Cluster == c }) {
			o.Rows = append(o.Rows, row{Cluster: c})
		}
	}
	for _, r := range requests {
		if r.Selector == nil {
			add(r.Cluster)
			continue
		}
		for _, region := range r.Selector.Regions {
			listed, err := again(ctx, func() ([]backup.ListedCluster, error) {
				return service.Clusters(ctx, region, *r.Selector)
			})
			if err != nil {
				o.Failed = append(o.Failed, fmt.Errorf("the clusters of %s cannot be listed: %w", region, err))
				continue
			}
			clusters, skipped := r.Choose(region, listed)
			for _, c := range clusters {
				add(c)
			}
			o.Skipped = append(o.Skipped, skipped...)
		}
	}
}

// pauses are those between repeated calls. They honour what the service asked for last, up to a minute.
type pauses struct {
	backoff.BackOff
	asked time.Duration
}

func (p *pauses) NextBackOff() time.Duration {
	return max(p.BackOff.NextBackOff(), min(p.asked, time.Minute))
}

// passing are the errors after which the same call may succeed.
var passing = []backup.ErrorKind{backup.KindThrottled, backup.KindNotNow, backup.KindUnanswered, backup.KindNotSent}

// again makes a call that changes nothing, up to four times while the service cannot answer it.
func again[T any](ctx context.Context, call func() (T, error)) (T, error) {
	growing := backoff.NewExponentialBackOff()
	growing.InitialInterval = time.Second
	between := &pauses{BackOff: growing}
	return backoff.Retry(ctx, func() (T, error) {
		reply, err := call()
		failed := new(backup.CallError)
		if !errors.As(err, &failed) || !slices.Contains(passing, failed.Kind) {
			return reply, backoff.Permanent(err)
		}
		between.asked = failed.RetryAfter
		return reply, err
	}, backoff.WithBackOff(between), backoff.WithMaxTries(4), backoff.WithMaxElapsedTime(0))
}
