package events_test

import (
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
func atMost(d time.Duration) func(*backup.Request) {
	return func(r *backup.Request) { r.WaitAtMost = d }
}
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
	return warned(t, payload, inv, "")
}

// warned decodes what has to be a good event with exactly one warning that holds want; "" for none.
func warned(t *testing.T, payload string, inv events.Invocation, want string) events.Event {
	t.Helper()
	event, err := events.Decode([]byte(payload), inv)
	if err != nil {
		t.Fatalf("Decode(%s): %v", payload, err)
	}
	if want == "" && len(event.Warnings) != 0 || want != "" && (len(event.Warnings) != 1 || !strings.Contains(event.Warnings[0], want)) {
		t.Errorf("Decode(%s) warns %q, want %q", payload, event.Warnings, want)
	}
	return event
}

// refused checks that a payload is an error whose text holds all of want. It returns the trigger and the whole text.
func refused(t *testing.T, payload string, inv events.Invocation, want ...string) (trigger, text string) {
	t.Helper()
	event, err := events.Decode([]byte(payload), inv)
	if err == nil {
		t.Fatalf("Decode(%s) accepts %+v", payload, event)
	}
	if event.Requests != nil || event.Wrong != nil || event.Action() != "" {
		t.Errorf("Decode(%s) returns %+v beside its error", payload, event)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("Decode(%s) = %q, without %q", payload, err, w)
		}
	}
	return event.Trigger, err.Error()
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
		"timer.json": {Trigger: "timer",
			Requests: requests(ensure(orders, at("2026-11-22T18:00:00Z"), completed, redelivered))},
		"timer-bare-id.json": {Trigger: "timer",
			Requests: requests(ensure(orders, at("2026-11-22T18:00:00Z"), redelivered))},
		"verify.json": {Trigger: "timer",
			Requests: requests(ensure(orders, at("2026-11-21T23:00:00Z"), verify, redelivered))},
		"eventbridge.json": {Trigger: "eventbridge",
			Requests: requests(ensure(orders, at("2026-11-22T05:33:21.482Z"), ddlAllowed, redelivered))},
		"smq.json": {Trigger: "eventbridge",
			Requests: requests(ensure(orders, at("2026-11-22T14:05:09.117Z"), completed, redelivered))},
		"rocketmq.json": {Trigger: "eventbridge",
			Requests: requests(ensure(orders, at("2026-11-22T14:06:01.766Z"), redelivered))},
		"kafka.json": {Trigger: "eventbridge-streaming", Items: 3, Requests: requests(
			ensure(orders, at("2026-11-22T14:07:06.204Z"), completed, redelivered),
			ensure(shop, at("2026-11-22T14:07:05.204Z"), completed, redelivered))},
		"actiontrail.json": {Trigger: "eventbridge",
			Requests: requests(ensure(orders, at("2026-11-22T14:08:00Z"), redelivered))},
		"actiontrail-own.json": {Trigger: "eventbridge"},
		"drill.json":           {Trigger: "direct", Drill: true},
		"image-push.json": {Trigger: "eventbridge", Requests: requests(
			ensure(shop, at("2026-11-22T14:10:00Z"), redelivered),
			ensure(stock, at("2026-11-22T14:10:00Z"), redelivered))},
		"streaming.json": {Trigger: "eventbridge-streaming", Items: 2, Requests: streamed},
		"request.json": {Trigger: "direct",
			Requests: requests(ensure(orders, now, completed, immediate))},
		"fleet.json": {Trigger: "direct", Requests: requests(
			ensure(orders, now.Add(-4*time.Hour), completed),
			ensure(shop, now.Add(-4*time.Hour), completed),
			ensure(stock, now.Add(-4*time.Hour), completed))},
		"by-tag.json": {Trigger: "timer", Requests: requests(
			choose(backup.Selector{Tags: tags("backup", "nightly")}, completed, redelivered, notBefore("2026-11-22T18:00:00Z")))},
		"all.json": {Trigger: "direct", Requests: requests(
			choose(backup.Selector{Regions: []string{home, "cn-shanghai"}, All: true, NotTags: tags("backup", "off")}, completed, notBefore("2026-11-22T22:00:00Z")))},
		"template.json": {Trigger: "direct",
			Requests: requests(ensure(orders, at("2026-11-22T06:12:05.965Z"), completed))},
		"bare-id.txt": {Trigger: "direct",
			Requests: requests(ensure(orders, now, immediate))},
		"bare-id.json": {Trigger: "direct",
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
		{"bare id with a BOM and white space", "\ufeff\r\n\t " + orders + " \n", "direct", bare},
		{"JSON string with white space", ` "\t` + orders + ` " `, "direct", bare},
		{"JSON string that holds a request", `"{\"DBClusterId\":\"` + orders + `\"}"`, "direct", bare},
		{"timer by its time alone", `{"triggerTime":"2026-11-23T02:00:00Z","payload":"` + orders + `"}`, "timer", requests(ensure(orders, now))},
		{"timer's names without regard to case", `{"TRIGGERTIME":"2026-11-23T02:00:00Z","Payload":"` + orders + `"}`, "timer", requests(ensure(orders, now))},
		{"CloudEvent with a timer's fields", `{"triggerName":"x","triggerTime":"x","specversion":"1.0","time":"2026-11-23T02:00:00Z","data":"` + orders + `"}`, "eventbridge", requests(ensure(orders, now))},
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
	const empty = `the event is empty: give a cluster id, or a request such as {"DBClusterId":"amv-…","WaitFor":"Completed"}`
	const neither = "the event must hold a request or a cluster id, as text"
	for _, c := range []struct{ payload, want string }{
		{"", empty},
		{"\ufeff \n", empty},
		{`" "`, empty},
		{" \n\ufeff", neither}, // a BOM is one at the start alone
		{"null", `the event: "null" is not a cluster id`},
		{"hello", `the event: "hello" is not a cluster id such as amv-wz9or2xawpnc`},
		{"hello world", neither},
		{"am" + strings.Repeat("x", 62), `the event: "am` + strings.Repeat("x", 62) + `" is not a cluster id`},
		{"ghp_16C7e42F292c6912E7710c838347", "the event must hold a request or a cluster id, as text"},
		{strings.Repeat("x", 65), neither},
		{orders + "," + shop, neither},
		{`"amv-wz9or2xawpnc****"`, `the event: "amv-wz9or2xawpnc****" is a masked example`},
		{`"` + orders, "the event is not JSON: unexpected end of JSON input"},
		{`"` + orders + `" x`, "the event is not JSON: invalid character 'x' after top-level value"},
		{"{}", "the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector"},
		{" [ ] ", "the event is an empty array"},
		{"[1 2]", "the event is not JSON: invalid character '2' after array element"},
		{strings.Repeat("[", 20000), "exceeded max depth"},
		{strings.Repeat(`{"data":`, 20000), "exceeded max depth"},
	} {
		refused(t, c.payload, invocation(), c.want)
	}
}
