package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
	_ "time/tzdata" // a machine without a time zone database can still check a schedule

	"github.com/robfig/cron/v3"
)

// schedule says when a timer fires, in Function Compute's dialect: six fields with the seconds first, in UTC unless CRON_TZ
// names a zone; or @every and a duration.
type schedule struct {
	cron  cron.Schedule // nil for @every
	every time.Duration // of @every, counted from the deployment
	zone  *time.Location
}

// parseSchedule reads a cron expression.
func parseSchedule(expression string) (schedule, error) {
	zone, fields := "UTC", strings.TrimSpace(expression)
	if zoned, ok := strings.CutPrefix(fields, "CRON_TZ="); ok {
		zone, fields, _ = strings.Cut(zoned, " ")
		fields = strings.TrimSpace(fields)
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return schedule{}, fmt.Errorf("%q is not a time zone such as Asia/Shanghai", zone)
	}
	if interval, ok := strings.CutPrefix(fields, "@every "); ok {
		every, err := time.ParseDuration(strings.TrimSpace(interval))
		if err != nil || every < time.Second {
			return schedule{}, fmt.Errorf("%q needs a duration such as @every 30m", fields)
		}
		return schedule{every: every, zone: location}, nil
	}
	if n := len(strings.Fields(fields)); n != 6 || strings.Contains(fields, "=") {
		return schedule{}, fmt.Errorf("%q needs six fields, seconds first, such as CRON_TZ=Asia/Shanghai 0 0 2 * * *", expression)
	}
	parser := cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow)
	parsed, err := parser.Parse("CRON_TZ=" + zone + " " + fields)
	if err != nil {
		return schedule{}, fmt.Errorf("%q cannot be read: %w", expression, err)
	}
	if parsed.Next(time.Now()).IsZero() {
		return schedule{}, errors.New("it never fires")
	}
	return schedule{cron: parsed, zone: location}, nil
}

// next returns the first firing after t. For an @every, t is the deployment.
func (s schedule) next(t time.Time) time.Time {
	if s.cron == nil {
		return t.Add(s.every)
	}
	return s.cron.Next(t.In(s.zone))
}

// last returns the latest firing at or before t, or zero if there was none in six years. For an @every it returns the earliest
// moment that this can be, because it is not known when the function was deployed.
func (s schedule) last(t time.Time) time.Time {
	if s.cron == nil {
		return t.Add(-s.every)
	}
	const longest = 6 * 366 * 24 * time.Hour
	for back := time.Minute; back < longest; back *= 2 {
		fired := s.cron.Next(t.Add(-back).In(s.zone))
		if fired.IsZero() || fired.After(t) {
			continue
		}
		for next := s.cron.Next(fired); !next.IsZero() && !next.After(t); next = s.cron.Next(next) {
			fired = next
		}
		return fired
	}
	return time.Time{}
}

// show writes a moment in the schedule's zone.
func (s schedule) show(t time.Time) string { return t.In(s.zone).Format("Mon 2 Jan 2006 15:04 MST") }
