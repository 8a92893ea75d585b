package events

import (
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// moments are what the times of an event are compared with.
type moments struct {
	first  time.Time // when the invocation was attempted first
	latest time.Time // a time after this one was in the future at the first attempt
}

// moments finds the moment of the first attempt. A retry comes hours later and must mean the same backup. So "now" is taken
// from the request id, which probably stays the same over retries. Where the id holds no time, the retries are counted back,
// each with the function's timeout and the platform's pause.
func (inv Invocation) moments() moments {
	now := inv.Received
	if inv.RetryCount <= 0 {
		return moments{first: now, latest: now}
	}
	if first, ok := timeOfID(inv.RequestID); ok && !first.After(now) && now.Sub(first) <= 8*24*time.Hour {
		// A time between the first attempt and now was in the future then, and counted as the moment of that attempt. It
		// must count as the same moment now, or the retry would ask for another backup. The id's time is cut to seconds,
		// so one second is added.
		latest := first.Add(time.Second)
		if latest.After(now) {
			latest = now
		}
		return moments{first: first, latest: latest}
	}
	// The platform retries at most 8 times, and runs a function for at most a day. The limits prevent an overflow.
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

// eventTime reads the time that an event carries. A time that is missing, cannot be read or lies in the future counts as the
// moment of the first attempt, with a warning: a time is never a reason to refuse an event.
func (d *decoder) eventTime(name string, v value) time.Time {
	problem := "cannot be read as a time"
	switch t, err := parseTime(string(v.text)); {
	case !v.given:
		problem = "is missing"
	case v.repeated:
		problem = "is given twice"
	case !v.isString:
		problem = "must be a string, not " + kind(v.raw)
	case err == nil:
		return d.notInFuture(name, t)
	default:
		name += " " + backup.Quote(string(v.text))
	}
	d.warn("%s %s: the moment of the first attempt, %v, counts", name, problem, rfc3339(d.first))
	return d.first
}

// notInFuture returns t, or the moment of the first attempt, with a warning, if t lies in the future.
func (d *decoder) notInFuture(name string, t time.Time) time.Time {
	if t.After(d.latest) {
		d.warn("%s %v lies after the invocation's first attempt: the moment of that attempt, %v, counts", name, rfc3339(t), rfc3339(d.first))
		return d.first
	}
	return t
}

// rfc3339 is a time as messages show it.
type rfc3339 time.Time

func (t rfc3339) String() string { return time.Time(t).Format(time.RFC3339) }

// china is fixed, because the runtime may have no time zone database.
var china = time.FixedZone("UTC+8", 8*60*60)

// parseTime reads RFC 3339, and the two other forms that EventBridge writes, with the name of a zone in place of the offset:
// 2020-08-24T13:54:05.965Asia/Shanghai and 2020-11-19T21:04:42.179PRC (EventBridge, "Event overview").
func parseTime(s string) (time.Time, error) {
	for _, zone := range []string{"Asia/Shanghai", "PRC"} {
		if local, found := strings.CutSuffix(s, zone); found {
			t, err := time.ParseInLocation("2006-01-02T15:04:05", local, china)
			return t.UTC(), err
		}
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(s)) // RFC 3339 allows a small t and z, which time.Parse does not
	return t.UTC(), err
}
