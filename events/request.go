package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"adb-backup/function/backup"
)

const exampleRequest = `{"DBClusterId":"amv-…","WaitFor":"Completed"}`

// envelope is what surrounds a request: it decides where the request is silent.
type envelope struct {
	*decoder
	time        time.Time // the event's
	timeless    bool      // direct: the time is none of the event's own
	redelivered bool
	open        bool   // fields that are not ours are the sender's own, and no fault
	region      origin // where the request names none
}

// origin is a region and where it was found.
type origin struct {
	name  string
	value string
	err   error // it is there, but is no string
}

// envelope reads an envelope that has its time in the field of that name.
func (d *decoder) envelope(o object, timeField string) envelope {
	e := d.direct()
	e.timeless = false
	var kept bool
	e.time, kept = d.eventTime(o, timeField)
	if kept && d.Received.Sub(e.time) > time.Minute {
		e.redelivered = true
	}
	return e
}

// readText reads text that holds a request or a bare cluster id, either of them perhaps within quotes.
func (e envelope) readText(where, text string) ([]backup.Request, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, `"`) {
		var quoted string
		if err := json.Unmarshal([]byte(text), &quoted); err != nil {
			return nil, fmt.Errorf("%s is not JSON: %w", where, syntax(err))
		}
		text = strings.TrimSpace(quoted)
	}
	if strings.HasPrefix(text, "{") {
		return e.readObject(where, []byte(text))
	}
	err := CheckClusterID(text)
	if err == nil {
		return e.plain(where, []string{text}, e.region)
	}
	if plainWord.MatchString(text) {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return nil, fmt.Errorf("%s must hold a request or a cluster id, not %s", where, shownText(text))
}

func (e envelope) readObject(where string, raw []byte) ([]backup.Request, error) {
	o, err := readObject(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", where, err)
	}
	return e.request(where, o, e.region)
}

// request reads the fields of a request. Where it names no region, fallback does.
func (e envelope) request(where string, o object, fallback origin) ([]backup.Request, error) {
	var f faults
	r := asked{
		clusters: readClusters(o, &f),
		region:   readRegion(o, fallback, &f),
		action:   e.readAction(o, &f),
	}
	r.waitFor, _ = parse(&f, o, "WaitFor", backup.ParseWaitFor)
	maxAge, hasMaxAge := parse(&f, o, "MaxAge", parseMaxAge)
	notBefore, hasNotBefore := parse(&f, o, "NotBefore", parseNotBefore)

	if hasMaxAge && hasNotBefore {
		f.add("MaxAge and NotBefore exclude each other: give one of them")
	}
	if r.action == backup.Verify {
		if o.has("WaitFor") {
			f.add("WaitFor goes with Ensure alone")
		}
		if !hasMaxAge && !hasNotBefore {
			f.add("Verify needs MaxAge or NotBefore")
		}
	}
	if !e.open {
		tellUnknown(o, &f)
	}
	if err := f.err(where); err != nil {
		return nil, err
	}

	if hasNotBefore {
		r.notBefore, _ = e.notInFuture("NotBefore", notBefore)
	} else {
		r.notBefore = e.time.Add(-maxAge)
	}
	r.now = r.action == backup.Ensure && !hasMaxAge && !hasNotBefore
	return e.requests(r), nil
}

// plain makes requests for clusters that were named without any further wish.
func (e envelope) plain(where string, clusters []string, region origin) ([]backup.Request, error) {
	var f faults
	for _, id := range clusters {
		if err := CheckClusterID(id); err != nil {
			f.add("%v", err)
		}
	}
	checkOrigin(region, &f)
	if err := f.err(where); err != nil {
		return nil, err
	}
	return e.requests(asked{clusters: clusters, region: region.value, action: backup.Ensure, notBefore: e.time, now: true}), nil
}

// asked is a request whose fields have been checked.
type asked struct {
	clusters  []string
	region    string
	action    backup.Action
	waitFor   backup.WaitFor
	notBefore time.Time
	now       bool // neither MaxAge nor NotBefore is given
}

// epoch is earlier than any backup. Nothing is lost by taking it for what is earlier still, whose year might not be
// written with four digits.
var epoch = time.Unix(0, 0).UTC()

func (e envelope) requests(r asked) []backup.Request {
	if r.notBefore.Before(epoch) {
		r.notBefore = epoch
	}
	requests := make([]backup.Request, len(r.clusters))
	for i, id := range r.clusters {
		requests[i] = backup.Request{
			Action:        r.action,
			Cluster:       backup.Cluster{ID: id, Region: r.region},
			WaitFor:       r.waitFor,
			NotBefore:     r.notBefore,
			Redelivered:   e.redelivered,
			Unprecedented: r.now && e.timeless && !e.redelivered,
		}
	}
	return requests
}

func readRegion(o object, fallback origin, f *faults) string {
	region, given, err := o.text("RegionId")
	if given || err != nil {
		fallback = origin{name: "RegionId", value: region, err: err}
	}
	checkOrigin(fallback, f)
	return fallback.value
}

func checkOrigin(region origin, f *faults) {
	if region.err != nil {
		f.add("%v", region.err)
	} else if err := CheckRegion(region.value); err != nil {
		f.add("%s: %v", region.name, err)
	}
}

func (e envelope) readAction(o object, f *faults) backup.Action {
	if !e.open {
		action, given := parse(f, o, "Action", backup.ParseAction)
		if !given {
			return backup.Ensure
		}
		return action
	}
	// Many events have an action of their own. Even in them ours cannot be told from one that is given twice.
	if _, err := o.get("Action"); err != nil {
		f.add("%v", err)
	}
	text, _, _ := o.text("Action")
	if action, err := backup.ParseAction(text); err == nil {
		return action
	}
	return backup.Ensure
}

// parse reads the string field of that name. It is given when it is there at all, even if it is wrong.
func parse[T any](f *faults, o object, name string, read func(string) (T, error)) (value T, given bool) {
	text, given, err := o.text(name)
	if err == nil && given {
		if value, err = read(text); err != nil {
			err = fmt.Errorf("%s %w, not %s", name, err, shown(text))
		}
	}
	if err != nil {
		f.add("%v", err)
	}
	return value, given || err != nil
}

func parseMaxAge(s string) (time.Duration, error) {
	age, err := time.ParseDuration(s)
	if err != nil || age < 0 {
		return 0, errors.New("must be a duration such as 90m or 26h, and not negative")
	}
	return age, nil
}

func parseNotBefore(s string) (time.Time, error) {
	t, err := parseTime(s)
	if err != nil {
		return time.Time{}, errors.New("must be an RFC 3339 time such as 2026-11-23T02:00:00Z")
	}
	return t, nil
}
