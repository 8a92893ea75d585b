package main

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// What the local cloud's account looks like. Nobody else has these credentials, so nothing is lost by printing them.
const (
	localKeyID    = "STS.LocalCloud"
	localSecret   = "local-secret"
	localToken    = "local-token"
	localAccount  = "1234567890123456"
	localRegion   = "cn-hangzhou"
	sampleCluster = "amv-wz9or2xawpnc"
)

// times are the function's own settings that go with how long a backup takes here: what takes minutes in the cloud can be
// watched in seconds.
type times struct{ takes, poll, settle, ddlPause time.Duration }

func timesFor(takes time.Duration) times {
	return times{
		takes:    takes,
		poll:     min(max(takes/20, 50*time.Millisecond), 5*time.Second),
		settle:   min(takes/2, time.Minute),
		ddlPause: min(takes*3/2, 10*time.Minute),
	}
}

// environment is a list of NAME=value as a map; of several the last counts, as for a process.
func environment(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		m[name] = value
	}
	return m
}

// own are the person's settings for the function, which go before the local cloud's.
func own(environ []string, except ...string) []string {
	var kept []string
next:
	for _, e := range environ {
		name, _, _ := strings.Cut(e, "=")
		if !strings.HasPrefix(name, "ADB_") && name != "LOG_LEVEL" {
			continue
		}
		for _, x := range except {
			if name == x {
				continue next
			}
		}
		kept = append(kept, e)
	}
	return kept
}

// localEnv is the environment of the function in the local cloud. Where AnalyticDB is, the person does not choose.
func localEnv(endpoint string, t times, environ []string) []string {
	env := []string{
		"ADB_ENDPOINT=http://" + endpoint,
		fmt.Sprintf("ADB_POLL_INTERVAL=%v", t.poll),
		fmt.Sprintf("ADB_SETTLE_TIME=%v", t.settle),
		fmt.Sprintf("ADB_DDL_PAUSE=%v", t.ddlPause),
		"ADB_DEFAULT_CLUSTERS=" + sampleCluster,
	}
	return append(env, own(environ, localOnly...)...)
}

// localOnly are the settings that the local cloud makes itself.
var localOnly = []string{"ADB_ENDPOINT", "ADB_NETWORK"}

// localOptions are AnalyticDB's. Times are listed in seconds, which an older page of the reference shows: with minutes, the
// end of a pause could be a minute away.
func localOptions(o options, t times) fakeadb.Options {
	var exist []fakeadb.Cluster
	for _, id := range o.clusters {
		exist = append(exist, fakeadb.Cluster{ID: id, Region: o.region})
	}
	return fakeadb.Options{
		Credentials: map[string]fakeadb.Credential{localKeyID: {Secret: localSecret, Token: localToken}},
		Account:     localAccount,
		Clusters:    exist,
		Takes:       t.takes,
		Precision:   fakeadb.Seconds,
		Latency:     20 * time.Millisecond,
	}
}

// history is what a cluster's own schedule has left: full backups of three nights, and an incremental one of today.
func history(clusters []backup.Cluster, now time.Time) []fakeadb.Backup {
	var sets []fakeadb.Backup
	for _, c := range clusters {
		for _, age := range []time.Duration{68 * time.Hour, 44 * time.Hour, 20 * time.Hour} {
			at := now.Add(-age)
			sets = append(sets, fakeadb.Backup{Cluster: c.ID, Region: c.Region, Start: at, End: at.Add(17 * time.Minute), Size: 5_000_000_000})
		}
		at := now.Add(-8 * time.Hour)
		sets = append(sets, fakeadb.Backup{Cluster: c.ID, Region: c.Region, Type: "IncrementalBackup", Start: at, End: at.Add(time.Minute), Size: 80_000_000})
	}
	return sets
}

// serve opens the emulated service on a loopback port.
func serve(h http.Handler) (address string, closeIt func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	server := &http.Server{Handler: h}
	go server.Serve(listener)
	return listener.Addr().String(), func() { server.Close() }, nil
}
