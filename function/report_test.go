package main

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// reportLine returns the fields of the last line of the log.
func (w *world) reportLine() (fields map[string]any) {
	w.t.Helper()
	lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &fields); err != nil || fields["msg"] != "backup report" {
		w.t.Errorf("the last line is no report: %v\n%s", err, lines[len(lines)-1])
	}
	return fields
}

// TestReportLine holds the fields that alarms and queries of the log read. The log service analyses the first 2 KB of a line unless
// it is set to more, so what an alarm reads is found there, whatever the number of clusters.
func TestReportLine(t *testing.T) {
	type fields map[string]any
	slow, one := fakeadb.Options{Takes: time.Hour}, fakeadb.Options{Clusters: onlyOne}
	two := fakeadb.Options{Takes: time.Hour, Faults: func(c fakeadb.Call) fakeadb.Fault {
		if c.Action == "CreateBackup" && c.Cluster == "amv-0001" {
			return fakeadb.Throttled(0)
		}
		return fakeadb.Fault{}
	}}
	const own = `{"specversion":"1.0","type":"ads:ActionTrail:ApiCall","time":"2000-01-01T00:00:00Z","data":{"eventName":"CreateBackup"}}`
	for name, c := range map[string]struct {
		o     fakeadb.Options
		event string
		want  fields
	}{
		"a success": {fakeadb.Options{}, plain, fields{"level": "INFO", "requestId": "1-386d4380-story", "action": "Ensure", "status": "Requested",
			"clusters": 1.0, "created": 1.0, "failed": 0.0, "errorType": "", "error": "", "wrongEvents": 0.0, "skipped": 0.0}},
		"a failure that a person must act on": {one, timerAt(epoch, fleet(100, "")), fields{"level": "ERROR", "trigger": "timer", "action": "Ensure", "status": "Failed",
			"errorType": "ClusterNotFound", "clusters": 100.0, "created": 1.0, "failed": 99.0}},
		"one that invoking again continues":   {slow, timerAt(epoch, waiting), fields{"level": "WARN", "status": "Failed", "errorType": "BackupPending"}},
		"a wrong item beside such a one":      {slow, `[7,` + timerAt(epoch, waiting) + `]`, fields{"level": "ERROR", "errorType": "Mixed", "wrongEvents": 1.0, "failed": 1.0}},
		"several kinds that continue":         {two, timerAt(epoch, fleet(2, `,"WaitFor":"Completed"`)), fields{"level": "WARN", "errorType": "BackupPending", "failed": 2.0}},
		"an event of the function's own work": {slow, own, fields{"level": "INFO", "status": "Ignored", "action": "", "clusters": 0.0}},
	} {
		story(t, name, c.o, func(t *testing.T, w *world) {
			r := w.process().deliver(c.event, delivery{timeout: time.Minute})
			line := w.reportLine()
			for name, value := range c.want {
				if line[name] != value {
					t.Errorf("%s is %v, want %v", name, line[name], value)
				}
			}
			if line["error"] != r.errorMessage && len(r.errorMessage) <= maxMessage {
				t.Error(line["error"])
			}
			if c.want["level"] == "WARN" && strings.Contains(w.log.String(), `"level":"ERROR"`) {
				t.Error("logged as ERROR")
			}
			if _, text, _ := strings.Cut(w.log.String(), `"msg":"backup report"`); c.want["clusters"] == 100.0 &&
				(!strings.Contains(text[:1900], `"status":"Failed","errorType":"ClusterNotFound","error":"99 of 100`) || !strings.Contains(text, `"Backups":[{"DBClusterId":"amv-0001",`)) {
				t.Error(text)
			}
		})
	}
}

func TestWholeType(t *testing.T) {
	for _, c := range []struct {
		all  []backup.ErrorType
		want backup.ErrorType
	}{
		{[]backup.ErrorType{backup.ErrorServiceError}, backup.ErrorServiceError},
		{[]backup.ErrorType{backup.ErrorThrottled, backup.ErrorThrottled}, backup.ErrorThrottled},
		{[]backup.ErrorType{backup.ErrorServiceError, backup.ErrorClusterNotFound}, backup.ErrorMixed},
		{[]backup.ErrorType{backup.ErrorThrottled, backup.ErrorBackupPending}, backup.ErrorBackupPending},
		{[]backup.ErrorType{backup.ErrorBackupPending, backup.ErrorOutcomeUnknown}, backup.ErrorOutcomeUnknown},
		{[]backup.ErrorType{backup.ErrorThrottled, backup.ErrorOutcomeUnknown, backup.ErrorBackupPending}, backup.ErrorOutcomeUnknown},
		{[]backup.ErrorType{backup.ErrorThrottled, backup.ErrorOutcomeUnknown, backup.ErrorInvalidEvent}, backup.ErrorMixed},
		{[]backup.ErrorType{backup.ErrorBackupPending, backup.ErrorBackupFailed}, backup.ErrorMixed},
	} {
		var all []backup.Failure
		for _, e := range c.all {
			all = append(all, backup.Failure{Type: e})
		}
		if got := wholeType(all); got != c.want {
			t.Errorf("%v: %s, want %s", c.all, got, c.want)
		}
	}
}

func failed(t backup.ErrorType, message string) backup.Outcome {
	return backup.Outcome{Cluster: backup.Cluster{ID: cluster, Region: region}, Failure: &backup.Failure{Type: t, Message: message}}
}

// TestMessages: what the error message says, in one line of bounded length.
func TestMessages(t *testing.T) {
	nothing := backup.Unselected{Failure: backup.Failure{Type: backup.ErrorNothingSelected, Message: "the selector matches no cluster"}}
	denied := backup.Unselected{Region: "cn-hangzhou", Failure: backup.Failure{Type: backup.ErrorPermissionDenied, Message: "no"}}
	for _, c := range []struct {
		result backup.Result
		want   string
	}{
		{backup.Result{Outcomes: []backup.Outcome{failed(backup.ErrorServiceError, "two\r\nlines\tand a tab")}},
			"1 of 1 clusters failed: amv-wz9or2xawpnc (cn-hangzhou): ServiceError: two lines and a tab"},
		{backup.Result{Unselected: []backup.Unselected{nothing, denied}},
			"2 of 2 clusters, selectors and events failed: NothingSelected: the selector matches no cluster; selector in cn-hangzhou: PermissionDenied: no"},
		{backup.Result{Outcomes: []backup.Outcome{failed(backup.ErrorServiceError, strings.Repeat("x", 5000)), {}}},
			"1 of 2 clusters failed: amv-wz9or2xawpnc (cn-hangzhou): ServiceError: " + strings.Repeat("x", 2000-len("…amv-wz9or2xawpnc (cn-hangzhou): ServiceError: ")) + "…"},
		{backup.Result{Outcomes: slices.Repeat([]backup.Outcome{failed(backup.ErrorServiceError, "x")}, 21)},
			"21 of 21 clusters failed: " + strings.Repeat("amv-wz9or2xawpnc (cn-hangzhou): ServiceError: x; ", 20) + "… and 1 more, see the log"},
	} {
		var r report
		if r.conclude(c.result); r.failure.Message != c.want {
			t.Errorf("%.300q, want %.300q", r.failure.Message, c.want)
		}
	}
}

// TestAnswer: the whole is as far as the cluster least far along, and what is not known is absent.
func TestAnswer(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	is := func(s backup.Status) backup.Outcome {
		return backup.Outcome{Cluster: backup.Cluster{ID: "amv-a", Region: region}, Status: s}
	}
	odd := is(backup.StatusRunning)
	odd.Created, odd.RequestID = true, "R-1"
	odd.Set = &backup.Set{ID: "7", Start: backup.Span{From: at, Until: at}, End: backup.Span{From: at.Add(time.Hour)}, Size: 5, Status: "Odd", State: backup.SetUnknown}
	const begin = `{"DBClusterId":"amv-a","RegionId":"cn-hangzhou","Status":`
	for want, outcomes := range map[string][]backup.Outcome{
		`{"Status":"Ignored"}`: nil,
		`{"Status":"Completed","Backups":[` + begin + `"Completed","Created":false}]}`: {is(backup.StatusCompleted)},
		`{"Status":"Running","Backups":[` + begin + `"Completed","Created":false},` + begin + `"Running","Created":true,"RequestId":"R-1","BackupId":"7",` +
			`"BackupStartTime":"2026-11-23T02:00:00Z","BackupEndTime":"2026-11-23T03:00:00Z","BackupSize":5,"BackupStatus":"Odd"}]}`: {is(backup.StatusCompleted), odd},
		`{"Status":"Requested","Backups":[` + begin + `"Running","Created":false},` + begin + `"Requested","Created":false}]}`: {is(backup.StatusRunning), is(backup.StatusRequested)},
	} {
		var r report
		r.conclude(backup.Result{Outcomes: outcomes})
		if answer, err := r.answer(); err != nil || string(answer) != want {
			t.Errorf("%s, %v\nwant %s", answer, err, want)
		}
	}
}

// TestReportFits: the line stays below the 64 KB at which the log service cuts it, and counts what it leaves out.
func TestReportFits(t *testing.T) {
	const clusters, left = 5000, 2000
	requested := backup.Outcome{Cluster: backup.Cluster{ID: "amv-123456789012", Region: region}, Status: backup.StatusRequested}
	creating := backup.Skipped{Cluster: requested.Cluster, Reason: "its status is Creating"}
	r := report{received: time.Now()}
	r.Outcomes, r.Skipped = slices.Repeat([]backup.Outcome{requested}, clusters), slices.Repeat([]backup.Skipped{creating}, left)
	var out bytes.Buffer
	r.logTo(slog.New(slog.NewJSONHandler(&out, nil)))
	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	shown := len(line["Backups"].([]any))
	if n := out.Len(); n >= 64<<10 || n < 50_000 || line["clusters"] != 5000.0 || line["skipped"] != 2000.0 || line["omitted"] != float64(clusters+left-shown) {
		t.Errorf("%d bytes, %v clusters, %v skipped, %v omitted, %d shown", n, line["clusters"], line["skipped"], line["omitted"], shown)
	}
}

// TestReportOfSelection: what was skipped is in the answer and in the line, beside a failure too.
func TestReportOfSelection(t *testing.T) {
	skipped := []backup.Skipped{{Cluster: backup.Cluster{ID: "amv-new", Region: region}, Reason: "its status is Creating"}}
	const want = `"Skipped":[{"DBClusterId":"amv-new","RegionId":"` + region + `","Reason":"its status is Creating"}]`
	for _, unselected := range [][]backup.Unselected{nil, {{Region: "cn-b", Failure: backup.Failure{Type: backup.ErrorPermissionDenied, Message: "no"}}}} {
		r := report{received: time.Now()}
		r.conclude(backup.Result{Skipped: skipped, Unselected: unselected})
		answer, err := r.answer()
		if failed := unselected != nil; (err != nil) != failed || strings.Contains(string(answer), want) == failed || failed && r.failure.Type != backup.ErrorPermissionDenied {
			t.Errorf("%s, %v", answer, err)
		}
		var out bytes.Buffer
		if r.logTo(slog.New(slog.NewJSONHandler(&out, nil))); !strings.Contains(out.String(), want) || !strings.Contains(out.String(), `"omitted":0,`) || !strings.Contains(out.String(), `"skipped":1,`) {
			t.Error(out.String())
		}
	}
}

// TestWrongItems: the wrong items of an array are named in the error and the log, and the rest are counted.
func TestWrongItems(t *testing.T) {
	story(t, "beside one that is right", fakeadb.Options{}, func(t *testing.T, w *world) {
		r := w.process().deliver(`[7,`+timer(plain)+`,true]`, delivery{})
		const want = "2 of 3 clusters, selectors and events failed: event 1 of 3: the item must be a CloudEvent, or a string that holds one, not a number; event 3 of 3: the item must be"
		if w.expect(r, "InvalidEvent", 1); !strings.HasPrefix(r.errorMessage, want) {
			t.Error(r.errorMessage)
		}
		const line = `"msg":"event failed","requestId":"1-386d4380-story","trigger":"eventbridge-streaming","position":3,"errorType":"InvalidEvent","error":"the item must be`
		if log := w.log.String(); !strings.Contains(log, line) || strings.Count(log, `"event failed"`) != 2 {
			t.Error(log)
		}
	})
	story(t, "150 of them", fakeadb.Options{}, func(t *testing.T, w *world) {
		r := w.process().deliver(`[`+strings.Repeat("7,", 149)+`7]`, delivery{})
		w.expect(r, "InvalidEvent", 0)
		if m := r.errorMessage; !strings.HasPrefix(m, "150 of 150 clusters, selectors and events failed: event 1 of 150: ") || !strings.HasSuffix(m, "; … and 130 more, see the log") {
			t.Error(m)
		}
		if n := strings.Count(w.log.String(), `"event failed"`); n != 100 {
			t.Errorf("%d lines", n)
		}
	})
}
