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
// the highest rank decides. What has no rank is only listed: copies and incremental backups.
type mark struct {
	rank                int
	status              backup.Status
	strip, class, since string
}

var (
	markOpen     = mark{1, "None", ".", "open", ""} // no backup, but the day comes before the first one that is listed, or is not over
	markNone     = mark{2, "None", ".", "none", ""}
	markFailed   = mark{3, backup.StatusFailed, "x", "failed", "failed "}
	markRunning  = mark{4, backup.StatusRunning, ">", "running", "running since "}
	markComplete = mark{5, backup.StatusCompleted, "#", "complete", ""}
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
	Date   string
	Status backup.Status
	mark   mark
}

func newSet(s backup.Set) set {
	types := map[bool]string{true: "FullBackup", false: "IncrementalBackup"}
	marks := map[backup.State]mark{backup.SetComplete: markComplete, backup.SetFailed: markFailed, backup.SetRunning: markRunning}
	all := set{BackupId: s.ID, BackupSize: s.Size, BackupType: types[s.Full], Copy: s.Copy, mark: marks[s.State], Status: marks[s.State].status,
		BackupStartTime: s.Start.From.UTC(), BackupEndTime: s.End.From.UTC(), BackupExpiredTime: s.Expires.From.UTC()}
	if s.State == backup.SetUnknown {
		all.Status, all.BackupStatus, all.mark = backup.StatusUnknown, s.Status, markRunning
		if !all.BackupEndTime.IsZero() {
			all.mark = markNone
		}
	}
	if !s.Full || s.Copy {
		all.mark = mark{}
	}
	return all
}

// tell returns what the list of a cluster's backups holds, or why there is none.
func (o *overview) tell(c backup.Cluster, l backup.Listing, err error) row {
	r := row{DBClusterId: c.ID, RegionId: c.Region}
	if err != nil {
		r.Status, r.Error, r.wrong = backup.StatusUnknown, err.Error(), err.Error()
		return r
	}
	sets := r.believe(l, o.now)
	slices.SortStableFunc(sets, func(a, b set) int { return b.BackupStartTime.Compare(a.BackupStartTime) })
	r.Sets = slices.DeleteFunc(slices.Clone(sets), func(s set) bool { return o.dayOf(s) < 0 })
	sets = slices.DeleteFunc(sets, func(s set) bool { return s.mark.rank == 0 }) // what is only listed
	r.Days, r.Since = o.daysOf(sets), sets
	last := slices.IndexFunc(sets, func(s set) bool { return s.mark == markComplete })
	if last < 0 {
		r.Status, r.wrong = backup.StatusMissing, fmt.Sprintf("no complete backup in %d days", longestHistory)
		return r
	}
	old := o.now.Sub(sets[last].BackupStartTime) // from the earliest moment that its listed start can mean
	r.set, r.Since, r.AgeSeconds = sets[last], sets[:last], int64(old.Seconds())
	if o.maxAge > 0 && old > o.maxAge {
		r.Status, r.wrong = backup.StatusMissing, age(old)+" old, more than "+short(o.maxAge)
	}
	return r
}

// believe returns the sets whose start can be true. It warns of the others, and of what cannot be read or is not known.
func (r *row) believe(l backup.Listing, now time.Time) (sets []set) {
	if l.Unreadable != "" {
		r.Warnings = append(r.Warnings, "the list holds something that cannot be read: "+l.Unreadable)
	}
	for _, listed := range l.Sets {
		s := newSet(listed)
		future := s.BackupStartTime.After(now.Add(backup.ClockSkew))
		switch {
		case s.mark.rank == 0:
		case future:
			r.Warnings = append(r.Warnings, listed.String()+" is listed with a start in the future, which is not believed")
		case s.Status == backup.StatusUnknown:
			r.Warnings = append(r.Warnings, listed.String())
		}
		if !future && !s.BackupStartTime.IsZero() {
			sets = append(sets, s)
		}
	}
	return sets
}

// daysOf says how the days were that are shown. The oldest set comes last in sets.
func (o *overview) daysOf(sets []set) (days []day) {
	marks, first := slices.Repeat([]mark{markNone}, o.days), 0 // first is the day of the oldest set
	marks[o.days-1] = markOpen
	for _, s := range sets {
		if first = o.dayOf(s); first >= 0 && s.mark.rank > marks[first].rank {
			marks[first] = s.mark
		}
	}
	for n, m := range marks {
		if n < first {
			m = markOpen
		}
		days = append(days, day{o.day(n).Format(time.DateOnly), m.status, m})
	}
	return days
}

// dayOf returns how many days after the first one that is shown a set started. A day is not always 24 hours long. Clocks differ: just
// after the next midnight is today.
func (o *overview) dayOf(s set) int {
	number := func(t time.Time) int {
		_, offset := t.Zone()
		return (int(t.Unix()) + offset) / (24 * 60 * 60)
	}
	return min(number(s.BackupStartTime.In(o.now.Location()))-number(o.now), 0) + o.days - 1
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
			kind := strings.ToLower(strings.TrimSuffix(s.BackupType, "Backup"))
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
