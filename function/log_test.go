package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/config"
	"adb-backup/function/local/fakeadb"
)

// TestOneRealNight plays the night that the page tells, in virtual time: the timer's event, a lost answer, the backup, the
// platform's second delivery, the morning's check. What the page shows of the log is what the function logs.
func TestOneRealNight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(time.Date(2026, 11, 25, 18, 0, 0, 0, time.UTC))) // 02:00 in Beijing
		gateway := fakeadb.Fault{Name: "502", Answer: func(*fakeadb.Call) fakeadb.Answer {
			return fakeadb.Answer{Status: 502, Body: "<html>Bad Gateway</html>"}
		}}
		w := newWorld(t, fakeadb.Options{
			Takes: 17*time.Minute + 20*time.Second, ListedAfter: 10 * time.Second, Latency: 120 * time.Millisecond, Layout: fakeadb.Seconds,
			Faults: fakeadb.Strike("CreateBackup", gateway.AfterEffect(), 1),
		})
		start := time.Now().Add(-24 * time.Hour)
		w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(17 * time.Minute), Size: 4_900_000_000})
		event := timer(`{"DBClusterIds":["` + cluster + `"],"WaitFor":"Completed"}`)
		w.expect(w.process().deliver(event, delivery{}), "Completed", 1)
		w.expect(w.process().deliver(event, delivery{}), "Completed", 1)
		time.Sleep(time.Until(time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC))) // 08:00 in Beijing
		w.expect(w.process().deliver(timer(`{"Action":"Verify","DBClusterIds":["`+cluster+`"],"MaxAge":"7h"}`), delivery{}), "Completed", 1)

		page, err := os.ReadFile("README.md")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(w.log.String()) {
			if shown := shownLine(t, line); !strings.Contains(string(page), shown) {
				t.Errorf("the page does not show\n%s", shown)
			}
		}
	})
}

// shownLine is a line of the log as the page shows it: the time in Beijing, the level, the message, and what tells it from others.
func shownLine(t *testing.T, line string) string {
	t.Helper()
	var fields map[string]any
	if err := json.Unmarshal([]byte(line), &fields); err != nil {
		t.Fatal(err)
	}
	at, err := time.Parse(time.RFC3339Nano, fields["time"].(string))
	if err != nil {
		t.Fatal(err)
	}
	shown := fmt.Sprintf("%s %-4s %s", at.In(time.FixedZone("", 8*3600)).Format(time.TimeOnly), fields["level"], fields["msg"])
	for _, name := range []string{"attempt", "error", "backupId", "backupStatus", "listedAfter", "status", "created"} {
		if value, given := fields[name]; given && value != "" {
			shown += fmt.Sprintf(" %s=%v", name, value)
		}
	}
	return regexp.MustCompile(`request id [0-9A-F-]+`).ReplaceAllString(shown, "request id …")
}

// TestAlarmQueries holds the queries that people save as alerts against a log of the function, whose lines the platform has
// joined. Each pattern in them finds something, and those of a failure find nothing where all is well.
func TestAlarmQueries(t *testing.T) {
	file, err := os.ReadFile("cli/log-alarms.sql")
	if err != nil {
		t.Fatal(err)
	}
	queries := regexp.MustCompile(`(?m)^"backup (?:.+\n)+`).FindAllString(string(file), -1)
	if len(queries) != 5 {
		t.Fatalf("%d queries", len(queries))
	}
	finds := func(query, log string) bool {
		lines := []string{log}
		for _, m := range regexp.MustCompile(`regexp_extract_all\(message, '([^']*)'`).FindAllStringSubmatch(query, -1) {
			lines = regexp.MustCompile(m[1]).FindAllString(log, -1)
		}
		for _, line := range lines {
			all := true
			for _, m := range regexp.MustCompile(`like '%(.*?)%'`).FindAllStringSubmatch(query, -1) {
				all = all && strings.Contains(line, m[1])
			}
			for _, m := range regexp.MustCompile(`regexp_extract\(line, '([^']*)', 1\)`).FindAllStringSubmatch(query, -1) {
				all = all && len(regexp.MustCompile(m[1]).FindStringSubmatch(line)) == 2
			}
			if all {
				return true
			}
		}
		return false
	}
	logOf := func(name string, o fakeadb.Options, payload string) (log string) {
		story(t, name, o, func(t *testing.T, w *world) {
			w.process().deliver(timer(payload), delivery{timeout: time.Hour})
			log = w.log.String()
		})
		return log
	}
	well := logOf("complete", fakeadb.Options{}, waiting)
	failed := logOf("failed", fakeadb.Options{Clusters: onlyOne}, `{"DBClusterId":"amv-unknown"}`)
	pending := logOf("pending", fakeadb.Options{Takes: 2 * time.Hour}, waiting)
	for _, query := range queries {
		wants := map[string]bool{well: true, failed: true, pending: true}
		switch {
		case strings.Contains(query, `"level":"ERROR"`):
			wants[well], wants[pending] = false, false
		case strings.Contains(query, `"level":"WARN"`):
			wants[well], wants[failed] = false, false
		case strings.Contains(query, "backup is complete"):
			wants[failed], wants[pending] = false, false
		}
		for log, want := range wants {
			if finds(query, log) != want {
				t.Errorf("found: %v, in\n%s\nby\n%s", !want, log, query)
			}
		}
	}
}

// TestLogLinesStayWhole: a log line comes out of the deploy tool whole. Its command logs puts another form of the date in place of a line's
// first word, if that word holds a date anywhere.
func TestLogLinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	log := newHandler(config.Config{}, &out).log
	log.Info("backup requested", "DBClusterId", "amv-1")
	log.Error("defect") // one word: the next blank comes late
	for line := range strings.Lines(out.String()) {
		if first, _, _ := strings.Cut(line, " "); strings.Contains(first, "T") || !json.Valid([]byte(line)) || !strings.Contains(line, `"time":"2`) {
			t.Errorf("not JSON with a time, or its beginning would be lost: %s", line)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}
