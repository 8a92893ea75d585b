package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// incoming is the event as it goes to the function, and what the function's own decoder reads in it, for the screen.
type incoming struct {
	payload  []byte
	replaced string // the time in the file, in place of which the event has the time now; empty: none
	events.Event
	err error // why the event is wrong
}

// readEvent reads an event's file, or takes a cluster id as a direct request for it.
func readEvent(name string) ([]byte, error) {
	payload, err := os.ReadFile(name)
	notID := backup.CheckClusterID(name)
	switch {
	case err == nil:
		return payload, nil
	case notID == nil:
		return []byte(name), nil
	case !errors.Is(err, os.ErrNotExist):
		return nil, wrong("the event cannot be read: %w", err)
	}
	samples, _ := filepath.Glob("events/*.json")
	if meant := events.Nearest(filepath.Join("events", filepath.Base(name)), samples); meant != "" {
		return nil, wrong("there is no file %s; did you mean %s?", name, meant)
	}
	return nil, wrong("there is no file %s, and %w; the samples are\n  %s", name, notID, strings.Join(samples, "\n  "))
}

// eventTime is the time of a timer's event, of a CloudEvent or of a request, also in a string that holds such an event.
var eventTime = regexp.MustCompile(`(\\?"(?:triggerTime|time|NotBefore)\\?"\s*:\s*\\?")(\d[^"\\]*)`)

// freshen gives an event the time now. A sample's own time is long past, and would make it a redelivery. It returns the first time
// that it replaced; empty: none. It writes whole seconds, as the local list does.
func freshen(payload []byte, now time.Time) (fresh []byte, replaced string) {
	if found := eventTime.FindSubmatch(payload); found != nil {
		replaced = string(found[2])
	}
	return eventTime.ReplaceAll(payload, []byte("${1}"+now.UTC().Format(time.RFC3339))), replaced
}

// clusters are those that the event names.
func (in *incoming) clusters() (all []fakeadb.Cluster) {
	for _, r := range in.Requests {
		if r.Selector == nil {
			all = append(all, fakeadb.Cluster{ID: r.Cluster.ID, Region: r.Cluster.Region})
		}
	}
	return all
}

// any reports whether one of the requests is such.
func (in *incoming) any(such func(backup.Request) bool) bool {
	return slices.ContainsFunc(in.Requests, such)
}

// single reports whether the event names one cluster alone, so that the lines need not name it.
func (in *incoming) single() bool { return len(in.Requests) == 1 && in.Requests[0].Selector == nil }

// describe says what the event is and what was read from it, a line each.
func (in *incoming) describe() (lines []string) {
	const most = 5
	for i, r := range in.Requests {
		if i == most {
			lines = append(lines, fmt.Sprintf("… and %d more", len(in.Requests)-most))
			break
		}
		lines = append(lines, line(r))
	}
	switch {
	case in.err != nil:
		lines = append(lines, "none, because the event is wrong; the answer says why")
	case in.Drill:
		lines = append(lines, "Drill: a test alarm, and nothing else")
	case in.WrongCount > 0:
		lines = append(lines, fmt.Sprintf("%d of %d items cannot be carried out; the answer says why", in.WrongCount, in.Items))
	case len(in.Requests) == 0:
		lines = append(lines, "none: the event reports the function's own work")
	}
	for _, w := range in.Warnings {
		lines = append(lines, "Warning: "+w)
	}
	return lines
}

// line is a request in the names of its fields.
func line(r backup.Request) string {
	text := fmt.Sprintf("%s %s", r.Action, r.Cluster)
	if s := r.Selector; s != nil {
		text = fmt.Sprintf("%s each cluster of %s", r.Action, strings.Join(s.Regions, ", "))
		for name, tags := range map[string]map[string]string{"Tags": s.Tags, "NotTags": s.NotTags} {
			if written, _ := json.Marshal(tags); len(tags) > 0 {
				text += fmt.Sprintf(" with %s %s", name, written)
			}
		}
		if s.ResourceGroupID != "" {
			text += " in " + s.ResourceGroupID
		}
	}
	if r.Action == backup.ActionEnsure {
		text += fmt.Sprintf(", WaitFor %s", r.WaitFor)
	}
	return text + ", NotBefore " + r.NotBefore.UTC().Format(time.RFC3339)
}
