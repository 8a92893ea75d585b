package main

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// fleet is a request for so many clusters.
func fleet(n int, more string) string {
	ids := make([]string, n)
	for i := range ids {
		ids[i] = fmt.Sprintf(`"amv-%04d"`, i)
	}
	return `{"DBClusterIds":[` + strings.Join(ids, ",") + `]` + more + `}`
}

// once says of each cluster of a fleet that it has one backup.
func (w *world) once(n int) {
	w.t.Helper()
	made := map[string]int{}
	for _, b := range w.service.Backups("") {
		made[b.Cluster]++
	}
	if len(made) != n {
		w.t.Errorf("%d clusters have a backup, want %d", len(made), n)
	}
	for id, times := range made {
		if times != 1 {
			w.t.Errorf("%s has %d backups", id, times)
		}
	}
}

func TestFleet(t *testing.T) {
	story(t, "in order, and each cluster once", fakeadb.Options{Latency: 100 * time.Millisecond, Takes: time.Minute}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(fleet(200, `,"WaitFor":"Completed"`)), delivery{})
		w.expect(r, "Completed", 200)
		w.once(200)
		for i, b := range r.Backups {
			if b.DBClusterId != fmt.Sprintf("amv-%04d", i) {
				t.Fatalf("%d is %s", i, b.DBClusterId)
			}
		}
	})
	story(t, "three invocations for 300 clusters", fakeadb.Options{Latency: 100 * time.Millisecond, Rate: 10, Burst: 10, Takes: time.Hour}, func(t *testing.T, w *world) {
		event := timer(fleet(300, ""))
		var r result
		for retry := range 10 {
			before := len(w.service.Backups(""))
			r = w.process().deliver(event, delivery{retryCount: retry, timeout: 40 * time.Second}) // another process each time
			if n := len(w.service.Backups("")); n == before && before < 300 {
				t.Errorf("attempt %d made none", retry)
			}
			if r.errorType == "" {
				if retry < 2 {
					t.Errorf("done at attempt %d", retry)
				}
				break
			}
			if r.errorType != "BackupPending" && r.errorType != "Throttled" || !strings.Contains(r.errorMessage, "the backup was not started before the deadline") {
				t.Errorf("%s %s", r.errorType, r.errorMessage)
			}
			time.Sleep(time.Minute)
		}
		w.expect(r, "Requested", w.service.Count("CreateBackup"))
		w.once(300)
	})
	story(t, "one bad cluster does not hide the others", fakeadb.Options{Clusters: existing(30)}, func(t *testing.T, w *world) {
		r := w.process().deliver(fleet(60, ""), delivery{})
		w.expect(r, "ClusterNotFound", 60)
		w.once(30)
		if !strings.HasPrefix(r.errorMessage, "30 of 60 clusters failed: amv-0030 (cn-hangzhou): ") || !strings.HasSuffix(r.errorMessage, "; … and 10 more, see the log") || strings.Count(r.errorMessage, "amv-") != 20 {
			t.Error(r.errorMessage)
		}
	})
}

// existing are clusters amv-0000 and so on.
func existing(n int) []fakeadb.Cluster {
	clusters := make([]fakeadb.Cluster, n)
	for i := range clusters {
		clusters[i] = fakeadb.Cluster{ID: fmt.Sprintf("amv-%04d", i), Region: region}
	}
	return clusters
}
