package events_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adb-backup/events"
	"adb-backup/function/backup"
)

const (
	orders = "amv-wz9or2xawpnc"
	shop   = "amv-bp1c8v3q9xk27d"
	stock  = "amv-2ze6m0t4hj85sg"
	home   = "cn-hangzhou"
)

// now is when the tests' events are received, unless they say otherwise.
var now = time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)

func invocation() events.Invocation {
	return events.Invocation{
		RequestID: requestID(now),
		Timeout:   time.Hour,
		Region:    home,
		Received:  now,
	}
}

func requestID(t time.Time) string { return fmt.Sprintf("1-%08x-1b9e7c40-5d2f8a6c3e01", t.Unix()) }

func at(s string) time.Time {
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		panic(err)
	}
	return t.UTC()
}

func ensure(id string, notBefore time.Time, with ...func(*backup.Request)) backup.Request {
	r := backup.Request{Action: backup.ActionEnsure, Cluster: backup.Cluster{ID: id, Region: home}, NotBefore: notBefore}
	for _, change := range with {
		change(&r)
	}
	return r
}

func completed(r *backup.Request)   { r.WaitFor = backup.WaitCompleted }
func ddlAllowed(r *backup.Request)  { r.WaitFor = backup.WaitDDLAllowed }
func verify(r *backup.Request)      { r.Action = backup.ActionVerify }
func redelivered(r *backup.Request) { r.Redelivered = true }
func immediate(r *backup.Request)   { r.Immediate = true }
func notBefore(t string) func(*backup.Request) {
	return func(r *backup.Request) { r.NotBefore = at(t) }
}
func in(region string) func(*backup.Request) {
	return func(r *backup.Request) { r.Cluster.Region = region }
}

func requests(r ...backup.Request) []backup.Request { return r }

// must decodes what has to be a good event, without a warning.
func must(t *testing.T, payload string, inv events.Invocation) events.Event {
	t.Helper()
	event, err := events.Decode([]byte(payload), inv)
	if err != nil {
		t.Fatalf("Decode(%s): %v", payload, err)
	}
	if len(event.Warnings) > 0 {
		t.Errorf("Decode(%s) warns: %q", payload, event.Warnings)
	}
	return event
}

// refused checks that a payload is an error whose text holds all of want.
func refused(t *testing.T, payload string, inv events.Invocation, want ...string) {
	t.Helper()
	event, err := events.Decode([]byte(payload), inv)
	if err == nil {
		t.Fatalf("Decode(%s) accepts %+v", payload, event)
	}
	if event.Requests != nil || event.Wrong != nil || event.Action != "" {
		t.Errorf("Decode(%s) returns %+v beside its error", payload, event)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Decode(%s) = %q, without %q", payload, err, w)
		}
	}
}

func same(t *testing.T, got, want []backup.Request) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

// The samples beside the code, each with all that it asks for.
func TestSamples(t *testing.T) {
	streamed := []backup.Request{
		ensure(orders, at("2026-11-22T06:11:54.3Z"), completed, redelivered),
		ensure(shop, at("2026-11-22T06:11:54.3Z"), redelivered),
	}
	samples := map[string]events.Event{
		"timer.json": {Trigger: "timer", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, at("2026-11-22T18:00:00Z"), completed, redelivered))},
		"timer-bare-id.json": {Trigger: "timer", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, at("2026-11-22T18:00:00Z"), redelivered))},
		"verify.json": {Trigger: "timer", Action: backup.ActionVerify,
			Requests: requests(ensure(orders, at("2026-11-21T23:00:00Z"), verify, redelivered))},
		"eventbridge.json": {Trigger: "eventbridge", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, at("2026-11-22T05:33:21.482Z"), ddlAllowed, redelivered))},
		"smq.json": {Trigger: "eventbridge", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, at("2026-11-22T14:05:09.117Z"), completed, redelivered))},
		"rocketmq.json": {Trigger: "eventbridge", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, at("2026-11-22T14:06:01.766Z"), redelivered))},
		"kafka.json": {Trigger: "eventbridge-streaming", Action: backup.ActionEnsure, Items: 3, Requests: requests(
			ensure(orders, at("2026-11-22T14:07:06.204Z"), completed, redelivered),
			ensure(shop, at("2026-11-22T14:07:05.204Z"), completed, redelivered))},
		"actiontrail.json": {Trigger: "eventbridge", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, at("2026-11-22T14:08:00Z"), redelivered))},
		"actiontrail-own.json": {Trigger: "eventbridge"},
		"image-push.json": {Trigger: "eventbridge", Action: backup.ActionEnsure, Requests: requests(
			ensure(shop, at("2026-11-22T14:10:00Z"), redelivered),
			ensure(stock, at("2026-11-22T14:10:00Z"), redelivered))},
		"streaming.json": {Trigger: "eventbridge-streaming", Action: backup.ActionEnsure, Items: 2, Requests: streamed},
		"request.json": {Trigger: "direct", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, now, completed, immediate))},
		"fleet.json": {Trigger: "direct", Action: backup.ActionEnsure, Requests: requests(
			ensure(orders, now.Add(-4*time.Hour), completed),
			ensure(shop, now.Add(-4*time.Hour), completed),
			ensure(stock, now.Add(-4*time.Hour), completed))},
		"by-tag.json": {Trigger: "timer", Action: backup.ActionEnsure, Requests: requests(
			choose(backup.Selector{Tags: tags("backup", "nightly")}, completed, redelivered, notBefore("2026-11-22T18:00:00Z")))},
		"all.json": {Trigger: "direct", Action: backup.ActionEnsure, Requests: requests(
			choose(backup.Selector{Regions: []string{home, "cn-shanghai"}, All: true, NotTags: tags("backup", "off")}, completed, notBefore("2026-11-22T22:00:00Z")))},
		"template.json": {Trigger: "direct", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, at("2026-11-22T06:12:05.965Z"), completed))},
		"bare-id.txt": {Trigger: "direct", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, now, immediate))},
		"bare-id.json": {Trigger: "direct", Action: backup.ActionEnsure,
			Requests: requests(ensure(orders, now, immediate))},
	}
	inv := invocation()
	inv.DefaultClusters = []string{shop, stock}
	for name, payload := range samplePayloads(t) {
		t.Run(name, func(t *testing.T) {
			want, known := samples[name]
			if !known {
				t.Fatal("this sample is not in the table")
			}
			got := must(t, string(payload), inv)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
		delete(samples, name)
	}
	for name := range samples {
		t.Errorf("%s is missing", name)
	}
}

func samplePayloads(t testing.TB) map[string][]byte {
	payloads := make(map[string][]byte)
	for _, pattern := range []string{"*.json", "*.txt"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if payloads[name], err = os.ReadFile(name); err != nil {
				t.Fatal(err)
			}
		}
	}
	return payloads
}

// What kind of event it is, and that the outermost form does not matter.
func TestTriggers(t *testing.T) {
	bare := requests(ensure(orders, now, immediate))
	for _, c := range []struct {
		name, payload, trigger string
		want                   []backup.Request
	}{
		{"bare id", orders, "direct", bare},
		{"bare id with a BOM and white space", "\ufeff\r\n\t " + orders + " \n", "direct", bare},
		{"JSON string", `"` + orders + `"`, "direct", bare},
		{"JSON string with white space", ` "\t` + orders + ` " `, "direct", bare},
		{"JSON string that holds a request", `"{\"DBClusterId\":\"` + orders + `\"}"`, "direct", bare},
		{"request", `{"DBClusterId":"` + orders + `"}`, "direct", bare},
		{"request with a BOM", "\ufeff{\"DBClusterId\":\"" + orders + "\"}\n", "direct", bare},
		{"timer by its time alone", `{"triggerTime":"2026-11-23T02:00:00Z","payload":"` + orders + `"}`, "timer", requests(ensure(orders, now))},
		{"timer's names without regard to case", `{"TRIGGERTIME":"2026-11-23T02:00:00Z","Payload":"` + orders + `"}`, "timer", requests(ensure(orders, now))},
		{"CloudEvent", `{"specversion":"1.0","time":"2026-11-23T02:00:00Z","data":"` + orders + `"}`, "eventbridge", requests(ensure(orders, now))},
		{"CloudEvent with a timer's fields", `{"triggerName":"x","triggerTime":"x","specversion":"1.0","time":"2026-11-23T02:00:00Z","data":"` + orders + `"}`, "eventbridge", requests(ensure(orders, now))},
		{"array", `[{"specversion":"1.0","time":"2026-11-23T02:00:00Z","data":"` + orders + `"}]`, "eventbridge-streaming", requests(ensure(orders, now))},
	} {
		t.Run(c.name, func(t *testing.T) {
			event := must(t, c.payload, invocation())
			if event.Trigger != c.trigger {
				t.Errorf("trigger %q, want %q", event.Trigger, c.trigger)
			}
			same(t, event.Requests, c.want)
		})
	}
}

// What is no event at all: a clear sentence each.
func TestNoEvents(t *testing.T) {
	for _, c := range []struct{ payload, want string }{
		{"", "the event is empty: send a request such as"},
		{" \n\ufeff", "the event must hold a request or a cluster id"}, // a BOM is one at the start alone
		{"\ufeff \n", "the event is empty"},
		{`""`, "must hold a request or a cluster id, not an empty text"},
		{`" "`, "must hold a request or a cluster id, not an empty text"},
		{"null", `"null" is not a cluster id`},
		{"true", `"true" is not a cluster id`},
		{"42", `"42" is not a cluster id`},
		{"hello", `"hello" is not a cluster id such as amv-wz9or2xawpnc`},
		{"hello world", "must hold a request or a cluster id, not a text of 11 bytes"},
		{strings.Repeat("x", 65), "not a text of 65 bytes"},
		{orders + "," + shop, "not a text of 35 bytes"},
		{"amv-wz9or2xawpnc****", `"amv-wz9or2xawpnc****" is a masked example`},
		{`"amv-wz9or2xawpnc****"`, `"amv-wz9or2xawpnc****" is a masked example`},
		{`"[]"`, "not a text of 2 bytes"},
		{`"\"` + orders + `\""`, "not a text of 18 bytes"}, // quoted twice
		{`"` + orders, "the event is not JSON: unexpected end of JSON input"},
		{`"` + orders + `" x`, "the event is not JSON: invalid character 'x' after top-level value"},
		{"{}", "the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector"},
		{"[]", "the event is an empty array"},
		{" [ ] ", "the event is an empty array"},
		{"{", "the event is not JSON: unexpected end of JSON input"},
		{"[", "the event is not JSON: unexpected end of JSON input"},
		{`{"DBClusterId"}`, "the event is not JSON: invalid character '}' after object key (at byte 15)"},
		{`{"DBClusterId":"` + orders + `",}`, "the event is not JSON"},
		{`{"DBClusterId":"` + orders + `"`, "the event is not JSON"},
		{`{"DBClusterId":"` + orders + `"} {}`, "invalid character '{' after top-level value"},
		{`{"DBClusterId":"` + orders + `"}]`, "after top-level value"},
		{`{DBClusterId:"` + orders + `"}`, "the event is not JSON"},
		{`{'DBClusterId':'` + orders + `'}`, "the event is not JSON"},
		{`{"DBClusterId":"` + "a\nb" + `"}`, "invalid character '\\n' in string literal"},
		{`{"DBClusterId":01}`, "the event is not JSON"},
		{`[1 2]`, "the event is not JSON"},
		{`["` + orders + `"],`, "after top-level value"},
		{strings.Repeat("[", 20000), "exceeded max depth"},
		{strings.Repeat(`{"data":`, 20000), "exceeded max depth"},
	} {
		refused(t, c.payload, invocation(), c.want)
	}
}

// In an array a wrong item fails by itself, by its position.
func TestWrongItems(t *testing.T) {
	good := `{"specversion":"1.0","time":"2026-11-23T02:00:00Z","data":{"DBClusterId":"` + shop + `"}}`
	own := `{"specversion":"1.0","type":"ads:ActionTrail:ApiCall","data":{"eventName":"CreateBackup"}}`
	wrong := []struct{ item, want string }{
		{`7`, "the item must be a CloudEvent, or a string that holds one, not a number"},
		{`null`, "not null"},
		{`[` + good + `]`, "not an array"},
		{`"` + "[]" + `"`, "not a text of 2 bytes"},
		{`""`, "not an empty text"},
		{`"{"`, "the item is not JSON: unexpected end of JSON input"},
		{`{"DBClusterId":"x"}`, `DBClusterId: "x" is not a cluster id`},
		{`{"DBClusterId":"` + orders + `","waitfr":"Completed"}`, `unknown field "waitfr" (did you mean WaitFor?)`},
		{`{"specversion":"1.0","time":"2026-11-23T02:00:00Z","data":"no id"}`, "data must hold a request or a cluster id"},
		{`"{\"triggerName\":\"x\",\"triggerTime\":\"2026-11-23T02:00:00Z\"}"`, "the timer's payload is empty"},
	}
	payload := "[" + good + ", " + own
	for _, w := range wrong {
		payload += "," + w.item
	}
	payload += `,"` + orders + `"]`

	event := must(t, payload, invocation())
	if event.Trigger != "eventbridge-streaming" || event.Items != len(wrong)+3 || event.Action != backup.ActionEnsure {
		t.Errorf("trigger %q, %d items, action %q", event.Trigger, event.Items, event.Action)
	}
	same(t, event.Requests, requests(ensure(shop, now), ensure(orders, now, immediate)))
	if len(event.Wrong) != len(wrong) {
		t.Fatalf("%d wrong items, want %d: %v", len(event.Wrong), len(wrong), event.Wrong)
	}
	for i, got := range event.Wrong {
		if got.Position != i+3 {
			t.Errorf("position %d, want %d", got.Position, i+3)
		}
		if !strings.Contains(got.Err.Error(), wrong[i].want) {
			t.Errorf("item %d: %q, without %q", got.Position, got.Err, wrong[i].want)
		}
	}
}

func TestItemsAreReadLikeEvents(t *testing.T) {
	timer := `{"triggerTime":"2026-11-23T01:59:30Z","triggerName":"n","payload":"` + orders + `"}`
	text, err := json.Marshal("\ufeff " + timer)
	if err != nil {
		t.Fatal(err)
	}
	want := requests(ensure(orders, now.Add(-30*time.Second)))
	same(t, must(t, "["+timer+"]", invocation()).Requests, want)
	text = []byte(strings.ReplaceAll(string(text), "\ufeff", ""))
	same(t, must(t, "["+string(text)+"]", invocation()).Requests, want)
	same(t, must(t, `["\"`+orders+`\""]`, invocation()).Requests, requests(ensure(orders, now, immediate)))
}

// An array whose every item is wrong, or the function's own work, is no error of Decode.
func TestArraysWithoutRequests(t *testing.T) {
	event := must(t, `["x",{}]`, invocation())
	if event.Requests != nil || len(event.Wrong) != 2 || event.Items != 2 || event.Action != "" {
		t.Errorf("all wrong: %+v", event)
	}
	event = must(t, `[{"specversion":"1.0","type":"ads:ActionTrail:ApiCall","data":{"eventName":"CreateBackup"}}]`, invocation())
	if event.Requests != nil || event.Wrong != nil || event.Items != 1 || event.Action != "" {
		t.Errorf("all own: %+v", event)
	}
}

// Requests with the same action, cluster and region become one, over the items of an array too.
func TestItemsMerge(t *testing.T) {
	item := func(second int, data string) string {
		return fmt.Sprintf(`{"specversion":"1.0","time":"2026-11-23T01:59:%02dZ","data":%s}`, second, data)
	}
	event := must(t, "["+strings.Join([]string{
		item(10, `{"Action":"Verify","DBClusterId":"`+orders+`","MaxAge":"1h"}`),
		item(11, `{"DBClusterId":"`+orders+`","WaitFor":"DDLAllowed"}`),
		item(13, `{"DBClusterId":"`+orders+`"}`),
		item(12, `{"DBClusterId":"`+orders+`","WaitFor":"Completed"}`),
		item(14, `{"DBClusterId":"`+orders+`","RegionId":"cn-beijing"}`),
	}, ",")+"]", invocation())
	same(t, event.Requests, requests(
		ensure(orders, at("2026-11-23T00:59:10Z"), verify),
		ensure(orders, at("2026-11-23T01:59:13Z"), ddlAllowed),
		ensure(orders, at("2026-11-23T01:59:14Z"), in("cn-beijing")),
	))
	if event.Action != backup.ActionVerify {
		t.Errorf("action %q, want the first request's", event.Action)
	}
}

func TestWarningsOfAnArrayAreBounded(t *testing.T) {
	item := `{"specversion":"1.0","data":"` + orders + `"}`
	payload := "[" + item + strings.Repeat(","+item, 99) + "]"
	event, err := events.Decode([]byte(payload), invocation())
	if err != nil {
		t.Fatal(err)
	}
	if len(event.Warnings) != 21 || !strings.HasPrefix(event.Warnings[1], "item 2: time is missing") ||
		event.Warnings[20] != "and 80 more warnings about the event's items" {
		t.Errorf("%d warnings: %q", len(event.Warnings), event.Warnings)
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
	const empty = `the timer's payload is empty: put in a cluster id, or a request such as {"DBClusterId":"amv-…","WaitFor":"Completed"}`
	for _, c := range []struct{ payload, want string }{
		{`{"triggerTime":"2026-11-23T02:00:00Z","triggerName":"nightly"}`, empty},
		{fired(`null`), empty},
		{fired(`""`), empty},
		{fired(`" \n"`), empty},
		{fired(`5`), "the timer's payload must be a string that holds a request or a cluster id, not a number"},
		{fired(`["am-1"]`), "the timer's payload must be a string that holds a request or a cluster id, not an array"},
		{fired(`true`), "the timer's payload must be a string that holds a request or a cluster id, not true"},
		{fired(`"nightly backup"`), "the timer's payload must hold a request or a cluster id, not a text of 14 bytes"},
		{fired(`"[\"am-1\"]"`), "the timer's payload must hold a request or a cluster id, not a text of 8 bytes"},
		{fired(`"nightly"`), `the timer's payload: "nightly" is not a cluster id such as amv-wz9or2xawpnc`},
		{fired(`"amv-wz9or2xawpnc****"`), `the timer's payload: "amv-wz9or2xawpnc****" is a masked example: give the whole cluster id`},
		{fired(`"{\"DBClusterId\":"`), "the timer's payload is not JSON: unexpected end of JSON input (at byte 15)"},
		{fired(`"{\"DBClusterId\":\"am-1\"} {}"`), "the timer's payload is not JSON: invalid character '{' after top-level value (at byte 24)"},
		{fired(`"{}"`), "the timer's payload: the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector"},
		{fired(`{"DBClusterId":"am-1","WaitFr":"Completed"}`), `the timer's payload: unknown field "WaitFr" (did you mean WaitFor?)`},
		{fired(`"{\"DBClusterId\":\"am-1\",\"WaitFr\":\"Completed\"}"`), `the timer's payload: unknown field "WaitFr" (did you mean WaitFor?)`},
		{`{"triggerName":"x","payload":"am-1","Payload":"am-2"}`, "the timer's event: payload is given twice"},
	} {
		event, err := events.Decode([]byte(c.payload), invocation())
		if err == nil {
			t.Errorf("Decode(%s) accepts %+v", c.payload, event)
		} else if err.Error() != c.want || event.Trigger != "timer" {
			t.Errorf("Decode(%s)\n got %s (%s)\nwant %s", c.payload, err, event.Trigger, c.want)
		}
	}
}
