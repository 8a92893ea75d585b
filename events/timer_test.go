package events_test

import (
	"encoding/json"
	"testing"
)

// A drill is asked for by a request or by a timer, alone.
func TestDrills(t *testing.T) {
	for _, payload := range []string{`{"action":"DRILL"}`, quote(`{"Action":"Drill"}`), fired(`{"Action":"Drill"}`), fired(quote(`{"Action":"Drill"}`))} {
		if event := must(t, payload, invocation()); !event.Drill || event.Requests != nil {
			t.Errorf("%s: %+v", payload, event)
		}
	}
	for _, c := range []struct{ payload, want string }{
		{`{"Action":"Drill","DBClusterId":"am-1"}`, `a Drill takes no other field: unknown field "DBClusterId"`},
		{`{"Action":"Drill","WaitAtMost":"3m","x":1}`, `a Drill takes no other field: unknown field "WaitAtMost"; unknown field "x"`},
		{`{"Action":"Drill","WaitFor":null}`, `a Drill takes no other field: unknown field "WaitFor"`},
		{`{"Action":"Drill","action":"Drill"}`, "Action is given twice"},
		{fired(`{"Action":"Drill","DBClusterSelector":{"All":true}}`), `unknown field "DBClusterSelector"`},
		{published(`"data":{"Action":"Drill"}`), "the CloudEvent names no cluster"},
		{published(`"data":"{\"Action\":\"Drill\"}"`), "data: the request names no cluster"},
		{published(`"data":{"value":{"Action":"Drill"}}`), "data.value: the request names no cluster"},
	} {
		refused(t, c.payload, invocation(), c.want)
	}
	same(t, must(t, published(`"data":{"Action":"Drill","DBClusterId":"am-1"}`), invocation()).Requests, requests(ensure("am-1", now)))
	event := must(t, `["am-1",{"Action":"Drill"},`+fired(`{"Action":"Drill"}`)+`]`, invocation())
	same(t, event.Requests, requests(ensure("am-1", now, immediate)))
	if event.Drill || event.WrongCount != 2 || event.Wrong[0].Err.Error() != "a Drill cannot be an item of an array" {
		t.Errorf("%+v", event)
	}
}

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
	for _, payload := range []string{request, quote(" " + request + "\n"), quote(quote(request))} {
		same(t, must(t, fired(payload), invocation()).Requests, several)
	}
	for _, payload := range []string{orders, "\t" + orders + "\n", quote(orders)} {
		same(t, must(t, fired(quote(payload)), invocation()).Requests, requests(ensure(orders, now)))
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
		if trigger, got := refused(t, c.payload, invocation()); got != c.want || trigger != "timer" {
			t.Errorf("Decode(%s)\n got %s (%s)\nwant %s", c.payload, got, trigger, c.want)
		}
	}
}
