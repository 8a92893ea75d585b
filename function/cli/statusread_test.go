package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
)

// What the service cannot answer now is asked for again; a refusal is final.
func TestAgain(t *testing.T) {
	kind := func(k backup.ErrorKind, after time.Duration) error {
		return &backup.CallError{Kind: k, RetryAfter: after}
	}
	for name, c := range map[string]struct {
		errs  []error // the last is repeated
		calls int
		after time.Duration // at least; pauses of the program's own are up to three times as long
		fails bool
	}{
		"at once":       {[]error{nil}, 1, 0, false},
		"refused":       {[]error{kind(backup.KindDenied, 0)}, 1, 0, true},
		"another error": {[]error{errors.New("ended")}, 1, 0, true},
		"broken once":   {[]error{kind(backup.KindUnanswered, 0), nil}, 2, time.Second / 4, false},
		"throttled":     {[]error{kind(backup.KindThrottled, 5*time.Hour), nil}, 2, time.Second / 4, false},
		"for ever":      {[]error{kind(backup.KindNotSent, 0)}, 5, 2032 * time.Millisecond, true},
		"interrupted":   {[]error{kind(backup.KindThrottled, time.Minute)}, 1, 100 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if name == "interrupted" {
					time.AfterFunc(c.after, cancel)
				}
				calls, begun := 0, time.Now()
				_, err := again(ctx, func() (any, error) {
					calls++
					return nil, c.errs[min(calls, len(c.errs))-1]
				})
				if took := time.Since(begun); calls != c.calls || took < c.after || took > 3*c.after || (err != nil) != c.fails {
					t.Errorf("%d calls in %s: %v", calls, took, err)
				}
			})
		})
	}
}

// The status of the whole is that of the cluster that is worst off.
func TestStatusOfTheWhole(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	of := func(before time.Duration) row {
		return told(backup.Listing{Sets: []backup.Set{set(now, before, backup.SetComplete)}}, now, 14)
	}
	young, old, none, unread := of(time.Hour), of(30*time.Hour), row{}, row{Err: errors.New("why")}
	for name, c := range map[string]struct {
		rows   []row
		maxAge time.Duration
		failed []string
		want   backup.Status
		code   int
	}{
		"complete":           {[]row{young, old}, 0, nil, backup.StatusCompleted, exitDone},
		"one is old":         {[]row{old, young}, 26 * time.Hour, nil, backup.StatusMissing, exitNo},
		"one has none":       {[]row{none, young}, 0, nil, backup.StatusMissing, exitDone},
		"none, as a check":   {[]row{none, young}, 26 * time.Hour, nil, backup.StatusMissing, exitNo},
		"one is not read":    {[]row{unread, none, young}, 26 * time.Hour, nil, backup.StatusUnknown, exitNotAsked},
		"a region is not":    {[]row{young}, 0, []string{"why"}, backup.StatusUnknown, exitNotAsked},
		"no region is":       {nil, 0, []string{"why"}, backup.StatusUnknown, exitNotAsked},
		"nothing is chosen":  {nil, 0, nil, backup.StatusMissing, exitNo},
		"a minute too old":   {[]row{of(26*time.Hour + time.Minute)}, 26 * time.Hour, nil, backup.StatusMissing, exitNo},
		"exactly of max-age": {[]row{of(26 * time.Hour)}, 26 * time.Hour, nil, backup.StatusCompleted, exitDone},
	} {
		o := overview{Now: now, MaxAge: c.maxAge, Rows: c.rows, Failed: c.failed, Days: 14}
		a, code, coded := o.answer(), exitDone, exitError{code: exitNotAsked}
		if err := o.outcome(); err != nil {
			errors.As(err, &coded)
			code = coded.code
		}
		if a.Status != c.want || code != c.code || (a.MaxAge == "") != (c.maxAge == 0) {
			t.Errorf("%s: %s, exit code %d, max age %q", name, a.Status, code, a.MaxAge)
		}
	}
}

// slowService lists no backups, and takes a minute for it.
type slowService struct{ backup.Service }

func (slowService) Backups(context.Context, backup.Cluster, time.Time, time.Time) (backup.Listing, error) {
	time.Sleep(time.Minute)
	return backup.Listing{}, nil
}

// Several clusters are read at once, and nobody waits for long without a word.
func TestStatusTellsThatItReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var requests []backup.Request
		for i := range 2 * statusCalls {
			requests = append(requests, backup.Request{Cluster: backup.Cluster{ID: fmt.Sprint(i)}})
		}
		var said strings.Builder
		begun := time.Now()
		o := overview{Now: begun}
		o.read(t.Context(), slowService{}, requests, &said)
		if took := time.Since(begun); len(o.Rows) != 2*statusCalls || took != time.Minute || strings.Count(said.String(), "status: still reading, after ") < 2 {
			t.Errorf("%d clusters in %s\n%s", len(o.Rows), took, &said)
		}
	})
}
