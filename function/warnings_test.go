package main

import (
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// TestWarningsOfAnEvent: what Decode found odd is in the log.
func TestWarningsOfAnEvent(t *testing.T) {
	story(t, "a time in the future is warned of", fakeadb.Options{}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timerAt(time.Now().Add(time.Hour), plain), delivery{}), "Requested", 1)
		if !strings.Contains(w.log.String(), `"level":"WARN","msg":"triggerTime 2000-01-01T01:00:00Z lies after`) {
			t.Error(w.log)
		}
	})
}
