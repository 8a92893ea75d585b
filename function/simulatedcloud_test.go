package main

import (
	"fmt"
	"net/http"
	"time"

	"adb-backup/function/local/fakeadb"
)

const otherRegion = "cn-shanghai"

// place is a cluster in its region.
type place struct{ id, region string }

// cloud is what a seed's AnalyticDB is like, and what happens there by itself.
type cloud struct {
	fakeadb.Options
	settle    time.Duration // ADB_SETTLE_TIME
	faulty    float64       // the share of calls that a fault strikes
	places    []place       // the clusters that events name
	outage    outage
	vanishing []time.Duration
	scheduled []scheduledBackup
}

// outage is a while in which calls do not get through.
type outage struct {
	action      string // empty: any
	throttled   bool   // otherwise the connection cannot be opened
	from, until time.Time
}

func (o outage) strikes(action string) bool {
	return (o.action == "" || o.action == action) && !time.Now().Before(o.from) && time.Now().Before(o.until)
}

// scheduledBackup is one that the cluster's own schedule makes.
type scheduledBackup struct {
	place
	after, takes time.Duration
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
	c.drawLists(d)
	c.drawTraffic(d)
	if d.oneIn(10) {
		c.Ends = fakeadb.Failed
	}
	c.places = []place{{cluster, region}}
	for i := range d.IntN(4) {
		c.places = append(c.places, place{fmt.Sprintf("amv-sim%d", i), pick(d, region, region, otherRegion)})
	}
	c.drawOwnBackups(d)
	if d.oneIn(6) {
		c.Busy = []fakeadb.Busy{{Cluster: c.places[0].id, Until: time.Now().Add(d.upTo(30 * time.Minute)), Error: pick(d, passing...)}}
	}
	return c
}

// drawLists draws the form of the lists.
func (c *cloud) drawLists(d dice) {
	c.Layout = []string{fakeadb.Minutes, fakeadb.Seconds}[d.IntN(2)]
	c.PageCap = pick(d, 0, 0, 1, 2)
	c.Words = pick(d, fakeadb.Words{}, fakeadb.Words{}, fakeadb.Words{fakeadb.Running: "Backuping", fakeadb.Completed: "Finished", fakeadb.Failed: "Failure"})
	if d.oneIn(15) {
		c.Words[fakeadb.Completed] = unknownWord
	}
}

// drawTraffic draws how fast and how willingly calls are served.
func (c *cloud) drawTraffic(d dice) {
	c.Latency = pick(d, 0, 30*time.Millisecond, 2*time.Second)
	c.Rate = pick(d, 0, 0, 5.0)
	c.Burst = 1 + d.IntN(5)
	if d.oneIn(6) {
		c.outage = outage{action: pick(d, "", "CreateBackup"), throttled: d.oneIn(2), from: time.Now().Add(d.upTo(5*time.Minute) - 3*time.Minute)}
		c.outage.until = c.outage.from.Add(d.upTo(15 * time.Minute))
	}
}

// drawOwnBackups draws what the clusters' own schedules do, and which backups vanish.
func (c *cloud) drawOwnBackups(d dice) {
	if d.oneIn(3) {
		c.scheduled = append(c.scheduled, scheduledBackup{pick(d, c.places...), d.upTo(30 * time.Minute), pick(d, time.Second, 5*time.Minute, 25*time.Minute)})
	}
	if d.oneIn(4) {
		c.vanishing = append(c.vanishing, d.upTo(20*time.Minute))
	}
}
