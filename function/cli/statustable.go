package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"adb-backup/function/backup"
)

// tableTime is the layout of the tables' times.
const tableTime = "2006-01-02 15:04"

// table prints the overview: a row for each cluster, with a strip of so many days and what there is to say of it.
func (o *overview) table(stdout io.Writer, days int) error {
	const form = "%s\t%s\t%s\t%6s\t%7s\t%s\n"
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, form, "CLUSTER", "REGION", "LAST BACKUP", "AGE", "SIZE", fmt.Sprintf("LAST %d DAYS", days))
	for _, r := range o.Rows {
		last, old, large := o.last(r, tableTime)
		fmt.Fprintf(w, form, r.Cluster.ID, r.Cluster.Region, last, old, large, strings.Join(o.notes(r, days), "  "))
	}
	for _, skipped := range o.Skipped {
		fmt.Fprintf(w, "%v is skipped: %s\n", skipped.Cluster, skipped.Reason)
	}
	for _, err := range o.Failed {
		fmt.Fprintln(w, err)
	}
	if len(o.Rows) > 0 {
		fmt.Fprintf(w, "\nOne mark a day, today last: # complete, x failed, > running, . none. A last backup is a complete one, and its time is its start. Days and times are in %s.\n", o.Now.Location())
	}
	return w.Flush()
}

// backups prints every backup of so many days.
func (o *overview) backups(stdout io.Writer, days int) error {
	const form = "%s\t%s\t%8s\t%7s\t%s\t%s\t%s\t%s\n"
	w := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n"+form, "CLUSTER", "STARTED", "TOOK", "SIZE", "KIND", "STATUS", "EXPIRES", "ID")
	for _, r := range o.Rows {
		for _, s := range r.recent(o.Now, days) {
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

// notes returns a cluster's strip, what is wrong with it, and what runs or failed since its last complete backup.
func (o *overview) notes(r row, days int) []string {
	_, wrong := o.verdict(r)
	if r.Err != nil {
		return []string{wrong}
	}
	strip := ""
	for _, m := range r.strip(days) {
		strip += marks[m].strip
	}
	notes := append([]string{strip, wrong, r.since(o.Now, tableTime)}, r.Warnings...)
	return slices.DeleteFunc(notes, func(note string) bool { return note == "" })
}
