// Package events reads what arrives at the function: a timer's event, EventBridge's CloudEvents one by one or in an array, a
// direct request, or a bare cluster id. Decode turns it into requests. Every cluster id, region, tag and time in them has
// been checked.
package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// Invocation is what the platform says about a delivery.
type Invocation struct {
	RequestID       string        // 1-<8 hex digits: Unix seconds>-…
	RetryCount      int           // how often the platform has tried this event before
	Timeout         time.Duration // the function's
	Region          string        // the function's own, such as cn-hangzhou
	Received        time.Time     // when the invocation began
	DefaultClusters []string      // ADB_DEFAULT_CLUSTERS
}

// Event is what an event asks for. An event that only reports the function's own work has neither Requests nor Wrong.
type Event struct {
	Trigger    string           // "timer", "eventbridge", "eventbridge-streaming", "direct"; "" if Decode could not tell
	Drill      bool             // the event asks for a test alarm, and for nothing else
	Requests   []backup.Request // merged by backup.Merge, in the event's order
	Wrong      []ItemError      // the first 100 wrong items of an array, in the event's order
	WrongCount int              // how many items of an array are wrong
	Items      int              // how many items an array has; 0 for any other event
	Warnings   []string         // for the log, one sentence each: at most 20, and one that counts the rest
}

// Action returns the first request's action; "" if there is no request.
func (e Event) Action() backup.Action {
	if len(e.Requests) == 0 {
		return ""
	}
	return e.Requests[0].Action
}

// ItemError says why one item of an array is not carried out.
type ItemError struct {
	Position int   // from 1
	Err      error // one line for a person
}

// Decode reads an event in any of its shapes.
//
// An error means that the event or its request is wrong (InvalidEvent): nothing may be called. Its text is one line for a
// person, with the faults of the request in a stable order. It quotes only short names and values of the event, because events
// may carry secrets. Beside an error the Event has its Trigger alone.
func Decode(payload []byte, inv Invocation) (Event, error) {
	d := decoder{Invocation: inv}
	d.first, d.latest = inv.firstAttempt()
	d.direct = source{region: inv.Region, request: backup.Request{
		Action: backup.ActionEnsure, NotBefore: d.first, Redelivered: inv.RetryCount > 0, Immediate: inv.RetryCount <= 0}}
	text := strings.TrimSpace(strings.TrimPrefix(string(payload), "\ufeff"))
	var err error
	switch {
	case len(payload) > 1<<20:
		err = fmt.Errorf("the event has %d bytes, at most 1 MiB is possible", len(payload))
	case strings.HasPrefix(text, "["):
		d.Trigger = "eventbridge-streaming"
		err = d.array(text)
	default:
		d.Trigger, d.Requests, err = d.event(text)
	}
	if d.Requests = backup.Merge(d.Requests); err == nil && clusters(d.Requests) > 5000 {
		err = errors.New("the event names more than 5,000 clusters")
	}
	if err != nil {
		return Event{Trigger: d.Trigger}, err
	}
	if more := len(d.Warnings) - 20; more > 0 {
		d.Warnings = append(d.Warnings[:20], fmt.Sprintf("and %d more warnings about the event's items", more))
	}
	return d.Event, nil
}

// clusters counts what requests name. A selector counts as a cluster in each of its regions, because each one is a call.
func clusters(requests []backup.Request) int {
	named, selected := make(map[backup.Cluster]bool), 0
	for _, r := range requests {
		if r.Selector != nil {
			selected += len(r.Selector.Regions)
		} else {
			named[r.Cluster] = true
		}
	}
	return len(named) + selected
}

// decoder reads the event of one invocation.
type decoder struct {
	Invocation
	Event
	first  time.Time // when the invocation was attempted first
	latest time.Time // a later time was in the future at the first attempt
	direct source    // of a request without an envelope
}

// array reads what EventBridge streaming delivers: CloudEvents, or strings that hold them. An item can also be any other
// event, except an array. A wrong item fails by itself.
func (d *decoder) array(text string) error {
	var items []json.RawMessage
	switch err := json.Unmarshal([]byte(text), &items); {
	case err != nil:
		return fmt.Errorf("the event is not JSON: %w", err)
	case len(items) == 0:
		return errors.New("the event is an empty array")
	case len(items) > 5000:
		return fmt.Errorf("the event has %d items, at most 5,000 are possible", len(items))
	}
	for _, item := range items {
		d.Items++
		var requests []backup.Request
		err := fmt.Errorf("the item must be a CloudEvent, or a string that holds one, not %s", kind(item))
		if item[0] == '{' || item[0] == '"' {
			_, requests, err = d.event(valueOf(item))
		}
		if d.Requests = append(d.Requests, requests...); err == nil {
			continue
		}
		if d.WrongCount++; d.WrongCount <= 100 {
			d.Wrong = append(d.Wrong, ItemError{Position: d.Items, Err: err})
		}
	}
	return nil
}

// event reads an event that is no array, or an item of one. The fields of an object tell the trigger.
func (d *decoder) event(value any) (trigger string, requests []backup.Request, err error) {
	if text, isText := value.(string); isText && strings.HasPrefix(strings.TrimSpace(text), "{") {
		if value, err = readJSON("the event", text); err != nil {
			return "", nil, err
		}
	}
	switch o, isObject := value.(*object); {
	case isObject && o.has("specversion"):
		requests, err = d.cloudEvent(o)
		return "eventbridge", requests, err
	case isObject && (o.has("triggerName") || o.has("triggerTime")): // Function Compute, "Time triggers"
		src := d.envelope("triggerTime", o)
		src.place = "the timer's payload"
		requests, err = d.read(src, o.get("payload"))
		return "timer", requests, err
	default:
		requests, err = d.read(d.direct, value)
		return "direct", requests, err
	}
}

// envelope is the source of a request that comes in an envelope with a time of its own. A time that cannot be read or lies in
// the future counts as the moment of the first attempt, with a warning: a time is never a reason to refuse an event.
func (d *decoder) envelope(timeField string, o *object) source {
	t, err := parseTime(o.text(timeField))
	if t = d.notInFuture(timeField, t); err != nil {
		t = d.atFirst(fmt.Sprintf("%s: %v", timeField, err))
	}
	src := d.direct
	src.request.NotBefore, src.request.Immediate = t, false
	old := d.Received.Sub(t) > time.Minute // an earlier delivery may have been carried out
	src.request.Redelivered = src.request.Redelivered || old
	return src
}
