// Package events reads what arrives at the function: a timer's event, EventBridge's CloudEvents one by one or in an
// array, a direct request, or a bare cluster id. Decode makes requests of it; nothing that it lets through has an
// unchecked cluster id or region.
package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// Invocation is what the platform says of a delivery.
type Invocation struct {
	RequestID       string        // 1-<8 hex digits: Unix seconds>-…
	RetryCount      int           // how often the platform has tried this event before
	Timeout         time.Duration // the function's
	Region          string        // the function's own, such as cn-hangzhou
	Received        time.Time     // now
	DefaultClusters []string      // ADB_DEFAULT_CLUSTERS, already validated
}

// Triggers, as Event.Trigger and the log name them.
const (
	triggerTimer     = "timer"
	triggerRule      = "eventbridge"
	triggerStreaming = "eventbridge-streaming"
	triggerDirect    = "direct"
)

// Event is what an event asks for. One that only reports the function's own work asks for nothing: it has neither
// Requests nor Wrong.
type Event struct {
	Trigger  string           // "timer", "eventbridge", "eventbridge-streaming", "direct"; "" when Decode could not tell
	Requests []backup.Request // merged (backup.Merge), in the event's order
	Wrong    []ItemError      // items of an array that fail by themselves, in the event's order
	Items    int              // how many items an array had; 0 when it was none
	Action   backup.Action    // of the first request: the answer's; "" when there is none
	Warnings []string         // for the log, one sentence each, 20 at most and one that counts the rest
}

// ItemError is an item of an array that is no request.
type ItemError struct {
	Position int   // from 1
	Err      error // one line for a person
}

// Decode reads an event in any of its shapes.
//
// An error means that the event cannot be understood, or that its request is wrong (InvalidEvent): nothing may be
// called. Its text is one line for a person, with all faults of the request in a stable order. It never holds more of
// the event than a short value or name, for events may carry secrets. Beside an error the Event has its Trigger alone.
func Decode(payload []byte, inv Invocation) (Event, error) {
	d := newDecoder(inv)
	payload = bytes.TrimSpace(bytes.TrimPrefix(payload, []byte("\ufeff")))

	var event Event
	var requests []backup.Request
	var err error
	switch {
	case len(payload) == 0:
		err = errors.New("the event is empty: send a request such as " + exampleRequest)
	case payload[0] == '[':
		event.Trigger = triggerStreaming
		requests, err = d.array(payload, &event)
	case payload[0] == '{':
		event.Trigger, requests, err = d.object("the event", payload)
	default:
		event.Trigger = triggerDirect
		requests, err = d.directText("the event", string(payload))
	}
	if err != nil {
		return event, err
	}
	if len(requests) > 0 {
		event.Requests = backup.Merge(requests)
		event.Action = event.Requests[0].Action
	}
	event.Warnings = d.warnings.list()
	return event, nil
}

// decoder reads the events of one invocation.
type decoder struct {
	Invocation
	moments
	warnings warnings
}

func newDecoder(inv Invocation) *decoder {
	// Moments of an event carry no monotonic clock; compared with them, neither may this one.
	inv.Received = inv.Received.Round(0).UTC()
	return &decoder{Invocation: inv, moments: inv.moments()}
}

// object reads a JSON object, which tells its trigger by its fields.
func (d *decoder) object(what string, raw []byte) (trigger string, requests []backup.Request, err error) {
	o, err := readObject(raw)
	if err != nil {
		return "", nil, fmt.Errorf("%s is not JSON: %w", what, err)
	}
	switch {
	case o.has("specversion"):
		requests, err = d.cloudEvent(o)
		return triggerRule, requests, err
	case o.has("triggerName"), o.has("triggerTime"):
		requests, err = d.timer(o)
		return triggerTimer, requests, err
	default:
		requests, err = d.directObject(o)
		return triggerDirect, requests, err
	}
}

// array reads what EventBridge streaming delivers: CloudEvents, or strings holding them. Whatever else an event can
// be an item can be, too, but an array. Wrong items are told apart in event, for the others must not suffer.
func (d *decoder) array(raw []byte, event *Event) ([]backup.Request, error) {
	var items []json.RawMessage
	if err := json.Unmarshal(raw, &items); err != nil {
		return nil, fmt.Errorf("the event is not JSON: %w", syntax(err))
	}
	if len(items) == 0 {
		return nil, errors.New("the event is an empty array")
	}
	event.Items = len(items)
	var all []backup.Request
	for i, item := range items {
		d.warnings.prefix = fmt.Sprintf("item %d: ", i+1)
		requests, err := d.item(item)
		if err != nil {
			event.Wrong = append(event.Wrong, ItemError{Position: i + 1, Err: err})
			continue
		}
		all = append(all, requests...)
	}
	return all, nil
}

func (d *decoder) item(raw json.RawMessage) ([]backup.Request, error) {
	const what = "the item"
	if raw[0] == '{' {
		_, requests, err := d.object(what, raw)
		return requests, err
	}
	text, isText := readString(raw)
	if !isText {
		return nil, fmt.Errorf("the item must be a CloudEvent, or a string that holds one, not %s", kind(raw))
	}
	if text = strings.TrimSpace(text); strings.HasPrefix(text, "{") {
		_, requests, err := d.object(what, []byte(text))
		return requests, err
	}
	return d.directText(what, text)
}

// warnings collects sentences for the log. An array of thousands of events may give reason for as many.
type warnings struct {
	prefix string
	told   []string
	untold int
}

func (w *warnings) add(format string, args ...any) {
	if len(w.told) == 20 {
		w.untold++
		return
	}
	w.told = append(w.told, w.prefix+fmt.Sprintf(format, args...))
}

func (w *warnings) list() []string {
	if w.untold > 0 {
		return append(w.told, fmt.Sprintf("and %d more warnings about the event's items", w.untold))
	}
	return w.told
}
