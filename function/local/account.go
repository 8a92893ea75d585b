package main

import (
	"cmp"
	"slices"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// The made-up account. Its credentials are valid nowhere else.
const (
	localKeyID     = "STS.LocalCloud"
	localSecret    = "local-secret"
	localToken     = "local-token"
	localRegion    = "cn-hangzhou"
	sampleCluster  = "amv-wz9or2xawpnc"   // that of the sample events
	runningCluster = "amv-2ze6m0t4hj85sg" // in execute, a backup of it runs
	setSize        = 9_000_000_000        // bytes of a backup that the function makes here
)

// sample is a cluster of the made-up account, and its last nights: one letter each, the last one at the end. o is a complete
// backup, h one of less than half the size, x a failed one, and . none.
type sample struct {
	nights string
	fakeadb.Cluster
}

// samples show each case that the status page knows: all is well, gaps, failures and one that runs, sizes that fell, old ones
// alone, none. Three more are in another region, or cannot be backed up.
var samples = []sample{
	{"oooooooooooooooooooooooooooooo", fakeadb.Cluster{ID: sampleCluster, Description: "orders", Tags: tagged("nightly")}},
	{"oooooooooooooooooooooo...ooo.o", fakeadb.Cluster{ID: "amv-bp1c8v3q9xk27d", Description: "payments", Tags: tagged("nightly")}},
	{"ooooooooooooooooxoooooooooxxoo", fakeadb.Cluster{ID: runningCluster, Description: "reports", Tags: tagged("weekly")}},
	{"ooooooooooooooooooooooohhhhhhh", fakeadb.Cluster{ID: "amv-uf61r7d9kw30xq", Description: "search"}},
	{"oooooooooooooooooo............", fakeadb.Cluster{ID: "amv-bp1s4nd80xg5ty", Description: "sandbox", Tags: tagged("off")}},
	{"", fakeadb.Cluster{ID: "amv-bp1q6t2m8z4e0k", Description: "metrics", Tags: tagged("off")}},
	{"", fakeadb.Cluster{ID: "am-bp1x4k7r2vt96m", Description: "archive", Tags: tagged("nightly"), DBVersion: "3.0"}},
	{"", fakeadb.Cluster{ID: "amv-bp1n3w5c0f8u2a", Description: "trial", Tags: tagged("nightly"), Status: "Creating"}},
	{"oooooooooooooooooooooooooooooo", fakeadb.Cluster{ID: "amv-uf6d5p8l3w6y1x", Description: "orders", Tags: tagged("nightly"), Region: "cn-shanghai"}},
}

func tagged(backup string) []fakeadb.Tag { return []fakeadb.Tag{{Key: "backup", Value: backup}} }

func takesBackups(c fakeadb.Cluster) bool { return c.Status != "Creating" && c.DBVersion != "3.0" }

// history is what the clusters' own schedules have made: a full backup in each night, the last one 20 hours ago.
func history(now time.Time) (sets []fakeadb.Backup) {
	for _, s := range samples {
		for i, mark := range s.nights {
			nights := len(s.nights) - i
			start := now.Add(-time.Duration(24*nights-4) * time.Hour)
			b := fakeadb.Backup{Cluster: s.ID, Region: s.Region, Start: start, End: start.Add(17 * time.Minute), Size: setSize - int64(nights)*50_000_000}
			switch mark {
			case '.':
				continue
			case 'x':
				b.Ends = fakeadb.Failed
			case 'h':
				b.Size /= 3
			}
			sets = append(sets, b)
		}
	}
	slices.SortStableFunc(sets, func(a, b fakeadb.Backup) int { return a.Start.Compare(b.Start) }) // ids grow with time
	return sets
}

// account are the options of an AnalyticDB with the made-up clusters, and others that requests name. Lists show times in seconds,
// as an older page of the reference does: with minutes, a wait of seconds could last a minute longer.
func account(requests ...backup.Request) fakeadb.Options {
	var clusters []fakeadb.Cluster
	for _, s := range samples {
		clusters = append(clusters, s.Cluster)
	}
	for _, r := range requests {
		c := fakeadb.Cluster{ID: r.Cluster.ID, Region: r.Cluster.Region}
		known := func(s fakeadb.Cluster) bool { return s.ID == c.ID && cmp.Or(s.Region, localRegion) == c.Region }
		if r.Selector == nil && !slices.ContainsFunc(clusters, known) {
			clusters = append(clusters, c)
		}
	}
	return fakeadb.Options{
		Credentials: map[string]fakeadb.Credential{localKeyID: {Secret: localSecret, Token: localToken}},
		Clusters:    clusters, Layout: fakeadb.Seconds, Latency: 20 * time.Millisecond, Size: setSize,
	}
}
