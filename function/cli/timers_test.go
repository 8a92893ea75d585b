package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// A check must find the backup that is due, and no other in its place. Everything else about two schedules is the user's
// to choose.
func TestSchedulesThatContradict(t *testing.T) {
	const shanghai, newYork = "CRON_TZ=Asia/Shanghai ", "CRON_TZ=America/New_York "
	for name, c := range map[string]struct {
		backup, check, maxAge string
		fault, note           string // parts of it; empty: none
	}{
		"as it ships":                   {shanghai + "0 0 2 * * *", shanghai + "0 0 8 * * *", "7h", "", ""},
		"just late enough":              {"0 0 2 * * *", "0 0 7 * * *", "6h", "", ""},
		"in another zone":               {shanghai + "0 0 2 * * *", "0 0 0 * * *", "7h", "", ""},
		"before the last retry ends":    {"0 0 2 * * *", "0 59 6 * * *", "7h", "too early: the backup of Fri 27 Nov 2026 02:00 UTC may still be retried until Fri 27 Nov 2026 07:00 UTC", ""},
		"before it, in a mixed-up zone": {shanghai + "0 0 2 * * *", shanghai + "0 0 3 * * *", "2h", "too early", ""},
		"looks back too little":         {"0 0 2 * * *", "0 0 8 * * *", "5h", "too little: 5h, but the backup to be found may have started at Fri 27 Nov 2026 02:00 UTC. MaxAge must be at least 6h", ""},
		"exactly to the start":          {"0 0 2 * * *", "0 0 8 * * *", "6h", "", ""},
		"looks back too far":            {"0 0 2 * * *", "0 0 8 * * *", "26h", "too far: 26h, so it could find the backup of Thu 26 Nov 2026 02:00 UTC although that of Fri 27 Nov 2026 02:00 UTC is missing. MaxAge must be at least 6h, and less than 25h", ""},
		"just not too far":              {"0 0 2 * * *", "0 0 8 * * *", "24h59m", "", ""},
		"weekly":                        {"0 0 2 ? * SUN", "0 0 8 ? * SUN", "7h", "", ""},
		"weekly, checked daily":         {"0 0 2 ? * SUN", "0 0 8 * * *", "7h", "too little", ""},
		"weekly, found for a week":      {"0 0 2 ? * SUN", "0 0 8 ? * MON", "31h", "", ""},
		"weekdays":                      {"0 0 2 ? * MON-FRI", "0 0 8 ? * MON-FRI", "7h", "", ""},
		"every six hours":               {"0 0 0/6 * * *", "0 30 5 * * *", "6h", "", ""},
		"every six hours, one may fail": {"0 0 0/6 * * *", "0 30 5 * * *", "12h", "", ""},
		"every six hours, too early":    {"0 0 0/6 * * *", "0 0 3 * * *", "4h", "too early", ""},
		"every hour":                    {"0 0 * * * *", "0 0 8 * * *", "6h", "", ""},
		"every hour, too little":        {"0 0 * * * *", "0 30 8 * * *", "5h", "too little", ""},
		"checked at an interval":        {"0 0 0/6 * * *", "@every 4h", "11h", "", ""},
		"checked at some hour":          {"0 0 4 * * *", "@every 24h", "7h", "too", ""},
		"at an interval":                {"@every 1h", "0 0 8 * * *", "6h", "", ""},
		"at an interval, too little":    {"@every 24h", "0 0 8 * * *", "7h", "too", ""},
		"no backup that night":          {newYork + "0 30 2 * * *", newYork + "0 0 8 * * *", "7h", "", "Sun 14 Mar 2027"},
		"an hour less that night":       {newYork + "0 0 1 * * *", newYork + "0 0 6 * * *", "5h", "", "Sun 14 Mar 2027"},
		"clocks that do not matter":     {newYork + "0 0 0 * * *", newYork + "0 0 8 * * *", "9h", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := settingsOf(t, filledIn(t, "backupCron", `"`+c.backup+`"`, "verifyCron", `"`+c.check+`"`, "verifyMaxAge", c.maxAge))
			now := at(t, "2026-11-26T10:00:00Z")
			all := s.readTimers(now)
			if len(all.checks) != 1 || len(all.backups) != 1 || len(all.faults) > 0 {
				t.Fatalf("%+v", all)
			}
			notes, faults := s.disagreements(all, now)
			note, fault := strings.Join(notes, "\n"), ""
			if err := errors.Join(faults...); err != nil {
				fault = err.Error()
			}
			if !strings.Contains(fault, c.fault) || c.fault == "" && fault != "" {
				t.Errorf("fault %q, want %q", fault, c.fault)
			}
			if !strings.Contains(note, c.note) || c.note == "" && note != "" {
				t.Errorf("note %q, want %q", note, c.note)
			}
		})
	}
}

func TestEventThatDiesBeforeItsLastAttempt(t *testing.T) {
	source := strings.Replace(string(filledIn(t)), "maxAsyncRetryAttempts: 3", "maxAsyncRetryAttempts: 5", 1)
	s := settingsOf(t, []byte(source))
	now := at(t, "2026-11-26T10:00:00Z")
	if _, faults := s.disagreements(s.readTimers(now), now); len(faults) != 1 || !strings.Contains(faults[0].Error(), "6 attempts of 1h take 6h, but the event lives for 5h only") {
		t.Error(faults)
	}
}

// A nightly timer that takes an older backup for its own makes that backup the one to be found.
func TestBackupThatIsOnlyFound(t *testing.T) {
	for maxAge, want := range map[string]string{"7h": "too little: 7h, but the backup to be found may have started at Fri 27 Nov 2026 00:00 CST. MaxAge must be at least 8h", "8h": ""} {
		source := strings.Replace(string(filledIn(t, "verifyMaxAge", maxAge)), `"WaitFor": "Completed"`, `"MaxAge": "2h"`, 1)
		s := settingsOf(t, []byte(source))
		now := at(t, "2026-11-26T10:00:00Z")
		_, faults := s.disagreements(s.readTimers(now), now)
		if fault := fmt.Sprint(errors.Join(faults...)); !strings.Contains(fault, want) || want == "" && len(faults) > 0 {
			t.Errorf("%s: %s", maxAge, fault)
		}
	}
}

// A check of clusters that no timer backs up can only fail. What a selector chooses may be backed up.
func TestCheckWithoutABackup(t *testing.T) {
	for nightly, want := range map[string]string{
		`{"DBClusterId": "amv-9"}`:                                      "no timer makes",
		`{"DBClusterId": "amv-2"}`:                                      "",
		`{"DBClusterSelector": {"All": true}}`:                          "",
		`{"DBClusterId": "amv-2", "RegionId": "cn-hangzhou"}`:           "no timer makes",
		`{"DBClusterIds": ["amv-9", "amv-1"], "WaitFor": "DDLAllowed"}`: "",
		`{"DBClusterSelector": {"Tags": {"a": "*"}}, "MaxAge": "10m"}`:  "",
	} {
		source := strings.Replace(string(filledIn(t)), `'{${vars.clusters}, "WaitFor": "Completed"}'`, `'`+nightly+`'`, 1)
		s := settingsOf(t, []byte(source))
		now := at(t, "2026-11-26T10:00:00Z")
		_, faults := s.disagreements(s.readTimers(now), now)
		if fault := fmt.Sprint(errors.Join(faults...)); !strings.Contains(fault, want) || want == "" && len(faults) > 0 {
			t.Errorf("%s: %s", nightly, fault)
		}
	}
}
