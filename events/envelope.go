package events

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"adb-backup/function/backup"
)

const exampleRequest = `{"DBClusterId":"amv-…","WaitFor":"Completed"}`

// envelope is what surrounds a request: it decides where the request is silent.
type envelope struct {
	*decoder
	time        time.Time // the event's
	timeless    bool      // direct: the time is none of the event's own
	redelivered bool
	open        bool   // fields that are not ours are the sender's own, and no fault
	region      origin // where the request names none
}

// origin is a region and where it was found.
type origin struct {
	name  string
	value string
	err   error // it is there, but is no string
}

// envelope reads an envelope that has its time in the field of that name.
func (d *decoder) envelope(o object, timeField string) envelope {
	e := d.direct()
	e.timeless = false
	e.time = d.eventTime(o, timeField)
	// Where the first attempt stands in for the event's time, that is now, or a retry is being made already.
	e.redelivered = e.redelivered || d.Received.Sub(e.time) > time.Minute
	return e
}

// readText reads text that holds a request or a bare cluster id, either of them perhaps within quotes.
func (e envelope) readText(where, text string) ([]backup.Request, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, `"`) {
		var quoted string
		if err := json.Unmarshal([]byte(text), &quoted); err != nil {
			return nil, fmt.Errorf("%s is not JSON: %w", where, syntax(err))
		}
		text = strings.TrimSpace(quoted)
	}
	if strings.HasPrefix(text, "{") {
		return e.readObject(where, []byte(text))
	}
	err := backup.CheckClusterID(text)
	if err == nil {
		return e.plain(where, []string{text}, e.region)
	}
	if isWord(text) {
		return nil, fmt.Errorf("%s: %w", where, err)
	}
	return nil, fmt.Errorf("%s must hold a request or a cluster id, not %s", where, shownText(text))
}

func (e envelope) readObject(where string, raw []byte) ([]backup.Request, error) {
	o, err := readObject(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", where, err)
	}
	return e.request(where, o, e.region)
}

// plain makes requests for clusters that were named without any further wish.
func (e envelope) plain(where string, clusters []string, region origin) ([]backup.Request, error) {
	var f faults
	for _, id := range clusters {
		if err := backup.CheckClusterID(id); err != nil {
			f.add("%v", err)
		}
	}
	checkOrigin(region, &f)
	if err := f.err(where); err != nil {
		return nil, err
	}
	return e.requests(asked{clusters: clusters, region: region.value, action: backup.ActionEnsure, notBefore: e.time, now: true}), nil
}

func checkOrigin(region origin, f *faults) {
	if region.err != nil {
		f.add("%v", region.err)
	} else if err := backup.CheckRegion(region.value); err != nil {
		f.add("%s: %v", region.name, err)
	}
}
