package main

import (
	"strings"
	"testing"
	"time"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return moment
}

func TestParseSchedule(t *testing.T) {
	for expression, want := range map[string]string{ // "": it is right
		"CRON_TZ=Asia/Shanghai 0 0 2 * * *":   "",
		"0 0 18 * * *":                        "",
		"0 0 2 ? * MON-FRI":                   "",
		"0 0/30 * * * *":                      "",
		"@every 5m":                           "",
		"CRON_TZ=Asia/Shanghai @every 24h":    "",
		"  0 0 18 * * *  ":                    "",
		"":                                    "six fields",
		"0 2 * * *":                           "six fields",
		"0 0 2 * * * 2026":                    "six fields",
		"CRON_TZ=Asia/Shanghai 0 8 * * *":     "six fields",
		"CRON_TZ=Asia/Shanghai":               "six fields",
		"CRON_TZ=":                            "time zone",
		"CRON_TZ=Asia/Shanghia 0 0 2 * * *":   "time zone",
		"CRON_TZ=Local 0 0 2 * * *":           "time zone",
		"CRON_TZ=UTC CRON_TZ=UTC 0 0 2 * * *": "six fields",
		"TZ=UTC 0 0 2 * * *":                  "six fields",
		"TZ=UTC 0 2 * * *":                    "six fields",
		"@daily":                              "six fields",
		"@every":                              "six fields",
		"@every soon":                         "duration",
		"@every -5m":                          "duration",
		"0 0 24 * * *":                        "cannot be read",
		"0 0 2 * * MOON":                      "cannot be read",
		"0 0 2 30 2 *":                        "never",
	} {
		_, err := parseSchedule(expression)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", expression, err, want)
		}
	}
}

func TestScheduleNextAndLast(t *testing.T) {
	for _, c := range []struct{ expression, now, last, next string }{
		{"CRON_TZ=Asia/Shanghai 0 0 2 * * *", "2026-11-26T10:00:00Z", "Thu 26 Nov 2026 02:00 CST", "Fri 27 Nov 2026 02:00 CST"},
		{"CRON_TZ=Asia/Shanghai 0 0 2 * * *", "2026-11-25T18:00:00Z", "Thu 26 Nov 2026 02:00 CST", "Fri 27 Nov 2026 02:00 CST"},
		{"0 0 18 * * *", "2026-11-26T10:00:00Z", "Wed 25 Nov 2026 18:00 UTC", "Thu 26 Nov 2026 18:00 UTC"},
		{"0 0 3 ? * SUN", "2026-11-26T10:00:00Z", "Sun 22 Nov 2026 03:00 UTC", "Sun 29 Nov 2026 03:00 UTC"},
		{"0 0 3 29 2 *", "2026-11-26T10:00:00Z", "Thu 29 Feb 2024 03:00 UTC", "Tue 29 Feb 2028 03:00 UTC"},
		{"0 0/5 * * * *", "2026-11-26T10:03:00Z", "Thu 26 Nov 2026 10:00 UTC", "Thu 26 Nov 2026 10:05 UTC"},
		{"@every 30m", "2026-11-26T10:03:00Z", "Thu 26 Nov 2026 09:33 UTC", "Thu 26 Nov 2026 10:33 UTC"},
		// 02:30 does not exist on 8 March 2026 in New York, and comes twice on 1 November.
		{"CRON_TZ=America/New_York 0 30 2 * * *", "2026-03-08T12:00:00Z", "Sat 7 Mar 2026 02:30 EST", "Mon 9 Mar 2026 02:30 EDT"},
		{"CRON_TZ=America/New_York 0 30 1 * * *", "2026-11-01T05:00:00Z", "Sat 31 Oct 2026 01:30 EDT", "Sun 1 Nov 2026 01:30 EDT"},
	} {
		s, err := parseSchedule(c.expression)
		if err != nil {
			t.Fatal(err)
		}
		now := at(t, c.now)
		if last, next := s.show(s.last(now)), s.show(s.next(now)); last != c.last || next != c.next {
			t.Errorf("%s at %s: last %s, next %s", c.expression, c.now, last, next)
		}
	}
}
