package main

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
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
	failing   string        // a region whose list of clusters fails
	outage    outage
	vanishing []time.Duration
	scheduled []scheduledBackup
	changing  []clusterChange
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

// clusterChange is one of a cluster that selectors may choose.
type clusterChange struct {
	after time.Duration
	what  string
	do    func([]fakeadb.Cluster) []fakeadb.Cluster
}

// passing are the errors of a cluster that takes no backup for now.
var passing = []*fakeadb.Error{
	fakeadb.ErrBackupExists, fakeadb.ErrClusterState, fakeadb.ErrClusterBusy,
	{Status: http.StatusForbidden, Code: "IncorrectTaskStatus", Message: "A task is running."},
	{Status: http.StatusBadRequest, Code: "ACS.Cluster.InvalidWorkerState", Message: "The workers are not ready."},
	{Status: http.StatusForbidden, Code: "OperationDenied.OrderProcessing", Message: "An order is being processed."},
}

// unknownWord is one that the function takes neither for complete nor for failed.
const unknownWord = "Vaulted"

func (c *cloud) wordsKnown() bool { return c.NoStatus || c.Words.Completed != unknownWord }

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
	c.StartsAfter = pick(d, 0, 0, 0, 5*time.Second)
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
		c.Ends, c.NoStatus = fakeadb.Fails, false // without a status a failure cannot be told from a success
	}
	c.drawClusters(d)
	c.drawOwnBackups(d)
	if d.oneIn(6) {
		c.Busy = []fakeadb.Busy{{Cluster: c.places[0].id, Until: time.Now().Add(d.upTo(30 * time.Minute)), Error: pick(d, passing...)}}
	}
	return c
}

// drawLists draws the form of the lists.
func (c *cloud) drawLists(d dice) {
	c.Layout = []string{fakeadb.Minutes, fakeadb.Seconds}[d.IntN(2)]
	c.Order = fakeadb.Order(d.IntN(3))
	c.Window = fakeadb.Window(d.IntN(3))
	c.Numbers = fakeadb.Numbers(d.IntN(3))
	c.Tags = pick(d, fakeadb.TagsDocumented, fakeadb.TagsDocumented, fakeadb.TagsEmptyList, fakeadb.TagsEmptyText, fakeadb.TagsAbsent)
	c.TagFilter = fakeadb.TagFilter(d.IntN(4))
	c.PageCap = pick(d, 0, 0, 1, 2)
	c.Repeat = d.oneIn(4)
	c.NoStatus = d.oneIn(4)
	c.UpperIDs = d.oneIn(8)
	c.Words = pick(d, fakeadb.Words{}, fakeadb.Words{}, fakeadb.Words{Running: "Backuping", Completed: "Finished", Failed: "Failure"})
	if d.oneIn(15) {
		c.Words.Completed = unknownWord
	}
}

// drawTraffic draws how fast and how willingly calls are served.
func (c *cloud) drawTraffic(d dice) {
	c.Latency = pick(d, 0, 30*time.Millisecond, 2*time.Second)
	c.Rate = pick(d, 0, 0, 5.0)
	c.Burst = 1 + d.IntN(5)
	c.Hint = d.oneIn(2)
	if d.oneIn(6) {
		c.outage = outage{action: pick(d, "", "CreateBackup"), throttled: d.oneIn(2), from: time.Now().Add(d.upTo(5*time.Minute) - 3*time.Minute)}
		c.outage.until = c.outage.from.Add(d.upTo(15 * time.Minute))
	}
}

// drawClusters draws the clusters. Half of the clouds list them, with tags and with changes.
func (c *cloud) drawClusters(d dice) {
	c.places = []place{{cluster, region}}
	for i := range d.IntN(4) {
		c.places = append(c.places, place{fmt.Sprintf("amv-sim%d", i), pick(d, region, region, otherRegion)})
	}
	if d.oneIn(2) {
		return
	}
	c.Clusters = []fakeadb.Cluster{}
	for _, p := range c.places {
		one := fakeadb.Cluster{
			ID: p.id, Region: p.region, Tags: drawTags(d), ResourceGroup: pick(d, "rg-one", "rg-two"),
			DBVersion: pick(d, "", "", "", "", "3.0"), Created: time.Now().Add(-d.upTo(48 * time.Hour)),
		}
		if d.oneIn(6) {
			c.changing = append(c.changing, comes(d, one)...)
			continue
		}
		c.Clusters = append(c.Clusters, one)
	}
	for range d.IntN(3) {
		c.changing = append(c.changing, drawChange(d, pick(d, c.places...))...)
	}
	switch d.IntN(8) {
	case 0:
		c.Denied = append(c.Denied, fakeadb.Denial{Action: "DescribeDBClusters", Region: pick(d, region, otherRegion)})
	case 1:
		c.failing = pick(d, region, otherRegion)
	}
}

func drawTags(d dice) (tags []fakeadb.Tag) {
	if d.oneIn(2) {
		tags = append(tags, fakeadb.Tag{Key: "backup", Value: pick(d, "nightly", "weekly", "")})
	}
	if d.oneIn(4) {
		tags = append(tags, fakeadb.Tag{Key: "stage", Value: "test"})
	}
	return tags
}

// comes returns the changes by which a cluster comes into being.
func comes(d dice, one fakeadb.Cluster) []clusterChange {
	after := d.upTo(10 * time.Minute)
	one.Status, one.Created = "Creating", time.Now().Add(after)
	return []clusterChange{
		{after, "is being created: " + one.ID, func(all []fakeadb.Cluster) []fakeadb.Cluster { return append(all, one) }},
		edit(after+d.upTo(10*time.Minute), "runs:", one.ID, func(c *fakeadb.Cluster) { c.Status = "Running" }),
	}
}

// edit returns a change of one cluster.
func edit(after time.Duration, what, id string, change func(*fakeadb.Cluster)) clusterChange {
	return clusterChange{after, what + " " + id, func(all []fakeadb.Cluster) []fakeadb.Cluster {
		for i := range all {
			if all[i].ID == id {
				change(&all[i])
			}
		}
		return all
	}}
}

func drawChange(d dice, p place) []clusterChange {
	tags := drawTags(d)
	after := d.upTo(20 * time.Minute)
	switch d.IntN(4) {
	case 0:
		return []clusterChange{edit(after, "is being restored:", p.id, func(c *fakeadb.Cluster) { c.Status = "Restoring" })}
	case 1:
		return []clusterChange{edit(after, "is being deleted:", p.id, func(c *fakeadb.Cluster) { c.Status = "Deleting" }), {2 * after, "is deleted: " + p.id, func(all []fakeadb.Cluster) []fakeadb.Cluster {
			return slices.DeleteFunc(all, func(c fakeadb.Cluster) bool { return c.ID == p.id })
		}}}
	default:
		return []clusterChange{edit(after, fmt.Sprintf("has the tags %v:", tags), p.id, func(c *fakeadb.Cluster) { c.Tags = tags })}
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

// String says in one line what matters of the cloud.
func (c *cloud) String() string {
	parts := []string{fmt.Sprintf("backups take %v, settle time %v, listed after %v", c.Takes, c.settle, c.ListedAfter)}
	add := func(holds bool, format string, a ...any) {
		if holds {
			parts = append(parts, fmt.Sprintf(format, a...))
		}
	}
	add(c.HideRunning, "only ended ones are listed")
	add(c.Overlap != nil, "overlaps are refused")
	add(c.Layout == fakeadb.Minutes, "minutes")
	add(c.Layout == fakeadb.Seconds, "seconds")
	add(c.NoStatus, "no status words")
	add(!c.wordsKnown(), "the word for complete is not known")
	add(c.StartsAfter > 0, "start after %v", c.StartsAfter)
	add(c.Skew != 0, "clock off by %v", c.Skew)
	add(c.FalseZone != 0, "times are off by %v", c.FalseZone)
	add(c.Ends == fakeadb.Fails, "backups fail")
	add(c.Latency > 0, "latency %v", c.Latency)
	add(c.Rate > 0, "%v calls a second", c.Rate)
	add(c.PageCap > 0, "pages of %d", c.PageCap)
	add(c.Repeat, "pages repeat")
	add(c.faulty > 0, "faults %.0f%%", 100*c.faulty)
	add(len(c.Denied) > 0, "denied %+v", c.Denied)
	add(c.failing != "", "the list of clusters fails in %s", c.failing)
	add(!c.outage.until.IsZero(), "outage of %q, throttled %v, %s to %s", c.outage.action, c.outage.throttled, c.outage.from.Format(stamp), c.outage.until.Format(stamp))
	for _, b := range c.Busy {
		add(true, "busy until %s", b.Until.Format(stamp))
	}
	for _, one := range c.Clusters {
		add(true, "%s in %s %v %s version %q tags in form %d, filter %d", one.ID, one.Region, one.Tags, one.ResourceGroup, one.DBVersion, c.Tags, c.TagFilter)
	}
	return strings.Join(parts, "; ")
}
