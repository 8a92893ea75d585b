package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
)

// message is what goes to the function, and what the function will read in it.
type message struct {
	payload []byte // as it is sent
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
	text = string(payload)
	json.Unmarshal(payload, &text) // a request may be written in quotes; what is not in quotes stays as it is
	if text = strings.TrimSpace(text); backup.CheckClusterID(text) == nil {
		text = `{"DBClusterId":"` + text + `"}`
	}
	if strings.HasPrefix(text, "{") && strings.Contains(text, ":") { // {} names no cluster, whatever the flags are
		for name, value := range with { // a field that is there already then stands there twice, which is a fault
			if value != "" {
				text = fmt.Sprintf("{%q:%q,%s", name, value, text[1:])
			}
		}
		payload = []byte(text)
	}
	as := events.Invocation{Region: region, Received: m.read, Timeout: time.Hour, DefaultClusters: []string{ownCluster}}
	m.event, err = events.Decode(payload, as)
	if err == nil && m.event.Trigger == "direct" && !m.event.Drill {
		err = json.Unmarshal(payload, &m.request)
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

// within returns what is sent so that the function answers earlier than after patience: Function Compute stops it when its caller
// leaves. A shorter WaitAtMost of the request is kept.
func (m message) within(patience time.Duration) message {
	if m.request == nil {
		return m
	}
	f := *m.request
	most := (patience - min(15*time.Second, patience/2)).Round(time.Millisecond)
	if own := m.event.Requests[0].WaitAtMost; own == 0 || own > most {
		f.WaitAtMost = most.String()
	}
	m.payload, _ = json.Marshal(f) // cannot fail: all of it was read as JSON
	return m
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

// answer is the function's answer, as far as it proves something.
type answer struct {
	Action  backup.Action
	Status  backup.Status
	Backups []result

	ErrorType, ErrorMessage json.RawMessage // of a failure, whatever they hold
}

// result is what an answer says of a cluster.
type result struct {
	DBClusterId string
	Status      backup.Status
}

// far orders the statuses of a success. What is none of them is 0.
var far = map[backup.Status]int{backup.StatusRequested: 1, backup.StatusRunning: 2, backup.StatusCompleted: 3}

// needed returns how far a cluster must be for a request to be fulfilled.
func needed(r backup.Request) int {
	if r.Action == backup.ActionVerify || r.WaitFor >= backup.WaitCompleted {
		return far[backup.StatusCompleted]
	}
	return far[backup.StatusRequested]
}

// proves returns why a text is not the answer that an event asks for, and nil only if it is. Only that makes a gate pass: a
// function of another name, or another product's, succeeds as well.
func proves(event events.Event, text string) error {
	var a answer
	if err := json.Unmarshal([]byte(text), &a); err != nil || text[0] != '{' {
		return errors.New("it is not the object that adb-backup answers with")
	}
	alone := answer{Status: "Ignored"} // to an event that only reports the function's own work
	if event.Drill {
		alone = answer{Action: "Drill", Status: "Delivered"}
	}
	switch {
	case a.ErrorType != nil || a.ErrorMessage != nil:
		return errors.New("it is a failure without an errorType that can be read")
	case event.WrongCount > 0:
		return fmt.Errorf("%d of the event's items are wrong, and it does not say so", event.WrongCount)
	case len(event.Requests) > 0:
		return provesBackups(event, a)
	case a.Action != alone.Action || a.Status != alone.Status || len(a.Backups) > 0:
		return fmt.Errorf("its Action is %q and its Status %q, not %q and %q", a.Action, a.Status, alone.Action, alone.Status)
	}
	return nil
}

// provesBackups takes a cluster of the answer for each request, and all that it needs of the others is that they are far enough.
// Only the function knows which clusters a selector chose, so of those there must be one at least.
func provesBackups(event events.Event, a answer) error {
	switch {
	case a.Action != event.Action():
		return fmt.Errorf("its Action is %q, not %s", a.Action, event.Action())
	case len(a.Backups) == 0:
		return errors.New("it names no backup")
	}
	least := far[backup.StatusCompleted]
	for _, b := range a.Backups {
		if far[b.Status] == 0 {
			return fmt.Errorf("the Status of %q is %q", b.DBClusterId, b.Status)
		}
		least = min(least, far[b.Status])
	}
	if far[a.Status] != least {
		return fmt.Errorf("its Status is %q, which is not that of the cluster least far along", a.Status)
	}
	// A cluster has an entry for each action that was asked of it. The request that needs most is the first to choose.
	requests := slices.SortedStableFunc(slices.Values(event.Requests), func(a, b backup.Request) int { return needed(b) - needed(a) })
	for _, r := range requests {
		if r.Selector != nil || r.Cluster.ID == ownCluster {
			continue
		}
		i := slices.IndexFunc(a.Backups, func(b result) bool { return b.DBClusterId == r.Cluster.ID && far[b.Status] >= needed(r) })
		if i < 0 {
			return fmt.Errorf("it does not say that %s is as far as was asked", r.Cluster.ID)
		}
		a.Backups = slices.Delete(a.Backups, i, i+1)
	}
	if least < needed(requests[len(requests)-1]) {
		return fmt.Errorf("its Status is %q, and more was asked", a.Status)
	}
	return nil
}
