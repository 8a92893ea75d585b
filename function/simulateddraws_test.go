package main

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/acs3"
	"adb-backup/function/local/fakeadb"
)

const otherRegion = "cn-shanghai"

// place is a cluster in its region.
type place struct{ id, region string }

// cloud is what a seed's AnalyticDB is like, and what happens there by itself.
type cloud struct {
	fakeadb.Options
	settle time.Duration // ADB_SETTLE_TIME
	faulty float64       // the share of calls that a fault strikes
	places []place       // the clusters that events name
}

// passing are the errors of a cluster that takes no backup for now.
var passing = []*fakeadb.Error{
	fakeadb.ErrBackupExists, fakeadb.ErrClusterBusy,
	{Status: http.StatusBadRequest, Code: "IncorrectDBInstanceState", Message: "The cluster is not ready."},
	{Status: http.StatusForbidden, Code: "IncorrectTaskStatus", Message: "A task is running."},
	{Status: http.StatusBadRequest, Code: "ACS.Cluster.InvalidWorkerState", Message: "The workers are not ready."},
	{Status: http.StatusForbidden, Code: "OperationDenied.OrderProcessing", Message: "An order is being processed."},
}

// unknownWord is one that the function takes neither for complete nor for failed.
const unknownWord = "Vaulted"

func (c *cloud) wordsKnown() bool { return c.Words[fakeadb.Completed] != unknownWord }

func drawCloud(d dice) *cloud {
	c := &cloud{faulty: pick(d, 0, 0.1, 0.3, 0.6)}
	c.settle = pick(d, 2*time.Minute, 2*time.Minute, 20*time.Second)
	c.Takes = pick(d, time.Second, 30*time.Second, time.Minute, 12*time.Minute, 40*time.Minute)
	c.HideRunning = d.oneIn(2)
	c.ListedAfter = pick(d, 0, 0, 2*time.Second, 30*time.Second, time.Minute)
	if c.settle < 2*time.Minute {
		c.ListedAfter /= 6
	}
	if d.oneIn(2) {
		c.Overlap = pick(d, passing...)
	}
	c.Skew = pick(d, 0, 0, 0, -time.Second, time.Second, -4*time.Second, 4*time.Second, -40*time.Second, 40*time.Second)
	if d.oneIn(10) {
		c.FalseZone = 8 * time.Hour
	}
	if d.oneIn(25) {
		c.Denied = []fakeadb.Denial{{Action: "DescribeBackups"}}
	}
	c.Layout = []string{fakeadb.Minutes, fakeadb.Seconds}[d.IntN(2)]
	c.Words = pick(d, fakeadb.Words{}, fakeadb.Words{}, fakeadb.Words{fakeadb.Running: "Backuping", fakeadb.Completed: "Finished", fakeadb.Failed: "Failure"})
	if d.oneIn(15) {
		c.Words[fakeadb.Completed] = unknownWord
	}
	c.Latency = pick(d, 0, 30*time.Millisecond, 2*time.Second)
	c.Rate = pick(d, 0, 0, 5.0)
	c.Burst = 1 + d.IntN(5)
	if d.oneIn(10) {
		c.Ends = fakeadb.Failed
	}
	c.places = []place{{cluster, region}}
	for i := range d.IntN(4) {
		c.places = append(c.places, place{fmt.Sprintf("amv-sim%d", i), pick(d, region, region, otherRegion)})
	}
	if d.oneIn(6) {
		c.Busy = []fakeadb.Busy{{Cluster: c.places[0].id, Until: time.Now().Add(d.upTo(30 * time.Minute)), Error: pick(d, passing...)}}
	}
	return c
}

// chance are random numbers for one call, whatever the order of those that come at the same instant.
func (h *history) chance(what, call string) dice {
	h.mu.Lock()
	h.nth[what+call]++
	n := h.nth[what+call]
	h.mu.Unlock()
	which := fnv.New64a()
	fmt.Fprint(which, what, call, n)
	return newDice(h.seed, which.Sum64())
}

// callOf names a call by its attempt, cluster and action.
func callOf(r *http.Request) string {
	name := r.URL.Query().Get("DBClusterId") + r.URL.Query().Get("RegionId")
	for _, header := range []string{"x-acs-accesskey-id", "x-acs-action"} { // as the SDK writes them
		name += r.Header[header][0]
	}
	return name
}

// dial says now and then that the connection cannot be opened.
func (h *history) dial(r *http.Request) error {
	d := h.chance("dial", callOf(r))
	if d.Float64() >= h.cloud.faulty/4 {
		return nil
	}
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.GetConn(r.URL.Host)
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: pick[error](d, syscall.ECONNREFUSED, &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true})}
}

// fault strikes a call now and then.
func (h *history) fault(c fakeadb.Call) fakeadb.Fault {
	d := h.chance("fault", fmt.Sprint(c.KeyID, c.Cluster, c.Region, c.Action))
	if d.Float64() >= h.cloud.faulty {
		return fakeadb.Fault{}
	}
	if d.oneIn(6) { // it certainly has no effect
		return pick(d, fakeadb.Throttled(0), fakeadb.Throttled(3*time.Second), fakeadb.Refused(&fakeadb.Error{Status: 429, Code: "Throttling.Other"}))
	}
	f := pick(d, fakeadb.Refused(&fakeadb.Error{Status: 500, Code: "InternalError"}), fakeadb.Refused(fakeadb.ErrUnavailable), fakeadb.Refused(acs3.ErrNonceUsed),
		answered(502, "<html>"), answered(408, ""), answered(200, ""), answered(200, "{}"), answered(200, `{"RequestId":"5B`),
		answered(http.StatusSwitchingProtocols, ""), answered(302, ""), fakeadb.Broken,
		fakeadb.Fault{Delay: 15 * time.Second}, fakeadb.Fault{Delay: 4 * time.Second}, fakeadb.Fault{Delay: time.Hour})
	if d.oneIn(2) {
		f = f.AfterEffect()
	}
	return f
}

// answered is what lies between the function and the service, and answers in its place: a gateway, a proxy.
func answered(status int, body string) fakeadb.Fault {
	return fakeadb.Fault{Name: fmt.Sprint(status, body), Answer: func(*fakeadb.Call) fakeadb.Answer {
		return fakeadb.Answer{Status: status, Header: map[string]string{"Location": "https://elsewhere.example/"}, Body: body}
	}}
}

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
