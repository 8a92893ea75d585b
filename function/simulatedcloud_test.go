package main

import (
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"net/http/httptrace"
	"syscall"
	"time"

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
