package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/local/fakefc"
)

// incoming is the event as it goes to the function, and what the function's own decoder reads in it.
type incoming struct {
	payload  []byte
	source   string // the file, the cluster id, or the fault
	replaced string // the time in the file, in place of which the event has the time now; empty: none
	event    events.Event
	err      error // why the event is wrong
}

// receive takes the event of the scenario, or if it has none that of the command line.
func receive(o options, scenarioPayload string) (in incoming, err error) {
	in.source, in.payload = "the fault's own", []byte(scenarioPayload)
	if scenarioPayload == "" {
		in.source = o.event
		if in.payload, err = readEvent(o.event); err != nil {
			return in, err
		}
	}
	if !o.asIs {
		in.payload, in.replaced = freshen(in.payload, time.Now())
	}
	return in, nil
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
		return nil, fmt.Errorf("the event cannot be read: %w", err)
	}
	samples, _ := filepath.Glob("events/*.json")
	if meant := events.Nearest(filepath.Join("events", filepath.Base(name)), samples); meant != "" {
		return nil, fmt.Errorf("there is no file %s; did you mean %s?", name, meant)
	}
	return nil, fmt.Errorf("there is no file %s, and %w; the samples are\n  %s", name, notID, strings.Join(samples, "\n  "))
}

// freshen gives a timer's event, a CloudEvent, or an array of them the time now: a sample's own is long past, and would make
// it a redelivery. It returns the first time that it replaced; empty: none.
func freshen(payload []byte, now time.Time) (fresh []byte, replaced string) {
	var text string
	var items []json.RawMessage
	var fields map[string]json.RawMessage
	switch {
	case json.Unmarshal(payload, &text) == nil: // an item of an array may be a string that holds an event
		fresh, replaced = freshen([]byte(text), now)
		fresh, _ = json.Marshal(string(fresh))
	case json.Unmarshal(payload, &items) == nil:
		for i, item := range items {
			var old string
			items[i], old = freshen(item, now)
			replaced = cmp.Or(replaced, old)
		}
		fresh, _ = json.Marshal(items)
	case json.Unmarshal(payload, &fields) == nil:
		key := "triggerTime"
		if fields["specversion"] != nil {
			key = "time"
		}
		json.Unmarshal(fields[key], &replaced)
		// Whole seconds, as a timer has them: the local list shows whole seconds, too.
		fields[key], _ = json.Marshal(now.UTC().Format(time.RFC3339))
		fresh, _ = json.Marshal(fields)
	}
	if replaced == "" {
		return payload, ""
	}
	return fresh, replaced
}

var kinds = map[string]string{
	"timer":                 "a timer's event",
	"eventbridge":           "a CloudEvent",
	"eventbridge-streaming": "EventBridge's array of events",
	"direct":                "a direct request",
}

// decode reads the event as the function will. This is only for the screen: the payload goes on as it is.
func (in *incoming) decode(inv fakefc.Invocation, env []string) {
	clusters := strings.FieldsFunc(environment(env)["ADB_DEFAULT_CLUSTERS"], func(r rune) bool { return r == ',' || r == ' ' })
	in.event, in.err = events.Decode(in.payload, events.Invocation{
		RequestID: fakefc.NewRequestID(time.Now()), Timeout: inv.Timeout, Region: inv.Region, Received: time.Now(), DefaultClusters: clusters,
	})
}

// describe shows what the event is and what was read from it.
func (in *incoming) describe(s *screen) {
	kind := cmp.Or(kinds[in.event.Trigger], "not an event")
	if in.event.Items > 0 {
		kind += fmt.Sprintf(" (%d items)", in.event.Items)
	}
	if in.replaced != "" {
		kind += "; its time, " + in.replaced + ", is replaced by now"
	}
	s.field("Event", in.source+": "+kind)
	for _, w := range in.event.Warnings {
		s.field("", "Warning: "+w)
	}
	if in.err != nil {
		s.field("Request", "none, because the event is wrong; the answer says why")
		return
	}
	const most = 5
	label := "Request"
	for _, r := range in.event.Requests[:min(most, len(in.event.Requests))] {
		s.field(label, sentence(r))
		label = ""
	}
	if more := len(in.event.Requests) - most; more > 0 {
		s.field("", fmt.Sprintf("… and %d more", more))
	}
	if wrong := len(in.event.Wrong); wrong > 0 {
		s.field(label, count(wrong, "item")+" cannot be carried out; the answer says why")
	} else if len(in.event.Requests) == 0 {
		s.field("Request", "none: it only reports the function's own work")
	}
}

// sentence puts a request into words.
func sentence(r backup.Request) string {
	which := fmt.Sprint(r.Cluster)
	if r.Selector != nil {
		which = selected(*r.Selector)
	}
	since := r.NotBefore.UTC().Format("2006-01-02 15:04:05Z")
	if r.Action == backup.ActionVerify {
		return fmt.Sprintf("Verify that %s has a completed backup not older than %s", which, since)
	}
	wait := map[backup.WaitFor]string{
		backup.WaitRequested:  "answer when it is requested",
		backup.WaitCompleted:  "wait until it is complete",
		backup.WaitDDLAllowed: "wait until DDL is allowed again",
	}[r.WaitFor]
	return fmt.Sprintf("Ensure that %s has a backup not older than %s; %s", which, since, wait)
}

// selected puts a selector into words.
func selected(s backup.Selector) string {
	which := "each cluster of " + strings.Join(s.Regions, ", ")
	if s.ResourceGroupID != "" {
		which += " in " + s.ResourceGroupID
	}
	if len(s.Tags) > 0 {
		which += " with the tag " + tagsInWords(s.Tags, " and ")
	}
	if len(s.NotTags) > 0 {
		which += " without the tag " + tagsInWords(s.NotTags, " or ")
	}
	return which
}

func tagsInWords(tags map[string]string, separator string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		words = append(words, key+"="+tags[key])
	}
	return strings.Join(words, separator)
}
