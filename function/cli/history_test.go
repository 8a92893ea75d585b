package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"

	"github.com/google/go-cmp/cmp"
)

var shanghai = must(time.LoadLocation("Asia/Shanghai"))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// set is a full backup that started so long before now, to the minute.
func set(now time.Time, before time.Duration, state backup.State) backup.Set {
	start := now.Add(-before).Truncate(time.Minute)
	s := backup.Set{
		ID: fmt.Sprint(int(before.Minutes())), Full: true, State: state,
		Start: backup.Span{From: start, Until: start.Add(time.Minute)},
	}
	if state == backup.SetComplete || state == backup.SetFailed {
		s.End = backup.Span{From: start.Add(17 * time.Minute), Until: start.Add(18 * time.Minute)}
	}
	return s
}

func TestHistory(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Date(2026, 11, 26, 9, 0, 30, 0, shanghai)
	of := func(before time.Duration, state backup.State) backup.Set { return set(now, before, state) }
	with := func(s backup.Set, change func(*backup.Set)) backup.Set {
		change(&s)
		return s
	}
	const complete, failed, running, unknown = backup.SetComplete, backup.SetFailed, backup.SetRunning, backup.SetUnknown
	for name, c := range map[string]struct {
		sets     []backup.Set
		strip    string
		last     string // its id
		since    string
		warnings int
	}{
		"nothing":                    {nil, "..............", "", "", 0},
		"each night":                 {[]backup.Set{of(7*time.Hour, complete), of(31*time.Hour, complete), of(55*time.Hour, complete)}, "...........###", "420", "", 0},
		"in any order":               {[]backup.Set{of(31*time.Hour, complete), of(7*time.Hour, complete)}, "............##", "420", "", 0},
		"the first day":              {[]backup.Set{of(13*day, complete), of(14*day, complete)}, "#.............", fmt.Sprint(13 * 24 * 60), "", 0},
		"failed tonight":             {[]backup.Set{of(7*time.Hour, failed), of(31*time.Hour, complete)}, "............#x", "1860", "failed 11-26 02:00", 0},
		"failed twice":               {[]backup.Set{of(7*time.Hour, failed), of(8*time.Hour, failed), of(31*time.Hour, complete)}, "............#x", "1860", "failed 11-26 02:00", 0},
		"failed, then complete":      {[]backup.Set{of(7*time.Hour, failed), of(6*time.Hour, complete)}, ".............#", "360", "", 0},
		"complete, then failed":      {[]backup.Set{of(7*time.Hour, complete), of(6*time.Hour, failed)}, ".............#", "420", "failed 11-26 03:00", 0},
		"running":                    {[]backup.Set{of(20*time.Minute, running), of(31*time.Hour, complete)}, "............#>", "1860", "running since 11-26 08:40", 0},
		"running after a failure":    {[]backup.Set{of(20*time.Minute, running), of(7*time.Hour, failed)}, ".............>", "", "running since 11-26 08:40; failed 11-26 02:00", 0},
		"an unknown status":          {[]backup.Set{with(of(7*time.Hour, unknown), func(s *backup.Set) { s.Status = "Odd" })}, ".............>", "", "running since 11-26 02:00", 1},
		"unknown, with an end":       {[]backup.Set{with(of(7*time.Hour, unknown), func(s *backup.Set) { s.Status, s.End = "Odd", s.Start })}, "..............", "", "", 1},
		"midnight is the schedule's": {[]backup.Set{of(9*time.Hour, complete), of(9*time.Hour+2*time.Minute, complete)}, "............##", "540", "", 0},
		"incremental":                {[]backup.Set{with(of(7*time.Hour, complete), func(s *backup.Set) { s.Full = false })}, "..............", "", "", 0},
		"incremental, and odd":       {[]backup.Set{with(of(7*time.Hour, unknown), func(s *backup.Set) { s.Full = false }), with(of(-8*time.Hour, complete), func(s *backup.Set) { s.Full = false })}, "..............", "", "", 0},
		"a copy":                     {[]backup.Set{with(of(7*time.Hour, complete), func(s *backup.Set) { s.Copy = true })}, "..............", "", "", 0},
		"in a minute":                {[]backup.Set{of(-time.Minute, complete)}, ".............#", "-1", "", 0},
		"in the future":              {[]backup.Set{of(-8*time.Hour, complete), of(31*time.Hour, complete)}, "............#.", "1860", "", 1},
		"no start":                   {[]backup.Set{{Full: true, State: complete}}, "..............", "", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			h := tellHistory(backup.Listing{Sets: c.sets}, now, 14)
			var strip strings.Builder
			for _, m := range h.Days {
				strip.WriteString(marks[m].strip)
			}
			last := ""
			if h.Last != nil {
				last = h.Last.ID
			}
			if strip.String() != c.strip || last != c.last || h.since(now, "01-02 15:04") != c.since || len(h.Warnings) != c.warnings {
				t.Errorf("%s, last %q, %q, %q", &strip, last, h.since(now, "01-02 15:04"), h.Warnings)
			}
		})
	}
	h := tellHistory(backup.Listing{Sets: []backup.Set{of(3*day, complete)}}, now, 5)
	if diff := cmp.Diff([]mark{markOpen, markComplete, markNone, markNone, markOpen}, h.Days); diff != "" {
		t.Errorf("days before the first one, and today: %s", diff)
	}
	h = tellHistory(backup.Listing{Unreadable: `the time "yesterday"`}, now, 5)
	if diff := cmp.Diff([]string{`the list holds something that cannot be read: the time "yesterday"`}, h.Warnings); diff != "" {
		t.Error(diff)
	}
}

// Days are the calendar's: an hour more or less at a change of daylight-saving time moves no mark.
func TestDaysOfAChangingClock(t *testing.T) {
	berlin := must(time.LoadLocation("Europe/Berlin"))
	for name, c := range map[string]struct {
		from, to time.Time
		want     int
	}{
		"25 hours":            {time.Date(2026, 10, 24, 23, 30, 0, 0, berlin), time.Date(2026, 10, 25, 23, 30, 0, 0, berlin), 1},
		"a night of 23 hours": {time.Date(2026, 3, 28, 0, 10, 0, 0, berlin), time.Date(2026, 3, 30, 0, 5, 0, 0, berlin), 2},
		"the same day":        {time.Date(2026, 3, 29, 0, 10, 0, 0, berlin), time.Date(2026, 3, 29, 23, 5, 0, 0, berlin), 0},
		"tomorrow":            {time.Date(2026, 3, 30, 0, 10, 0, 0, berlin), time.Date(2026, 3, 29, 23, 59, 0, 0, berlin), 0},
	} {
		if got := daysAgo(backup.Set{Start: backup.Span{From: c.from}}, c.to); got != c.want {
			t.Errorf("%s: %d, want %d", name, got, c.want)
		}
	}
}

func TestWords(t *testing.T) {
	for d, want := range map[time.Duration]string{
		-time.Hour: "0s", 29 * time.Second: "0s", 59*time.Minute + 40*time.Second: "59m", 47*time.Hour + 59*time.Minute: "47h59m",
		48 * time.Hour: "2d00h", 100*time.Hour + 30*time.Minute: "4d04h",
	} {
		if got := age(d); got != want {
			t.Errorf("age %s: %s, want %s", d, got, want)
		}
	}
	for d, want := range map[time.Duration]string{26 * time.Hour: "26h", 90 * time.Minute: "1h30m", 200 * time.Second: "3m20s", 30 * time.Minute: "30m", time.Second: "1s", 10 * time.Hour: "10h", 10 * time.Minute: "10m", 3630 * time.Second: "1h0m30s"} {
		if got := short(d); got != want {
			t.Errorf("%d: %s, want %s", d, got, want)
		}
	}
	for n, want := range map[int64]string{0: "", -1: "", 999: "999.0 B", 1023: "1.0 KiB", 5_000_000_000: "4.7 GiB", 1 << 40: "1.0 TiB", 300 << 30: "300.0 GiB", 5 << 60: "5242880.0 TiB"} {
		if got := size(n); got != want {
			t.Errorf("size %d: %s, want %s", n, got, want)
		}
	}
}
