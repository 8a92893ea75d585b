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
	story(t, "work that does not heed the deadline does not make the answer late", fakeadb.Options{}, func(t *testing.T, w *world) {
		p := w.process()
		p.handler = newHandler(p.config, stuck{})
		r := p.deliver(plain, delivery{timeout: time.Minute})
		if w.expect(r, "BackupPending", 1); r.took != time.Minute-250*time.Millisecond {
			t.Errorf("after %v", r.took)
		}
		time.Sleep(3 * time.Hour) // until that work has ended
	})
}

// stuck is a log that takes an hour for each line.
type stuck struct{}

func (stuck) Write(line []byte) (int, error) {
	time.Sleep(time.Hour)
	return len(line), nil
}
