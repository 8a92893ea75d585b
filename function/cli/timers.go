package main

import (
	"fmt"
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
	lookBack time.Duration    // of a check: how old a backup may be, at least, to pass
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
		read := timer{trigger: t, schedule: when, requests: requests}
		if requests[0].Action == backup.ActionVerify {
			read.lookBack = now.UTC().Truncate(time.Second).Sub(requests[0].NotBefore)
			all.checks = append(all.checks, read)
		} else {
			all.backups = append(all.backups, read)
		}
	}
	return all
}

// covers reports whether two timers may be about the same cluster. What a selector chooses is not known here.
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

// backupsFor are the schedules that make the backups that a check looks for.
func (all timers) backupsFor(check timer) []schedule {
	var schedules []schedule
	for _, b := range all.backups {
		if check.covers(b) {
			schedules = append(schedules, b.schedule)
		}
	}
	return schedules
}

// lifetime is how long after its timer's moment an event may still make a backup: every attempt, and the pauses between them.
func (s settings) lifetime() time.Duration { return s.EventAge }

// A verdict says what is wrong with one moment of a check.
type verdict struct {
	fault string // empty: nothing
	// clocks: the clocks change around this moment, so the fault is there for a day or two in a year.
	clocks bool
}

// daily is the interval from which on backups count as one a night. A more frequent backup may be missed once.
const daily = 20 * time.Hour

// judge looks at one moment of a check: a backup that is due must be found, and the one before must not stand in for it.
func judge(check timer, at time.Time, backups []schedule, life time.Duration) verdict {
	due := lastOf(backups, at.Add(-life)) // the latest one whose last attempt has surely ended
	since := at.Add(-check.lookBack)
	newest := lastOf(backups, at)
	show := check.show
	if due.IsZero() {
		return verdict{}
	}
	before := lastOf(backups, due.Add(-time.Second))
	v := verdict{clocks: offset(at, check.zone) != offset(before, check.zone)}
	for _, b := range backups {
		v.clocks = v.clocks || offset(at, b.zone) != offset(before, b.zone)
	}
	switch {
	case since.After(due) && !since.After(newest) && newest.Sub(due) > life:
		v.fault = fmt.Sprintf("the check of %s comes too early: the backup of %s may still be retried until %s. "+
			"Move the check to %s or later, or shorten timeout, maxAsyncRetryAttempts and maxAsyncEventAgeInSeconds",
			show(at), show(newest), show(newest.Add(life)), show(newest.Add(life)))
	case since.After(due):
		v.fault = fmt.Sprintf("the check of %s looks back too little: %s, and the backup of %s started before that. MaxAge must be at least %s",
			show(at), showDuration(check.lookBack), show(due), showDuration(at.Sub(due)))
	case !before.IsZero() && due.Sub(before) >= daily && !since.After(before.Add(life)):
		v.fault = fmt.Sprintf("the check of %s looks back too far: %s, so it could find the backup of %s, although that of %s is missing. MaxAge must be at least %s, and less than %s",
			show(at), showDuration(check.lookBack), show(before), show(due), showDuration(at.Sub(due)), showDuration(at.Sub(before)-life))
	}
	return v
}

func offset(t time.Time, zone *time.Location) int {
	_, seconds := t.In(zone).Zone()
	return seconds
}

// Of a check at most so many moments are looked at, and none later than so far ahead. That holds a year of daily checks,
// with both changes of the clocks.
const (
	moments = 1000
	ahead   = 400 * 24 * time.Hour
)

// disagreements looks at the coming moments of each check. A fault that is there on ordinary days is an error; one that
// only a change of the clocks makes is a note.
func (s settings) disagreements(all timers, now time.Time) (notes []string, faults []error) {
	if all := time.Duration(s.Attempts) * s.Timeout; all > s.lifetime() {
		faults = append(faults, fmt.Errorf("asyncInvokeConfig: %d attempts of %s take %s, but the event lives for %s only: raise maxAsyncEventAgeInSeconds",
			s.Attempts, showDuration(s.Timeout), showDuration(all), showDuration(s.lifetime())))
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

// walk returns the first fault of an ordinary day, and the first one that a change of the clocks makes.
func (s settings) walk(check timer, backups []schedule, now time.Time) (note, fault string) {
	at := now
	for range moments {
		at = check.next(at)
		if at.IsZero() || at.Sub(now) > ahead {
			break
		}
		v := judge(check, at, backups, s.lifetime())
		if v.fault != "" && !v.clocks {
			return note, v.fault
		}
		if note == "" {
			note = v.fault
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
		fmt.Fprintf(&b, "next backup  %s (in %s), trigger %s\n", t.show(at), showDuration(at.Sub(now).Round(time.Minute)), t.Name)
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
