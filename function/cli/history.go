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

// mark shows one day in the strip.
type mark byte

const (
	markNone     mark = '.'
	markFailed   mark = 'x'
	markRunning  mark = '>'
	markComplete mark = '#'
)

// rank orders the marks: the best backup of a day counts.
func (m mark) rank() int { return strings.IndexByte(".x>#", byte(m)) }

// markNames are the marks in JSON, in the words of the function's answer.
var markNames = map[mark]string{markNone: "None", markFailed: "Failed", markRunning: "Running", markComplete: "Completed"}

// history is what the list of a cluster's backups shows. Copies and incremental backups do not count.
type history struct {
	Last     *backup.Set  // the newest complete backup; nil: the list has none
	Since    []backup.Set // backups that started after Last and are not complete, the newest first
	Strip    [days]mark   // the last one is today
	Warnings []string     // what the list holds that cannot be true or cannot be read
}

// tellHistory reads a list as it was at now. Its days are those of now's zone.
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
		switch {
		case h.Last != nil:
		case s.State == backup.SetComplete:
			h.Last = &s
		default:
			h.Since = append(h.Since, s)
		}
	}
	return h
}

// markOf returns the mark of a backup set. An unknown status is never complete.
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

// mark puts a backup set into the strip.
func (h *history) mark(s backup.Set, now time.Time) {
	ago := daysBetween(s.Start.From.In(now.Location()), now)
	if ago < 0 || ago >= days {
		return
	}
	if day := &h.Strip[days-1-ago]; markOf(s).rank() > day.rank() {
		*day = markOf(s)
	}
}

// daysBetween returns how many midnights lie between two times of the same zone. A day is not always 24 hours long there.
func daysBetween(from, to time.Time) int {
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	return int(noon(to).Sub(noon(from)) / (24 * time.Hour))
}

// young reports whether the last complete backup is at most maxAge old, even if it started at the earliest moment that its
// listed start can mean.
func (h history) young(now time.Time, maxAge time.Duration) bool {
	return h.Last != nil && !h.Last.Start.From.Before(now.Add(-maxAge))
}

// since says what runs or failed after the last complete backup; empty: nothing did.
func (h history) since(now time.Time, layout string) string {
	var failed, parts []string
	for _, s := range h.Since {
		start := s.Start.From.In(now.Location()).Format(layout)
		switch markOf(s) {
		case markFailed:
			failed = append(failed, start)
		case markRunning:
			parts = append(parts, fmt.Sprintf("running since %s (%s)", start, age(now.Sub(s.Start.From))))
		}
	}
	switch len(failed) {
	case 0:
	case 1:
		parts = append(parts, "failed "+failed[0])
	default:
		parts = append(parts, fmt.Sprintf("failed %d times, last %s", len(failed), failed[0]))
	}
	return strings.Join(parts, "; ")
}

// age writes how old something is: in hours and minutes below two days, then in days and hours.
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

// short writes a duration without zeros at its end: 26h, not 26h0m0s.
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

// size writes a number of bytes. It is empty if the size is not known.
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
