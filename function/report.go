package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
	"unicode"

	"adb-backup/events"
	"adb-backup/function/backup"
)

const (
	// maxNamed is how many failures the error message names.
	maxNamed = 20
	// maxMessage bounds what the error message says of each failure, and what the report's line says of all, in bytes.
	maxMessage = 2000
	// maxReport bounds the clusters in the report's log line, in bytes: the log service cuts lines beyond 64 KB.
	maxReport = 60_000
)

// report is what happened in an invocation.
type report struct {
	backup.Result
	event    events.Event
	received time.Time
	refused  *backup.Failure // of the invocation as a whole
}

func (r *report) refuse(t backup.ErrorType, message string) {
	r.refused = &backup.Failure{Type: t, Message: message}
}

// entry is one cluster in the answer and in the log. What is not known is absent.
type entry struct {
	DBClusterId, RegionId string
	Status                backup.Status
	Created               bool
	RequestId             string     `json:",omitempty"`
	BackupId              string     `json:",omitempty"`
	BackupStartTime       *time.Time `json:",omitempty"`
	BackupEndTime         *time.Time `json:",omitempty"`
	BackupSize            int64      `json:",omitempty"`
	BackupStatus          string     `json:",omitempty"` // the service's word, where the function does not know it

	ErrorType backup.ErrorType `json:",omitempty"` // in the log alone
	Error     string           `json:",omitempty"`
}

func newEntry(o backup.Outcome) entry {
	e := entry{DBClusterId: o.Cluster.ID, RegionId: o.Cluster.Region, Status: o.Status, Created: o.Created, RequestId: o.RequestID}
	if s := o.Set; s != nil {
		e.BackupId, e.BackupSize = s.ID, s.Size
		if s.Start != (backup.Span{}) {
			e.BackupStartTime = &s.Start.From
		}
		if s.End != (backup.Span{}) {
			e.BackupEndTime = &s.End.From
		}
		if s.State == backup.SetUnknown {
			e.BackupStatus = s.Status
		}
	}
	if o.Failure != nil {
		e.ErrorType, e.Error = o.Failure.Type, o.Failure.Message
	}
	return e
}

// skippedEntry is a cluster that a selector matched and that was left out, in the answer and in the log.
type skippedEntry struct{ DBClusterId, RegionId, Reason string }

func (r *report) skipped() []skippedEntry {
	var all []skippedEntry
	for _, s := range r.Skipped {
		all = append(all, skippedEntry{s.Cluster.ID, s.Cluster.Region, s.Reason})
	}
	return all
}

// progress orders the statuses of success by how far along they are.
var progress = map[backup.Status]int{backup.StatusRequested: 0, backup.StatusRunning: 1, backup.StatusCompleted: 2}

// status returns the status of the whole: that of the cluster least far along.
func (r *report) status() string {
	if len(r.Outcomes) == 0 {
		return "Ignored"
	}
	least := backup.StatusCompleted
	for _, o := range r.Outcomes {
		if progress[o.Status] < progress[least] {
			least = o.Status
		}
	}
	return string(least)
}

// failures returns everything that failed: wrong items of the event, selectors, clusters.
func (r *report) failures() []backup.Failure {
	var all []backup.Failure
	for _, w := range r.event.Wrong {
		all = append(all, backup.Failure{Type: backup.ErrorInvalidEvent, Message: fmt.Sprintf("event %d of %d: %v", w.Position, r.event.Items, w.Err)})
	}
	for _, u := range r.Unselected {
		where := "" // the message names the regions
		if u.Region != "" {
			where = "selector in " + u.Region + ": "
		}
		all = append(all, backup.Failure{Type: u.Failure.Type, Message: fmt.Sprintf("%s%s: %s", where, u.Failure.Type, u.Failure.Message)})
	}
	for _, o := range r.Outcomes {
		if o.Failure != nil {
			all = append(all, backup.Failure{Type: o.Failure.Type, Message: fmt.Sprintf("%v: %s: %s", o.Cluster, o.Failure.Type, o.Failure.Message)})
		}
	}
	return all
}

// failure returns the failure of the whole, nil if every cluster is where it should be.
func (r *report) failure() *backup.Failure {
	if r.refused != nil {
		return r.refused
	}
	all := r.failures()
	if len(all) == 0 {
		return nil
	}
	var texts []string
	for _, f := range all[:min(len(all), maxNamed)] {
		texts = append(texts, cut(f.Message, maxMessage))
	}
	failed := len(all) + r.event.WrongCount - len(r.event.Wrong)
	more := ""
	if n := failed - len(texts); n > 0 {
		more = fmt.Sprintf("; … and %d more, see the log", n)
	}
	message := fmt.Sprintf("%d of %s failed: %s%s", failed, r.counted(), strings.Join(texts, "; "), more)
	return &backup.Failure{Type: wholeType(all), Message: strings.Map(oneLine, message)}
}

// counted says how many clusters, selectors and wrong events there were.
func (r *report) counted() string {
	total := 0
	var kinds []string
	for _, c := range []struct {
		count int
		kind  string
	}{{len(r.Outcomes), "clusters"}, {len(r.Unselected), "selectors"}, {r.event.WrongCount, "wrong events"}} {
		if total += c.count; c.count > 0 {
			kinds = append(kinds, c.kind)
		}
	}
	return fmt.Sprintf("%d %s", total, strings.Join(kinds, " and "))
}

// wholeType returns the type of the whole. If invoking again continues all that failed, the type says so, too.
func wholeType(all []backup.Failure) backup.ErrorType {
	types := map[backup.ErrorType]bool{}
	continues := true
	for _, f := range all {
		types[f.Type] = true
		continues = continues && f.Type.Continues()
	}
	switch {
	case len(types) == 1:
		return all[0].Type
	case !continues:
		return backup.ErrorMixed
	case types[backup.ErrorOutcomeUnknown]:
		return backup.ErrorOutcomeUnknown
	default:
		return backup.ErrorBackupPending
	}
}

// oneLine keeps a message on its line, whatever the service's words are.
func oneLine(r rune) rune {
	if unicode.IsControl(r) {
		return ' '
	}
	return r
}

// answer is what the platform gets.
func (r *report) answer() (json.RawMessage, error) {
	if f := r.failure(); f != nil {
		return nil, platformError(f.Type, f.Message)
	}
	entries := make([]entry, len(r.Outcomes))
	for i, o := range r.Outcomes {
		entries[i] = newEntry(o)
	}
	answer, err := json.Marshal(struct {
		Action  backup.Action `json:",omitempty"`
		Status  string
		Backups []entry        `json:",omitempty"`
		Skipped []skippedEntry `json:",omitempty"`
	}{r.event.Action(), r.status(), entries, r.skipped()})
	if err != nil {
		return nil, platformError(backup.ErrorInternalError, err.Error())
	}
	return answer, nil
}

// log writes the report's one line: counts, how it ended, and then every cluster, those that failed first, as far as they fit.
// The log service analyses only the beginning of a line, 2 KB unless it is set to more, so what alarms read comes first.
func (r *report) log(log *slog.Logger) {
	var backups, skipped []json.RawMessage
	var space lineSpace
	created, failed := 0, 0
	for _, o := range r.Outcomes {
		if o.Created {
			created++
		}
		if o.Failure != nil {
			failed++
			backups = space.add(backups, newEntry(o))
		}
	}
	for _, o := range r.Outcomes {
		if o.Failure == nil {
			backups = space.add(backups, newEntry(o))
		}
	}
	for _, s := range r.skipped() {
		skipped = space.add(skipped, s)
	}
	attrs := []any{
		"clusters", len(r.Outcomes), "failed", failed, "created", created,
		"omitted", space.omitted, "duration", time.Since(r.received).Round(time.Millisecond).Seconds(),
	}
	if n := len(r.Skipped); n > 0 {
		attrs = append(attrs, "skipped", n)
	}
	if n := r.event.WrongCount; n > 0 {
		attrs = append(attrs, "wrongEvents", n)
	}
	if r.event.Action() != "" {
		attrs = append(attrs, "action", r.event.Action())
	}
	level := slog.LevelInfo
	if f := r.failure(); f == nil {
		attrs = append(attrs, "status", r.status())
	} else {
		attrs = append(attrs, "status", "Failed", "errorType", f.Type, "error", cut(f.Message, maxMessage))
		if level = slog.LevelError; f.Type.Continues() {
			level = slog.LevelWarn
		}
	}
	attrs = append(attrs, "Backups", backups)
	if len(r.Skipped) > 0 {
		attrs = append(attrs, "Skipped", skipped)
	}
	log.Log(context.Background(), level, "backup report", attrs...)
}

// lineSpace is how much of the report's line is taken, and how many values had no place in it.
type lineSpace struct{ taken, omitted int }

// add appends the JSON of a value to a list, unless the line would become too long.
func (s *lineSpace) add(list []json.RawMessage, value any) []json.RawMessage {
	text, err := json.Marshal(value)
	if s.taken += len(text) + 1; err != nil || s.taken > maxReport {
		s.omitted++
		return list
	}
	return append(list, text)
}

// cut shortens s to n bytes. An ellipsis shows that something is missing.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
