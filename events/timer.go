package events

import (
	"errors"
	"fmt"
	"strings"

	"adb-backup/function/backup"
)

// timer reads a timer trigger's event: triggerTime, triggerName and the payload that the trigger was made with
// (Function Compute, "Time triggers"). The request is the payload's.
func (d *decoder) timer(o object) ([]backup.Request, error) {
	payload, err := o.get("payload")
	if err != nil {
		return nil, fmt.Errorf("the timer's event: %w", err)
	}
	e := d.envelope(o, "triggerTime")
	const where = "the timer's payload"
	if isObject(payload) {
		return e.readObject(where, payload)
	}
	text, isText := readString(payload)
	switch {
	case payload == nil, isText && strings.TrimSpace(text) == "":
		return nil, errors.New("the timer's payload is empty: put in a cluster id, or a request such as " + exampleRequest)
	case !isText:
		return nil, fmt.Errorf("the timer's payload must be a string that holds a request or a cluster id, not %s", kind(payload))
	}
	return e.readText(where, text)
}
