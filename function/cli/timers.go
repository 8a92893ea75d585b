package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
)

// timer is an enabled timer of s.yaml, with what it asks for.
type timer struct {
	name string
	schedule
	requests []backup.Request // as the function would read them now; empty: a drill
	lookBack time.Duration    // how old a backup may be to serve
}

func (t timer) is(a backup.Action) bool { return len(t.requests) > 0 && t.requests[0].Action == a }

// covers reports whether a timer may be about a cluster. A selector may choose any.
func (t timer) covers(c backup.Cluster) bool {
	return slices.ContainsFunc(t.requests, func(r backup.Request) bool { return r.Selector != nil || r.Cluster == c })
}

// timers returns the enabled timers whose schedule and payload can be read, and what is wrong with the others.
func (s settings) timers(now time.Time) (all []timer, faults []error) {
	now = now.UTC().Truncate(time.Second)
	for _, t := range s.Triggers {
		if t.Type != "timer" || !t.enabled() {
			continue
		}
		when, err := parseSchedule(t.get("cronExpression"))
		if err != nil {
			faults = append(faults, fmt.Errorf("trigger %s: its schedule: %w", t.Name, err))
		}
		// The payload is read as the function will read it when the timer fires.
		payload, _ := json.Marshal(map[string]any{"triggerTime": now, "triggerName": t.Name, "payload": t.get("payload")}) // cannot fail
		event, refused := events.Decode(payload, events.Invocation{Region: s.Region, Received: now, Timeout: time.Hour})
		if refused != nil {
			faults = append(faults, fmt.Errorf("trigger %s: the function would refuse it: %w", t.Name, refused))
		}
		if err != nil || refused != nil {
			continue
		}
		read := timer{name: t.Name, schedule: when, requests: event.Requests}
		if len(event.Requests) > 0 {
			read.lookBack = now.Sub(event.Requests[0].NotBefore)
		}
		all = append(all, read)
	}
	return all, faults
}

// lastOf returns the latest firing of any of the timers at or before a moment, and the earliest start of a backup that it may
// have taken for its own.
func lastOf(several []timer, at time.Time) (fired, start time.Time) {
	for _, t := range several {
		if last := t.last(at); last.After(fired) {
			fired = last
		}
	}
	start = fired
	for _, t := range several {
		if found := fired.Add(-t.lookBack); found.Before(start) {
			start = found
		}
	}
	return fired, start
}

// disagreements finds the checks that cannot find the backup of their night, or would find another one in its place.
func (s settings) disagreements(all []timer, now time.Time) (faults []error) {
	attempts, age := 1+s.AsyncInvokeConfig.MaxAsyncRetryAttempts, s.life()
	if longest := time.Duration(attempts*s.Timeout) * time.Second; longest > age {
		faults = append(faults, fmt.Errorf("asyncInvokeConfig: %d attempts of %d s take %s, but the event lives for %s only: raise maxAsyncEventAgeInSeconds",
			attempts, s.Timeout, short(longest), short(age)))
	}
	for _, check := range all {
		if check.is(backup.ActionVerify) {
			if fault := check.fault(all, age, now); fault != "" {
				faults = append(faults, fmt.Errorf("trigger %s %s", check.name, fault))
			}
		}
	}
	return faults
}

// fault returns what is wrong with a check in the next days, at least with its first firing.
func (t timer) fault(all []timer, life time.Duration, now time.Time) (fault string) {
	backups := slices.DeleteFunc(slices.Clone(all), func(other timer) bool {
		return !other.is(backup.ActionEnsure) || !slices.ContainsFunc(other.requests, func(r backup.Request) bool { return r.Selector != nil || t.covers(r.Cluster) })
	})
	if len(backups) == 0 {
		return "looks for a backup that no timer makes"
	}
	const most, ahead = 200, 8 * 24 * time.Hour
	at := t.next(now)
	for i := 0; i < most && fault == "" && t.cron != nil && (i == 0 || at.Sub(now) < ahead); i++ { // when an @every fires nobody knows
		fault = judge(t, at, backups, life)
		at = t.next(at)
	}
	return fault
}

// daily is the shortest interval of nightly backups. Where backups are more frequent, one of them may be missed.
const daily = 20 * time.Hour

// judge returns what is wrong with a check that fires at a moment, if anything: it must find the backup that is due, the latest
// one that is not retried any more, and must not take the one before for it.
func judge(check timer, at time.Time, backups []timer, life time.Duration) string {
	due, start := lastOf(backups, at.Add(-life))
	before, _ := lastOf(backups, due.Add(-time.Second))
	since, show, least := at.Add(-check.lookBack), check.show, short(at.Sub(start))
	switch {
	case due.IsZero():
	case since.After(start):
		return fmt.Sprintf("comes too early or looks back too little: at %s the latest backup that is not retried any more is that of %s, which may have started at %s. "+
			"Move the check to a later hour, or make its MaxAge at least %s", show(at), show(due), show(start), least)
	case !before.IsZero() && due.Sub(before) >= daily && !since.After(before.Add(life)):
		return fmt.Sprintf("looks back too far: at %s it could find the backup of %s although that of %s is missing. Make its MaxAge at least %s, and less than %s",
			show(at), show(before), show(due), least, short(at.Sub(before)-life))
	}
	return ""
}

// coming says when a timer fires next, and what for.
func (t timer) coming(now time.Time) string {
	at := t.next(now)
	when := fmt.Sprintf("%s (in %s), trigger %s", t.show(at), short(at.Sub(now).Round(time.Minute)), t.name)
	switch {
	case t.is(backup.ActionVerify):
		return fmt.Sprintf("next check %s, for a backup that started at %s or later", when, t.show(at.Add(-t.lookBack)))
	case t.is(backup.ActionEnsure):
		return "next backup " + when
	}
	return "next drill " + when
}
