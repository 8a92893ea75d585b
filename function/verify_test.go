package main

import (
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

func TestVerify(t *testing.T) {
	verify := `{"DBClusterId":"` + cluster + `","Action":"Verify","MaxAge":"26h"}`
	add := func(w *world, age time.Duration, change func(*fakeadb.Backup)) {
		start := time.Now().Add(-age)
		b := fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(time.Minute)}
		change(&b)
		w.service.Add(b)
	}
	as := func(*fakeadb.Backup) {}
	for name, c := range map[string]struct {
		age    time.Duration
		change func(*fakeadb.Backup)
		want   string
		told   string
	}{
		"yesterday's":       {25 * time.Hour, as, "Completed", ""},
		"too old":           {27 * time.Hour, as, "BackupMissing", "32732001 (started 1999-12-30T21:00:00Z), 27h"},
		"a month old":       {30 * 24 * time.Hour, as, "BackupMissing", "32732001"},
		"older than listed": {40 * 24 * time.Hour, as, "BackupMissing", "no completed one at all"},
		"running":           {time.Hour, func(b *fakeadb.Backup) { b.End = time.Now().Add(time.Hour) }, "BackupMissing", "32732001 (started 1999-12-31T23:00:00Z) is not complete"},
		"unknown status":    {time.Hour, func(b *fakeadb.Backup) { b.Status = "Archived" }, "BackupMissing", `its status "Archived" is not known`},
		"failed":            {time.Hour, func(b *fakeadb.Backup) { b.Ends = fakeadb.Fails }, "BackupMissing", ""},
		"incremental":       {time.Hour, func(b *fakeadb.Backup) { b.Type = "IncrementalBackup" }, "BackupMissing", ""},
		"a copy":            {time.Hour, func(b *fakeadb.Backup) { b.Parent = "1" }, "BackupMissing", ""},
	} {
		story(t, name, fakeadb.Options{}, func(t *testing.T, w *world) {
			add(w, c.age, c.change)
			r := w.process().deliver(timer(verify), delivery{})
			if w.expect(r, c.want, 0); !strings.Contains(r.errorMessage, c.told) {
				t.Error(r.errorMessage)
			}
			if r.errorType == "" && (r.Action != string(backup.ActionVerify) || r.Backups[0].Created || r.Backups[0].BackupId != "32732001") {
				t.Errorf("%+v", r)
			}
		})
	}
	story(t, "a retry does not soften a Verify", fakeadb.Options{}, func(t *testing.T, w *world) {
		start := time.Now().Add(-time.Hour - 30*time.Second)
		w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(time.Minute)})
		event := timer(`{"DBClusterId":"` + cluster + `","Action":"Verify","MaxAge":"1h"}`)
		w.expect(w.process().deliver(event, delivery{}), "BackupMissing", 0)
		w.expect(w.process().deliver(event, delivery{retryCount: 1}), "BackupMissing", 0)
	})
}
