package main

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

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
	failed := logOf("failed", fakeadb.Options{Clusters: existing(1)}, `{"DBClusterId":"amv-unknown"}`)
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
