package main

import (
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// The account has something to see for everyone: a missed night, a failed one, a backup that runs, clusters to skip.
func TestTheMadeUpAccount(t *testing.T) {
	now := time.Date(2026, 11, 26, 6, 0, 0, 0, time.UTC)
	clusters := account(now)
	seen := map[string]int{}
	for _, c := range clusters {
		seen[c.Region]++
		seen[c.Status]++
		seen[c.DBVersion]++
		for _, t := range c.Tags {
			seen[t.Key+"="+t.Value]++
		}
	}
	if seen["cn-hangzhou"] != len(clusters)-1 || seen["Creating"] != 1 || seen["3.0"] != 1 || seen["backup=nightly"] != 5 || seen["backup=off"] != 1 {
		t.Errorf("%v", seen)
	}
	fates := func(running bool) (marks map[string]string) {
		marks = map[string]string{}
		last := time.Time{}
		for _, b := range history(clusters, now, running) {
			if b.Start.Before(last) {
				t.Error("not in the order of time")
			}
			last = b.Start
			if b.Type == "" {
				marks[b.Cluster] += map[fakeadb.State]string{fakeadb.Completed: "o", fakeadb.Failed: "x", fakeadb.Running: ">"}[b.State(now)]
			}
		}
		return marks
	}
	for id, want := range map[string]string{
		sampleCluster: strings.Repeat("o", 14), "amv-bp1c8v3q9xk27d": strings.Repeat("o", 13), "amv-2ze6m0t4hj85sg": strings.Repeat("o", 12) + "xo",
		"amv-uf61r7d9kw30xq": strings.Repeat("o", 14) + ">", "am-bp1x4k7r2vt96m": "", "amv-bp1n3w5c0f8u2a": "",
	} {
		if got := fates(true)[id]; got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
		if got := fates(false)[id]; got != strings.TrimSuffix(want, ">") {
			t.Errorf("%s, with nothing running: %s", id, got)
		}
	}
}
