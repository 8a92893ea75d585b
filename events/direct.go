package events

import (
	"adb-backup/function/backup"
)

// A direct request comes from `s invoke`, a console's test, or EventBridge's TEMPLATE and CONSTANT transforms, which
// replace the envelope. It carries no time of its own: that is the moment of the invocation's first attempt.

func (d *decoder) directObject(o object) ([]backup.Request, error) {
	e := d.direct()
	return e.request("", o, e.region)
}

// directText reads a bare cluster id, or a JSON string that holds one, or a request.
func (d *decoder) directText(what, text string) ([]backup.Request, error) {
	return d.direct().readText(what, text)
}

func (d *decoder) direct() envelope {
	return envelope{
		decoder:     d,
		time:        d.first,
		timeless:    true,
		redelivered: d.RetryCount > 0,
		region:      origin{name: "the function's region", value: d.Region},
	}
}
