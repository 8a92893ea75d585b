package main

import (
	"cmp"
	"reflect"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// checkTargets: the answer is about the clusters that the event names or selects, whatever becomes of the others.
func (h *history) checkTargets(a *attempt) {
	if a.trigger == wrong {
		return
	}
	want, exact := map[place]bool{}, true
	for _, p := range a.places {
		want[p] = true
	}
	skipped := map[place]bool{}
	read, unread := 0, 0
	if a.selector != nil {
		for _, region := range a.selector.Regions {
			if strings.Contains(a.errorMessage, "selector in "+region) {
				unread++
				h.checkUnread(a, region)
				continue
			}
			read++
			exact = h.chosenIn(a, region, want, skipped) && exact
		}
	}
	if !exact {
		return
	}
	got, gotSkipped := a.report.places(), map[place]bool{}
	for _, s := range a.report.skipped {
		gotSkipped[place{s.DBClusterId, s.RegionId}] = true
	}
	if h.cloud.Tags == fakeadb.TagsAbsent && a.selector != nil { // unknown tags take in more
		for p := range got {
			want[p] = true
		}
		for p := range gotSkipped {
			skipped[p] = true
		}
	}
	if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(gotSkipped, skipped) {
		h.t.Errorf("%s: about %v, skipped %v; should be about %v, skipped %v", a.label(), sortedPlaces(got), sortedPlaces(gotSkipped), sortedPlaces(want), sortedPlaces(skipped))
	}
	if nothing := len(want) == 0 && unread == 0 && read > 0; nothing != (a.errorType == string(backup.ErrorNothingSelected)) {
		h.t.Errorf("%s: %q, with %d clusters selected", a.label(), a.errorType, len(want))
	}
}

// checkUnread: a region whose list cannot be read has a reason.
func (h *history) checkUnread(a *attempt, region string) {
	denied := slices.Contains(h.cloud.Denied, fakeadb.Denial{Action: "DescribeDBClusters", Region: region})
	if strings.Contains(a.errorMessage, "selector in "+region+": PermissionDenied") && !denied {
		h.t.Errorf("%s: %s is not denied, but: %s", a.label(), region, a.errorMessage)
	}
}

// chosenIn adds the clusters that a selector must choose or skip in a region, from what its last reading of the list showed.
// It reports whether that is certain: the clusters may have changed while it was read.
func (h *history) chosenIn(a *attempt, region string, chosen, skipped map[place]bool) (certain bool) {
	var first, last time.Time
	for _, c := range h.calls {
		if c.KeyID == a.key && c.Action == "DescribeDBClusters" && c.Region == region {
			if c.page == 1 {
				first = c.Time
			}
			last = c.Time.Add(c.Took)
		}
	}
	var clusters []fakeadb.Cluster
	for _, change := range h.changes {
		switch {
		case !change.at.After(first):
			clusters = change.clusters
		case !change.at.After(last):
			return false
		}
	}
	if first.IsZero() {
		h.t.Errorf("%s did not read the list of clusters in %s", a.label(), region)
		return false
	}
	for _, c := range clusters {
		switch {
		case c.Region != region || !matches(*a.selector, c):
		case slices.Contains([]string{"Preparing", "Creating", "Restoring", "Deleting"}, c.Status), c.DBVersion == "3.0",
			a.verify && c.Created.Add(h.cloud.FalseZone).Truncate(time.Second).After(a.meaning().notBefore):
			skipped[place{c.ID, region}] = true
		default:
			chosen[place{c.ID, region}] = true
		}
	}
	return true
}

// matches says of a cluster whether a selector chooses it.
func matches(s backup.Selector, c fakeadb.Cluster) bool {
	has := func(key, value string) bool {
		return slices.ContainsFunc(c.Tags, func(t fakeadb.Tag) bool { return t.Key == key && (value == "*" || t.Value == value) })
	}
	for key, value := range s.Tags {
		if !has(key, value) {
			return false
		}
	}
	for key, value := range s.NotTags {
		if has(key, value) {
			return false
		}
	}
	return cmp.Or(s.ResourceGroupID, c.ResourceGroup) == c.ResourceGroup
}
