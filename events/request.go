package events

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// The fields of a request, as AnalyticDB's API names them.
var (
	clusterFields = []string{"DBClusterId", "DBClusterIds", "DBClusterSelector"}
	wishFields    = []string{"WaitFor", "WaitAtMost", "MaxAge", "NotBefore"}
	requestFields = slices.Concat(clusterFields, wishFields, []string{"Action", "RegionId", "RegionIds"}) // the last one goes with a selector alone
)

// source is where a request stands, and what applies to the fields that it leaves out.
type source struct {
	place   string         // such as "data.body"; "" for an event that is the request itself
	request backup.Request // its NotBefore is the event's time
	region  string         // still to be checked
	foreign bool           // other fields are the sender's own
}

// quotable is what somebody may have meant as a cluster id, or a short word. Any other text may be a secret.
var quotable = regexp.MustCompile(`^(am[A-Za-z0-9*_.-]*|[a-z]+-[a-z0-9*]+|[A-Za-z0-9*_.-]{1,12})$`)

// read reads what has to be a request, or a text that holds one or a bare cluster id. Either may be in quotes.
func (d *decoder) read(src source, value any) ([]backup.Request, error) {
	place := cmp.Or(src.place, "the event")
	text, isText := value.(string)
	for text = strings.TrimSpace(text); strings.HasPrefix(text, "{") || strings.HasPrefix(text, `"`); text = strings.TrimSpace(text) {
		var err error
		if value, err = readJSON(place, text); err != nil {
			return nil, err
		}
		text, isText = value.(string)
	}
	if o, isObject := value.(*object); isObject {
		return d.request(src, o)
	}
	switch err := backup.CheckClusterID(text); {
	case err == nil:
		return d.read(src, `{"DBClusterId":"`+text+`"}`)
	case len(text) <= 64 && quotable.MatchString(text):
		return nil, fmt.Errorf("%s: %w", place, err)
	case value == nil, isText && text == "":
		return nil, fmt.Errorf(`%s is empty: give a cluster id, or a request such as {"DBClusterId":"amv-…","WaitFor":"Completed"}`, place)
	default:
		return nil, fmt.Errorf("%s must hold a request or a cluster id, as text", place)
	}
}

// isRequest reports whether an object in a CloudEvent is meant as a request: it names a cluster, or has other words of one. An
// Action that is none of ours is the sender's own.
func isRequest(o *object) bool {
	_, err := backup.ParseAction(o.text("Action"))
	return err == nil || slices.ContainsFunc(clusterFields, o.has) || slices.ContainsFunc(wishFields, o.has)
}

// request checks a request's fields and makes one request for each of its clusters. It reports all faults at once.
func (d *decoder) request(src source, o *object) ([]backup.Request, error) {
	if !src.foreign && strings.EqualFold(o.text("Action"), "Drill") {
		if d.Items > 0 {
			return nil, errors.New("a Drill cannot be an item of an array")
		}
		d.Drill = true
		o.checkNames([]string{"Action"}, false)
		return nil, o.err("a Drill takes no other field")
	}
	r, ids, regions, known := src.request, clusterIDs(o), readRegions(o, src.region), requestFields
	if o.has("DBClusterSelector") {
		r.Selector = readSelector(o)
		r.Selector.Regions = regions
	} else {
		r.Cluster.Region = regions[0]
		known = known[:len(known)-1] // without RegionIds
	}
	r.Action = readAction(o, src.foreign)
	if r.WaitFor = parse(o, "WaitFor", backup.ParseWaitFor); r.Action == backup.ActionVerify && o.has("WaitFor") {
		o.fault("WaitFor goes with Ensure alone")
	}
	r.WaitAtMost = parse(o, "WaitAtMost", durationFrom(1))
	d.moment(o, &r)
	o.checkNames(known, src.foreign)
	if err := o.err(src.place); err != nil {
		return nil, err
	}
	var requests []backup.Request
	for _, id := range ids {
		r.Cluster.ID = id
		requests = append(requests, r)
	}
	return requests, nil
}

// clusterIDs returns the ids that a request gives; "" beside a selector. It checks that only one of the three fields is given.
func clusterIDs(o *object) []string {
	given := slices.DeleteFunc(slices.Clone(clusterFields), func(name string) bool { return !o.has(name) })
	switch {
	case len(given) == 0:
		o.fault("the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector")
	case len(given) > 1:
		o.fault("%s exclude each other: give one of them", strings.Join(given, " and "))
	}
	id := o.checked("DBClusterId", backup.CheckClusterID)
	if o.has("DBClusterIds") {
		return o.list("DBClusterIds", 1000, backup.CheckClusterID)
	}
	return []string{id}
}

// readRegions returns where the clusters are: in several regions only with a selector.
func readRegions(o *object, applies string) []string {
	switch err := backup.CheckRegion(applies); {
	case o.has("RegionIds") && o.has("DBClusterSelector"):
		if o.has("RegionId") {
			o.fault("RegionId and RegionIds exclude each other: give one of them")
		}
		return o.list("RegionIds", 50, backup.CheckRegion)
	case o.has("RegionId"):
		return []string{o.checked("RegionId", backup.CheckRegion)}
	case err != nil:
		o.fault("RegionId is not given, and the region of the event or the function cannot be used: %v", err)
	}
	return []string{applies}
}

// readAction reads the Action. In a CloudEvent, one that is none of ours is the sender's own.
func readAction(o *object, foreign bool) backup.Action {
	action, err := backup.ParseAction(o.text("Action"))
	if err != nil && !foreign {
		o.checked("Action", func(s string) error { return fmt.Errorf("%s is not Ensure, Verify or Drill", backup.Quote(s)) })
	}
	return cmp.Or(action, backup.ActionEnsure)
}

// moment reads from when on a backup serves. So far the request has the event's time.
func (d *decoder) moment(o *object, r *backup.Request) {
	maxAge, notBefore := parse(o, "MaxAge", durationFrom(0)), parse(o, "NotBefore", parseTime)
	aged, dated := o.has("MaxAge"), o.has("NotBefore")
	r.Immediate = r.Immediate && !aged && !dated
	r.NotBefore = r.NotBefore.Add(-maxAge)
	switch {
	case aged && dated:
		o.fault("MaxAge and NotBefore exclude each other: give one of them")
	case dated:
		r.NotBefore = d.notInFuture("NotBefore", notBefore)
	case r.Action == backup.ActionVerify && !aged:
		o.fault("Verify needs MaxAge or NotBefore")
	}
	if epoch := time.Unix(0, 0).UTC(); r.NotBefore.Before(epoch) { // no backup is as old, and the year may not have four digits
		r.NotBefore = epoch
	}
}

// durationFrom reads durations that are not shorter than the least one.
func durationFrom(least time.Duration) func(string) (time.Duration, error) {
	return func(s string) (time.Duration, error) {
		if d, err := time.ParseDuration(s); err == nil && d >= least {
			return d, nil
		}
		return 0, fmt.Errorf("%s is not a duration such as 90m or 26h, or is too short", backup.Quote(s))
	}
}
