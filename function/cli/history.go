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

// markOf returns the mark of a backup set. An unknown status is never complete, and with an end time it does not run.
func markOf(s backup.Set) mark {
	if s.State == backup.SetUnknown && s.End != (backup.Span{}) {
		return markNone
	}
	return [...]mark{backup.SetRunning: markRunning, backup.SetUnknown: markRunning, backup.SetComplete: markComplete, backup.SetFailed: markFailed}[s.State]
}

// setStatus is the status of a set in the words of the function's answer.
var setStatus = [...]backup.Status{backup.SetRunning: backup.StatusRunning, backup.SetUnknown: backup.StatusUnknown, backup.SetComplete: backup.StatusCompleted, backup.SetFailed: backup.StatusFailed}

// row is what status shows of a cluster: what the list of its backups holds.
type row struct {
	Cluster  backup.Cluster
	Err      error        // why the list could not be read
	Sets     []backup.Set // those of the days that are shown and whose start is believed, the newest first
	Last     *backup.Set  // the newest complete backup; nil: the list has none
	Since    []backup.Set // backups that started after Last and are not complete, the newest first
	Days     []mark       // today's is the last; days are those of now's zone
	Warnings []string     // what the list holds that cannot be true or cannot be read
}

// counts reports whether a set is a backup of its own. Copies and incremental backups are only listed.
func counts(s backup.Set) bool { return s.Full && !s.Copy }

// tell reads a list as it was at now, and shows so many days of it.
func (r *row) tell(l backup.Listing, now time.Time, days int) {
	if l.Unreadable != "" {
		r.Warnings = append(r.Warnings, "the list holds something that cannot be read: "+l.Unreadable)
	}
	sets := slices.DeleteFunc(slices.Clone(l.Sets), func(s backup.Set) bool { return !r.believe(s, now) })
	slices.SortStableFunc(sets, func(a, b backup.Set) int { return b.Start.From.Compare(a.Start.From) })
	r.Days = slices.Repeat([]mark{markOpen}, days)
	first := 0 // the day of the oldest backup, which comes last
	for _, s := range sets {
		day := min(dayOf(s.Start.From.In(now.Location()))-dayOf(now), 0) + days - 1 // clocks differ: just after the next midnight is today
		if day >= 0 {
			r.Sets = append(r.Sets, s)
		}
		if !counts(s) {
			continue
		}
		if first = day; day >= 0 && markOf(s).rank > r.Days[day].rank {
			r.Days[day] = markOf(s)
		}
		if r.Last == nil && s.State == backup.SetComplete {
			r.Last = &s
		} else if r.Last == nil {
			r.Since = append(r.Since, s)
		}
	}
	for day := max(0, first); day < days-1; day++ {
		if r.Days[day] == markOpen {
			r.Days[day] = markNone
		}
	}
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

// dayOf returns the number of a time's day in its zone. A day is not always 24 hours long there.
func dayOf(t time.Time) int {
	_, offset := t.Zone()
	return (int(t.Unix()) + offset) / (24 * 60 * 60)
}

// since says what runs and what failed after the last complete backup, the newest of each; empty: nothing did.
func (r row) since(now time.Time, layout string) string {
	var parts []string
	for _, m := range []mark{markRunning, markFailed} {
		if i := slices.IndexFunc(r.Since, func(s backup.Set) bool { return markOf(s) == m }); i >= 0 {
			parts = append(parts, m.since+r.Since[i].Start.From.In(now.Location()).Format(layout))
		}
	}
	return strings.Join(parts, "; ")
}

// table prints the overview: a row for each cluster with a strip of its days, and below what there is to say.
func (o *overview) table(stdout io.Writer) error {
	const form = "%s\t%s\t%s\t%6s\t%7s\t%s\n"
	w := tabwriter.NewWriter(stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, form, "CLUSTER", "REGION", "LAST BACKUP", "AGE", "SIZE", fmt.Sprintf("LAST %d DAYS", o.Days))
	notes := []string{""}
	for _, r := range o.Rows {
		last, old, large := o.last(r, tableTime)
		strip := ""
		for _, m := range r.Days {
			strip += m.strip
		}
		fmt.Fprintf(w, form, r.Cluster.ID, r.Cluster.Region, last, old, large, strip)
		_, wrong := o.verdict(r)
		for _, note := range append([]string{wrong, r.since(o.Now, tableTime)}, r.Warnings...) {
			if note != "" {
				notes = append(notes, r.Cluster.ID+": "+note)
			}
		}
	}
	for _, skipped := range o.Skipped {
		notes = append(notes, fmt.Sprintf("%v is skipped: %s", skipped.Cluster, skipped.Reason))
	}
	notes = append(notes, o.Failed...)
	notes = append(notes, "One mark a day, today last: # complete, x failed, > running, . none. "+
		"LAST BACKUP is the newest complete one, by its start. Days and times are in "+o.Now.Location().String()+".")
	text := terminal.Wrap(strings.Join(notes, "\n"), terminal.Width(stdout))
	fmt.Fprintln(w, strings.Join(text, "\n"))
	return w.Flush()
}

// backups prints every backup of the days.
func (o *overview) backups(stdout io.Writer) error {
	const form = "%s\t%s\t%8s\t%7s\t%s\t%s\t%s\t%s\n"
	w := tabwriter.NewWriter(stdout, 0, 0, 1, ' ', 0)
	fmt.Fprintf(w, "\n"+form, "CLUSTER", "STARTED", "TOOK", "SIZE", "KIND", "STATUS", "EXPIRES", "ID")
	for _, r := range o.Rows {
		for _, s := range r.Sets {
			kind := "full"
			if s.Copy {
				kind = "copy"
			} else if !s.Full {
				kind = "incremental"
			}
			fmt.Fprintf(w, form, r.Cluster.ID, o.at(s.Start, tableTime), took(s), size(s.Size), kind, setStatus[s.State], o.at(s.Expires, tableTime), s.ID)
		}
	}
	return w.Flush()
}

// last returns the start, the age and the size of the last complete backup, in words.
func (o *overview) last(r row, layout string) (start, old, large string) {
	switch {
	case r.Err != nil:
		return "not read", "", ""
	case r.Last == nil:
		return "none", "", ""
	}
	return o.at(r.Last.Start, layout), age(o.Now.Sub(r.Last.Start.From)), size(r.Last.Size)
}

// at writes a listed time in the schedule's zone; a time that was not given is empty.
func (o *overview) at(s backup.Span, layout string) string {
	if s == (backup.Span{}) {
		return ""
	}
	return s.From.In(o.Now.Location()).Format(layout)
}

// statusAnswer is the overview as JSON. Names and forms are those of the function's answer.
type statusAnswer struct {
	Status  backup.Status // of the cluster that is worst off
	Time    time.Time
	Zone    string // the days are days there
	MaxAge  string `json:",omitempty"`
	Backups []statusBackup
	Skipped []statusSkipped `json:",omitempty"`
	Errors  []string        `json:",omitempty"`
}

// statusBackup is a cluster with its last complete backup. Its Status is Completed, Missing if there is no complete backup (as
// young as MaxAge), or Unknown if the list was not read.
type statusBackup struct {
	DBClusterId, RegionId string
	statusSet
	AgeSeconds int64       `json:",omitempty"`
	Since      []statusSet `json:",omitempty"` // what started after the last complete backup and counts
	Days       []statusDay `json:",omitempty"`
	Sets       []statusSet `json:",omitempty"` // everything that is listed of these days
	Warnings   []string    `json:",omitempty"`
	Error      string      `json:",omitempty"`
}

// statusSet is a backup set.
type statusSet struct {
	Status                         backup.Status
	BackupId                       string    `json:",omitempty"`
	BackupStartTime, BackupEndTime time.Time `json:",omitzero"`
	BackupSize                     int64     `json:",omitempty"`
	BackupExpiredTime              time.Time `json:",omitzero"`
	BackupType                     string    `json:",omitempty"`
	Copy                           bool      `json:",omitempty"`
	BackupStatus                   string    `json:",omitempty"` // the service's own word if it is unknown
}

type statusDay struct{ Date, Status string }
type statusSkipped struct{ DBClusterId, RegionId, Reason string }

// answer returns the overview for programs.
func (o *overview) answer() statusAnswer {
	a := statusAnswer{Time: o.Now.UTC().Truncate(time.Second), Zone: o.Now.Location().String(), Backups: []statusBackup{}, Errors: o.Failed}
	if a.Status, _ = o.summary(); o.MaxAge > 0 {
		a.MaxAge = short(o.MaxAge)
	}
	for _, r := range o.Rows {
		b := statusBackup{DBClusterId: r.Cluster.ID, RegionId: r.Cluster.Region, Since: setsOf(r.Since), Sets: setsOf(r.Sets), Warnings: r.Warnings}
		if r.Last != nil {
			b.statusSet = setsOf([]backup.Set{*r.Last})[0]
			b.AgeSeconds = int64(o.Now.Sub(r.Last.Start.From).Seconds())
		}
		if b.Status, _ = o.verdict(r); r.Err != nil {
			b.Error = r.Err.Error()
		}
		for i, m := range r.Days {
			b.Days = append(b.Days, statusDay{o.day(i).Format(time.DateOnly), m.status})
		}
		a.Backups = append(a.Backups, b)
	}
	for _, s := range o.Skipped {
		a.Skipped = append(a.Skipped, statusSkipped{s.Cluster.ID, s.Cluster.Region, s.Reason})
	}
	return a
}

func setsOf(sets []backup.Set) (all []statusSet) {
	types := map[bool]string{true: "FullBackup", false: "IncrementalBackup"}
	for _, s := range sets {
		set := statusSet{Status: setStatus[s.State], BackupId: s.ID, BackupSize: s.Size, BackupType: types[s.Full], Copy: s.Copy,
			BackupStartTime: s.Start.From.UTC(), BackupEndTime: s.End.From.UTC(), BackupExpiredTime: s.Expires.From.UTC()}
		if s.State == backup.SetUnknown {
			set.BackupStatus = s.Status
		}
		all = append(all, set)
	}
	return all
}
