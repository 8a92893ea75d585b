package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode"

	"adb-backup/events"
	"adb-backup/function/backup"

	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
)

const (
	// maxNamed is how many failures the error message tells one by one.
	maxNamed = 20
	// maxReport bounds the clusters in the report's log line, in bytes: the log service cuts lines beyond 64 KB.
	maxReport = 60_000
)

// report is all that became of an invocation.
type report struct {
	event    events.Event
	received time.Time
	refused  *backup.Failure // of the invocation as a whole
	outcomes []backup.Outcome
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

// order is how far along a status is.
var order = map[backup.Status]int{backup.StatusRequested: 0, backup.StatusRunning: 1, backup.StatusCompleted: 2}

// status of the whole is that of the cluster least far along.
func (r *report) status() string {
	if len(r.outcomes) == 0 {
		return "Ignored"
	}
	least := backup.StatusCompleted
	for _, o := range r.outcomes {
		if order[o.Status] < order[least] {
			least = o.Status
		}
	}
	return string(least)
}

// failure is that of the whole, nil if every cluster is where it should be.
func (r *report) failure() *backup.Failure {
	if r.refused != nil {
		return r.refused
	}
	var all []string
	var t backup.ErrorType
	add := func(of backup.ErrorType, message string) {
		if t == "" {
			t = of
		} else if t != of {
			t = backup.ErrorMixed
		}
		all = append(all, message)
	}
	for _, w := range r.event.Wrong {
		add(backup.ErrorInvalidEvent, fmt.Sprintf("event %d of %d: %v", w.Position, r.event.Items, w.Err))
	}
	for _, o := range r.outcomes {
		if o.Failure != nil {
			add(o.Failure.Type, fmt.Sprintf("%v: %s: %s", o.Cluster, o.Failure.Type, o.Failure.Message))
		}
	}
	if len(all) == 0 {
		return nil
	}
	failed, what := len(all)-len(r.event.Wrong)+r.event.WrongCount, "clusters"
	if r.event.WrongCount > 0 {
		what = "clusters and wrong events"
	}
	more := ""
	if n := failed - maxNamed; n > 0 {
		all, more = all[:maxNamed], fmt.Sprintf("; … and %d more, see the log", n)
	}
	message := fmt.Sprintf("%d of %d %s failed: %s%s", failed, len(r.outcomes)+r.event.WrongCount, what, strings.Join(all, "; "), more)
	return &backup.Failure{Type: t, Message: strings.Map(oneLine, message)}
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
		return nil, messages.InvokeResponse_Error{Type: string(f.Type), Message: f.Message}
	}
	entries := make([]entry, len(r.outcomes))
	for i, o := range r.outcomes {
		entries[i] = newEntry(o)
	}
	answer, err := json.Marshal(struct {
		Action  backup.Action `json:",omitempty"`
		Status  string
		Backups []entry `json:",omitempty"`
	}{r.event.Action, r.status(), entries})
	if err != nil {
		return nil, messages.InvokeResponse_Error{Type: string(backup.ErrorInternalError), Message: err.Error()}
	}
	return answer, nil
}

// log writes the report's one line: counts, and every cluster, those that failed first, as far as they fit.
func (r *report) log(log *slog.Logger) {
	var clusters []json.RawMessage
	size, created, bad := 0, 0, 0
	for _, failed := range []bool{true, false} {
		for _, o := range r.outcomes {
			if (o.Failure != nil) != failed {
				continue
			}
			if o.Created {
				created++
			}
			if failed {
				bad++
			}
			line, err := json.Marshal(newEntry(o))
			if size += len(line) + 1; err == nil && size <= maxReport {
				clusters = append(clusters, line)
			}
		}
	}
	level := slog.LevelInfo
	attrs := []any{
		"clusters", len(r.outcomes), "failed", bad, "created", created,
		"omitted", len(r.outcomes) - len(clusters), "duration", time.Since(r.received).Round(time.Millisecond).Seconds(), "Backups", clusters,
	}
	if n := r.event.WrongCount; n > 0 {
		attrs = append(attrs, "wrongEvents", n)
	}
	if r.event.Action != "" {
		attrs = append(attrs, "action", r.event.Action)
	}
	if f := r.failure(); f == nil {
		attrs = append(attrs, "status", r.status())
	} else {
		attrs = append(attrs, "status", "Failed", "errorType", f.Type, "error", cut(f.Message, 2000))
		if level = slog.LevelError; r.continues() {
			level = slog.LevelWarn
		}
	}
	log.Log(context.Background(), level, "backup report", attrs...)
}

// continues says whether invoking again goes on with all that failed.
func (r *report) continues() bool {
	return r.refused == nil && r.event.WrongCount == 0 && !slices.ContainsFunc(r.outcomes, func(o backup.Outcome) bool {
		return o.Failure != nil && !o.Failure.Type.Continues()
	})
}

func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "") + "…"
}
