package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"

	"golang.org/x/term"
)

// statusWindow is how far back the list is read. A Verify reads as far.
const statusWindow = 31 * 24 * time.Hour

// statusCalls is how many calls status has in flight at once.
const statusCalls = 8

// status reads what backups there are.
type status struct {
	endpoint adb.Endpoint
	service  backup.Service
	stderr   io.Writer
}

// open returns AnalyticDB with the caller's own credentials.
func (s *status) open(ctx context.Context, words backup.Statuses) (backup.Service, error) {
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return nil, err
	}
	api := adb.New(adb.Options{Endpoint: s.endpoint, Statuses: words, Concurrency: statusCalls})
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

// selected returns the clusters of a region that a request's selector chooses.
func (s *status) selected(ctx context.Context, region string, r backup.Request) (clusters []backup.Cluster, skipped []backup.Skipped, err error) {
	var listed []backup.ListedCluster
	err = again(ctx, func() (err error) {
		listed, err = s.service.Clusters(ctx, region, *r.Selector)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	clusters, skipped = r.Choose(region, listed)
	return clusters, skipped, nil
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
