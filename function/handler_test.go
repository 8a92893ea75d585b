package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// TestInvocation: Decode gets what the platform and the settings say.
func TestInvocation(t *testing.T) {
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
	story(t, "what Decode found odd is in the log", fakeadb.Options{}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timerAt(time.Now().Add(time.Hour), plain), delivery{}), "Requested", 1)
		if !strings.Contains(w.log.String(), `"level":"WARN","msg":"triggerTime 2000-01-01T01:00:00Z lies after`) {
			t.Error(w.log)
		}
	})
}

func TestNoRole(t *testing.T) {
	story(t, "no credentials: nothing is called", fakeadb.Options{}, func(t *testing.T, w *world) {
		r := w.process().deliver(plain, delivery{anonymous: true})
		if w.expect(r, "PermissionDenied", 0); !strings.HasPrefix(r.errorMessage, "the invocation brought no credentials, so the function has no role") {
			t.Error(r.errorMessage)
		}
		w.expect(w.process().deliver(plain, delivery{anonymous: true, keyID: keyID}), "PermissionDenied", 0) // without its secret
		w.looks(0)
		w.expect(w.process().deliver("cluster", delivery{anonymous: true}), "InvalidEvent", 0)
		w.expect(w.process().deliver(`{"specversion":"1.0","type":"ads:ActionTrail:ApiCall","data":{"eventName":"CreateBackup"}}`, delivery{anonymous: true}), "Ignored", 0)
	})
}

// TestDeadline: the answer comes half a second before the deadline, or a fifth of the time given. With a webhook the work ends up
// to three seconds earlier.
func TestDeadline(t *testing.T) {
	for timeout, reserve := range map[time.Duration][2]time.Duration{
		time.Second: {200 * time.Millisecond, 400 * time.Millisecond}, 2500 * time.Millisecond: {500 * time.Millisecond, time.Second},
		10 * time.Second: {500 * time.Millisecond, 2500 * time.Millisecond}, time.Hour: {500 * time.Millisecond, 3500 * time.Millisecond},
	} {
		for i, env := range []string{"", "ADB_ALARM_WEBHOOK=" + webhook} {
			story(t, fmt.Sprintf("%v %s", timeout, env), fakeadb.Options{Takes: 2 * time.Hour}, func(t *testing.T, w *world) {
				r := w.process().deliver(timer(waiting), delivery{timeout: timeout})
				if w.expect(r, "BackupPending", 1); r.took != timeout-reserve[i] {
					t.Errorf("after %v", r.took)
				}
			}, env)
		}
	}
}
