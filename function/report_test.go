package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
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

// TestReportLine holds the fields that alarms and queries of the log read.
func TestReportLine(t *testing.T) {
	expect := func(t *testing.T, got map[string]any, want map[string]any) {
		t.Helper()
		for name, value := range want {
			if got[name] != value {
				t.Errorf("%s is %v, want %v", name, got[name], value)
			}
		}
	}
	story(t, "of a success", fakeadb.Options{}, func(t *testing.T, w *world) {
		w.process().deliver(plain, delivery{requestID: "1-386d4380-x"})
		line := w.reportLine()
		expect(t, line, map[string]any{
			"level": "INFO", "requestId": "1-386d4380-x", "action": "Ensure", "status": "Requested",
			"clusters": 1.0, "created": 1.0, "failed": 0.0, "errorType": "", "error": "", "wrongEvents": 0.0, "skipped": 0.0,
		})
	})
	story(t, "of a failure that a person must act on", fakeadb.Options{Clusters: existing(1)}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(`{"DBClusterIds":["amv-0000","amv-x"]}`), delivery{})
		expect(t, w.reportLine(), map[string]any{
			"level": "ERROR", "trigger": "timer", "action": "Ensure", "status": "Failed", "errorType": "ClusterNotFound", "error": r.errorMessage,
			"clusters": 2.0, "created": 1.0, "failed": 1.0,
		})
	})
	story(t, "begins with what failed", fakeadb.Options{Clusters: existing(1)}, func(t *testing.T, w *world) {
		w.process().deliver(fleet(2, ""), delivery{})
		if !strings.Contains(w.log.String(), `"Backups":[{"DBClusterId":"amv-0001",`) {
			t.Error(w.reportLine())
		}
	})
	story(t, "of one that invoking again continues", fakeadb.Options{Takes: time.Hour}, func(t *testing.T, w *world) {
		w.process().deliver(timer(waiting), delivery{timeout: time.Minute})
		expect(t, w.reportLine(), map[string]any{"level": "WARN", "status": "Failed", "errorType": "BackupPending"})
	})
	story(t, "of a wrong item beside a pending one, which is for a person", fakeadb.Options{Takes: time.Hour}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(`[7,`+timer(waiting)+`]`, delivery{timeout: time.Minute}), "Mixed", 1)
		expect(t, w.reportLine(), map[string]any{"level": "ERROR", "errorType": "Mixed", "wrongEvents": 1.0, "failed": 1.0})
	})
	story(t, "of an ignored event", fakeadb.Options{}, func(t *testing.T, w *world) {
		w.process().deliver(`{"specversion":"1.0","id":"1","source":"acs.ads","type":"ads:ActionTrail:ApiCall","time":"2000-01-01T00:00:00Z","data":{"eventName":"CreateBackup"}}`, delivery{})
		expect(t, w.reportLine(), map[string]any{"level": "INFO", "status": "Ignored", "action": "", "clusters": 0.0})
	})
}

// The log service analyses the first 2 KB of a line unless it is set to more. An alarm must not stay silent for that.
func TestReportLineBeginsWithItsEnd(t *testing.T) {
	story(t, "of a fleet", fakeadb.Options{Clusters: existing(1)}, func(t *testing.T, w *world) {
		w.process().deliver(timer(fleet(100, "")), delivery{})
		lines := strings.Split(strings.TrimSpace(w.log.String()), "\n")
		line := lines[len(lines)-1]
		if beginning := line[:min(len(line), 2048)]; len(line) < 4096 || !strings.Contains(beginning, `"status":"Failed","errorType":"ClusterNotFound","error":"99 of 100`) {
			t.Errorf("%d bytes, which begin with %s", len(line), beginning)
		}
	})
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
	} {
		var r report
		if r.conclude(c.result); r.failure.Message != c.want {
			t.Errorf("%.300q, want %.300q", r.failure.Message, c.want)
		}
	}
	var r report
	if r.refuse(backup.ErrorInternalError, "two\nlines"); r.failure.Message != "two lines" {
		t.Errorf("%q", r.failure.Message)
	}
}

// TestAnswer: the whole is as far as the cluster least far along, and what is not known is absent.
func TestAnswer(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	is := func(s backup.Status) backup.Outcome {
		return backup.Outcome{Cluster: backup.Cluster{ID: "amv-a", Region: region}, Status: s}
	}
	odd := is(backup.StatusRunning)
	odd.Set = &backup.Set{ID: "7", Start: backup.Span{From: at, Until: at}, Status: "Odd", State: backup.SetUnknown}
	const begin = `{"DBClusterId":"amv-a","RegionId":"cn-hangzhou","Status":`
	for want, outcomes := range map[string][]backup.Outcome{
		`{"Status":"Ignored"}`: nil,
		`{"Status":"Completed","Backups":[` + begin + `"Completed","Created":false}]}`:                                                                                                                    {is(backup.StatusCompleted)},
		`{"Status":"Running","Backups":[` + begin + `"Completed","Created":false},` + begin + `"Running","Created":false,"BackupId":"7","BackupStartTime":"2026-11-23T02:00:00Z","BackupStatus":"Odd"}]}`: {is(backup.StatusCompleted), odd},
		`{"Status":"Requested","Backups":[` + begin + `"Running","Created":false},` + begin + `"Requested","Created":false}]}`:                                                                            {is(backup.StatusRunning), is(backup.StatusRequested)},
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
	r := report{received: time.Now()}
	const clusters, left = 5000, 2000
	for i := range clusters {
		r.Outcomes = append(r.Outcomes, backup.Outcome{Cluster: backup.Cluster{ID: fmt.Sprintf("amv-%012d", i), Region: region}, Status: backup.StatusRequested})
	}
	for i := range left {
		r.Skipped = append(r.Skipped, backup.Skipped{Cluster: backup.Cluster{ID: fmt.Sprintf("amv-x%011d", i), Region: region}, Reason: "its status is Creating"})
	}
	var out bytes.Buffer
	r.logTo(slog.New(slog.NewJSONHandler(&out, nil)))
	var line struct {
		Clusters, Skipped, Omitted int
		Backups                    []entry
	}
	fields := map[string]json.RawMessage{} // names differ in case alone
	if err := json.Unmarshal(out.Bytes(), &fields); err != nil {
		t.Fatal(err)
	}
	for name, to := range map[string]any{"clusters": &line.Clusters, "skipped": &line.Skipped, "omitted": &line.Omitted, "Backups": &line.Backups} {
		if err := json.Unmarshal(fields[name], to); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if n := out.Len(); n >= 64<<10 || n < 50_000 {
		t.Errorf("%d bytes", n)
	}
	if line.Clusters != clusters || line.Skipped != left || line.Omitted != clusters+left-len(line.Backups) {
		t.Errorf("%d clusters, %d skipped, %d omitted, %d shown", line.Clusters, line.Skipped, line.Omitted, len(line.Backups))
	}
}

// TestReportOfSelection: what was skipped, and the selectors that came to nothing, are in the answer, the error and the line.
func TestReportOfSelection(t *testing.T) {
	r := report{received: time.Now(), Result: backup.Result{
		Outcomes: []backup.Outcome{{Cluster: backup.Cluster{ID: cluster, Region: region}, Status: backup.StatusRequested}},
		Skipped:  []backup.Skipped{{Cluster: backup.Cluster{ID: "amv-new", Region: region}, Reason: "its status is Creating"}},
	}}
	const skipped = `"Skipped":[{"DBClusterId":"amv-new","RegionId":"` + region + `","Reason":"its status is Creating"}]`
	line := func() string {
		var out bytes.Buffer
		r.logTo(slog.New(slog.NewJSONHandler(&out, nil)))
		return out.String()
	}
	answer, err := r.answer()
	if err != nil || !strings.Contains(string(answer), skipped) {
		t.Errorf("%s, %v", answer, err)
	}
	if l := line(); !strings.Contains(l, skipped) || !strings.Contains(l, `"skipped":1,`) {
		t.Error(l)
	}
	r.Unselected = []backup.Unselected{{Region: "cn-b", Failure: backup.Failure{Type: backup.ErrorPermissionDenied, Message: "no"}}}
	const want = "1 of 2 clusters, selectors and events failed: selector in cn-b: PermissionDenied: no"
	if r.conclude(r.Result); r.failure.Type != backup.ErrorPermissionDenied || r.failure.Message != want {
		t.Errorf("%+v", r.failure)
	}
	if answer, err := r.answer(); err == nil || answer != nil {
		t.Errorf("%s, %v", answer, err)
	}
	if l := line(); !strings.Contains(l, `"level":"ERROR"`) || !strings.Contains(l, want) || !strings.Contains(l, skipped) {
		t.Error(l)
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
