package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// trigger is how a simulated event comes.
type trigger int

const (
	byTimer trigger = iota
	byEventBridge
	direct
)

// simulatedEvent is an event of a history.
type simulatedEvent struct {
	n       int
	trigger trigger
	said    time.Time // the time that it carries: its sender's clock may be ahead
	ahead   time.Duration

	verify    bool
	waitFor   backup.WaitFor
	maxAge    time.Duration
	atMost    time.Duration // WaitAtMost; 0: not given
	notBefore time.Time     // as the request says; zero: it does not
	places    []place       // the clusters that it names
	text      string
}

func (h *history) drawEvent(n int) *simulatedEvent {
	d := h.dice
	e := &simulatedEvent{n: n, trigger: pick(d, byTimer, byTimer, byEventBridge, byEventBridge, direct), waitFor: backup.WaitFor(d.IntN(3))}
	if e.trigger == byEventBridge {
		e.ahead = pick(d, 0, 0, 0, 0, -3*time.Second, 2*time.Second, 40*time.Second)
	}
	e.said = time.Now().Add(e.ahead)
	request := map[string]any{}
	if e.verify = e.trigger != direct && d.oneIn(8); e.verify {
		request["Action"] = "Verify"
	} else {
		request["WaitFor"] = e.waitFor.String()
	}
	switch {
	case e.verify || d.oneIn(4):
		e.maxAge = time.Minute + d.upTo(time.Hour).Truncate(time.Second)
		request["MaxAge"] = e.maxAge.String()
	case d.oneIn(6):
		e.notBefore = time.Now().Add(d.upTo(20*time.Minute) - 15*time.Minute).UTC()
		request["NotBefore"] = e.notBefore.Format(time.RFC3339Nano)
	}
	if d.oneIn(5) {
		e.atMost = pick(d, 20*time.Second, 5*time.Minute)
		request["WaitAtMost"] = e.atMost.String()
	}
	in := pick(d, h.cloud.places...).region
	var ids []string
	for _, p := range h.cloud.places {
		if p.region == in && (len(ids) == 0 || d.oneIn(2)) {
			ids, e.places = append(ids, p.id), append(e.places, p)
		}
	}
	request["DBClusterIds"], request["RegionId"] = ids, in
	e.text = e.envelope(request)
	return e
}

// inFuture reports whether the event speaks of a time that had not come when it was sent.
func (e *simulatedEvent) inFuture() bool {
	return e.ahead > 0 || e.notBefore.After(e.said.Add(-e.ahead))
}

// envelope is a request as it comes.
func (e *simulatedEvent) envelope(fields map[string]any) string {
	text, _ := json.Marshal(fields)
	request := string(text)
	switch e.trigger {
	case byEventBridge:
		return fmt.Sprintf(`{"id":"%d","source":"acs.cr","specversion":"1.0","type":"cr:Artifact:PushCompleted","time":%q,"data":%s}`,
			e.n, e.said.UTC().Format(time.RFC3339Nano), request)
	case byTimer:
		return timerAt(e.said, request)
	}
	return request
}

// attempt is one delivery of an event to a process, and what became of it.
type attempt struct {
	*simulatedEvent
	process  int
	retry    int       // the platform's RetryCount
	first    time.Time // when the platform delivered it first
	at       time.Time
	key      string // its own credentials tell its calls apart
	id       string // the invocation's request id, the same for all retries
	answered time.Time
	killed   bool // with its process, so its answer reached nobody
	result
	entries []entry // of the report's line in the log, whether the whole succeeded or not
}

// label names the attempt: event, copy, retry.
func (a *attempt) label() string { return label(a.key) }

func label(key string) string { return strings.TrimPrefix(key, keyID) }

// meaning is what a delivery asks for, as the contract with users has it.
type meaning struct {
	notBefore time.Time
	known     bool // as a second delivery
	unlooked  bool // nothing can serve, so nobody looks
}

func (a *attempt) meaning() meaning {
	first, latest := a.at, a.at
	if a.retry > 0 { // the id's time is cut to seconds
		first = a.first.Truncate(time.Second)
		latest = first.Add(time.Second)
	}
	atMost := func(t time.Time) time.Time {
		if t.After(latest) {
			return first
		}
		return t
	}
	m := meaning{notBefore: first, known: a.retry > 0}
	if a.trigger != direct {
		m.notBefore = atMost(a.said)
		m.known = m.known || a.at.Sub(m.notBefore) > time.Minute
	}
	m.unlooked = a.trigger == direct && a.retry == 0 && !a.verify && a.waitFor == backup.WaitRequested && a.maxAge == 0 && a.notBefore.IsZero()
	m.notBefore = m.notBefore.Add(-a.maxAge)
	if !a.notBefore.IsZero() {
		m.notBefore = atMost(a.notBefore)
	}
	return m
}

// earliest is when a backup that this process made itself may have been requested at the earliest.
func (m meaning) earliest() time.Time {
	if m.known {
		return m.notBefore.Add(-time.Minute)
	}
	return m.notBefore
}
