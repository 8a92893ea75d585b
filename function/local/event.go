package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
)

// delivered is the event as it goes to the function, and as it is read here, by the function's own decoder.
type delivered struct {
	payload  []byte
	source   string // where it is from
	replaced string // the time in the file that was replaced by now; empty: none was
	event    events.Event
	err      error // why it cannot be understood
}

// readEvent reads an event's file, or takes a cluster id as a direct request for it.
func readEvent(name string) ([]byte, error) {
	payload, err := os.ReadFile(name)
	switch {
	case err == nil:
		return payload, nil
	case backup.CheckClusterID(name) == nil:
		return []byte(name), nil
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("the event cannot be read: %w", err)
	}
	samples, _ := filepath.Glob("events/*.json")
	texts, _ := filepath.Glob("events/*.txt")
	samples = append(samples, texts...)
	return nil, fmt.Errorf("there is no file %s, and %w; the samples are\n  %s", name, backup.CheckClusterID(name), strings.Join(samples, "\n  "))
}

// freshen gives a timer's event, a CloudEvent, or an array of them the time now: a sample's own is long past, and would make
// it a redelivery. It returns the first time replaced.
func freshen(payload []byte, now time.Time) (fresh []byte, replaced string) {
	var items []json.RawMessage
	if json.Unmarshal(payload, &items) == nil {
		for i, item := range items {
			var text string
			var old string
			if json.Unmarshal(item, &text) == nil { // an item may be a string that holds one
				var inner []byte
				inner, old = freshen([]byte(text), now)
				items[i], _ = json.Marshal(string(inner))
			} else {
				items[i], old = freshen(item, now)
			}
			if replaced == "" {
				replaced = old
			}
		}
		if replaced == "" {
			return payload, ""
		}
		fresh, _ = json.Marshal(items)
		return fresh, replaced
	}
	var fields map[string]json.RawMessage
	if json.Unmarshal(payload, &fields) != nil {
		return payload, ""
	}
	key := "triggerTime"
	if _, is := fields["specversion"]; is {
		key = "time"
	}
	if json.Unmarshal(fields[key], &replaced) != nil {
		return payload, ""
	}
	// Whole seconds, as a timer has them: the local list shows whole seconds, too.
	fields[key], _ = json.Marshal(now.UTC().Format("2006-01-02T15:04:05Z"))
	fresh, _ = json.Marshal(fields)
	return fresh, replaced
}

var kinds = map[string]string{
	"timer":                 "a timer's event",
	"eventbridge":           "a CloudEvent",
	"eventbridge-streaming": "an array of EventBridge",
	"direct":                "a direct request",
	"":                      "an event that is none",
}

// describe tells what the event is and what was read from it.
func (d *delivered) describe(s *screen) {
	kind := kinds[d.event.Trigger]
	if d.event.Items > 0 {
		kind += fmt.Sprintf(" (%d items)", d.event.Items)
	}
	if d.replaced != "" {
		kind += "; its time, " + d.replaced + ", is replaced by now"
	}
	s.field("Event", d.source+": "+kind)
	for _, w := range d.event.Warnings {
		s.field("", "Warning: "+w)
	}
	if d.err != nil {
		s.field("Request", "none: "+d.err.Error())
		return
	}
	const most = 5
	for i, r := range d.event.Requests {
		if i == most {
			s.field("", fmt.Sprintf("… and %d more", len(d.event.Requests)-most))
			break
		}
		label := ""
		if i == 0 {
			label = "Request"
		}
		s.field(label, sentence(r))
	}
	for _, w := range d.event.Wrong {
		s.field("", fmt.Sprintf("item %d is wrong: %v", w.Position, w.Err))
	}
	if len(d.event.Requests) == 0 && len(d.event.Wrong) == 0 {
		s.field("Request", "none: it only reports the function's own work")
	}
}

// sentence tells a request in words.
func sentence(r backup.Request) string {
	since := r.NotBefore.UTC().Format("2006-01-02 15:04:05Z")
	if r.Action == backup.ActionVerify {
		return fmt.Sprintf("Verify that %v has a completed backup not older than %s", r.Cluster, since)
	}
	wait := map[backup.WaitFor]string{
		backup.WaitRequested:  "answer when it is requested",
		backup.WaitCompleted:  "wait until it is complete",
		backup.WaitDDLAllowed: "wait until DDL is allowed again",
	}[r.WaitFor]
	return fmt.Sprintf("Ensure that %v has a backup not older than %s; %s", r.Cluster, since, wait)
}
