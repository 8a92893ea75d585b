package main

import (
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
var marks = [...]struct{ strip, name, class, since string }{
	markOpen:     {".", "None", "open", ""},
	markNone:     {".", "None", "none", ""},
	markFailed:   {"x", "Failed", "failed", "failed "},
	markRunning:  {">", "Running", "running", "running since "},
	markComplete: {"#", "Completed", "complete", ""},
}

// history is what the list of a cluster's backups shows.
type history struct {
	Sets     []backup.Set // those of the days that are shown and whose start is believed, the newest first
	Last     *backup.Set  // the newest complete backup; nil: the list has none
	Since    []backup.Set // backups that started after Last and are not complete, the newest first
	Days     []mark       // today's is the last; days are those of now's zone
	Warnings []string     // what the list holds that cannot be true or cannot be read
}

// counts reports whether a set is a backup of its own. Copies and incremental backups are only listed.
func counts(s backup.Set) bool { return s.Full && !s.Copy }

// tellHistory reads a list as it was at now, and shows so many days of it.
func tellHistory(l backup.Listing, now time.Time, days int) history {
	h := history{Days: make([]mark, days)}
	if l.Unreadable != "" {
		h.Warnings = append(h.Warnings, "the list holds something that cannot be read: "+l.Unreadable)
	}
	sets := slices.DeleteFunc(slices.Clone(l.Sets), func(s backup.Set) bool { return !h.believe(s, now) })
	slices.SortStableFunc(sets, func(a, b backup.Set) int { return b.Start.From.Compare(a.Start.From) })
	first := 0 // the day of the oldest backup, which comes last
	for _, s := range sets {
		day := days - 1 - daysAgo(s, now)
		if day >= 0 {
			h.Sets = append(h.Sets, s)
		}
		if !counts(s) {
			continue
		}
		if first = day; day >= 0 {
			h.Days[day] = max(h.Days[day], markOf(s))
		}
		if h.Last == nil && s.State == backup.SetComplete {
			h.Last = &s
		} else if h.Last == nil {
			h.Since = append(h.Since, s)
		}
	}
	for day := max(0, first); day < days-1; day++ {
		h.Days[day] = max(h.Days[day], markNone)
	}
	return h
}

// believe reports whether the start of a set can be true. It warns if it cannot, and of a status that is not known.
func (h *history) believe(s backup.Set, now time.Time) bool {
	future := s.Start.From.After(now.Add(backup.ClockSkew))
	switch {
	case !counts(s):
	case future:
		h.Warnings = append(h.Warnings, s.String()+" is listed with a start in the future, which is not believed")
	case s.State == backup.SetUnknown:
		h.Warnings = append(h.Warnings, s.String())
	}
	return !future && s.Start != backup.Span{}
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

// daysAgo returns how many midnights of now's zone have passed since a set started. A day is not always 24 hours long there.
func daysAgo(s backup.Set, now time.Time) int {
	noon := func(t time.Time) time.Time { return time.Date(t.Year(), t.Month(), t.Day(), 12, 0, 0, 0, time.UTC) }
	passed := noon(now).Sub(noon(s.Start.From.In(now.Location())))
	return max(0, int(passed/(24*time.Hour))) // clocks differ: just after the next midnight is today
}

// since says what runs and what failed after the last complete backup, the newest of each; empty: nothing did.
func (h history) since(now time.Time, layout string) string {
	var parts []string
	for _, m := range []mark{markRunning, markFailed} {
		if i := slices.IndexFunc(h.Since, func(s backup.Set) bool { return markOf(s) == m }); i >= 0 {
			parts = append(parts, marks[m].since+h.Since[i].Start.From.In(now.Location()).Format(layout))
		}
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
