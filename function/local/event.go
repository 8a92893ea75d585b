package main

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/local/fakefc"
)

// incoming is the event as it goes to the function, and as it is read here, by the function's own decoder.
type incoming struct {
	payload  []byte
	source   string // where it is from
	replaced string // the time in the file that now replaces; empty: none
	event    events.Event
	err      error // why it cannot be understood
}

// receive takes the event from the command line, or from the scenario if that has one.
func receive(o options, scenarios string) (in incoming, err error) {
	in.source, in.payload = "the fault's own", []byte(scenarios)
	if scenarios == "" {
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
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder; %s", name, listed(samplesIn(name)))
	}
	payload, err := os.ReadFile(name)
	wrong := backup.CheckClusterID(name)
	switch {
	case err == nil:
		return payload, nil
	case wrong == nil:
		return []byte(name), nil
	case !errors.Is(err, os.ErrNotExist):
		return nil, fmt.Errorf("the event cannot be read: %w", err)
	case idsIn(name) != nil:
		return nil, fmt.Errorf("%s; put that into a file, and name the file here", severalIDs(idsIn(name)))
	}
	samples := samplesIn("events")
	if meant := events.Nearest(filepath.Base(name), baseNames(samples)); meant != "" {
		return nil, fmt.Errorf("there is no file %s; did you mean events/%s?", name, meant)
	}
	return nil, fmt.Errorf("there is no file %s, and %w; %s", name, wrong, listed(samples))
}

// samplesIn are the files of a folder that may be events.
func samplesIn(folder string) []string {
	samples, _ := filepath.Glob(filepath.Join(folder, "*.json"))
	texts, _ := filepath.Glob(filepath.Join(folder, "*.txt"))
	return append(samples, texts...)
}

func listed(samples []string) string {
	if len(samples) == 0 {
		return "it holds no event"
	}
	return "the samples are\n  " + strings.Join(samples, "\n  ")
}

func baseNames(paths []string) []string {
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(p)
	}
	return names
}

// idsIn are the cluster ids of a text that is a list of several and nothing else; else nil.
func idsIn(text string) []string {
	ids := strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(", ;\t\r\n\"'", r) })
	if len(ids) < 2 || slices.ContainsFunc(ids, func(id string) bool { return backup.CheckClusterID(id) != nil }) {
		return nil
	}
	return ids
}

func severalIDs(ids []string) string {
	request, _ := json.Marshal(map[string][]string{"DBClusterIds": ids})
	return fmt.Sprintf("%d cluster ids; a request for several clusters is %s", len(ids), request)
}

var (
	comment = regexp.MustCompile(`(?m)^\s*(//|#|/\*)|,\s*(//|#|/\*)`)
	yaml    = regexp.MustCompile(`^(---|- |[A-Za-z][A-Za-z0-9_]*:(\s|$))`)
)

// seemsToBe says what a payload is that is not an event, as far as its form shows.
func seemsToBe(payload []byte) string {
	text := strings.TrimSpace(string(payload))
	switch ids := idsIn(text); {
	case text == "":
		return "an empty file"
	case ids != nil:
		return severalIDs(ids)
	case json.Valid(payload):
		return "JSON that is not an event"
	case bytes.ContainsAny(payload, "{[") && comment.MatchString(text):
		return "JSON with a comment, which JSON does not allow"
	case yaml.MatchString(text):
		return "YAML, while an event is JSON"
	case strings.HasPrefix(text, "{") || strings.HasPrefix(text, "["):
		return "JSON with a mistake in it"
	}
	return "not an event"
}

// freshen gives a timer's event, a CloudEvent, or an array of them the time now: a sample's own is long past, and would make
// it a redelivery. It returns the first time replaced; empty: none was.
func freshen(payload []byte, now time.Time) (fresh []byte, replaced string) {
	var items []json.RawMessage
	if json.Unmarshal(payload, &items) == nil {
		return freshenItems(payload, items, now)
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

// freshenItems freshens an array. An item may be a string that holds an event.
func freshenItems(payload []byte, items []json.RawMessage, now time.Time) (fresh []byte, replaced string) {
	for i, item := range items {
		var text, old string
		if json.Unmarshal(item, &text) == nil {
			var inner []byte
			inner, old = freshen([]byte(text), now)
			items[i], _ = json.Marshal(string(inner))
		} else {
			items[i], old = freshen(item, now)
		}
		replaced = cmp.Or(replaced, old)
	}
	if replaced == "" {
		return payload, ""
	}
	fresh, _ = json.Marshal(items)
	return fresh, replaced
}

var kinds = map[string]string{
	"timer":                 "a timer's event",
	"eventbridge":           "a CloudEvent",
	"eventbridge-streaming": "an array of EventBridge",
	"direct":                "a direct request",
}

// decode reads the event as the function will: this is for the screen alone, and the payload goes on untouched.
func (in *incoming) decode(inv fakefc.Invocation, env []string) {
	clusters := strings.FieldsFunc(environment(env)["ADB_DEFAULT_CLUSTERS"], func(r rune) bool { return r == ',' || r == ' ' })
	in.event, in.err = events.Decode(in.payload, events.Invocation{
		RequestID: fakefc.NewRequestID(time.Now()), Timeout: inv.Timeout, Region: inv.Region, Received: time.Now(), DefaultClusters: clusters,
	})
}

// describe shows what the event is and what was read from it.
func (in *incoming) describe(s *screen) {
	kind := kinds[in.event.Trigger]
	if kind == "" || in.err != nil && !json.Valid(in.payload) {
		kind = seemsToBe(in.payload)
	}
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
	for i, r := range in.event.Requests {
		if i == most {
			s.field("", fmt.Sprintf("… and %d more", len(in.event.Requests)-most))
			break
		}
		s.field(label, sentence(r))
		label = ""
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

func tagsInWords(tags map[string]string, and string) string {
	var words []string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		words = append(words, key+"="+tags[key])
	}
	return strings.Join(words, and)
}
