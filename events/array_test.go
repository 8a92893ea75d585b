package events_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
)

// In an array a wrong item fails by itself, by its position. The event's action is the first request's.
func TestWrongItems(t *testing.T) {
	good := `{"specversion":"1.0","time":"2026-11-23T02:00:00Z","data":{"Action":"Verify","MaxAge":"0s","DBClusterId":"` + shop + `"}}`
	own := `{"specversion":"1.0","type":"ads:ActionTrail:ApiCall","data":{"eventName":"CreateBackup"}}`
	wrong := []struct{ item, want string }{
		{`7`, "the item must be a CloudEvent, or a string that holds one, not a number"},
		{`null`, "or a string that holds one, not null"},
		{`[` + good + `]`, "or a string that holds one, not an array"},
		{`"[]"`, "the event must hold a request or a cluster id, as text"},
		{`""`, "the event is empty"},
		{`"{"`, "the event is not JSON: unexpected end of JSON input"},
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
	if event.Trigger != "eventbridge-streaming" || event.Items != len(wrong)+3 || event.Action() != backup.ActionVerify {
		t.Errorf("trigger %q, %d items, action %q", event.Trigger, event.Items, event.Action())
	}
	same(t, event.Requests, requests(ensure(shop, now, verify), ensure(orders, now, immediate)))
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
	for _, item := range []string{timer, quote(" " + timer + "\n")} {
		same(t, must(t, "["+item+"]", invocation()).Requests, requests(ensure(orders, now.Add(-30*time.Second))))
	}
	for _, item := range []string{quote(" " + orders), quote(quote(orders)), `{"DBClusterId":"` + orders + `"}`} {
		same(t, must(t, "["+item+"]", invocation()).Requests, requests(ensure(orders, now, immediate)))
	}
}

// An array whose every item is wrong, or the function's own work, is no error of Decode.
func TestArraysWithoutRequests(t *testing.T) {
	own := `{"specversion":"1.0","type":"ads:ActionTrail:ApiCall","data":{"eventName":"CreateBackup"}}`
	for payload, wrong := range map[string]int{`["x",{}]`: 2, "[" + own + "," + own + "]": 0} {
		if event := must(t, payload, invocation()); event.Requests != nil || event.WrongCount != wrong || event.Items != 2 || event.Action() != "" {
			t.Errorf("%s: %+v", payload, event)
		}
	}
}

func TestWarningsOfAnArrayAreBounded(t *testing.T) {
	item := `{"specversion":"1.0","data":"` + orders + `"}`
	for n, last := range map[int]string{20: "time: ", 21: "and 1 more warnings about the event's items", 100: "and 80 more warnings about the event's items"} {
		event, err := events.Decode([]byte("["+item+strings.Repeat(","+item, n-1)+"]"), invocation())
		if err != nil {
			t.Fatal(err)
		}
		if w := event.Warnings; len(w) != min(n, 21) || !strings.HasPrefix(w[1], `time: "" is not`) || !strings.HasPrefix(w[len(w)-1], last) {
			t.Errorf("%d warnings: %q", len(w), w)
		}
	}
}

// The first hundred wrong items are described, and all are counted.
func TestManyWrongItems(t *testing.T) {
	event := must(t, `["am-1"`+strings.Repeat(`,"x"`, 4998)+`,"am-2"]`, invocation())
	same(t, event.Requests, requests(ensure("am-1", now, immediate), ensure("am-2", now, immediate)))
	if len(event.Wrong) != 100 || event.Wrong[0].Position != 2 || event.Wrong[99].Position != 101 || event.WrongCount != 4998 || event.Items != 5000 {
		t.Errorf("%d described, %d wrong of %d", len(event.Wrong), event.WrongCount, event.Items)
	}
}

// An event that is too large is refused as a whole.
func TestLimits(t *testing.T) {
	spaces := func(n int) string { return `{"DBClusterId":"am-1"` + strings.Repeat(" ", n-22) + "}" }
	same(t, must(t, spaces(1<<20), invocation()).Requests, requests(ensure("am-1", now, immediate)))
	refused(t, spaces(1<<20+1), invocation(), "the event has 1048577 bytes, at most 1 MiB is possible")
	refused(t, "[0"+strings.Repeat(",0", 5000)+"]", invocation(), "the event has 5001 items, at most 5,000 are possible")

	thousand := func(from int, rest string) string {
		return `{"DBClusterIds":["am-` + fmt.Sprint(from) + `"` + numbers(`,"am-%d"`, from+1, 999) + `]` + rest + `}`
	}
	fleet := strings.Join([]string{thousand(0, ""), thousand(1000, ""), thousand(2000, ""), thousand(3000, "")}, ",")
	selector := `{"DBClusterSelector":{"All":true},"RegionIds":["cn-a","cn-b"]}`
	repeats := thousand(0, "") + "," + thousand(0, `,"Action":"Verify","MaxAge":"1h"`) + "," + selector
	event := must(t, "["+fleet+`,{"DBClusterIds":["am-4000"`+numbers(`,"am-%d"`, 4001, 997)+`]},`+selector+","+repeats+"]", invocation())
	if len(event.Requests) != 5999 || event.WrongCount != 0 { // 4,998 clusters, a selector in two regions, and 1,000 to verify
		t.Errorf("%d requests, %d wrong items", len(event.Requests), event.WrongCount)
	}
	const tooMany = "the event names more than 5,000 clusters"
	refused(t, "["+fleet+","+thousand(4000, "")+`,"am-5000"]`, invocation(), tooMany)
	refused(t, "["+fleet+","+thousand(4000, "")+`,{"DBClusterId":"am-0","RegionId":"cn-beijing"}]`, invocation(), tooMany)
	refused(t, "["+fleet+`,{"DBClusterIds":["am-4000"`+numbers(`,"am-%d"`, 4001, 998)+`]},`+selector+"]", invocation(), tooMany)
}
