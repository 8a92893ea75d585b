package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/adb"
	"adb-backup/function/alarm"
	"adb-backup/function/backup"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
)

const (
	maxNamed   = 20     // failures that the error message names
	maxMessage = 2000   // bytes that the error message has of each failure, and the report's line of all of them
	maxReport  = 60_000 // bytes of the clusters in the report's line: the log service cuts lines beyond 64 KB
)

// report is what happened in an invocation.
type report struct {
	backup.Result
	event    events.Event
	received time.Time
	failure  *backup.Failure // of the whole; nil: every cluster is where it should be
}

// refuse makes the invocation a failure as a whole. The message becomes one line, whatever the service's words are.
func (r *report) refuse(t backup.ErrorType, message string) {
	r.failure = &backup.Failure{Type: t, Message: strings.Join(strings.Fields(message), " ")}
}

// conclude reports what became of the event's requests. Its wrong items failed, too.
func (r *report) conclude(result backup.Result) {
	r.Result = result
	all := r.failures()
	if len(all) == 0 {
		return
	}
	var texts []string
	for _, f := range all[:min(len(all), maxNamed)] {
		texts = append(texts, adb.Cut(f.Message, maxMessage))
	}
	failed := len(all) + r.event.WrongCount - len(r.event.Wrong)
	if n := failed - len(texts); n > 0 {
		texts = append(texts, fmt.Sprintf("… and %d more, see the log", n))
	}
	total, kinds := len(r.Outcomes), "clusters"
	if others := len(r.Unselected) + r.event.WrongCount; others > 0 {
		total, kinds = total+others, "clusters, selectors and events"
	}
	r.refuse(wholeType(all), fmt.Sprintf("%d of %d %s failed: %s", failed, total, kinds, strings.Join(texts, "; ")))
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

// action is the first one's where several were asked for.
func (r *report) action() string {
	if r.event.Drill {
		return string(alarm.Drill)
	}
	return string(r.event.Action())
}

// status returns the status of the whole: that of the cluster least far along.
func (r *report) status() string {
	switch {
	case r.failure != nil:
		return "Failed"
	case r.event.Drill:
		return "Delivered"
	case len(r.Outcomes) == 0:
		return "Ignored"
	}
	for _, s := range []backup.Status{backup.StatusRequested, backup.StatusRunning} {
		if slices.ContainsFunc(r.Outcomes, func(o backup.Outcome) bool { return o.Status == s }) {
			return string(s)
		}
	}
	return string(backup.StatusCompleted)
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

// answer is what the platform gets. An error is a messages.InvokeResponse_Error, the only kind whose type reaches it.
func (r *report) answer() (json.RawMessage, error) {
	if r.failure != nil {
		return nil, messages.InvokeResponse_Error{Type: string(r.failure.Type), Message: r.failure.Message}
	}
	var entries []entry
	for _, o := range r.Outcomes {
		entries = append(entries, newEntry(o))
	}
	return json.Marshal(struct {
		Action  string `json:",omitempty"`
		Status  string
		Backups []entry        `json:",omitempty"`
		Skipped []skippedEntry `json:",omitempty"`
	}{r.action(), r.status(), entries, r.skipped()})
}

// logTo writes the report's one line: counts, how it ended, and then every cluster, those that failed first, as far as they fit.
// The log service analyses only the beginning of a line, 2 KB unless it is set to more, so what alarms read comes first.
func (r *report) logTo(log *slog.Logger) {
	var failing, others []entry
	created := 0
	for _, o := range r.Outcomes {
		if o.Created {
			created++
		}
		if o.Failure != nil {
			failing = append(failing, newEntry(o))
		} else {
			others = append(others, newEntry(o))
		}
	}
	room := maxReport
	backups := fit(&room, append(failing, others...))
	skipped := fit(&room, r.skipped())
	omitted := len(r.Outcomes) + len(r.Skipped) - len(backups) - len(skipped)
	level, failure := slog.LevelInfo, backup.Failure{}
	if r.failure != nil {
		level, failure = slog.LevelError, *r.failure
		if failure.Type.Continues() {
			level = slog.LevelWarn
		}
	}
	log.Log(context.Background(), level, "backup report",
		"clusters", len(r.Outcomes), "failed", len(failing), "created", created, "omitted", omitted,
		"duration", time.Since(r.received).Round(time.Millisecond).Seconds(), "skipped", len(r.Skipped), "wrongEvents", r.event.WrongCount,
		"action", r.action(), "status", r.status(), "errorType", failure.Type, "error", adb.Cut(failure.Message, maxMessage),
		"Backups", backups, "Skipped", skipped)
}

// fit returns the JSON of the values for which there is room.
func fit[T any](room *int, values []T) []json.RawMessage {
	list := []json.RawMessage{}
	for _, value := range values {
		text, err := json.Marshal(value)
		if *room -= len(text) + 1; err == nil && *room >= 0 {
			list = append(list, text)
		}
	}
	return list
}
