package events

import (
	"adb-backup/function/backup"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// moments are what the times of an event are held against.
type moments struct {
	first  time.Time // of the invocation's first attempt
	latest time.Time // what lies after it lay in the future at the first attempt
}

// moments finds the moment of the first attempt. A retry comes hours later and must mean the same backup, so "now" is
// taken from the request id, which is thought to stay the same over retries; where it tells none, the retries are counted
// back, each of the function's timeout and the platform's pause.
func (inv Invocation) moments() moments {
	now := inv.Received
	if inv.RetryCount <= 0 {
		return moments{first: now, latest: now}
	}
	if first, ok := timeOfID(inv.RequestID); ok && !first.After(now) && now.Sub(first) <= 8*24*time.Hour {
		// A time after the first attempt was in the future then, and was taken for the moment of that attempt. Now that
		// it has passed it must not become another moment: the retry would ask for another backup. The second is for
		// the id, whose time is cut to seconds.
		latest := first.Add(time.Second)
		if latest.After(now) {
			latest = now
		}
		return moments{first: first, latest: latest}
	}
	// The platform retries 8 times and runs a function for a day; more than that is nonsense that must not overflow.
	retries := time.Duration(min(inv.RetryCount, 100))
	return moments{first: now.Add(-retries * (min(inv.Timeout, 24*time.Hour) + 5*time.Minute)), latest: now}
}

// timeOfID reads the Unix seconds in a request id of Function Compute, 1-<8 hex digits>-….
func timeOfID(id string) (time.Time, bool) {
	if len(id) < 11 || id[:2] != "1-" || id[10] != '-' {
		return time.Time{}, false
	}
	seconds, err := strconv.ParseUint(id[2:10], 16, 32)
	return time.Unix(int64(seconds), 0).UTC(), err == nil
}

// eventTime returns the time that an event carries in the field of that name. One that is missing, cannot be read or
// lies in the future counts as the moment of the first attempt, with a warning: a time is never a reason to refuse an
// event.
func (d *decoder) eventTime(o object, name string) time.Time {
	var t time.Time
	text, given, err := o.text(name)
	switch {
	case err != nil:
	case !given:
		err = fmt.Errorf("%s is missing", name)
	default:
		if t, err = parseTime(text); err != nil {
			err = fmt.Errorf("%s %s cannot be read as a time", name, backup.Quote(text))
		}
	}
	if err != nil {
		d.warnings.add("%v: the moment of the first attempt, %s, counts", err, d.first.Format(time.RFC3339))
		return d.first
	}
	return d.notInFuture(name, t)
}

// notInFuture returns t, or the moment of the first attempt, with a warning, if t lies in the future.
func (d *decoder) notInFuture(name string, t time.Time) time.Time {
	if t.After(d.latest) {
		d.warnings.add("%s %s lies after the invocation's first attempt: the moment of that, %s, counts",
			name, t.Format(time.RFC3339), d.first.Format(time.RFC3339))
		return d.first
	}
	return t
}

// china is fixed, for the runtime may have no time zone database.
var china = time.FixedZone("UTC+8", 8*60*60)

// parseTime reads RFC 3339, and the two other forms that EventBridge writes: a zone's name in place of the offset, as
// in 2020-08-24T13:54:05.965Asia/Shanghai and 2020-11-19T21:04:42.179PRC (EventBridge, "Event overview").
func parseTime(s string) (time.Time, error) {
	for _, zone := range []string{"Asia/Shanghai", "PRC"} {
		if local, found := strings.CutSuffix(s, zone); found {
			t, err := time.ParseInLocation("2006-01-02T15:04:05", local, china)
			return t.UTC(), err
		}
	}
	t, err := time.Parse(time.RFC3339, s)
	return t.UTC(), err
}
