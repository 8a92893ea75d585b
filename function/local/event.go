package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/config"
	"adb-backup/function/local/fakefc"
)

// incoming is the event as it goes to the function, and what the function's own decoder reads in it, for the screen.
type incoming struct {
	name    string // of its file, or a cluster id
	payload []byte
	events.Event
	err error // why the event is wrong
}

// readEvent reads an event's file, or takes a cluster id as a direct request for it.
func readEvent(name string) (in incoming, err error) {
	in.name = name
	file, err := os.ReadFile(name)
	notID := backup.CheckClusterID(name)
	switch {
	case err == nil:
		in.payload = freshen(file, time.Now())
		return in, nil
	case notID == nil:
		in.payload = []byte(name)
		return in, nil
	case !errors.Is(err, os.ErrNotExist):
		return in, wrong("the event cannot be read: %w", err)
	}
	samples, _ := filepath.Glob("events/*.json")
	return in, wrong("there is no file %s, and %w; the samples are\n  %s", name, notID, strings.Join(samples, "\n  "))
}

// eventTime is the time of a timer's event, of a CloudEvent or of a request, also in a string that holds such an event.
var eventTime = regexp.MustCompile(`(\\?"(?:triggerTime|time|NotBefore)\\?"\s*:\s*\\?")(\d[^"\\]*)`)

// freshen gives an event the time now. A sample's own time is long past, and would make it a redelivery. It writes whole seconds, as
// the local list does.
func freshen(payload []byte, now time.Time) []byte {
	return eventTime.ReplaceAll(payload, []byte("${1}"+now.UTC().Format(time.RFC3339)))
}

// decode reads the event as the function with these settings will. This is only for the screen: the payload goes on as it is.
func (in *incoming) decode(env []string, inv fakefc.Invocation) {
	now := time.Now()
	in.Event, in.err = events.Decode(in.payload, events.Invocation{
		RequestID: fakefc.NewRequestID(now), Timeout: inv.Timeout, Region: inv.Region, Received: now,
		DefaultClusters: config.Words(streams{environ: env}.getenv("ADB_DEFAULT_CLUSTERS")),
	})
}

// unset is a field of a selector in JSON that chooses nothing.
var unset = regexp.MustCompile(`,"\w+":(null|{}|""|false)`)

// describe says what was read from the event, a line for each request, in the names of its fields.
func (in *incoming) describe() string {
	switch {
	case in.Drill:
		return "Drill: a test alarm, and nothing else"
	case len(in.Requests) == 0:
		return "none: the event is wrong, or reports the function's own work; the answer says which"
	}
	var lines []string
	for _, r := range in.Requests {
		target := r.Cluster.String()
		if r.Selector != nil {
			chosen, _ := json.Marshal(r.Selector)
			target = "each cluster of " + strings.ReplaceAll(unset.ReplaceAllString(string(chosen), ""), ",", ", ")
		}
		if isEnsure(r) {
			target += fmt.Sprintf(", WaitFor %s", r.WaitFor)
		}
		lines = append(lines, fmt.Sprintf("%s %s, NotBefore %s", r.Action, target, r.NotBefore.UTC().Format(time.RFC3339)))
	}
	return strings.Join(lines, "\n")
}
