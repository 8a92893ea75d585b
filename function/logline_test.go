package main

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"adb-backup/function/config"
)

// A log line must come out of the deploy tool whole. Its command logs puts another form of the date in place of a line's
// first word, if that word holds a date anywhere.
func TestLogLinesStayWhole(t *testing.T) {
	var out bytes.Buffer
	log := newHandler(config.Config{}, &out).log
	log.Info("backup requested", "DBClusterId", "amv-1")
	log.Error("defect") // one word: the next blank comes late
	log.With("requestId", "1-67420000-x").Warn("late", "BackupStartTime", "2026-11-23T02:00:00Z")
	date := regexp.MustCompile(`\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-5]\d`)
	n := 0
	for line := range strings.Lines(out.String()) {
		n++
		first, _, _ := strings.Cut(line, " ")
		if date.MatchString(first) {
			t.Errorf("its beginning would be lost: %s", line)
		}
		if !json.Valid([]byte(line)) || !date.MatchString(line) {
			t.Errorf("not JSON with a time: %s", line)
		}
	}
	if n != 3 {
		t.Errorf("%d lines:\n%s", n, out.String())
	}
}
