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

// tableTime is the layout of the tables' times.
const tableTime = "2006-01-02 15:04"

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
			strip += marks[m].strip
		}
		fmt.Fprintf(w, form, r.Cluster.ID, r.Cluster.Region, last, old, large, strip)
		for _, note := range o.notes(r) {
			notes = append(notes, r.Cluster.ID+": "+note)
		}
	}
	for _, skipped := range o.Skipped {
		notes = append(notes, fmt.Sprintf("%v is skipped: %s", skipped.Cluster, skipped.Reason))
	}
	for _, err := range o.Failed {
		notes = append(notes, err.Error())
	}
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
			fmt.Fprintf(w, form, r.Cluster.ID, o.at(s.Start, tableTime), took(s), size(s.Size), kind(s), setStatus[s.State], o.at(s.Expires, tableTime), s.ID)
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

// notes says what is wrong with a cluster, and what runs or failed since its last complete backup.
func (o *overview) notes(r row) []string {
	_, wrong := o.verdict(r)
	notes := append([]string{wrong, r.since(o.Now, tableTime)}, r.Warnings...)
	return slices.DeleteFunc(notes, func(note string) bool { return note == "" })
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
	Status            backup.Status
	BackupId          string    `json:",omitempty"`
	BackupStartTime   time.Time `json:",omitzero"`
	BackupEndTime     time.Time `json:",omitzero"`
	BackupSize        int64     `json:",omitempty"`
	BackupExpiredTime time.Time `json:",omitzero"`
	BackupType        string    `json:",omitempty"`
	Copy              bool      `json:",omitempty"`
	BackupStatus      string    `json:",omitempty"` // the service's own word if it is unknown
}

type statusDay struct{ Date, Status string }

type statusSkipped struct{ DBClusterId, RegionId, Reason string }

// setStatus is the status of a set in the words of the function's answer.
var setStatus = [...]backup.Status{backup.SetRunning: backup.StatusRunning, backup.SetUnknown: backup.StatusUnknown, backup.SetComplete: backup.StatusCompleted, backup.SetFailed: backup.StatusFailed}

// answer returns the overview for programs.
func (o *overview) answer() statusAnswer {
	a := statusAnswer{Time: o.Now.UTC().Truncate(time.Second), Zone: o.Now.Location().String(), Backups: []statusBackup{}}
	a.Status, _ = o.summary()
	if o.MaxAge > 0 {
		a.MaxAge = short(o.MaxAge)
	}
	for _, r := range o.Rows {
		a.Backups = append(a.Backups, o.backup(r))
	}
	for _, s := range o.Skipped {
		a.Skipped = append(a.Skipped, statusSkipped{s.Cluster.ID, s.Cluster.Region, s.Reason})
	}
	for _, err := range o.Failed {
		a.Errors = append(a.Errors, err.Error())
	}
	return a
}

func (o *overview) backup(r row) statusBackup {
	b := statusBackup{DBClusterId: r.Cluster.ID, RegionId: r.Cluster.Region, Since: setsOf(r.Since), Sets: setsOf(r.Sets), Warnings: r.Warnings}
	if r.Last != nil {
		b.statusSet = setsOf([]backup.Set{*r.Last})[0]
		b.AgeSeconds = int64(o.Now.Sub(r.Last.Start.From).Seconds())
	}
	if b.Status, _ = o.verdict(r); r.Err != nil {
		b.Error = r.Err.Error()
	}
	for i, m := range r.Days {
		b.Days = append(b.Days, statusDay{o.Now.AddDate(0, 0, i-o.Days+1).Format(time.DateOnly), marks[m].name})
	}
	return b
}

func setsOf(sets []backup.Set) (all []statusSet) {
	for _, s := range sets {
		set := statusSet{Status: setStatus[s.State], BackupId: s.ID, BackupSize: s.Size, BackupType: "FullBackup", Copy: s.Copy,
			BackupStartTime: s.Start.From.UTC(), BackupEndTime: s.End.From.UTC(), BackupExpiredTime: s.Expires.From.UTC()}
		if !s.Full {
			set.BackupType = "IncrementalBackup"
		}
		if s.State == backup.SetUnknown {
			set.BackupStatus = s.Status
		}
		all = append(all, set)
	}
	return all
}
