// Package events reads what arrives at the function: a timer's event, EventBridge's CloudEvents one by one or in an array, a
// direct request, or a bare cluster id. Decode turns it into requests. Every cluster id, region, tag and time in them has
// been checked.
package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"adb-backup/function/backup"
)

const (
	maxEvent    = 4 << 20 // bytes
	maxWrong    = 100     // wrong items that are described
	maxWarnings = 20
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

// Triggers, as Event.Trigger and the log name them.
const (
	triggerTimer     = "timer"
	triggerRule      = "eventbridge"
	triggerStreaming = "eventbridge-streaming"
	triggerDirect    = "direct"
)

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
// An error means that the event cannot be understood, or that its request is wrong (InvalidEvent): nothing may be called.
// Its text is one line for a person, with all faults of the request in a stable order. The text quotes only short names and
// values of the event, because events may carry secrets. Beside an error the Event has its Trigger alone.
func Decode(payload []byte, inv Invocation) (Event, error) {
	d := newDecoder(inv)
	payload = bytes.TrimSpace(bytes.TrimPrefix(payload, []byte("\ufeff")))

	var event Event
	var requests []backup.Request
	var err error
	switch {
	case len(payload) > maxEvent:
		err = fmt.Errorf("the event has %d bytes, at most %d are possible", len(payload), maxEvent)
	case len(payload) == 0:
		err = errors.New("the event is empty: send a request such as " + exampleRequest)
	case payload[0] == '[':
		event.Trigger = triggerStreaming
		if err = checkJSON("the event", payload); err == nil {
			requests, err = d.array(payload, &event)
		}
	case payload[0] == '{':
		event.Trigger, requests, err = d.object("the event", payload)
	default:
		event.Trigger = triggerDirect
		requests, err = d.text(d.direct, "the event", payload)
	}
	if err != nil {
		return Event{Trigger: event.Trigger}, worded(err)
	}
	event.Requests = backup.Merge(requests)
	if n := d.warned - len(d.warnings); n > 0 {
		d.warnings = append(d.warnings, fmt.Sprintf("and %d more warnings about the event's items", n))
	}
	event.Warnings = d.warnings
	return event, nil
}

// worded returns an error with err's text. Most errors here make their text each time it is read, out of the event, which
// they keep in memory.
func worded(err error) error { return errors.New(err.Error()) }

// decoder reads the event of one invocation.
type decoder struct {
	Invocation
	moments
	direct   source // of a request without an envelope
	item     int    // the position of the item that is being read; 0 if the event is no array
	warnings []string
	warned   int // how many warnings there were, with those beyond maxWarnings
}

func newDecoder(inv Invocation) *decoder {
	// The moments of an event carry no monotonic clock. The moment that they are compared with must not carry one either.
	inv.Received = inv.Received.Round(0).UTC()
	d := &decoder{Invocation: inv, moments: inv.moments()}
	d.direct = source{prototype: backup.Request{
		Action:      backup.ActionEnsure,
		NotBefore:   d.first,
		Redelivered: inv.RetryCount > 0,
		Immediate:   inv.RetryCount <= 0,
	}}
	d.direct.setRegion("the function's region", inv.Region)
	return d
}

// warn adds a warning. Only the first ones are kept, because an array can have thousands of events.
func (d *decoder) warn(format string, args ...any) {
	if d.warned++; d.warned > maxWarnings {
		return
	}
	text := fmt.Sprintf(format, args...)
	if d.item > 0 {
		text = fmt.Sprintf("item %d: %s", d.item, text)
	}
	d.warnings = append(d.warnings, text)
}

// array reads what EventBridge streaming delivers: CloudEvents, or strings that hold them. An item can also be any other
// event, except an array. A wrong item fails by itself.
func (d *decoder) array(raw json.RawMessage, event *Event) ([]backup.Request, error) {
	var all batch
	for item := range items(raw) {
		d.item++
		requests, err := d.arrayItem(item)
		if err == nil {
			err = all.add(requests)
		}
		if err == nil {
			continue
		}
		if event.WrongCount++; event.WrongCount <= maxWrong {
			event.Wrong = append(event.Wrong, ItemError{Position: d.item, Err: worded(err)})
		}
	}
	if d.item == 0 {
		return nil, errors.New("the event is an empty array")
	}
	event.Items = d.item
	return all.requests, nil
}

func (d *decoder) arrayItem(raw json.RawMessage) ([]backup.Request, error) {
	const place = "the item"
	if raw[0] == '{' {
		_, requests, err := d.checkedObject(raw)
		return requests, err
	}
	text, isString := unquote(raw)
	if !isString {
		return nil, fault("the item must be a CloudEvent, or a string that holds one, not %s", kind(raw))
	}
	if text = bytes.TrimSpace(text); bytes.HasPrefix(text, []byte("{")) {
		_, requests, err := d.object(place, text)
		return requests, err
	}
	return d.text(d.direct, place, text)
}

// object checks and reads a JSON object.
func (d *decoder) object(place string, text []byte) (trigger string, requests []backup.Request, err error) {
	if err := checkJSON(place, text); err != nil {
		return "", nil, err
	}
	return d.checkedObject(text)
}

// checkedObject reads an object that has passed checkJSON. Its fields tell the trigger.
func (d *decoder) checkedObject(raw json.RawMessage) (trigger string, requests []backup.Request, err error) {
	var timer timerEvent
	var cloud cloudEvent
	readFields(raw,
		wanted{"triggerName", &timer.TriggerName}, wanted{"triggerTime", &timer.TriggerTime}, wanted{"payload", &timer.Payload},
		wanted{"specversion", &cloud.SpecVersion}, wanted{"type", &cloud.Type}, wanted{"subject", &cloud.Subject},
		wanted{"time", &cloud.Time}, wanted{"data", &cloud.Data}, wanted{"data_base64", &cloud.DataBase64},
		wanted{"aliyunregionid", &cloud.AliyunRegionID})
	switch {
	case cloud.SpecVersion.given:
		cloud.raw = raw
		requests, err = d.cloudEvent(&cloud)
		return triggerRule, requests, err
	case timer.TriggerName.given || timer.TriggerTime.given:
		requests, err = d.timer(&timer)
		return triggerTimer, requests, err
	default:
		requests, err = d.request(d.direct, readRequest(raw))
		return triggerDirect, requests, err
	}
}

// timerEvent is what a timer trigger sends (Function Compute, "Time triggers"). The payload stands in the trigger's settings.
type timerEvent struct {
	TriggerName, TriggerTime, Payload value
}

// timer reads a timer's event. The request is the payload.
func (d *decoder) timer(e *timerEvent) ([]backup.Request, error) {
	src := d.envelope("triggerTime", e.TriggerTime)
	src.place = "the timer's payload"
	switch {
	case e.Payload.repeated:
		return nil, fault("the timer's event: payload is given twice")
	case isObject(e.Payload.raw):
		return d.request(src, readRequest(e.Payload.raw))
	case !e.Payload.given, e.Payload.isString && len(bytes.TrimSpace(e.Payload.text)) == 0:
		return nil, fault("the timer's payload is empty: put in a cluster id, or a request such as %s", exampleRequest)
	case !e.Payload.isString:
		return nil, fault("the timer's payload must be a string that holds a request or a cluster id, not %s", kind(e.Payload.raw))
	}
	return d.text(src, src.place, e.Payload.text)
}

// source is where a request stands, and what applies to the fields that it leaves out.
type source struct {
	place     string         // such as "data.body"; empty for an event that is the request itself
	prototype backup.Request // its Action, Region and so on; its NotBefore is the event's time
	badRegion error          // why the prototype has no region
	foreign   bool           // other fields are the sender's own, so they are ignored
}

// envelope is the source of a request that comes in an envelope with a time of its own.
func (d *decoder) envelope(name string, v value) source {
	src := d.direct
	src.prototype.Immediate = false
	src.prototype.NotBefore = d.eventTime(name, v)
	if d.Received.Sub(src.prototype.NotBefore) > time.Minute { // an earlier delivery may have been carried out
		src.prototype.Redelivered = true
	}
	return src
}

// setRegion sets the region of requests that name none. The place says where the region was found.
func (s *source) setRegion(place, region string) {
	s.prototype.Cluster.Region, s.badRegion = region, nil
	if err := backup.CheckRegion(region); err != nil {
		s.badRegion = fault("%s: %v", place, err)
	}
}

// text reads a text that holds a request or a bare cluster id. Either may be in quotes.
func (d *decoder) text(src source, place string, text []byte) ([]backup.Request, error) {
	text = bytes.TrimSpace(text)
	if bytes.HasPrefix(text, []byte(`"`)) {
		if err := checkJSON(place, text); err != nil {
			return nil, err
		}
		text, _ = unquote(text)
		text = bytes.TrimSpace(text)
	}
	if bytes.HasPrefix(text, []byte("{")) {
		if err := checkJSON(place, text); err != nil {
			return nil, err
		}
		return d.request(src, readRequest(text))
	}
	id := string(text)
	err := backup.CheckClusterID(id)
	if err == nil {
		return src.named(place, id)
	}
	if isWord(id) {
		return nil, fault("%s: %v", place, err)
	}
	return nil, fault("%s must hold a request or a cluster id, not %s", place, described(id))
}
