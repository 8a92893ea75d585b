package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

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
