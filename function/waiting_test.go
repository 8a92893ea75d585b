package main

import (
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

func TestWaiting(t *testing.T) {
	half := fakeadb.Options{Takes: 30 * time.Minute}
	story(t, "30 minutes are seen complete within 60 s, with at most 60 looks", half, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(waiting), delivery{})
		w.expect(r, "Completed", 1)
		w.looks(10, 60)
		if late := r.took - 30*time.Minute; late < 0 || late > time.Minute {
			t.Errorf("seen %v after its end", late)
		}
		b := r.Backups[0]
		if !b.Created || b.RequestId == "" || b.BackupId == "" || b.BackupSize != 5_000_000_000 || b.BackupStartTime == nil || b.BackupEndTime == nil {
			t.Errorf("%+v", b)
		}
	})
	story(t, "a pending answer comes before the deadline, and the retry goes on with the same backup", half, func(t *testing.T, w *world) {
		event, id := timer(waiting), "1-386d4380-a"
		r := w.process().deliver(event, delivery{requestID: id, timeout: 10 * time.Minute})
		w.expect(r, "BackupPending", 1)
		if r.took < 9*time.Minute || !strings.Contains(r.errorMessage, "32732001") {
			t.Errorf("after %v: %s", r.took, r.errorMessage)
		}
		for retry := 1; retry < 3; retry++ {
			time.Sleep(time.Minute)
			r = w.process().deliver(event, delivery{requestID: id, retryCount: retry, timeout: 10 * time.Minute})
		}
		w.expect(r, "Completed", 1)
		if r.Backups[0].Created || r.Backups[0].BackupId != "32732001" || r.Backups[0].RequestId != "" {
			t.Errorf("%+v", r.Backups[0])
		}
	})
	story(t, "so does that of a direct request, which has no time of its own", half, func(t *testing.T, w *world) {
		time.Sleep(30*time.Second + 400*time.Millisecond)
		id := "1-386d439e-direct"
		w.expect(w.process().deliver(waiting, delivery{requestID: id, timeout: 20 * time.Minute}), "BackupPending", 1)
		w.expect(w.process().deliver(waiting, delivery{requestID: id, retryCount: 1, timeout: 20 * time.Minute}), "Completed", 1)
	})
	story(t, "and where the request id tells no time", half, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(waiting, delivery{requestID: "x", timeout: 20 * time.Minute}), "BackupPending", 1)
		time.Sleep(time.Minute)
		w.expect(w.process().deliver(waiting, delivery{requestID: "x", retryCount: 1, timeout: 20 * time.Minute}), "Completed", 1)
	})
	story(t, "DDL is allowed ten minutes after the latest start that the list can mean", fakeadb.Options{Takes: time.Minute}, func(t *testing.T, w *world) {
		time.Sleep(20 * time.Second) // started at 00:00:20, listed as 00:00
		w.expect(w.process().deliver(timer(forDDL), delivery{}), "Completed", 1)
		if now := time.Now().Format(time.TimeOnly); now != "00:11:00" {
			t.Errorf("allowed at %s", now)
		}
		w.looks(2, 12)
	})
	story(t, "a backup that fails is told, and the retry creates another", fakeadb.Options{Takes: 5 * time.Minute, Ends: fakeadb.Fails}, func(t *testing.T, w *world) {
		event := timer(waiting)
		w.expect(w.process().deliver(event, delivery{}), "BackupFailed", 1)
		w.service.Set(func(o *fakeadb.Options) { o.Ends = fakeadb.Completes })
		w.expect(w.process().deliver(event, delivery{retryCount: 1}), "Completed", 2)
	})
	story(t, "an unknown status is running for ever, and named", fakeadb.Options{Takes: time.Minute, Words: fakeadb.Words{Completed: "Frozen"}}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(waiting), delivery{})
		w.expect(r, "BackupPending", 1)
		if !strings.Contains(r.errorMessage, "Frozen") || strings.Count(w.log.String(), "is not known to the function") != 1 {
			t.Error(r.errorMessage)
		}
		found := w.process().deliver(timerAt(time.Now().Add(-2*time.Hour), plain), delivery{})
		if w.expect(found, "Running", 1); found.Backups[0].BackupStatus != "Frozen" {
			t.Errorf("%+v", found.Backups)
		}
	})
	story(t, "unless a setting explains it", fakeadb.Options{Takes: time.Minute, Words: fakeadb.Words{Completed: "Frozen"}}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(waiting), delivery{}), "Completed", 1)
	}, "ADB_STATUS_COMPLETED=frozen")
	story(t, "it waits for this backup, though another that fits better comes and a look misses it", fakeadb.Options{Takes: 10 * time.Minute, Layout: fakeadb.Seconds}, func(t *testing.T, w *world) {
		w.service.Set(func(o *fakeadb.Options) {
			o.ListedAfter = 0
			o.StartsAfter = 20 * time.Second
		})
		go func() {
			time.Sleep(time.Minute)
			now := time.Now()
			w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: now.Add(-50 * time.Second), Listed: now, End: now.Add(time.Minute)})
		}()
		r := w.process().deliver(timer(waiting), delivery{})
		if w.expect(r, "Completed", 1); r.Backups[0].BackupId != "32732001" || r.took < 10*time.Minute {
			t.Errorf("%v %+v", r.took, r.Backups[0])
		}
	})
}
