package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// gateRequest is a request with the same NotBefore however often it is sent. Otherwise each question would ask for a backup
// younger than itself, and create one.
type gateRequest struct {
	fields    map[string]json.RawMessage
	notBefore time.Time // zero: the request goes out as it is
}

// readRequest reads a request or a bare cluster id. What it cannot read in a request stays as it is: the function will name
// the fault. It refuses an event that wraps a request (a timer's, a CloudEvent), because that has a time of its own, long past.
func readRequest(payload []byte, start time.Time) (gateRequest, error) {
	id := strings.TrimSpace(string(payload))
	json.Unmarshal([]byte(id), &id) // a JSON string; anything else leaves id as it is
	if backup.CheckClusterID(id) == nil {
		payload, _ = json.Marshal(map[string]string{"DBClusterId": id})
	}
	var g gateRequest
	if err := json.Unmarshal(payload, &g.fields); err != nil || g.fields == nil {
		return g, wrong("the gate sends a request, such as events/request.json, or a bare cluster id; this is neither")
	}
	for _, name := range []string{"specversion", "triggerTime", "triggerName"} {
		if _, ok := g.field(name); ok {
			return g, wrong("the gate sends a request, such as events/request.json; this is an event (%s): put the request in it into a file", name)
		}
	}
	notBefore, hasNotBefore := g.field("NotBefore")
	maxAge, hasMaxAge := g.field("MaxAge")
	action, _ := g.field("Action")
	switch {
	case hasNotBefore && hasMaxAge: // the function refuses this
	case hasNotBefore:
		g.notBefore, _ = time.Parse(time.RFC3339, notBefore)
	case hasMaxAge:
		if age, err := time.ParseDuration(maxAge); err == nil {
			g.drop("MaxAge")
			g.notBefore = start.Add(-age)
		}
	case strings.EqualFold(action, "Verify"): // the function refuses a Verify that does not say how old a backup may be
	default:
		g.notBefore = start
	}
	return g, nil
}

// payload returns the request as it is sent. again says that an earlier question may have created the backup.
func (g gateRequest) payload(again bool) []byte {
	if !g.notBefore.IsZero() {
		g.drop("NotBefore")
		t := g.notBefore.UTC().Truncate(time.Second)
		if again {
			// The service may list minutes, and clocks differ. The function allows this minute to a second delivery, too.
			t = t.Add(-backup.ClockSkew)
		}
		g.fields["NotBefore"], _ = json.Marshal(t)
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.Encode(g.fields) // cannot fail: all of it was read as JSON
	return b.Bytes()
}

// field returns a field's value. It ignores case, as the function does. A value that is not a string is returned as JSON.
func (g gateRequest) field(name string) (string, bool) {
	for k, v := range g.fields {
		if strings.EqualFold(k, name) {
			s := string(v)
			json.Unmarshal(v, &s)
			return s, true
		}
	}
	return "", false
}

func (g gateRequest) drop(name string) {
	for k := range g.fields {
		if strings.EqualFold(k, name) {
			delete(g.fields, k)
		}
	}
}
