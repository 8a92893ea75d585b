package backup

import (
	"context"
	"slices"
	"time"
)

// follow waits for a backup, as far as the request asks.
func (x *task) follow(ctx context.Context, step Step) Outcome {
	polls, key, passed := x.polls(), "", false
	x.err = nil // what came before has been overcome
	x.outcome.Created = step.Created
	x.outcome.Status = StatusRequested
	if !step.Created {
		x.log.Info("a backup that serves was found", setAttrs(step.Set)...)
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
			return x.outcome.fail(ErrorBackupFailed, "%v ended in failure, %q; invoking again creates another", set, set.Status)
		case p.Reached:
			return x.outcome
		}
		x.doing = x.progress()
		if !passed {
			x.asked()
			select {
			case <-x.allAsked: // every backup is requested before any is waited for,
			case <-time.After(12 * x.settings.Poll): // but a region that is throttled does not hold up the others for ever
			case <-ctx.Done():
				return x.unfinished()
			}
			passed = true
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
		listed, at, err := x.look(ctx)
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
			set = step.Create.made(listed, step.Create.settled(at, x.settings.Settle))
		}
	}
}

// seen takes over what the list shows, and logs a change of state.
func (x *task) seen(s Set) {
	was := x.outcome.Status
	if x.outcome.Set == nil || x.outcome.Set.Status != s.Status {
		x.nameOdd(s)
	}
	x.outcome.Set = &s
	var news string
	switch s.State {
	case SetComplete:
		x.outcome.Status, news = StatusCompleted, "backup is complete"
	case SetFailed:
		x.outcome.Status, news = StatusFailed, "backup has failed"
	default:
		x.outcome.Status, news = StatusRunning, "backup is running"
	}
	if x.outcome.Status != was {
		x.log.Info(news, setAttrs(&s)...)
	}
}

// nameOdd logs a status that the rule does not know: it counts as running, and somebody must say what it means.
func (x *task) nameOdd(s Set) {
	if s.State == SetUnknown {
		x.log.Warn("a backup's status is not known to the function and counts as running; see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED", setAttrs(&s)...)
	}
}

func (x *task) progress() string {
	switch s := x.outcome.Set; {
	case s == nil:
		return "the backup was accepted, but was not listed as complete"
	case s.State == SetComplete:
		return s.String() + " is complete, but DDL was not allowed"
	default:
		return s.String() + " was not complete"
	}
}

func (x *task) awaiting(s *Set) {
	doing := "an earlier backup, which this process requested, had not ended"
	if s != nil {
		doing = "an earlier " + s.String() + " had not ended"
	}
	if doing == x.doing {
		return
	}
	x.doing, x.err = doing, nil
	x.log.Info("an earlier backup is running; another is created after it", setAttrs(s)...)
	if s != nil {
		x.nameOdd(*s)
	}
}

// setAttrs are a set's log attributes, as far as they are known; of nil there are none.
func setAttrs(s *Set) []any {
	if s == nil {
		return nil
	}
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

// find is the set with the given key.
func find(listed []Set, key string) *Set {
	if i := slices.IndexFunc(listed, func(s Set) bool { return s.key() == key }); i >= 0 {
		return &listed[i]
	}
	return nil
}
