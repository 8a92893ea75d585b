package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
	"adb-backup/function/terminal"
)

// fault is something that goes wrong, as -fault names it.
type fault struct {
	name, says string
	needs      need                                  // what an event must ask for, so that the fault can strike
	ends       []string                              // the errorTypes in which the last delivery may end; success is always right
	cloud      func(*fakeadb.Options, time.Duration) // what AnalyticDB is like, where a backup takes so long
	begins     func(*run)                            // what else happens before the event comes
	deliver    func(context.Context, *run) error     // how the event comes; nil: once
}

// need is what an event must ask for. Its text ends a sentence.
type need struct {
	what string
	met  func(*incoming) bool
}

var (
	anything = need{"calls AnalyticDB", func(in *incoming) bool { return len(in.Requests) > 0 }}
	ensures  = need{"asks for a backup", func(in *incoming) bool { return in.any(isEnsure) }}
	verifies = need{"is a Verify", func(in *incoming) bool { return in.any(func(r backup.Request) bool { return !isEnsure(r) }) }}
	waits    = need{"waits for a backup with WaitFor", func(in *incoming) bool {
		return in.any(func(r backup.Request) bool { return isEnsure(r) && r.WaitFor > backup.WaitRequested })
	}}
	// A direct request is about the moment in which it comes, so each delivery is a request of its own.
	timed = need{"has a time, MaxAge or NotBefore; without them a second delivery asks for a second backup", func(in *incoming) bool {
		return in.any(isEnsure) && !in.any(func(r backup.Request) bool { return r.Immediate })
	}}
	namedAndTimed = need{"names its clusters, and " + timed.what, func(in *incoming) bool { return names.met(in) && timed.met(in) }}
	names         = need{"names clusters", func(in *incoming) bool { return len(in.clusters()) > 0 && len(in.clusters()) == len(in.Requests) }}
	byTag         = need{"chooses clusters by a tag", func(in *incoming) bool {
		return in.any(func(r backup.Request) bool { return r.Selector != nil && len(r.Selector.Tags) > 0 })
	}}
	drills = need{"is a drill", func(in *incoming) bool { return in.Drill }}
)

func isEnsure(r backup.Request) bool { return r.Action == backup.ActionEnsure }

// pending are the ends of an invocation whose time was up.
var pending = []string{"BackupPending", "OutcomeUnknown", "Throttled"}

const (
	create = "CreateBackup"
	look   = "DescribeBackups"
	list   = "DescribeDBClusters"
)

var faults = []fault{
	{name: "lost-answer", says: "AnalyticDB starts the backup, but the connection breaks before it says so.", needs: ensures,
		cloud: func(o *fakeadb.Options, _ time.Duration) {
			o.Faults = fakeadb.Strike(create, fakeadb.Broken.AfterEffect(), 1)
		}},
	{name: "throttled", says: "AnalyticDB refuses the first calls because there were too many, and says when to try again.", needs: anything,
		cloud: func(o *fakeadb.Options, takes time.Duration) {
			o.Faults = func(c fakeadb.Call) fakeadb.Fault {
				if c.Nth <= 2 {
					return fakeadb.Throttled(takes / 8)
				}
				return fakeadb.Fault{}
			}
		}},
	{name: "unreachable", says: "AnalyticDB refuses the connection until the function's time is up; when the platform tries again it can be reached.", needs: anything,
		begins: func(r *run) { r.env = append(r.env, "ADB_ENDPOINT=http://127.0.0.1:1") }, // nothing listens there
		deliver: func(ctx context.Context, r *run) error {
			return r.retry(ctx, r.takes/2, func() {
				r.env = r.env[:len(r.env)-1]
				r.function.Replace()
			})
		}},
	{name: "denied", says: "The function's role may not call CreateBackup.", needs: ensures, ends: []string{"PermissionDenied"},
		cloud: func(o *fakeadb.Options, _ time.Duration) { o.Denied = []fakeadb.Denial{{Action: create}} }},
	{name: "no-role", says: "The function has no role, so the invocation brings no credentials.", needs: anything, ends: []string{"PermissionDenied"},
		begins: func(r *run) {
			r.invocation.AccessKeyID, r.invocation.AccessKeySecret, r.invocation.SecurityToken = "", "", ""
		}},
	{name: "not-found", says: "The cluster does not exist.", needs: names, ends: []string{"ClusterNotFound"},
		cloud: func(o *fakeadb.Options, _ time.Duration) { o.Clusters = []fakeadb.Cluster{} }},
	{name: "nothing-selected", says: "Somebody has removed the clusters' tags.", needs: byTag, ends: []string{"NothingSelected"},
		cloud: func(o *fakeadb.Options, _ time.Duration) {
			for i := range o.Clusters {
				o.Clusters[i].Tags = nil
			}
		}},
	{name: "failed", says: "The backup ends in failure.", needs: waits, ends: []string{"BackupFailed"},
		cloud: func(o *fakeadb.Options, _ time.Duration) { o.Ends = fakeadb.Fails }},
	{name: "missed-night", says: "Nobody has made a backup in the last nights.", needs: verifies, ends: []string{"BackupMissing"},
		begins: func(r *run) {
			for _, b := range r.adb.Backups("") {
				if time.Since(b.Start) < 10*24*time.Hour {
					r.adb.Remove(b.ID)
				}
			}
		}},
	{name: "never-ends", says: "The backup does not end before the function's time is up.", needs: waits, ends: pending,
		cloud:  func(o *fakeadb.Options, _ time.Duration) { o.Ends = fakeadb.NeverEnds },
		begins: func(r *run) { r.invocation.Timeout = r.takes * 5 / 4 }},
	{name: "retry", says: "The function's time is up before the backup is complete, so the platform tries the event again.", needs: waits,
		deliver: func(ctx context.Context, r *run) error { return r.retry(ctx, r.takes/2, nothing) }},
	{name: "crash", says: "The process dies when the backup has just started, and the platform tries again with a new one.", needs: ensures,
		begins: crashAtCreate, deliver: func(ctx context.Context, r *run) error { return r.retry(ctx, 0, nothing) }},
	{name: "twice", says: "The event comes twice, one after the other.", needs: timed,
		deliver: func(ctx context.Context, r *run) error {
			if err := r.deliver(ctx, fakefc.Invocation{}); err != nil {
				return err
			}
			return r.deliver(ctx, fakefc.Invocation{})
		}},
	{name: "twice-elsewhere", says: "The event comes twice, the second time to another instance, when the first one's backup has just started.", needs: namedAndTimed,
		deliver: func(ctx context.Context, r *run) error { return r.twoInstances(ctx, len(r.in.clusters())) }},
	{name: "two-at-once", says: "The event comes to two instances at the same moment. Each looks before the other has created, so there may be two backups.", needs: timed,
		deliver: func(ctx context.Context, r *run) error { return r.twoInstances(ctx, 0) }},
	{name: "busy", says: "A backup of the cluster's own schedule is running.", needs: ensures, begins: ownScheduleRuns},
	{name: "not-now", says: "The cluster is being scaled, and takes no backup for a while.", needs: ensures,
		cloud: func(o *fakeadb.Options, takes time.Duration) {
			o.Busy = []fakeadb.Busy{{Until: time.Now().Add(takes / 2)}}
		}},
	{name: "hidden-running", says: "AnalyticDB lists a backup only when it has ended, and refuses a second one beside it.", needs: ensures, begins: ownScheduleRuns,
		cloud: func(o *fakeadb.Options, _ time.Duration) { o.HideRunning, o.Overlap = true, fakeadb.ErrBackupExists }},
	{name: "false-zone", says: "The list gives Beijing time as if it were UTC, so that the new backup seems to start in eight hours.", needs: ensures,
		cloud: func(o *fakeadb.Options, _ time.Duration) { o.FalseZone = 8 * time.Hour }},
	{name: "alarm-refused", says: "The chat robot refuses the message, because its keyword is another.", needs: drills, ends: []string{"AlarmFailed"},
		begins: func(r *run) { r.robot.refuses = true }},
}

func nothing() {}

// ownScheduleRuns starts a backup of each cluster's own schedule before the event comes.
func ownScheduleRuns(r *run) {
	now := time.Now()
	for _, c := range account(now, r.in.clusters()...).Clusters {
		if takesBackups(c) {
			r.adb.Add(fakeadb.Backup{Cluster: c.ID, Region: c.Region, Start: now.Add(-5 * time.Minute), End: now.Add(r.takes / 2), Size: setSize})
		}
	}
}

// crashAtCreate kills the process after CreateBackup took effect and before its answer.
func crashAtCreate(r *run) {
	dies := fakeadb.Broken.AfterEffect()
	dies.Name = "the process dies"
	r.adb.Set(func(o *fakeadb.Options) {
		o.Faults = fakeadb.Strike(create, dies, 1)
		o.OnCall = func(c fakeadb.Call) { // before the connection breaks, so the process learns nothing
			r.showCall(c)
			if c.Code == dies.Name {
				r.newest().Stop()
			}
		}
	})
}

// findFault finds a fault by its name, and checks that it can strike the event.
func findFault(name string, in *incoming) (fault, error) {
	known := make([]string, len(faults))
	for i, f := range faults {
		known[i] = f.name
	}
	i := slices.Index(known, name)
	switch meant := events.Nearest(name, known); {
	case i < 0 && meant != "":
		return fault{}, wrong("there is no fault %q; did you mean %s?", name, meant)
	case i < 0:
		return fault{}, wrong("there is no fault %q; there are %s", name, strings.Join(known, ", "))
	case !faults[i].needs.met(in):
		return fault{}, wrong("The fault %s cannot strike this event: it needs one that %s.", name, faults[i].needs.what)
	}
	return faults[i], nil
}

func listFaults(w io.Writer) {
	const indent = 18
	for _, f := range faults {
		for i, line := range terminal.Wrap(f.says, 80-indent) {
			fmt.Fprintf(w, "%-*s%s\n", indent, []string{f.name, ""}[min(i, 1)], line)
		}
	}
}
