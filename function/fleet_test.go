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

func TestFleet(t *testing.T) {
	story(t, "in order, and each cluster once", fakeadb.Options{Latency: 100 * time.Millisecond, Takes: time.Minute}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(fleet(200, `,"WaitFor":"Completed"`)), delivery{})
		w.expect(r, "Completed", 200)
		for i, b := range r.Backups {
			if b.DBClusterId != fmt.Sprintf("amv-%04d", i) || !b.Created {
				t.Fatalf("%d is %+v", i, b)
			}
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
