package events_test

import (
	"encoding/json"
	"testing"

	"adb-backup/events"
	"adb-backup/function/backup"
)

// fired is a timer's event with the payload as JSON.
func fired(payload string) string {
	return `{"triggerTime":"2026-11-23T02:00:00Z","triggerName":"nightly","payload":` + payload + `}`
}

func quote(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestTimer(t *testing.T) {
	request := `{"DBClusterIds":["am-1","am-2"],"WaitFor":"Completed","MaxAge":"1h"}`
	several := requests(ensure("am-1", at("2026-11-23T01:00:00Z"), completed), ensure("am-2", at("2026-11-23T01:00:00Z"), completed))
	one := requests(ensure(orders, now))
	for _, c := range []struct {
		name, payload string
		want          []backup.Request
	}{
		{"request in a string", quote(" " + request + "\n"), several},
		{"request as an object", request, several},
		{"request in a quoted string", quote(quote(request)), several},
		{"bare id", quote(orders), one},
		{"bare id with white space", quote("\t" + orders + "\n"), one},
		{"quoted id", quote(quote(orders)), one},
	} {
		t.Run(c.name, func(t *testing.T) {
			same(t, must(t, fired(c.payload), invocation()).Requests, c.want)
		})
	}
}

func TestTimerFaults(t *testing.T) {
	const empty = `the timer's payload is empty: give a cluster id, or a request such as {"DBClusterId":"amv-…","WaitFor":"Completed"}`
	const neither = "the timer's payload must hold a request or a cluster id, as text"
	for _, c := range []struct{ payload, want string }{
		{`{"triggerTime":"2026-11-23T02:00:00Z","triggerName":"nightly"}`, empty},
		{fired(`null`), empty},
		{fired(`" \n"`), empty},
		{fired(`5`), neither},
		{fired(`["am-1"]`), neither},
		{fired(`"nightly backup"`), neither},
		{fired(`"[\"am-1\"]"`), neither},
		{fired(`"nightly"`), `the timer's payload: "nightly" is not a cluster id such as amv-wz9or2xawpnc`},
		{fired(`"amv-wz9or2xawpnc****"`), `the timer's payload: "amv-wz9or2xawpnc****" is a masked example: give the whole cluster id`},
		{fired(`"{\"DBClusterId\":"`), "the timer's payload is not JSON: unexpected end of JSON input"},
		{fired(`"{\"DBClusterId\":\"am-1\"} {}"`), "the timer's payload is not JSON: invalid character '{' after top-level value"},
		{fired(`"{}"`), "the timer's payload: the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector"},
		{fired(`{"DBClusterId":"am-1","WaitFr":"Completed"}`), `the timer's payload: unknown field "WaitFr" (did you mean WaitFor?)`},
		{fired(`"{\"DBClusterId\":\"am-1\",\"WaitFr\":\"Completed\"}"`), `the timer's payload: unknown field "WaitFr" (did you mean WaitFor?)`},
	} {
		event, err := events.Decode([]byte(c.payload), invocation())
		if err == nil {
			t.Errorf("Decode(%s) accepts %+v", c.payload, event)
		} else if err.Error() != c.want || event.Trigger != "timer" {
			t.Errorf("Decode(%s)\n got %s (%s)\nwant %s", c.payload, err, event.Trigger, c.want)
		}
	}
}
