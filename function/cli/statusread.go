package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"
)

// statusWindow is how far back the list is read: as far as a Verify reads it.
const statusWindow = 31 * 24 * time.Hour

// statusCalls is how many calls status has in flight at once.
const statusCalls = 8

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

// choose adds a row for each cluster that the requests name or select.
func (o *overview) choose(ctx context.Context, service backup.Service, requests []backup.Request) {
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

// readHistories reads the history of each row, several at once. A cluster that cannot be read fails by itself.
func (o *overview) readHistories(ctx context.Context, service backup.Service, stderr io.Writer) {
	read := newCounter(stderr, len(o.Rows))
	defer read.end()
	next := make(chan *row)
	var all sync.WaitGroup
	for range min(statusCalls, len(o.Rows)) {
		all.Go(func() {
			for r := range next {
				l, err := again(ctx, func() (backup.Listing, error) {
					return service.Backups(ctx, r.Cluster, o.Now.Add(-statusWindow), o.Now.Add(time.Hour))
				})
				if r.Err = err; err == nil {
					r.history = tellHistory(l, o.Now)
				}
				read.step()
			}
		})
	}
	for i := range o.Rows {
		next <- &o.Rows[i]
	}
	close(next)
	all.Wait()
}

// again makes a call that changes nothing, up to four times while the service cannot answer it.
func again[T any](ctx context.Context, call func() (T, error)) (T, error) {
	for wait := time.Second; ; wait *= 2 {
		reply, err := call()
		failed := new(backup.CallError)
		if !errors.As(err, &failed) || wait > 4*time.Second {
			return reply, err
		}
		switch failed.Kind {
		case backup.KindThrottled, backup.KindNotNow, backup.KindUnanswered, backup.KindNotSent:
		default:
			return reply, err
		}
		select {
		case <-ctx.Done():
			return reply, err
		case <-time.After(max(wait, min(failed.RetryAfter, time.Minute))):
		}
	}
}

// counter is a line on a terminal that counts the clusters whose histories have been read. Elsewhere it is silent.
type counter struct {
	mu    sync.Mutex
	w     io.Writer // nil: silent
	done  int
	total int
}

func newCounter(w io.Writer, total int) *counter {
	c := &counter{total: total}
	if total > 1 && terminal.IsTerminal(w) {
		c.w = w
	}
	return c
}

func (c *counter) step() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done++
	if c.w != nil {
		fmt.Fprintf(c.w, "\rstatus: %d of %d clusters", c.done, c.total)
	}
}

// end removes the line.
func (c *counter) end() {
	if c.w != nil {
		fmt.Fprint(c.w, "\r\x1b[K")
	}
}
