package main

import (
	"fmt"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

func TestDeadline(t *testing.T) {
	// The answer comes half a second before the deadline, or a fifth of the time given.
	for timeout, reserve := range map[time.Duration]time.Duration{time.Second: 200 * time.Millisecond, 2500 * time.Millisecond: 500 * time.Millisecond, time.Hour: 500 * time.Millisecond} {
		story(t, fmt.Sprintf("a deadline of %v", timeout), fakeadb.Options{Takes: 2 * time.Hour}, func(t *testing.T, w *world) {
			r := w.process().deliver(timer(waiting), delivery{timeout: timeout})
			if w.expect(r, "BackupPending", 1); r.took != timeout-reserve {
				t.Errorf("after %v", r.took)
			}
		})
	}
}
