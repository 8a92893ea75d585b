package events_test

import (
	"adb-backup/events"
	"adb-backup/function/backup"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

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
	if event.Trigger != "eventbridge-streaming" || event.Items != len(wrong)+3 || event.Action() != backup.ActionEnsure {
		t.Errorf("trigger %q, %d items, action %q", event.Trigger, event.Items, event.Action())
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
	if event.Requests != nil || len(event.Wrong) != 2 || event.Items != 2 || event.Action() != "" {
		t.Errorf("all wrong: %+v", event)
	}
	event = must(t, `[{"specversion":"1.0","type":"ads:ActionTrail:ApiCall","data":{"eventName":"CreateBackup"}}]`, invocation())
	if event.Requests != nil || event.Wrong != nil || event.Items != 1 || event.Action() != "" {
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
	if event.Action() != backup.ActionVerify {
		t.Errorf("action %q, want the first request's", event.Action())
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
