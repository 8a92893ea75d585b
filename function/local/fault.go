package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/terminal"
)

// fault is something that goes wrong, as FAULT names it.
type fault struct {
	name, says string
	needs      need                              // what an event must ask for, so that the fault can strike
	ends       []string                          // the errorTypes in which the last delivery may end; success is always right
	begins     func(*run)                        // what it changes of the local cloud before the event comes
	deliver    func(*run, context.Context) error // how the event comes; nil: once
}

// need is what one request of an event must be. Its text ends a sentence.
type need struct {
	what string
	met  func(backup.Request) bool
}

var (
	anything = need{"calls AnalyticDB", func(backup.Request) bool { return true }}
	ensures  = need{"asks for a backup", isEnsure}
	verifies = need{"is a Verify", func(r backup.Request) bool { return !isEnsure(r) }}
	waits    = need{"waits for a backup with WaitFor", func(r backup.Request) bool { return isEnsure(r) && r.WaitFor > backup.WaitRequested }}
	// A direct request is about the moment in which it comes, so each delivery is a request of its own.
	timed = need{"has a time, MaxAge or NotBefore; without them a second delivery asks for a second backup",
		func(r backup.Request) bool { return isEnsure(r) && !r.Immediate }}
)

func isEnsure(r backup.Request) bool { return r.Action == backup.ActionEnsure }

const create = "CreateBackup"

var faults = []fault{
	{name: "lost-answer", says: "AnalyticDB starts the backup, but the connection breaks before it says so.", needs: ensures,
		begins: func(r *run) { r.cloud.Faults = fakeadb.Strike(create, fakeadb.Broken.AfterEffect(), 1) }},
	{name: "throttled", says: "AnalyticDB refuses the first calls because there were too many, and says when to try again.", needs: anything,
		begins: func(r *run) { r.cloud.Faults = fakeadb.Strike("", fakeadb.Throttled(r.takes/8), 1, 2) }},
	{name: "unreachable", says: "Every connection to AnalyticDB breaks until the function's time is up; when the platform tries again none does.", needs: anything,
		begins: func(r *run) { r.cloud.Faults = fakeadb.Strike("", fakeadb.Broken) }, deliver: tooShort},
	{name: "denied", says: "The function's role may not call CreateBackup.", needs: ensures, ends: []string{"PermissionDenied"},
		begins: func(r *run) { r.cloud.Denied = []fakeadb.Denial{{Action: create}} }},
	{name: "failed", says: "The backup ends in failure.", needs: waits, ends: []string{"BackupFailed"},
		begins: func(r *run) { r.cloud.Ends = fakeadb.Failed }},
	{name: "missed-night", says: "Nobody has made a backup in the last nights.", needs: verifies, ends: []string{"BackupMissing"},
		begins: func(r *run) { r.history = nil }},
	{name: "never-ends", says: "The backup does not end before the function's time is up.", needs: waits,
		ends:   []string{"BackupPending", "OutcomeUnknown", "Throttled"},
		begins: func(r *run) { r.cloud.Ends, r.invocation.Timeout = fakeadb.Running, r.takes*5/4 }},
	{name: "retry", says: "The function's time is up before the backup is complete, so the platform tries the event again, in another instance.",
		needs: waits, deliver: tooShort},
	{name: "crash", says: "The process dies when the backup has just started, and the platform tries again with a new one.", needs: ensures,
		begins: crashAtCreate, deliver: func(r *run, ctx context.Context) error { return r.retry(ctx, r.invocation.Timeout) }},
	{name: "twice", says: "The event comes twice, one after the other.", needs: timed,
		deliver: func(r *run, ctx context.Context) error { return errors.Join(r.once(ctx), r.once(ctx)) }},
	{name: "twice-elsewhere", says: "The event comes twice, the second time to another instance, which knows nothing of the first.", needs: timed,
		deliver: func(r *run, ctx context.Context) error {
			first := r.once(ctx)
			r.function.Close()
			return errors.Join(first, r.once(ctx))
		}},
	{name: "two-at-once", says: "The event comes to two instances at the same moment. Each looks before the other has created, so there may be two backups.",
		needs: timed, deliver: func(r *run, ctx context.Context) error {
			var both errgroup.Group // the platform gives each delivery an instance of its own
			both.Go(func() error { return r.once(ctx) })
			both.Go(func() error { return r.once(ctx) })
			return both.Wait()
		}},
	{name: "busy", says: "A backup of the cluster's own schedule is running.", needs: ensures, begins: ownScheduleRuns},
	{name: "not-now", says: "The cluster is being scaled, and takes no backup for a while.", needs: ensures,
		begins: func(r *run) { r.cloud.Busy = []fakeadb.Busy{{Until: time.Now().Add(r.takes / 2)}} }},
	{name: "hidden-running", says: "AnalyticDB lists a backup only when it has ended, and refuses a second one beside it.", needs: ensures,
		begins: func(r *run) {
			ownScheduleRuns(r)
			r.cloud.HideRunning, r.cloud.Overlap = true, fakeadb.ErrBackupExists
		}},
	{name: "false-zone", says: "The list gives Beijing time as if it were UTC, so that the new backup seems to start in eight hours.", needs: ensures,
		begins: func(r *run) { r.cloud.FalseZone = 8 * time.Hour }},
}

// tooShort gives the first delivery less time than a backup takes.
func tooShort(r *run, ctx context.Context) error { return r.retry(ctx, r.takes/2) }

// ownScheduleRuns starts a backup of each cluster's own schedule before the event comes.
func ownScheduleRuns(r *run) {
	now := time.Now()
	for _, c := range r.cloud.Clusters {
		if takesBackups(c) {
			r.history = append(r.history,
				fakeadb.Backup{Cluster: c.ID, Region: c.Region, Start: now.Add(-5 * time.Minute), End: now.Add(r.takes / 2), Size: setSize})
		}
	}
}

// crashAtCreate kills the process after CreateBackup took effect and before its answer.
func crashAtCreate(r *run) {
	r.cloud.Faults = fakeadb.Strike(create, fakeadb.Broken.AfterEffect(), 1)
	r.cloud.OnCall = func(c fakeadb.Call) { // before the connection breaks, so the process learns nothing
		r.showCall(c)
		if c.Code == fakeadb.Broken.Name {
			r.function.Close()
		}
	}
}

// findFault finds a fault by its name, and checks that it can strike the event. No name is no fault.
func findFault(name string, in *incoming) (fault, error) {
	var known []string
	for _, f := range faults {
		switch known = append(known, f.name); {
		case f.name == name && !slices.ContainsFunc(in.Requests, f.needs.met):
			return fault{}, wrong("The fault %s cannot strike this event: it needs one that %s.", name, f.needs.what)
		case f.name == name:
			return f, nil
		}
	}
	if name == "" {
		return fault{}, nil
	}
	return fault{}, wrong("there is no fault %q; there are %s", name, strings.Join(known, ", "))
}

func listFaults(w io.Writer) {
	s := &screen{w: w}
	for _, f := range faults {
		s.print(terminal.Plain, fmt.Sprintf("%-18s", f.name), f.says)
	}
}
