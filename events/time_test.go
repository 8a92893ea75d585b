package events_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"adb-backup/events"
)

// retried is an invocation that the platform made first at that moment and now again.
func retried(first time.Time, count int) events.Invocation {
	inv := invocation()
	inv.RequestID, inv.RetryCount = requestID(first), count
	return inv
}

// The moment of the first attempt is what a direct request means by now.
func TestFirstAttempt(t *testing.T) {
	const day = 24 * time.Hour
	counted := now.Add(-2 * (time.Hour + 5*time.Minute))
	for _, c := range []struct {
		name  string
		id    string
		count int
		want  time.Time
	}{
		{"first attempt", requestID(now.Add(-time.Hour)), 0, now},
		{"a negative count is none", requestID(now.Add(-time.Hour)), -1, now},
		{"retry", requestID(now.Add(-time.Hour)), 2, now.Add(-time.Hour)},
		{"retry, upper-case hexadecimal", strings.ToUpper(requestID(now.Add(-time.Hour))), 2, now.Add(-time.Hour)},
		{"eight days old", requestID(now.Add(-8 * day)), 2, now.Add(-8 * day)},
		{"more than eight days old", requestID(now.Add(-8*day - time.Second)), 2, counted},
		{"later than now", requestID(now.Add(time.Second)), 2, counted},
		{"no id", "", 2, counted},
		{"another version", "2" + requestID(now.Add(-time.Hour))[1:], 2, counted},
		{"seven digits", "1-6a2fb31-1b9e7c40", 2, counted},
		{"nine digits", "1-" + fmt.Sprintf("%08x0", now.Unix()) + "-1b9e7c40", 2, counted},
		{"nothing after the dash", requestID(now.Add(-time.Hour))[:11], 2, now.Add(-time.Hour)},
		{"counted to a hundred at most", "", math.MaxInt, now.Add(-100 * (time.Hour + 5*time.Minute))},
	} {
		t.Run(c.name, func(t *testing.T) {
			inv := invocation()
			inv.RequestID, inv.RetryCount = c.id, c.count
			want := ensure(orders, c.want)
			want.Redelivered, want.Immediate = c.count > 0, c.count <= 0
			same(t, must(t, orders, inv).Requests, requests(want))

			want.NotBefore, want.Immediate = c.want.Add(-time.Hour), false
			same(t, must(t, `{"DBClusterId":"`+orders+`","MaxAge":"1h"}`, inv).Requests, requests(want))
		})
	}
	inv := invocation()
	inv.RequestID, inv.RetryCount, inv.Timeout = "", 8, math.MaxInt64
	same(t, must(t, orders, inv).Requests, requests(ensure(orders, now.Add(-8*(day+5*time.Minute)), redelivered)))
}

func TestEventTimes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"2026-11-22T02:00:00Z", "2026-11-22T02:00:00Z"},
		{"2026-11-22T02:00:00.123456789Z", "2026-11-22T02:00:00.123456789Z"},
		{"2026-11-22T02:00:00.5+08:00", "2026-11-21T18:00:00.5Z"},
		{"2026-11-22T02:00:00-03:30", "2026-11-22T05:30:00Z"},
		{"2026-11-22t02:00:00z", "2026-11-22T02:00:00Z"},
		{"2020-08-24T13:54:05.965Asia/Shanghai", "2020-08-24T05:54:05.965Z"},
		{"2020-11-19T21:04:42.179PRC", "2020-11-19T13:04:42.179Z"},
		{"2020-08-24T13:54:05Asia/Shanghai", "2020-08-24T05:54:05Z"},
	} {
		for _, payload := range []string{
			fmt.Sprintf(`{"triggerName":"n","triggerTime":%q,"payload":%q}`, c.text, orders),
			fmt.Sprintf(`{"specversion":"1.0","time":%q,"data":%q}`, c.text, orders),
		} {
			same(t, must(t, payload, invocation()).Requests, requests(ensure(orders, at(c.want), redelivered)))
		}
	}
}

// A time that cannot be read is never a reason to refuse an event.
func TestUnreadableEventTimes(t *testing.T) {
	for _, c := range []struct{ value, shown string }{
		{`"yesterday"`, `"yesterday"`},
		{`""`, `""`},
		{`"2026-11-22 02:00:00Z"`, `"2026-11-22 02:00:00Z"`},
		{`"2026-11-22T02:00:00+0800PRC"`, `"2026-11-22T02:00:00+0800PRC"`},
		{`"2026-11-22T02:00:00America/New_York"`, `"2026-11-22T02:00:00America/New_York"`},
		{`"2026-02-30T02:00:00Z"`, `"2026-02-30T02:00:00Z"`},
		{`"` + strings.Repeat("9", 1000) + `"`, "a string of 1000 characters"},
		{`1795356361`, `""`},
		{`null`, `""`},
	} {
		got := warned(t, `{"specversion":"1.0","data":"`+orders+`","time":`+c.value+`}`, invocation(),
			"time: "+c.shown+" is not an RFC 3339 time such as 2026-11-23T02:00:00Z: the moment of the first attempt, 2026-11-23T02:00:00Z, counts")
		same(t, got.Requests, requests(ensure(orders, now)))
	}
	got := warned(t, `{"triggerName":"n","payload":"`+orders+`"}`, invocation(), `triggerTime: ""`)
	same(t, got.Requests, requests(ensure(orders, now)))

	// On a retry it is still the moment of the first attempt.
	first := now.Add(-3 * time.Hour)
	got = warned(t, `{"triggerName":"n","payload":"`+orders+`"}`, retried(first, 1), "the first attempt, 2026-11-22T23:00:00Z, counts")
	same(t, got.Requests, requests(ensure(orders, first, redelivered)))
}

// A time in the future counts as the moment of the first attempt; and on a retry, when it has passed, as the same moment.
func TestFutureTimes(t *testing.T) {
	const late = "lies after the invocation's first attempt"
	first := now.Add(-time.Hour)
	unknownFirst := invocation()
	unknownFirst.RequestID, unknownFirst.RetryCount = "", 1
	counted := now.Add(-time.Hour - 5*time.Minute)
	for _, c := range []struct {
		name    string
		inv     events.Invocation
		time    time.Time
		want    time.Time
		warning string
	}{
		{"now", invocation(), now, now, ""},
		{"a nanosecond later", invocation(), now.Add(1), now, late},
		{"years later", invocation(), now.AddDate(900, 0, 0), now, late},
		{"retry: at the first attempt", retried(first, 1), first, first, ""},
		{"retry: in the second of the id", retried(first, 1), first.Add(time.Second), first.Add(time.Second), ""},
		{"retry: after that second", retried(first, 1), first.Add(time.Second + 1), first, late},
		{"retry: still in the future", retried(first, 1), now.Add(time.Minute), first, late},
		{"retry within the second: not after now", retried(now, 1), now.Add(1), now, late},
		{"retry, first attempt not told: passed", unknownFirst, now, now, ""},
		{"retry, first attempt not told: future", unknownFirst, now.Add(1), counted, late},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := c.time.Format(time.RFC3339Nano)
			want := ensure(orders, c.want)
			want.Redelivered = c.inv.RetryCount > 0

			got := warned(t, fmt.Sprintf(`{"specversion":"1.0","data":%q,"time":%q}`, orders, text), c.inv, c.warning)
			same(t, got.Requests, requests(want))
			got = warned(t, fmt.Sprintf(`{"DBClusterId":%q,"NotBefore":%q}`, orders, text), c.inv, c.warning)
			same(t, got.Requests, requests(want))

			want.NotBefore = c.want.Add(-time.Hour)
			got = warned(t, fmt.Sprintf(`{"specversion":"1.0","data":{"DBClusterId":%q,"MaxAge":"1h"},"time":%q}`, orders, text), c.inv, c.warning)
			same(t, got.Requests, requests(want))
		})
	}
	// A NotBefore in the future is not the event's time, even if that lies earlier.
	got := warned(t, `{"specversion":"1.0","time":"2026-11-23T01:00:00Z","data":{"DBClusterId":"`+orders+`","NotBefore":"2026-11-24T00:00:00Z"}}`,
		invocation(), "NotBefore 2026-11-24T00:00:00Z "+late)
	same(t, got.Requests, requests(ensure(orders, now, redelivered)))
}

// An event that is older than a minute, or that the platform tries again, may have been carried out before.
func TestRedelivered(t *testing.T) {
	event := func(age time.Duration) string {
		return fmt.Sprintf(`{"specversion":"1.0","data":%q,"time":%q}`, orders, now.Add(-age).Format(time.RFC3339Nano))
	}
	for _, c := range []struct {
		payload string
		inv     events.Invocation
		want    bool
	}{
		{event(0), invocation(), false},
		{event(time.Minute), invocation(), false},
		{event(time.Minute + 1), invocation(), true},
		{event(0), retried(now, 1), true},
		{strings.Replace(event(time.Hour), "Z", "", 1), invocation(), false}, // unreadable
		{event(-time.Hour), invocation(), false},                             // in the future
		{`{"DBClusterId":"` + orders + `","NotBefore":"2026-11-20T00:00:00Z"}`, invocation(), false},
		{`{"DBClusterId":"` + orders + `","MaxAge":"26h"}`, invocation(), false},
		{orders, retried(now, 1), true},
	} {
		got, err := events.Decode([]byte(c.payload), c.inv)
		if err != nil || len(got.Requests) != 1 || got.Requests[0].Redelivered != c.want {
			t.Errorf("Decode(%s), retry %d: %+v, %v, want redelivered %t", c.payload, c.inv.RetryCount, got, err, c.want)
		}
	}
}

// Moments are plain UTC times: neither a monotonic clock nor a zone of the machine's comes along.
func TestMomentsAreUTC(t *testing.T) {
	inv := invocation()
	inv.Received = time.Now().In(time.FixedZone("x", 3600))
	got := must(t, orders, inv).Requests[0].NotBefore
	if want := inv.Received.Round(0).UTC(); got != want {
		t.Errorf("NotBefore %#v, want %#v", got, want)
	}
}
