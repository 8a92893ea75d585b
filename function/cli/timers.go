package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// timers are the timers of s.yaml whose schedule and payload can be read, and what is wrong with the others.
type timers struct {
	backups, checks []timer
	faults          []error
}

// timer is a timer with its schedule.
type timer struct {
	trigger
	schedule
	requests []backup.Request // as the function would read them now
	lookBack time.Duration    // how old a backup may be to serve
}

// readTimers reads the enabled timers.
func (s settings) readTimers(now time.Time) timers {
	var all timers
	for _, t := range s.Triggers {
		if t.Type != "timer" || !t.Enabled {
			continue
		}
		when, err := parseSchedule(t.Cron)
		if err != nil {
			all.faults = append(all.faults, fmt.Errorf("trigger %s: its schedule: %w", t.Name, err))
			continue
		}
		requests, err := s.decode(t, now)
		if err != nil || len(requests) == 0 {
			continue // settings.requests says what is wrong with it
		}
		read := timer{t, when, requests, now.UTC().Truncate(time.Second).Sub(requests[0].NotBefore)}
		if requests[0].Action == backup.ActionVerify {
			all.checks = append(all.checks, read)
		} else {
			all.backups = append(all.backups, read)
		}
	}
	return all
}

// covers reports whether two timers may be about the same cluster. A selector may choose any.
func (t timer) covers(other timer) bool {
	for _, a := range t.requests {
		for _, b := range other.requests {
			if a.Selector != nil || b.Selector != nil || a.Cluster == b.Cluster {
				return true
			}
		}
	}
	return false
}

// backupsFor returns the timers whose backups a check looks for.
func (all timers) backupsFor(check timer) []timer {
	return slices.DeleteFunc(slices.Clone(all.backups), func(b timer) bool { return !check.covers(b) })
}

// lastOf returns the latest firing of any of the timers at or before a moment.
func lastOf(several []timer, at time.Time) time.Time {
	var latest time.Time
	for _, t := range several {
		if fired := t.last(at); fired.After(latest) {
			latest = fired
		}
	}
	return latest
}

// daily is the shortest interval of nightly backups. Where backups are more frequent, one of them may be missed.
const daily = 20 * time.Hour

// judge returns what is wrong with a check that fires at a moment, if anything: it must find the backup that is due, and must
// not take the one before for it. clocks reports whether the clocks change around that moment: the fault then lasts for a day
// or two in a year.
func judge(check timer, at time.Time, backups []timer, life time.Duration) (fault string, clocks bool) {
	due := lastOf(backups, at.Add(-life)) // the latest backup that is not retried any more
	if due.IsZero() {
		return "", false
	}
	before := lastOf(backups, due.Add(-time.Second))
	newest := lastOf(backups, at)
	// A timer with a MaxAge may take a backup that started before it fired.
	start, clocks := due, offset(at, check.zone) != offset(before, check.zone)
	for _, b := range backups {
		if found := due.Add(-b.lookBack); found.Before(start) {
			start = found
		}
		clocks = clocks || offset(at, b.zone) != offset(before, b.zone)
	}
	since := at.Add(-check.lookBack)
	show := check.show
	switch {
	case since.After(start) && !since.After(newest) && newest.Sub(due) > life:
		fault = fmt.Sprintf("the check of %s comes too early: the backup of %s may still be retried until %s. "+
			"Move the check to that time or later, or make maxAsyncEventAgeInSeconds smaller, and timeout or maxAsyncRetryAttempts with it",
			show(at), show(newest), show(newest.Add(life)))
	case since.After(start):
		fault = fmt.Sprintf("the check of %s looks back too little: %s, but the backup to be found may have started at %s. MaxAge must be at least %s",
			show(at), short(check.lookBack), show(start), short(at.Sub(start)))
	case !before.IsZero() && due.Sub(before) >= daily && !since.After(before.Add(life)):
		fault = fmt.Sprintf("the check of %s looks back too far: %s, so it could find the backup of %s although that of %s is missing. MaxAge must be at least %s, and less than %s",
			show(at), short(check.lookBack), show(before), show(due), short(at.Sub(start)), short(at.Sub(before)-life))
	}
	return fault, clocks
}

func offset(t time.Time, zone *time.Location) int {
	_, seconds := t.In(zone).Zone()
	return seconds
}

// How many firings of a check are looked at, and how far ahead at most: a year of daily checks, with both changes of the clocks.
const (
	moments = 1000
	ahead   = 400 * 24 * time.Hour
)

// disagreements looks at the coming firings of each check. A fault on an ordinary day is an error. A fault that there is only
// when the clocks change is a note.
func (s settings) disagreements(all timers, now time.Time) (notes []string, faults []error) {
	if longest := time.Duration(s.Attempts) * s.Timeout; longest > s.EventAge {
		faults = append(faults, fmt.Errorf("asyncInvokeConfig: %d attempts of %s take %s, but the event lives for %s only: raise maxAsyncEventAgeInSeconds",
			s.Attempts, short(s.Timeout), short(longest), short(s.EventAge)))
	}
	for _, check := range all.checks {
		backups := all.backupsFor(check)
		if len(backups) == 0 {
			faults = append(faults, fmt.Errorf("trigger %s looks for a backup that no timer makes", check.Name))
			continue
		}
		note, fault := s.walk(check, backups, now)
		if fault != "" {
			faults = append(faults, fmt.Errorf("trigger %s: %s", check.Name, fault))
		} else if note != "" {
			notes = append(notes, fmt.Sprintf("trigger %s, where the clocks change: %s", check.Name, note))
		}
	}
	return notes, faults
}

// walk returns the first fault on an ordinary day, and as a note the first one when the clocks change.
func (s settings) walk(check timer, backups []timer, now time.Time) (note, fault string) {
	next := check.next
	if check.cron == nil { // it may fire at any hour, because it counts from the deployment
		next = func(t time.Time) time.Time { return t.Add(min(check.every, time.Hour)) }
	}
	at := now
	for range moments {
		if at = next(at); at.IsZero() || at.Sub(now) > ahead {
			break
		}
		found, clocks := judge(check, at, backups, s.EventAge)
		if found != "" && !clocks {
			return note, found
		}
		if note == "" {
			note = found
		}
	}
	return note, ""
}

// coming says in words when the next backup and the next check are.
func (all timers) coming(now time.Time) string {
	var b strings.Builder
	var first time.Time // backup
	for _, t := range all.backups {
		at := t.next(now)
		if first.IsZero() || at.Before(first) {
			first = at
		}
		fmt.Fprintf(&b, "next backup  %s (in %s), trigger %s\n", t.show(at), short(at.Sub(now).Round(time.Minute)), t.Name)
	}
	for _, t := range all.checks {
		at := t.next(now)
		fmt.Fprintf(&b, "next check   %s, for a backup that started at %s or later, trigger %s\n", t.show(at), t.show(at.Add(-t.lookBack)), t.Name)
		if at.Before(first) {
			b.WriteString("             It comes before the first backup: unless the function is deployed already, make invoke now, or it finds none.\n")
		}
	}
	return b.String()
}
