package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

const webhook = "https://ops.example/hooks/MarkedHook/0123456789"

// chat is where alarms arrive: the JSON objects that a robot was sent.
type chat struct {
	messages []map[string]string
	refuses  string        // its words for a refusal; empty: it takes everything
	after    time.Duration // in which it answers
}

func (c *chat) RoundTrip(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(c.after):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	var message map[string]string
	body, _ := io.ReadAll(r.Body)
	if err := json.Unmarshal(body, &message); err != nil || r.URL.String() != webhook {
		return nil, errors.Join(err, errors.New(r.URL.String()))
	}
	response := &http.Response{StatusCode: 200, Body: io.NopCloser(strings.NewReader(c.refuses))}
	if c.messages = append(c.messages, message); c.refuses != "" {
		response.StatusCode = 400
	}
	return response, nil
}

// toldStory is a story whose process has a webhook.
func toldStory(t *testing.T, name string, o fakeadb.Options, tell func(*testing.T, *world, *process, *chat)) {
	story(t, name, o, func(t *testing.T, w *world) {
		p, c := w.process(), &chat{}
		p.config.Alarm.Transport = c
		tell(t, w, p, c)
		if strings.Contains(w.log.String(), "0123456789") {
			t.Error("the webhook's token is in the log")
		}
	}, "ADB_ALARM_WEBHOOK="+webhook)
}

// TestWhatIsTold: a failure that a person must act on, and nothing else.
func TestWhatIsTold(t *testing.T) {
	denied := fakeadb.Options{Denied: []fakeadb.Denial{{Action: "CreateBackup"}}}
	long := delivery{timeout: 10 * time.Minute}
	for name, c := range map[string]struct {
		o     fakeadb.Options
		event string
		d     delivery
		want  string
		told  bool
	}{
		"a refusal":         {denied, plain, long, "PermissionDenied", true},
		"a missing cluster": {fakeadb.Options{Clusters: onlyOne}, plain, long, "ClusterNotFound", true},
		"no role":           {fakeadb.Options{}, plain, delivery{anonymous: true}, "PermissionDenied", true},
		"a wrong event":     {fakeadb.Options{}, image, long, "InvalidEvent", true},
		"a wrong item":      {fakeadb.Options{}, `[7,` + timerAt(epoch, plain) + `]`, long, "InvalidEvent", true},
		"a success":         {fakeadb.Options{}, plain, long, "Requested", false},
		"pending":           {fakeadb.Options{Takes: time.Hour}, timerAt(epoch, waiting), long, "BackupPending", false},
		"throttled":         {fakeadb.Options{Faults: fakeadb.Strike("CreateBackup", fakeadb.Throttled(0))}, plain, long, "Throttled", false},
		"unknown":           {fakeadb.Options{Faults: fakeadb.Strike("CreateBackup", fakeadb.Broken)}, plain, long, "OutcomeUnknown", false},
	} {
		toldStory(t, name, c.o, func(t *testing.T, w *world, p *process, told *chat) {
			r := p.deliver(c.event, c.d)
			if r.Status+r.errorType != c.want || (len(told.messages) == 1) != c.told || len(told.messages) > 1 {
				t.Fatalf("%s%s %s: told %v", r.Status, r.errorType, r.errorMessage, told.messages)
			}
			if c.told && (told.messages[0]["errorType"] != c.want || told.messages[0]["errorMessage"] != r.errorMessage || told.messages[0]["requestId"] != "1-386d4380-story" || told.messages[0]["region"] != region) {
				t.Errorf("told %v", told.messages)
			}
		})
	}
	toldStory(t, "a defect", fakeadb.Options{}, func(t *testing.T, w *world, p *process, told *chat) {
		p.runner = nil
		if w.expect(p.deliver(plain, delivery{}), "InternalError", 0); len(told.messages) != 1 || told.messages[0]["errorType"] != "InternalError" {
			t.Errorf("told %v", told.messages)
		}
		if line := w.reportLine(); line["level"] != "ERROR" || line["errorType"] != "InternalError" || !strings.Contains(line["error"].(string), "a defect of the function, see its log") {
			t.Error(line)
		}
		for _, part := range []string{`"level":"ERROR","msg":"defect","requestId":"1-386d4380-story"`, `"panic":"`, `"stack":"`, "handler.go"} {
			if !strings.Contains(w.log.String(), part) {
				t.Errorf("no %s in %s", part, w.log)
			}
		}
	})
	toldStory(t, "once for each invocation, however often it is retried", denied, func(t *testing.T, w *world, p *process, told *chat) {
		for retry := range 3 {
			p.deliver(plain, delivery{requestID: "1-386d4380-a", retryCount: retry})
		}
		if p.deliver(plain, delivery{requestID: "1-386d4380-b"}); len(told.messages) != 2 {
			t.Errorf("told %v", told.messages)
		}
	})
}

// TestAlarmInTime: one that is not delivered is one line of the log, and the same answer, in time.
func TestAlarmInTime(t *testing.T) {
	for name, c := range map[string]struct {
		chat
		timeout, took time.Duration
		words         string
	}{
		"refused":                  {chat{refuses: "no such hook: 0123456789"}, time.Minute, 0, `the robot answered 400: no such hook: ***`},
		"no answer":                {chat{after: time.Hour}, time.Minute, 5 * time.Second, "no answer in time"},
		"no answer, and no time":   {chat{after: time.Hour}, 3 * time.Second, 2500 * time.Millisecond, "no answer in time"},
		"an answer, and time left": {chat{refuses: "busy", after: 4 * time.Second}, time.Minute, 4 * time.Second, "busy"},
	} {
		toldStory(t, name, fakeadb.Options{Clusters: onlyOne}, func(t *testing.T, w *world, p *process, _ *chat) {
			p.config.Alarm.Transport = &c.chat
			r := p.deliver(plain, delivery{timeout: c.timeout})
			if w.expect(r, "ClusterNotFound", 1); r.took != c.took || strings.Contains(r.errorMessage, "robot") {
				t.Errorf("after %v: %s", r.took, r.errorMessage)
			}
			if log := w.log.String(); strings.Count(log, `"level":"ERROR","msg":"alarm not delivered","requestId":"1-386d4380-story","trigger":"direct","error":"`) != 1 || !strings.Contains(log, c.words) {
				t.Error(log)
			}
		})
	}
	toldStory(t, "WaitAtMost does not bind the alarm", fakeadb.Options{Takes: time.Hour, Clusters: onlyOne}, func(t *testing.T, w *world, p *process, told *chat) {
		told.after = 4 * time.Second
		r := p.deliver(`{"DBClusterIds":["amv-0000","amv-unknown"],"WaitFor":"Completed","WaitAtMost":"3s"}`, delivery{})
		if w.expect(r, "Mixed", 1); r.took != 7*time.Second || len(told.messages) != 1 {
			t.Errorf("after %v, told %v", r.took, told.messages)
		}
	})
}

// TestDrill: a drill goes the way of an alarm, and calls nothing else.
func TestDrill(t *testing.T) {
	const drill = `{"Action":"Drill"}`
	for name, event := range map[string]string{"asked for": drill, "by a timer": timerAt(epoch, drill)} {
		toldStory(t, name, fakeadb.Options{}, func(t *testing.T, w *world, p *process, told *chat) {
			r := p.deliver(event, delivery{anonymous: true})
			if w.expect(r, "Delivered", 0); r.Action != "Drill" || len(told.messages) != 1 || told.messages[0]["errorType"] != "Drill" || !strings.Contains(told.messages[0]["text"], "this is a drill") {
				t.Errorf("%+v, told %v", r, told.messages)
			}
			if line := w.reportLine(); line["level"] != "INFO" || line["action"] != "Drill" || line["status"] != "Delivered" {
				t.Error(line)
			}
			w.looks(0)
		})
	}
	toldStory(t, "that is refused is not told again", fakeadb.Options{}, func(t *testing.T, w *world, p *process, told *chat) {
		told.refuses = "keywords not in content"
		r := p.deliver(drill, delivery{})
		if w.expect(r, "AlarmFailed", 0); r.errorMessage != "the alarm was not delivered: the robot answered 400: keywords not in content" || len(told.messages) != 1 {
			t.Errorf("%s, told %v", r.errorMessage, told.messages)
		}
		if line := w.reportLine(); line["level"] != "ERROR" || line["action"] != "Drill" || line["errorType"] != "AlarmFailed" {
			t.Error(line)
		}
		told.refuses = ""
		w.expect(p.deliver(drill, delivery{}), "Delivered", 0)
	})
	story(t, "without a webhook", fakeadb.Options{}, func(t *testing.T, w *world) {
		r := w.process().deliver(drill, delivery{})
		if w.expect(r, "AlarmFailed", 0); !strings.Contains(r.errorMessage, "no webhook is set: ADB_ALARM_WEBHOOK") {
			t.Error(r.errorMessage)
		}
	})
}
