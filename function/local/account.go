package main

import (
	"cmp"
	"slices"
	"time"

	"adb-backup/function/local/fakeadb"
)

// The made-up account. Its credentials are valid nowhere else.
const (
	localKeyID    = "STS.LocalCloud"
	localSecret   = "local-secret"
	localToken    = "local-token"
	localRegion   = "cn-hangzhou"
	sampleCluster = "amv-wz9or2xawpnc" // that of the sample events
	setSize       = 9_000_000_000      // bytes of a backup that the function makes here
)

// sample is a cluster of the made-up account, and its last nights: one letter each, the last one at the end. o is a complete
// backup, h one of less than half the size, x a failed one, . none, and r one that runs now.
type sample struct {
	nights string
	fakeadb.Cluster
}

// samples show each case that the status page knows: all is well, gaps, failures and one that runs, sizes that fell, old ones
// alone, none. Three more are in another region, or cannot be backed up.
var samples = []sample{
	{"ooooooooooooooooooooooooooooooo", fakeadb.Cluster{ID: sampleCluster, Description: "orders", ResourceGroup: "rg-production", Tags: tagged("nightly")}},
	{"ooooooooooooooooooooooo...ooo.o", fakeadb.Cluster{ID: "amv-bp1c8v3q9xk27d", Description: "payments", ResourceGroup: "rg-production", Tags: tagged("nightly")}},
	{"oooooooooooooooooxoooooooooxxor", fakeadb.Cluster{ID: "amv-2ze6m0t4hj85sg", Description: "reports", ResourceGroup: "rg-analysis", Tags: tagged("weekly")}},
	{"oooooooooooooooooooooooohhhhhhh", fakeadb.Cluster{ID: "amv-uf61r7d9kw30xq", Description: "search", ResourceGroup: "rg-analysis"}},
	{"ooooooooooooooooooo............", fakeadb.Cluster{ID: "amv-bp1s4nd80xg5ty", Description: "sandbox", ResourceGroup: "rg-analysis", Tags: tagged("off")}},
	{"", fakeadb.Cluster{ID: "amv-bp1q6t2m8z4e0k", Description: "metrics", ResourceGroup: "rg-analysis", Tags: tagged("off")}},
	{"", fakeadb.Cluster{ID: "am-bp1x4k7r2vt96m", Description: "archive", ResourceGroup: "rg-production", Tags: tagged("nightly"), DBVersion: "3.0"}},
	{"", fakeadb.Cluster{ID: "amv-bp1n3w5c0f8u2a", Description: "trial", ResourceGroup: "rg-production", Tags: tagged("nightly"), Status: "Creating"}},
	{"ooooooooooooooooooooooooooooooo", fakeadb.Cluster{ID: "amv-uf6d5p8l3w6y1x", Description: "orders", ResourceGroup: "rg-production", Tags: tagged("nightly"), Region: "cn-shanghai"}},
}

func tagged(backup string) []fakeadb.Tag { return []fakeadb.Tag{{Key: "backup", Value: backup}} }

func takesBackups(c fakeadb.Cluster) bool { return c.Status != "Creating" && c.DBVersion != "3.0" }

// history is what the clusters' own schedules have made: a full backup in each night, the last one 20 hours ago, and an
// incremental one today. They are kept for 45 days.
func history(now time.Time, running bool) (sets []fakeadb.Backup) {
	for _, s := range samples {
		add := func(age, lasts time.Duration, b fakeadb.Backup) {
			b.Cluster, b.Region, b.Start, b.End, b.Kept = s.ID, s.Region, now.Add(-age), now.Add(lasts-age), 45*24*time.Hour
			sets = append(sets, b)
		}
		for i, mark := range s.nights {
			nights := len(s.nights) - i
			b := fakeadb.Backup{Size: setSize - int64(nights)*50_000_000}
			switch mark {
			case 'x':
				b.Ends = fakeadb.Failed
			case 'h':
				b.Size /= 3
			case 'r':
				if running {
					add(5*time.Minute, time.Hour, b)
				}
			}
			if mark != '.' {
				add(time.Duration(24*nights-4)*time.Hour, 17*time.Minute, b)
			}
		}
		if s.nights != "" {
			add(8*time.Hour, time.Minute, fakeadb.Backup{Type: "IncrementalBackup", Size: 80_000_000})
		}
	}
	slices.SortStableFunc(sets, func(a, b fakeadb.Backup) int { return a.Start.Compare(b.Start) }) // ids grow with time
	return sets
}

// account are the options of an AnalyticDB with the made-up clusters, and others that an event names. Lists show times in seconds,
// as an older page of the reference does: with minutes, a wait of seconds could last a minute longer.
func account(now time.Time, others ...fakeadb.Cluster) fakeadb.Options {
	var clusters []fakeadb.Cluster
	for _, s := range samples {
		clusters = append(clusters, s.Cluster)
	}
	for _, c := range others {
		if !slices.ContainsFunc(clusters, func(s fakeadb.Cluster) bool { return s.ID == c.ID && cmp.Or(s.Region, localRegion) == c.Region }) {
			clusters = append(clusters, c)
		}
	}
	for i := range clusters {
		clusters[i].Created = now.AddDate(-1, 0, 0)
	}
	return fakeadb.Options{
		Credentials: map[string]fakeadb.Credential{localKeyID: {Secret: localSecret, Token: localToken}},
		Clusters:    clusters, Layout: fakeadb.Seconds, Latency: 20 * time.Millisecond, Size: setSize,
	}
}
