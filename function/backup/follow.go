package backup

import (
	"context"
	"fmt"
	"time"
)

// follow waits for a backup, as far as the request asks.
func (x *run) follow(ctx context.Context, step Step) Outcome {
	polls, key, after := x.polls(), "", false
	x.outcome.Created = step.Created
	x.outcome.Status = StatusRequested
	if !step.Created {
		x.log.Info("a backup that serves was found", setAttrs(deref(step.Set))...)
	}
	set := step.Set
	for {
		if set != nil {
			key = set.key()
			x.seen(*set)
			if step.Create != nil {
				step.Create.seen.Store(x.outcome.Set) // other invocations for the cluster adopt it by what is known of it
			}
		}
		p := Follow(time.Now(), x.request.WaitFor, set, x.settings.DDLPause)
		switch {
		case p.Failed:
			x.outcome.Status = StatusFailed
			return x.outcome.fail(BackupFailed, "backup %s ended in failure (%s); invoking again creates another", set.ID, set.Status)
		case p.Reached:
			return x.outcome
		}
		x.doing = x.progress()
		if !after {
			x.asked()
			select {
			case <-x.allAsked: // every backup is requested before any is waited for,
			case <-time.After(12 * x.settings.Poll): // but a region that is throttled does not hold up the others for ever
			case <-ctx.Done():
				return x.unfinished()
			}
			after = true
		}
		pause := polls.next()
		if left := time.Until(p.Until); left > 0 {
			pause = left
		}
		if !x.sleep(ctx, pause) {
			return x.unfinished()
		}
		if !p.Until.IsZero() {
			continue // it is complete, and only time has to pass
		}
		listed, _, err := x.look(ctx)
		if call := sent(err); call != nil {
			return x.refused(call)
		} else if err != nil {
			return x.unfinished()
		}
		if key != "" {
			if s := find(listed, key); s != nil {
				set = s
			}
		} else {
			set = step.Create.made(listed)
		}
	}
}

// seen takes over what the list shows, and logs a change of state.
func (x *run) seen(s Set) {
	was := x.outcome.Status
	if s.State == Odd && (x.outcome.Set == nil || x.outcome.Set.Status != s.Status) {
		x.log.Warn("the backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED", setAttrs(s)...)
	}
	x.outcome.Set = &s
	switch s.State {
	case Complete:
		x.outcome.Status = StatusCompleted
	case Failed:
		x.outcome.Status = StatusFailed
	default:
		x.outcome.Status = StatusRunning
	}
	if x.outcome.Status != was {
		x.log.Info("backup "+map[Status]string{StatusCompleted: "is complete", StatusFailed: "has failed", StatusRunning: "is running"}[x.outcome.Status], setAttrs(s)...)
	}
}

func (x *run) progress() string {
	switch s := x.outcome.Set; {
	case s == nil:
		return "the backup was accepted, but was not listed as complete"
	case s.State == Complete:
		return fmt.Sprintf("backup %s is complete, but DDL was not allowed", s.ID)
	case s.State == Odd:
		return fmt.Sprintf("backup %s has the status %q, which is not known (if that means complete or failed, add it to ADB_STATUS_COMPLETED or ADB_STATUS_FAILED), and was not complete", s.ID, s.Status)
	default:
		return fmt.Sprintf("backup %s, running since %s, was not complete", s.ID, s.Start.From.Format(time.RFC3339))
	}
}

func (x *run) awaiting(s *Set) {
	doing := "an earlier backup that this process requested was still to be awaited"
	if s != nil {
		doing = fmt.Sprintf("an earlier backup, %s, running since %s, was still to be awaited", s.ID, s.Start.From.Format(time.RFC3339))
	}
	if doing != x.doing {
		x.doing = doing
		x.log.Info("an earlier backup is running; another is created after it", setAttrs(deref(s))...)
	}
}

func deref(s *Set) Set {
	if s == nil {
		return Set{}
	}
	return *s
}

// setAttrs are a set's log attributes, as far as they are known.
func setAttrs(s Set) []any {
	var a []any
	if s.ID != "" {
		a = append(a, "backupId", s.ID)
	}
	if !s.Start.From.IsZero() {
		a = append(a, "backupStartTime", s.Start.From)
	}
	if s.Status != "" {
		a = append(a, "backupStatus", s.Status)
	}
	return a
}
