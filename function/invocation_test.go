package main

import (
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// TestInvocation: Decode gets what the platform and the settings say.
func TestInvocation(t *testing.T) {
	const image = `{"specversion":"1.0","id":"1","source":"acs.cr","type":"cr:Repository:ImagePushed","time":"2000-01-01T00:00:00Z","data":{}}`
	story(t, "the default clusters", fakeadb.Options{}, func(t *testing.T, w *world) {
		if r := w.process().deliver(image, delivery{}); len(r.Backups) != 2 || r.Backups[1].DBClusterId != "amv-b" || r.Backups[1].RegionId != region {
			t.Errorf("%+v", r)
		}
	}, "ADB_DEFAULT_CLUSTERS=amv-a,amv-b")
	story(t, "retries are counted back, each with the function's timeout", fakeadb.Options{}, func(t *testing.T, w *world) {
		start := time.Now().Add(-40 * time.Minute)
		w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(time.Minute)})
		w.expect(w.process().deliver(plain, delivery{requestID: "no time", retryCount: 2, timeout: 15 * time.Minute}), "Completed", 0)
		w.expect(w.process().deliver(plain, delivery{requestID: "no time", retryCount: 2, timeout: 14 * time.Minute}), "Requested", 1)
	})
}

// TestWarningsOfAnEvent: what Decode found odd is in the log.
func TestWarningsOfAnEvent(t *testing.T) {
	story(t, "a time in the future is warned of", fakeadb.Options{}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timerAt(time.Now().Add(time.Hour), plain), delivery{}), "Requested", 1)
		if !strings.Contains(w.log.String(), `"level":"WARN","msg":"triggerTime 2000-01-01T01:00:00Z lies after`) {
			t.Error(w.log)
		}
	})
}
