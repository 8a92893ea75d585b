package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"adb-backup/events"
	"adb-backup/function/local/fakeadb"
)

// scenario is a fault that -fault names: what goes wrong, and what must be true nevertheless. The event asks for a complete backup
// of each of its clusters, as the timer's sample does, or is the scenario's own.
type scenario struct {
	name     string
	says     string                              // one sentence
	payload  string                              // its own event; empty: that of the command line
	clusters []string                            // those that a selector in payload chooses
	cloud    func(*fakeadb.Options, times)       // what AnalyticDB is like
	prepare  func(*stage)                        // what else happens before the event comes
	deliver  func(context.Context, *stage) error // how it comes; nil: once

	want    []string // of each delivery: the answer's Status, or the errorType
	created int      // backups created for each cluster, over all deliveries
	noCalls bool     // AnalyticDB was not called at all
}

const (
	create = "CreateBackup"
	look   = "DescribeBackups"
	list   = "DescribeDBClusters"
)

// The event of the scenarios that choose clusters, and the clusters of the made-up account that can be backed up.
const nightly = `{"triggerTime":"2026-11-22T18:00:00Z","triggerName":"nightly","payload":"{\"DBClusterSelector\":{\"Tags\":{\"backup\":\"nightly\"}},\"WaitFor\":\"Completed\"}"}`

var everyCluster = []string{sampleCluster, "amv-bp1c8v3q9xk27d", "amv-2ze6m0t4hj85sg", "amv-uf61r7d9kw30xq", "amv-bp1s4nd80xg5ty"}

var scenarios = []scenario{
	{
		name: "lost-answer", says: "AnalyticDB starts the backup, but the connection breaks before it says so.",
		cloud: faults(fakeadb.Step{Action: create, Nth: 1, Fault: fakeadb.Broken.AfterEffect()}),
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "lost-request", says: "The connection breaks before AnalyticDB gets the request.",
		cloud: faults(fakeadb.Step{Action: create, Nth: 1, Fault: fakeadb.Broken}),
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "html-502", says: "The backup starts, and a gateway answers 502 with a page of HTML.",
		cloud: faults(fakeadb.Step{Action: create, Nth: 1, Fault: fakeadb.BadGateway.AfterEffect()}),
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "empty-answer", says: "The backup starts, and the answer is 200 with nothing in it.",
		cloud: faults(fakeadb.Step{Action: create, Nth: 1, Fault: fakeadb.Empty.AfterEffect()}),
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "listed-late", says: "The answer is lost, and the list shows the backup only much later.",
		cloud: func(o *fakeadb.Options, t times) {
			o.ListedAfter = t.settle * 3 / 4
			o.Faults = fakeadb.Script(fakeadb.Step{Action: create, Nth: 1, Fault: fakeadb.Broken.AfterEffect()})
		},
		want: []string{"Completed"}, created: 1,
	},
	{
		name: "throttled", says: "AnalyticDB refuses the first calls because there were too many, and says when to try again.",
		cloud: func(o *fakeadb.Options, t times) {
			again := fakeadb.Throttled(t.takes / 8)
			o.Faults = fakeadb.Script(
				fakeadb.Step{Action: look, Nth: 1, Fault: again},
				fakeadb.Step{Action: create, Nth: 1, Fault: again},
				fakeadb.Step{Action: create, Nth: 2, Fault: again},
				fakeadb.Step{Action: look, Nth: 4, Fault: again})
		},
		want: []string{"Completed"}, created: 1,
	},
	{
		name: "slow", says: "Every call takes a long time.",
		cloud: func(o *fakeadb.Options, t times) { o.Latency = t.takes / 4 },
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "down", says: "AnalyticDB answers 503 to everything until the function's time is up.",
		cloud:   faults(fakeadb.Step{Fault: fakeadb.Refused(fakeadb.ErrUnavailable)}),
		deliver: once(func(t times) time.Duration { return t.takes / 2 }),
		want:    []string{"BackupPending"},
	},
	{
		name: "denied", says: "The function's role may not call CreateBackup.",
		cloud: func(o *fakeadb.Options, _ times) { o.Denied = []fakeadb.Denial{{Action: create}} },
		want:  []string{"PermissionDenied"},
	},
	{
		name: "no-role", says: "The function has no role, so the invocation brings no credentials.",
		deliver: func(ctx context.Context, s *stage) error { return s.deliverOnce(ctx, delivery{anonymous: true}) },
		want:    []string{"PermissionDenied"}, noCalls: true,
	},
	{
		name: "expired-token", says: "The token of the credentials has expired.",
		cloud: func(o *fakeadb.Options, _ times) {
			o.Credentials = map[string]fakeadb.Credential{localKeyID: {Secret: localSecret, Token: "another"}}
		},
		want: []string{"PermissionDenied"},
	},
	{
		name: "not-found", says: "The cluster does not exist.",
		cloud: func(o *fakeadb.Options, _ times) { o.Clusters = []fakeadb.Cluster{} },
		want:  []string{"ClusterNotFound"},
	},
	{
		name: "wrong-event", says: "WaitFor is misspelt in the timer's payload.",
		payload: `{"triggerTime":"2026-11-22T18:00:00Z","triggerName":"nightly","payload":"{\"DBClusterId\":\"` + sampleCluster + `\",\"WaitFore\":\"Completed\"}"}`,
		want:    []string{"InvalidEvent"}, noCalls: true,
	},
	{
		name: "fails", says: "The backup ends in failure.",
		cloud: func(o *fakeadb.Options, _ times) { o.Ends = fakeadb.Fails },
		want:  []string{"BackupFailed"}, created: 1,
	},
	{
		name: "never-ends", says: "The backup does not end before the function's time is up.",
		cloud:   func(o *fakeadb.Options, _ times) { o.Ends = fakeadb.NeverEnds },
		deliver: once(func(t times) time.Duration { return t.takes * 5 / 4 }),
		want:    []string{"BackupPending"}, created: 1,
	},
	{
		name: "retry", says: "The function's time is up before the backup is complete, so the platform tries the event again.",
		deliver: retried, want: []string{"BackupPending", "Completed"}, created: 1,
	},
	{
		name: "crash", says: "The process dies when the backup has just started, and the platform tries again with a new one.",
		prepare: crashAtCreate, deliver: retriedElsewhere,
		want: []string{"ProcessExited", "Completed"}, created: 1,
	},
	{
		name: "twice", says: "The event comes twice, one after the other.",
		deliver: twice, want: []string{"Completed", "Completed"}, created: 1,
	},
	{
		name: "twice-elsewhere", says: "The event comes to two instances of the function, to the second a moment later.",
		deliver: twiceElsewhere, want: []string{"Completed", "Completed"}, created: 1,
	},
	{
		name: "two-at-once", says: "Two events for the same cluster come at the same moment.",
		deliver: atOnce, want: []string{"Completed", "Completed"}, created: 1,
	},
	{
		name: "busy", says: "A backup of the cluster's own schedule is still running.",
		prepare: ownScheduleRuns,
		want:    []string{"Completed"}, created: 1,
	},
	{
		name: "unlisted-while-running", says: "AnalyticDB lists a backup only when it has ended. Before that the function's time is up, and the platform tries again.",
		cloud:   func(o *fakeadb.Options, _ times) { o.HideRunning = true },
		deliver: retried, want: []string{"BackupPending", "Completed"}, created: 1,
	},
	{
		name: "overlap-refused", says: "A backup of the cluster's own schedule is running, is not listed, and AnalyticDB refuses a second one beside it.",
		cloud: func(o *fakeadb.Options, _ times) {
			o.HideRunning, o.Overlap = true, fakeadb.ErrBackupExists
		},
		prepare: ownScheduleRuns,
		want:    []string{"Completed"}, created: 1,
	},
	{
		name: "busy-cluster", says: "The cluster is being scaled, and takes no backup for a while.",
		cloud: func(o *fakeadb.Options, t times) {
			o.Busy = []fakeadb.Busy{{Until: time.Now().Add(t.takes / 2)}}
		},
		want: []string{"Completed"}, created: 1,
	},
	{
		name: "false-zone", says: "The list gives Beijing time as if it were UTC, so that the new backup seems to start in eight hours.",
		cloud: func(o *fakeadb.Options, _ times) { o.FalseZone = 8 * time.Hour },
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "unreachable", says: "AnalyticDB refuses the connection until the function's time is up; when the platform tries again it can be reached.",
		prepare: func(s *stage) { s.service.close() }, deliver: reachableLater,
		want: []string{"BackupPending", "Completed"}, created: 1,
	},
	{
		name: "nothing-selected", says: "The event chooses clusters by a tag that somebody has removed.",
		payload: nightly,
		cloud: func(o *fakeadb.Options, _ times) {
			for i := range o.Clusters {
				o.Clusters[i].Tags = nil
			}
		},
		want: []string{"NothingSelected"},
	},
	{
		name: "untagged", says: "The event chooses clusters by a tag, but AnalyticDB's list has no tags: one backup too many is better than one that is missing.",
		payload: nightly, clusters: everyCluster,
		cloud: func(o *fakeadb.Options, _ times) { o.Tags, o.TagFilter = fakeadb.TagsAbsent, fakeadb.TagsIgnored },
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "select-denied", says: "The event chooses clusters by a tag, and the function's role may not call DescribeDBClusters.",
		payload: nightly,
		cloud:   func(o *fakeadb.Options, _ times) { o.Denied = []fakeadb.Denial{{Action: list}} },
		want:    []string{"PermissionDenied"},
	},
	{
		name: "unknown-status", says: "The list gives a complete backup a status that the function does not know.",
		cloud:   func(o *fakeadb.Options, _ times) { o.Words.Completed = "Archived" },
		deliver: once(func(t times) time.Duration { return t.takes * 3 / 2 }),
		want:    []string{"BackupPending"}, created: 1,
	},
	{
		name: "no-status", says: "The list gives no status at all, only times.",
		cloud: func(o *fakeadb.Options, _ times) { o.NoStatus = true },
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "slow-clock", says: "AnalyticDB's clock is 40 seconds behind, so that the new backup seems to be older than the event.",
		cloud: func(o *fakeadb.Options, _ times) { o.Skew = -40 * time.Second },
		want:  []string{"Completed"}, created: 1,
	},
	{
		name: "read-denied", says: "The function's role may not call DescribeBackups, so it could not wait for a backup.",
		cloud: func(o *fakeadb.Options, _ times) { o.Denied = []fakeadb.Denial{{Action: look}} },
		want:  []string{"PermissionDenied"},
	},
	{
		name: "missed-night", says: "In the morning a second timer asks for the night's backup, and there is none.",
		payload: `{"triggerTime":"2026-11-23T01:00:00Z","triggerName":"morning-check","payload":"{\"Action\":\"Verify\",\"DBClusterId\":\"` + sampleCluster + `\",\"MaxAge\":\"12h\"}"}`,
		want:    []string{"BackupMissing"},
	},
}

func faults(steps ...fakeadb.Step) func(*fakeadb.Options, times) {
	return func(o *fakeadb.Options, _ times) { o.Faults = fakeadb.Script(steps...) }
}

// ownScheduleRuns starts a backup of each cluster's own schedule before the event comes.
func ownScheduleRuns(s *stage) {
	now := s.service.Now()
	for _, c := range s.clusters() {
		s.service.Add(fakeadb.Backup{Cluster: c.ID, Region: c.Region, Start: now.Add(-5 * time.Minute), End: now.Add(s.takes / 2), Size: 5_000_000_000})
	}
}

// once delivers the event once, with a timeout that depends on how long a backup takes.
func once(timeout func(times) time.Duration) func(context.Context, *stage) error {
	return func(ctx context.Context, s *stage) error {
		return s.deliverOnce(ctx, delivery{timeout: timeout(s.times())})
	}
}

// crashAtCreate kills the process after CreateBackup took effect and before its answer.
func crashAtCreate(s *stage) {
	dies := fakeadb.Broken.AfterEffect()
	dies.Name = "the process dies"
	s.service.Set(func(o *fakeadb.Options) {
		o.Faults = fakeadb.Script(fakeadb.Step{Action: create, Nth: 1, Fault: dies})
		o.OnCall = func(c fakeadb.Call) { // before the connection breaks, so the process learns nothing
			s.showCall(c)
			if c.Code == dies.Name {
				s.newest().Stop()
			}
		}
	})
}

func findScenario(name string) (scenario, error) {
	names := make([]string, len(scenarios))
	for i, sc := range scenarios {
		if sc.name == name {
			return sc, nil
		}
		names[i] = sc.name
	}
	if meant := events.Nearest(name, names); meant != "" {
		return scenario{}, fmt.Errorf("there is no fault %q; did you mean %s?", name, meant)
	}
	return scenario{}, fmt.Errorf("there is no fault %q: make faults lists them", name)
}

// listScenarios prints the table.
func listScenarios(w io.Writer) {
	const indent = 24
	for _, sc := range scenarios {
		for i, line := range wrap(sc.says, columns-indent) {
			name := sc.name
			if i > 0 {
				name = ""
			}
			fmt.Fprintf(w, "%-*s%s\n", indent, name, line)
		}
	}
}
