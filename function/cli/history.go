package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// mark says how a day was. A greater mark counts more: the best backup of a day decides.
type mark int

const (
	markOpen     mark = iota // no backup, but the day comes before the first one that is listed, or is not over
	markNone                 // no backup
	markFailed               // one that failed, and none better
	markRunning              // one that runs
	markComplete             // one that is complete
)

// marks are the marks in the table, in the words of the function's answer, and on the page.
var marks = [...]struct{ strip, name, class string }{
	markOpen:     {".", "None", "open"},
	markNone:     {".", "None", "none"},
	markFailed:   {"x", "Failed", "failed"},
	markRunning:  {">", "Running", "running"},
	markComplete: {"#", "Completed", "complete"},
}

// history is what the list of a cluster's backups shows.
type history struct {
	Sets     []backup.Set // all whose start is believed, the newest first
	Last     *backup.Set  // the newest complete backup; nil: the list has none
	Since    []backup.Set // backups that started after Last and are not complete, the newest first
	Warnings []string     // what the list holds that cannot be true or cannot be read
}

// counts reports whether a set is a backup of its own. Copies and incremental backups are only listed.
func counts(s backup.Set) bool { return s.Full && !s.Copy }

// tellHistory reads a list as it was at now.
func tellHistory(l backup.Listing, now time.Time) history {
	var h history
	if l.Unreadable != "" {
		h.Warnings = append(h.Warnings, "the list holds something that cannot be read: "+l.Unreadable)
	}
	sets := slices.SortedFunc(slices.Values(l.Sets), func(a, b backup.Set) int {
		return cmp.Or(b.Start.From.Compare(a.Start.From), strings.Compare(b.ID, a.ID))
	})
	for _, s := range sets {
		switch {
		case s.Start == backup.Span{}:
			continue
		case s.Start.From.After(now.Add(backup.ClockSkew)):
			if counts(s) {
				h.Warnings = append(h.Warnings, s.String()+" is listed with a start in the future, which is not believed")
			}
			continue
		case s.State == backup.SetUnknown && counts(s):
			h.Warnings = append(h.Warnings, s.String())
		}
		h.Sets = append(h.Sets, s)
		switch {
		case !counts(s) || h.Last != nil:
		case s.State == backup.SetComplete:
			h.Last = &s
		default:
			h.Since = append(h.Since, s)
		}
	}
	return h
}

// markOf returns the mark of a backup set. An unknown status is never complete, and with an end time it does not run.
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

// strip returns a mark for each of the last n days, today's last. Days are those of now's zone.
func (h history) strip(now time.Time, n int) []mark {
	strip, first := make([]mark, n), 0
	for _, s := range h.Sets { // the oldest one comes last
		if !counts(s) {
			continue
		}
		if first = n - 1 - daysAgo(s, now); first >= 0 {
			strip[first] = max(strip[first], markOf(s))
		}
	}
	for day := max(0, first); day < n-1; day++ {
		strip[day] = max(strip[day], markNone)
	}
	return strip
}

// daysAgo returns how many midnights of now's zone have passed since a set started. A day is not always 24 hours long there.
func daysAgo(s backup.Set, now time.Time) int {
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	passed := noon(now).Sub(noon(s.Start.From.In(now.Location())))
	return max(0, int(passed/(24*time.Hour))) // clocks differ: just after the next midnight is today
}

// recent returns the sets that started on one of the last n days.
func (h history) recent(now time.Time, n int) []backup.Set {
	return slices.DeleteFunc(slices.Clone(h.Sets), func(s backup.Set) bool { return daysAgo(s, now) >= n })
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

// took returns how long a set took, in words; empty: it has not ended, or the list does not say when.
func took(s backup.Set) string {
	if s.End == (backup.Span{}) {
		return ""
	}
	return age(s.End.From.Sub(s.Start.From))
}

// kind names what a set is.
func kind(s backup.Set) string {
	switch {
	case s.Copy:
		return "copy"
	case s.Full:
		return "full"
	}
	return "incremental"
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
	return strings.NewReplacer("h0m0s", "h", "m0s", "m").Replace(d.String())
}

// size writes a number of bytes. It is empty if the size is not known.
func size(bytes int64) string {
	value, units := float64(bytes), []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	for value >= 999.5 && len(units) > 1 {
		value, units = value/1024, units[1:]
	}
	switch {
	case bytes <= 0:
		return ""
	case value < 9.95 && units[0] != "B":
		return fmt.Sprintf("%.1f %s", value, units[0])
	}
	return fmt.Sprintf("%.0f %s", value, units[0])
}
