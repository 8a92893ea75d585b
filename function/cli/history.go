package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/terminal"
)

// mark says how a day was: in the table, in the words of the function's answer, on the page, and before a time. The backup with
// the highest rank decides.
type mark struct {
	rank                        int
	strip, status, class, since string
}

var (
	markOpen     = mark{0, ".", "None", "open", ""} // no backup, but the day comes before the first one that is listed, or is not over
	markNone     = mark{1, ".", "None", "none", ""}
	markFailed   = mark{2, "x", "Failed", "failed", "failed "}
	markRunning  = mark{3, ">", "Running", "running", "running since "}
	markComplete = mark{4, "#", "Completed", "complete", ""}
)

// row is a cluster with its last complete backup. Its Status is Completed, Missing if there is no complete backup (as young as
// MaxAge), or Unknown if the list was not read.
type row struct {
	DBClusterId, RegionId string
	set
	AgeSeconds int64    `json:",omitempty"`
	Since      []set    `json:",omitempty"` // backups that started after the last complete one, the newest first
	Days       []day    `json:",omitempty"` // today's is the last; days are those of the zone
	Sets       []set    `json:",omitempty"` // those of the days that are shown and whose start is believed, the newest first
	Warnings   []string `json:",omitempty"` // what the list holds that cannot be true or cannot be read
	Error      string   `json:",omitempty"` // why the list could not be read

	wrong string // what is wrong with the cluster, empty if it is Completed
}

func (r row) cluster() backup.Cluster { return backup.Cluster{ID: r.DBClusterId, Region: r.RegionId} }

// set is a backup set.
type set struct {
	Status                         backup.Status
	BackupId                       string    `json:",omitempty"`
	BackupStartTime, BackupEndTime time.Time `json:",omitzero"`
	BackupSize                     int64     `json:",omitempty"`
	BackupExpiredTime              time.Time `json:",omitzero"`
	BackupType                     string    `json:",omitempty"`
	Copy                           bool      `json:",omitempty"`
	BackupStatus                   string    `json:",omitempty"` // the service's own word if it is unknown

	mark mark // of its day. An unknown status is never complete, and with an end time it does not run
}

type day struct {
	Date, Status string
	mark         mark
}

func newSet(s backup.Set) set {
	types := map[bool]string{true: "FullBackup", false: "IncrementalBackup"}
	all := set{BackupId: s.ID, BackupSize: s.Size, BackupType: types[s.Full], Copy: s.Copy,
		BackupStartTime: s.Start.From.UTC(), BackupEndTime: s.End.From.UTC(), BackupExpiredTime: s.Expires.From.UTC()}
	switch s.State {
	case backup.SetComplete:
		all.Status, all.mark = backup.StatusCompleted, markComplete
	case backup.SetFailed:
		all.Status, all.mark = backup.StatusFailed, markFailed
	case backup.SetRunning:
		all.Status, all.mark = backup.StatusRunning, markRunning
	default:
		all.Status, all.mark, all.BackupStatus = backup.StatusUnknown, markRunning, s.Status
		if !all.BackupEndTime.IsZero() {
			all.mark = markNone
		}
	}
	return all
}

// counts reports whether a set is a backup of its own. Copies and incremental backups are only listed.
func counts(s backup.Set) bool { return s.Full && !s.Copy }

// tell returns what the list of a cluster's backups holds, or why there is none.
func (o *overview) tell(c backup.Cluster, l backup.Listing, err error) row {
	r := row{DBClusterId: c.ID, RegionId: c.Region}
	if err != nil {
		r.Status, r.Error, r.wrong = backup.StatusUnknown, err.Error(), err.Error()
		return r
	}
	if l.Unreadable != "" {
		r.Warnings = append(r.Warnings, "the list holds something that cannot be read: "+l.Unreadable)
	}
	sets := slices.DeleteFunc(slices.Clone(l.Sets), func(s backup.Set) bool { return !r.believe(s, o.now) })
	slices.SortStableFunc(sets, func(a, b backup.Set) int { return b.Start.From.Compare(a.Start.From) })
	for _, listed := range sets {
		s := newSet(listed)
		if o.dayOf(listed) >= 0 {
			r.Sets = append(r.Sets, s)
		}
		switch {
		case !counts(listed) || !r.BackupStartTime.IsZero():
		case s.mark == markComplete:
			r.set = s
		default:
			r.Since = append(r.Since, s)
		}
	}
	r.Days = o.daysOf(slices.DeleteFunc(sets, func(s backup.Set) bool { return !counts(s) }))
	o.verdict(&r)
	return r
}

// daysOf says how the days were that are shown. The oldest set comes last in sets.
func (o *overview) daysOf(sets []backup.Set) (days []day) {
	marks, first := slices.Repeat([]mark{markOpen}, o.days), 0 // first is the day of the oldest set
	for _, s := range sets {
		first = o.dayOf(s)
		if m := newSet(s).mark; first >= 0 && m.rank > marks[first].rank {
			marks[first] = m
		}
	}
	for n, m := range marks {
		if m == markOpen && n >= first && n < o.days-1 {
			m = markNone
		}
		days = append(days, day{o.day(n).Format(time.DateOnly), m.status, m})
	}
	return days
}

// verdict says how a cluster is whose list was read.
func (o *overview) verdict(r *row) {
	old := o.now.Sub(r.BackupStartTime) // from the earliest moment that its listed start can mean
	switch {
	case r.BackupStartTime.IsZero():
		r.Status, r.wrong = backup.StatusMissing, fmt.Sprintf("no complete backup in %d days", longestHistory)
		return
	case o.maxAge > 0 && old > o.maxAge:
		r.Status, r.wrong = backup.StatusMissing, age(old)+" old, more than "+o.MaxAge
	}
	r.AgeSeconds = int64(old.Seconds())
}

// believe reports whether the start of a set can be true. It warns if it cannot, and of a status that is not known.
func (r *row) believe(s backup.Set, now time.Time) bool {
	future := s.Start.From.After(now.Add(backup.ClockSkew))
	switch {
	case !counts(s):
	case future:
		r.Warnings = append(r.Warnings, s.String()+" is listed with a start in the future, which is not believed")
	case s.State == backup.SetUnknown:
		r.Warnings = append(r.Warnings, s.String())
	}
	return !future && s.Start != backup.Span{}
}

// dayOf returns how many days after the first one that is shown a set started. A day is not always 24 hours long. Clocks differ: just
// after the next midnight is today.
func (o *overview) dayOf(s backup.Set) int {
	number := func(t time.Time) int {
		_, offset := t.Zone()
		return (int(t.Unix()) + offset) / (24 * 60 * 60)
	}
	return min(number(s.Start.From.In(o.now.Location()))-number(o.now), 0) + o.days - 1
}

// since says what runs and what failed after the last complete backup, the newest of each; empty: nothing did.
func (o *overview) since(r row, layout string) string {
	var parts []string
	for _, m := range []mark{markRunning, markFailed} {
		if i := slices.IndexFunc(r.Since, func(s set) bool { return s.mark == m }); i >= 0 {
			parts = append(parts, m.since+o.at(r.Since[i].BackupStartTime, layout))
		}
	}
	return strings.Join(parts, "; ")
}

// table prints the overview: a row for each cluster with a strip of its days, and below what there is to say.
func (o *overview) table(stdout io.Writer) error {
	const form = "%s\t%s\t%s\t%6s\t%7s\t%s\n"
	w := tabwriter.NewWriter(stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, form, "CLUSTER", "REGION", "LAST BACKUP", "AGE", "SIZE", fmt.Sprintf("LAST %d DAYS", o.days))
	notes := []string{""}
	for _, r := range o.Backups {
		last, old, large := o.last(r, tableTime)
		strip := ""
		for _, d := range r.Days {
			strip += d.mark.strip
		}
		fmt.Fprintf(w, form, r.DBClusterId, r.RegionId, last, old, large, strip)
		for _, note := range append([]string{r.wrong, o.since(r, tableTime)}, r.Warnings...) {
			if note != "" {
				notes = append(notes, r.DBClusterId+": "+note)
			}
		}
	}
	for _, s := range o.Skipped {
		notes = append(notes, fmt.Sprintf("%s (%s) is skipped: %s", s.DBClusterId, s.RegionId, s.Reason))
	}
	notes = append(notes, o.Errors...)
	notes = append(notes, "One mark a day, today last: # complete, x failed, > running, . none. "+
		"LAST BACKUP is the newest complete one, by its start. Days and times are in "+o.Zone+".")
	text := terminal.Wrap(strings.Join(notes, "\n"), terminal.Width(stdout))
	fmt.Fprintln(w, strings.Join(text, "\n"))
	return w.Flush()
}

// list prints every backup of the days.
func (o *overview) list(stdout io.Writer) error {
	const form = "%s\t%s\t%8s\t%7s\t%s\t%s\t%s\t%s\n"
	w := tabwriter.NewWriter(stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "\n"+form, "CLUSTER", "STARTED", "TOOK", "SIZE", "KIND", "STATUS", "EXPIRES", "ID")
	for _, r := range o.Backups {
		for _, s := range r.Sets {
			kind := map[string]string{"FullBackup": "full", "IncrementalBackup": "incremental"}[s.BackupType]
			if s.Copy {
				kind = "copy"
			}
			fmt.Fprintf(w, form, r.DBClusterId, o.at(s.BackupStartTime, tableTime), s.took(), size(s.BackupSize), kind, s.Status, o.at(s.BackupExpiredTime, tableTime), s.BackupId)
		}
	}
	return w.Flush()
}

// last returns the start, the age and the size of the last complete backup, in words.
func (o *overview) last(r row, layout string) (start, old, large string) {
	switch {
	case r.Error != "":
		return "not read", "", ""
	case r.BackupStartTime.IsZero():
		return "none", "", ""
	}
	return o.at(r.BackupStartTime, layout), age(o.now.Sub(r.BackupStartTime)), size(r.BackupSize)
}

// at writes a time in the schedule's zone; one that was not given is empty.
func (o *overview) at(t time.Time, layout string) string {
	if t.IsZero() {
		return ""
	}
	return t.In(o.now.Location()).Format(layout)
}
