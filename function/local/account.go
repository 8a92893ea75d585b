package main

import (
	"cmp"
	"slices"
	"time"

	"adb-backup/function/local/fakeadb"
)

// sampleCluster is the cluster of the sample events.
const sampleCluster = "amv-wz9or2xawpnc"

// made is a cluster of the made-up account, and its last nights.
type made struct {
	fakeadb.Cluster
	months  int  // its age
	missed  int  // so many nights ago no backup was made; 0: never
	failed  int  // so many nights ago the backup failed; 0: never
	running bool // a backup runs now
}

// samples are the clusters of the made-up account. Those without a region are in the function's.
var samples = []made{
	{months: 20, Cluster: fakeadb.Cluster{ID: sampleCluster, Description: "orders", ResourceGroup: "rg-production",
		Tags: []fakeadb.Tag{{Key: "backup", Value: "nightly"}, {Key: "env", Value: "production"}}}},
	{months: 14, missed: 5, Cluster: fakeadb.Cluster{ID: "amv-bp1c8v3q9xk27d", Description: "payments", ResourceGroup: "rg-production",
		Tags: []fakeadb.Tag{{Key: "backup", Value: "nightly"}, {Key: "env", Value: "production"}}}},
	{months: 9, failed: 2, Cluster: fakeadb.Cluster{ID: "amv-2ze6m0t4hj85sg", Description: "reports", ResourceGroup: "rg-analysis",
		Tags: []fakeadb.Tag{{Key: "backup", Value: "weekly"}, {Key: "env", Value: "production"}}}},
	{months: 6, running: true, Cluster: fakeadb.Cluster{ID: "amv-uf61r7d9kw30xq", Description: "search", ResourceGroup: "rg-analysis"}},
	{months: 4, missed: 1, Cluster: fakeadb.Cluster{ID: "amv-bp1s4nd80xg5ty", Description: "sandbox", ResourceGroup: "rg-analysis",
		Tags: []fakeadb.Tag{{Key: "backup", Value: "off"}}}},
	{months: 50, Cluster: fakeadb.Cluster{ID: "am-bp1x4k7r2vt96m", Description: "archive, Data Warehouse Edition", ResourceGroup: "rg-production", DBVersion: "3.0",
		Tags: []fakeadb.Tag{{Key: "backup", Value: "nightly"}}}},
	{Cluster: fakeadb.Cluster{ID: "amv-bp1n3w5c0f8u2a", Description: "trial, still being created", ResourceGroup: "rg-production", Status: "Creating",
		Tags: []fakeadb.Tag{{Key: "backup", Value: "nightly"}}}},
	{months: 11, Cluster: fakeadb.Cluster{ID: "amv-uf6d5p8l3w6y1x", Description: "orders, Shanghai", ResourceGroup: "rg-production", Region: "cn-shanghai",
		Tags: []fakeadb.Tag{{Key: "backup", Value: "nightly"}}}},
}

// account are the samples as AnalyticDB knows them.
func account(now time.Time) []fakeadb.Cluster {
	var clusters []fakeadb.Cluster
	for _, m := range samples {
		c := m.Cluster
		c.Region = cmp.Or(c.Region, localRegion)
		c.Created = now.AddDate(0, -m.months, 0).Add(-time.Minute)
		clusters = append(clusters, c)
	}
	return clusters
}

func takesBackups(c fakeadb.Cluster) bool { return c.Status != "Creating" && c.DBVersion != "3.0" }

// history is what the clusters' own schedules have made: a full backup in each of 14 nights, the last one 20 hours ago, and an
// incremental one today. If running, one cluster has a backup that runs now.
func history(clusters []fakeadb.Cluster, now time.Time, running bool) []fakeadb.Backup {
	var sets []fakeadb.Backup
	for _, c := range clusters {
		if !takesBackups(c) {
			continue
		}
		var m made
		if i := slices.IndexFunc(samples, func(m made) bool { return m.ID == c.ID }); i >= 0 {
			m = samples[i]
		}
		add := func(age, lasts time.Duration, b fakeadb.Backup) {
			b.Cluster, b.Region, b.Start = c.ID, c.Region, now.Add(-age)
			b.End = b.Start.Add(lasts)
			sets = append(sets, b)
		}
		for night := 1; night <= 14; night++ {
			b := fakeadb.Backup{Size: 5_000_000_000 - int64(night)*17_000_000}
			if night == m.failed {
				b.Ends = fakeadb.Fails
			}
			if night != m.missed {
				add(time.Duration(24*night-4)*time.Hour, 17*time.Minute, b)
			}
		}
		add(8*time.Hour, time.Minute, fakeadb.Backup{Type: "IncrementalBackup", Size: 80_000_000})
		if running && m.running {
			add(5*time.Minute, time.Hour, fakeadb.Backup{Size: 5_000_000_000})
		}
	}
	slices.SortStableFunc(sets, func(a, b fakeadb.Backup) int { return a.Start.Compare(b.Start) }) // ids grow with time
	return sets
}
