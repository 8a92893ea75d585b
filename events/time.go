package events

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// firstAttempt returns when the invocation was attempted first, and the latest time that was not in the future then. A retry
// comes hours later and must mean the same backup. So "now" is taken from the request id, which probably stays the same over
// retries. Where the id holds no time, the retries are counted back, each with the function's timeout and the platform's pause.
func (inv Invocation) firstAttempt() (first, latest time.Time) {
	now := inv.Received.UTC() // which drops the monotonic clock: an event's time has none
	if inv.RetryCount <= 0 {
		return now, now
	}
	if id := idForm.FindStringSubmatch(inv.RequestID); id != nil {
		seconds, _ := strconv.ParseInt(id[1], 16, 64)
		first = time.Unix(seconds, 0).UTC()
		if age := now.Sub(first); age >= 0 && age <= 8*24*time.Hour {
			return first, first.Add(min(age, time.Second)) // the id's time is cut to seconds
		}
	}
	// The platform retries at most 8 times, and runs a function for at most a day. The limits prevent an overflow.
	retries := time.Duration(min(inv.RetryCount, 100))
	return now.Add(-retries * (min(inv.Timeout, 24*time.Hour) + 5*time.Minute)), now
}

// idForm is a request id of Function Compute. It begins with the time in Unix seconds.
var idForm = regexp.MustCompile(`^1-([0-9A-Fa-f]{8})-`)

// notInFuture returns t, or the moment of the first attempt if t was in the future then. A retry must mean the same moment.
func (d *decoder) notInFuture(name string, t time.Time) time.Time {
	if t.After(d.latest) {
		return d.atFirst(name + " " + t.Format(time.RFC3339) + " lies after the invocation's first attempt")
	}
	return t
}

// atFirst returns the moment of the first attempt, and warns that it counts in place of another time.
func (d *decoder) atFirst(problem string) time.Time {
	d.Warnings = append(d.Warnings, problem+": the moment of the first attempt, "+d.first.Format(time.RFC3339)+", counts")
	return d.first
}

// parseTime reads RFC 3339, and the two other forms that EventBridge writes, with the name of a zone in place of the offset:
// 2020-08-24T13:54:05.965Asia/Shanghai and 2020-11-19T21:04:42.179PRC (EventBridge, "Event overview").
func parseTime(s string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, strings.ToUpper(s)) // RFC 3339 allows a small t and z, which time.Parse does not
	for _, zone := range []string{"Asia/Shanghai", "PRC"} {
		if local, found := strings.CutSuffix(s, zone); found {
			china := time.FixedZone("UTC+8", 8*60*60) // the runtime may have no time zone database
			t, err = time.ParseInLocation("2006-01-02T15:04:05", local, china)
		}
	}
	if err != nil {
		err = fmt.Errorf("%s is not an RFC 3339 time such as 2026-11-23T02:00:00Z", backup.Quote(s))
	}
	return t.UTC(), err
}
