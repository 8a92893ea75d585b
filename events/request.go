package events

import (
	"errors"
	"fmt"
	"time"

	"adb-backup/function/backup"
)

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
	if r.action == backup.ActionVerify {
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
		r.notBefore = e.notInFuture("NotBefore", notBefore)
	} else {
		r.notBefore = e.time.Add(-maxAge)
	}
	r.now = !hasMaxAge && !hasNotBefore
	return e.requests(r), nil
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
			Action:      r.action,
			Cluster:     backup.Cluster{ID: id, Region: r.region},
			WaitFor:     r.waitFor,
			NotBefore:   r.notBefore,
			Redelivered: e.redelivered,
			Immediate:   r.now && e.timeless && !e.redelivered,
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

func (e envelope) readAction(o object, f *faults) backup.Action {
	if !e.open {
		action, given := parse(f, o, "Action", backup.ParseAction)
		if !given {
			return backup.ActionEnsure
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
	return backup.ActionEnsure
}

// parse reads the string field of that name. It is given when it is there at all, even if it is wrong.
func parse[T any](f *faults, o object, name string, read func(string) (T, error)) (value T, given bool) {
	text, given, err := o.text(name)
	if err == nil && given {
		if value, err = read(text); err != nil {
			err = fmt.Errorf("%s %w, not %s", name, err, backup.Quote(text))
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
