package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// days is how many days the strip of a history has.
const days = 14

// mark is what became of one day.
type mark byte

const (
	markNone     mark = '.'
	markFailed   mark = 'x'
	markRunning  mark = '>'
	markComplete mark = '#'
)

// rank orders the marks: of several backups of one day the best counts.
func (m mark) rank() int { return strings.IndexByte(".x>#", byte(m)) }

// markNames name the marks for programs, in the words of the function's answer.
var markNames = map[mark]string{markNone: "None", markFailed: "Failed", markRunning: "Running", markComplete: "Completed"}

// history is what the list of a cluster's backups shows, as status tells it. Copies and incremental backups do not count.
type history struct {
	Last     *backup.Set  // the newest complete backup; nil: none in the time that was read
	Since    []backup.Set // backups that started after Last and are not complete, the newest first
	Strip    [days]mark   // the last one is today
	Warnings []string     // what is listed and cannot be believed or read
}

// tellHistory reads a list as it was at now. Days are those of now's zone.
func tellHistory(l backup.Listing, now time.Time) history {
	var h history
	for i := range h.Strip {
		h.Strip[i] = markNone
	}
	if l.Unreadable != "" {
		h.Warnings = append(h.Warnings, "the list holds something that cannot be read: "+l.Unreadable)
	}
	sets := slices.SortedFunc(slices.Values(l.Sets), func(a, b backup.Set) int {
		return cmp.Or(b.Start.From.Compare(a.Start.From), strings.Compare(b.ID, a.ID))
	})
	for _, s := range sets {
		switch {
		case !s.Full || s.Copy || s.Start == backup.Span{}:
			continue
		case s.Start.From.After(now.Add(backup.ClockSkew)):
			h.Warnings = append(h.Warnings, s.String()+" is listed with a start in the future, which is not believed")
			continue
		case s.State == backup.SetUnknown:
			h.Warnings = append(h.Warnings, s.String())
		}
		h.mark(s, now)
		if s.State == backup.SetComplete && h.Last == nil {
			h.Last = &s
		} else if h.Last == nil {
			h.Since = append(h.Since, s)
		}
	}
	return h
}

// markOf is what a set makes of its day. An unknown status is never complete.
func markOf(s backup.Set) mark {
	switch {
	case s.State == backup.SetComplete:
		return markComplete
	case s.State == backup.SetFailed:
		return markFailed
	case s.State == backup.SetUnknown && s.End != backup.Span{}:
		return markNone
	}
	return markRunning
}

func (h *history) mark(s backup.Set, now time.Time) {
	day := daysBetween(s.Start.From.In(now.Location()), now)
	if day < 0 || day >= days {
		return
	}
	if at := &h.Strip[days-1-day]; markOf(s).rank() > at.rank() {
		*at = markOf(s)
	}
}

// daysBetween returns how many midnights lie between two times of the same zone. Days are not always 24 hours long.
func daysBetween(from, to time.Time) int {
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	return int(noon(to).Sub(noon(from)) / (24 * time.Hour))
}

// young reports whether the last complete backup is at most maxAge old. All that its listed start can mean must be.
func (h history) young(now time.Time, maxAge time.Duration) bool {
	return h.Last != nil && !h.Last.Start.From.Before(now.Add(-maxAge))
}

// since says what runs or failed after the last complete backup; empty: nothing did.
func (h history) since(now time.Time, layout string) string {
	var failed []backup.Set
	var parts []string
	for _, s := range h.Since {
		at := s.Start.From.In(now.Location()).Format(layout)
		switch markOf(s) {
		case markFailed:
			failed = append(failed, s)
		case markRunning:
			parts = append(parts, fmt.Sprintf("running since %s (%s)", at, age(now.Sub(s.Start.From))))
		}
	}
	switch at := func() string { return failed[0].Start.From.In(now.Location()).Format(layout) }; len(failed) {
	case 0:
	case 1:
		parts = append(parts, "failed "+at())
	default:
		parts = append(parts, fmt.Sprintf("failed %d times, last %s", len(failed), at()))
	}
	return strings.Join(parts, "; ")
}

// age is a duration as people say it: to the minute below two days, then in days and hours.
func age(d time.Duration) string {
	d = max(d, 0).Truncate(time.Minute)
	hours, minutes := int(d.Hours()), int(d.Minutes())%60
	switch {
	case hours == 0:
		return fmt.Sprintf("%dm", minutes)
	case hours < 48:
		return fmt.Sprintf("%dh%02dm", hours, minutes)
	}
	return fmt.Sprintf("%dd%02dh", hours/24, hours%24)
}

// short is a duration as people write it, without zeros at its end: 26h, not 26h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if minutes, ok := strings.CutSuffix(text, "m0s"); ok {
		text = minutes + "m"
	}
	if hours, ok := strings.CutSuffix(text, "h0m"); ok {
		text = hours + "h"
	}
	return text
}

// size is a number of bytes as people say it; empty for a size that is not given.
func size(bytes int64) string {
	if bytes <= 0 {
		return ""
	}
	value, unit := float64(bytes), "B"
	for _, u := range []string{"KiB", "MiB", "GiB", "TiB", "PiB"} {
		if value < 999.5 {
			break
		}
		value, unit = value/1024, u
	}
	if value < 9.95 && unit != "B" {
		return fmt.Sprintf("%.1f %s", value, unit)
	}
	return fmt.Sprintf("%.0f %s", value, unit)
}
