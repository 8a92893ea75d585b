package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
)

// message is what goes to the function, and what the function will read in it.
type message struct {
	payload []byte // as it was given
	event   events.Event
	request *fields   // nil: it is an event or a drill, which is sent as it is
	read    time.Time // when a request without a time asks for a backup from now on
}

// fields are those of a request, as they were written. Their names are read without regard to case, as the function does it.
type fields struct {
	Action, DBClusterId, DBClusterIds, DBClusterSelector, RegionId, RegionIds, WaitFor, WaitAtMost, MaxAge, NotBefore any `json:",omitempty"`
}

// ownCluster stands for the clusters of ADB_DEFAULT_CLUSTERS, which only the function knows.
const ownCluster = "am-ofthefunctionsown"

// readMessage reads a cluster id, a request or an event: the text itself, or the file that it names. with holds fields that go
// into the request, as flags give them.
func readMessage(text, region string, with map[string]string) (message, error) {
	payload, err := readText(text)
	if err != nil {
		return message{}, err
	}
	m := message{payload: payload, read: time.Now()}
	as := events.Invocation{Region: region, Received: m.read, Timeout: time.Hour, DefaultClusters: []string{ownCluster}}
	m.event, err = events.Decode(payload, as)
	if object := requestObject(payload); object != nil && m.event.Trigger == "direct" {
		m.payload = withFields(object, with)
		if m.event, err = events.Decode(m.payload, as); err == nil && !m.event.Drill {
			err = json.Unmarshal(m.payload, &m.request)
		}
	}
	if err != nil {
		return m, wrong("the function would refuse this: %w; nothing was called", err)
	}
	return m, nil
}

// readText returns the content of the file that a text names, else the text, if it can be an id, a request or an event.
func readText(text string) ([]byte, error) {
	if text = strings.TrimSpace(text); text == "" {
		return nil, wrong("what is to be sent? Give a cluster id, a file such as events/request.json, or a request (with make: EVENT=)")
	}
	content, err := os.ReadFile(text)
	id := backup.CheckClusterID(text)
	switch {
	case err == nil:
		return bytes.TrimPrefix(content, []byte("\ufeff")), nil
	case id == nil, strings.ContainsAny(text[:1], `{["`):
		return []byte(text), nil
	case strings.HasPrefix(text, "am") && errors.Is(err, fs.ErrNotExist):
		return nil, wrong("there is no such file, and %w", id)
	}
	return nil, wrong("neither a cluster id nor a request nor a file that can be read: %w", err)
}

// requestObject returns a direct request as a JSON object. It may be written as a bare id, and either in quotes. It is nil for
// anything else.
func requestObject(payload []byte) []byte {
	text := string(payload)
	json.Unmarshal(payload, &text) // what is not in quotes stays as it is
	if text = strings.TrimSpace(text); backup.CheckClusterID(text) == nil {
		return []byte(`{"DBClusterId":"` + text + `"}`)
	}
	if !strings.HasPrefix(text, "{") {
		return nil
	}
	return []byte(text)
}

// withFields puts fields that are not empty before those of an object. A field that was there already then stands there twice,
// which is a fault that the function names.
func withFields(object []byte, fields map[string]string) []byte {
	for name, value := range fields {
		if value != "" {
			object = fmt.Appendf(nil, "{%q:%q,%s", name, value, object[1:])
		}
	}
	return object
}

// within returns what is sent so that the function answers earlier than after patience: Function Compute stops it when its caller
// leaves. A shorter WaitAtMost of the request is kept.
func (m message) within(patience time.Duration) []byte {
	if m.request == nil {
		return m.payload
	}
	f := *m.request
	most := (patience - min(15*time.Second, patience/2)).Round(time.Millisecond)
	if own := m.event.Requests[0].WaitAtMost; own == 0 || own > most {
		f.WaitAtMost = most.String()
	}
	payload, _ := json.Marshal(f) // cannot fail: all of it was read as JSON
	return payload
}

// fixed returns a request whose window does not move with the clock, so that asking again finds the backup that an earlier
// question made. again reports whether there was one: its backup may be listed to the minute, and clocks differ.
func (m message) fixed(again bool) message {
	f := *m.request
	if !again && (f.MaxAge != nil || f.NotBefore != nil) {
		return m
	}
	since := m.event.Requests[0].NotBefore
	if latest := m.read.Add(-backup.ClockSkew); again && since.After(latest) {
		since = latest
	}
	f.MaxAge, f.NotBefore = nil, since.UTC().Format(time.RFC3339)
	m.request = &f
	return m
}
