package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"adb-backup/function/backup"
	"adb-backup/function/terminal"
)

// Layouts of a time. The short one leaves out the year, so that the table fits on 80 columns.
const (
	longTime  = "2006-01-02 15:04"
	shortTime = "01-02 15:04"
)

// table returns the overview as text: a row for each cluster, with a strip of so many days. Width is the terminal's; 0: there
// is none.
func (o *overview) table(width, days int) string {
	layout, gap := longTime, "  "
	if width > 0 { // a note may be longer than what is left of a line
		layout, gap = shortTime, "\n    "
	}
	var b strings.Builder
	for i, line := range o.rows(days, layout) {
		b.WriteString(line)
		if i > 0 { // the first one is the heading
			for _, note := range o.notes(o.Rows[i-1], layout) {
				b.WriteString(gap + note)
			}
		}
		b.WriteString("\n")
	}
	for _, skipped := range o.Skipped {
		fmt.Fprintf(&b, "%v is skipped: %s\n", skipped.Cluster, skipped.Reason)
	}
	for _, err := range o.Failed {
		fmt.Fprintln(&b, err)
	}
	if len(o.Rows) > 0 {
		legend := "One mark a day, today last: # complete, x failed, > running, . none. A last backup is a complete one, and its time is its start. Days and times are in " + o.Zone + "."
		b.WriteString("\n" + strings.Join(terminal.Wrap(legend, width), "\n") + "\n")
	}
	return b.String()
}

// rows returns the heading and a row for each cluster.
func (o *overview) rows(days int, layout string) []string {
	const form = "%s\t%s\t%s\t%6s\t%7s\t%s\n"
	return align(func(w io.Writer) {
		fmt.Fprintf(w, form, "CLUSTER", "REGION", "LAST BACKUP", "AGE", "SIZE", fmt.Sprintf("LAST %d DAYS", days))
		for _, r := range o.Rows {
			strip := ""
			if r.Err == nil {
				for _, m := range r.strip(o.Now, days) {
					strip += marks[m].strip
				}
			}
			last, old, large := o.last(r, layout)
			fmt.Fprintf(w, form, r.Cluster.ID, r.Cluster.Region, last, old, large, strip)
		}
	})
}

// backups returns every backup of so many days as text.
func (o *overview) backups(days int) string {
	const form = "%s\t%s\t%8s\t%7s\t%s\t%s\t%s\t%s\n"
	lines := align(func(w io.Writer) {
		fmt.Fprintf(w, form, "CLUSTER", "STARTED", "TOOK", "SIZE", "KIND", "STATUS", "EXPIRES", "ID")
		for _, r := range o.Rows {
			for _, s := range r.recent(o.Now, days) {
				fmt.Fprintf(w, form, r.Cluster.ID, o.at(s.Start, longTime), took(s), size(s.Size), kind(s), setStatus[s.State], o.at(s.Expires, longTime), s.ID)
			}
		}
	})
	return strings.Join(lines, "\n") + "\n"
}

// setStatus is the status of a set in the words of the function's answer.
var setStatus = [...]backup.Status{backup.SetRunning: backup.StatusRunning, backup.SetUnknown: backup.StatusUnknown, backup.SetComplete: backup.StatusCompleted, backup.SetFailed: backup.StatusFailed}

// align lays columns out and returns the lines.
func align(write func(io.Writer)) []string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	write(w)
	w.Flush() // a Builder takes everything
	lines := strings.Split(strings.TrimSuffix(b.String(), "\n"), "\n")
	for i := range lines {
		lines[i] = strings.TrimRight(lines[i], " ")
	}
	return lines
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
func (o *overview) notes(r row, layout string) []string {
	notes := append([]string{o.wrong(r), r.since(o.Now, layout)}, r.Warnings...)
	return slices.DeleteFunc(notes, func(note string) bool { return note == "" })
}
