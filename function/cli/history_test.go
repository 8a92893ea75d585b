package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
)

var shanghai, berlin = must(time.LoadLocation("Asia/Shanghai")), must(time.LoadLocation("Europe/Berlin"))

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// listedSet is a full backup that started so long before now, to the minute.
func listedSet(now time.Time, before time.Duration, state backup.State) backup.Set {
	start := now.Add(-before).Truncate(time.Minute)
	s := backup.Set{ID: fmt.Sprint(int(before.Minutes())), Full: true, State: state, Start: backup.Span{From: start, Until: start.Add(time.Minute)}}
	if state == backup.SetComplete || state == backup.SetFailed {
		s.End = backup.Span{From: start.Add(17 * time.Minute), Until: start.Add(18 * time.Minute)}
	}
	return s
}

// listed reads backups such as "20m running, 7h failed": how long ago each started, and what it is.
func listed(now time.Time, text string) (sets []backup.Set) {
	states := map[string]backup.State{"complete": backup.SetComplete, "failed": backup.SetFailed, "running": backup.SetRunning, "odd": backup.SetUnknown}
	for one := range strings.SplitSeq(text, ", ") {
		words := strings.Fields(one)
		s := listedSet(now, must(time.ParseDuration(words[0])), states[words[1]])
		s.Full, s.Copy, s.Status = !slices.Contains(words, "incremental"), slices.Contains(words, "copy"), words[1]
		if slices.Contains(words, "ended") {
			s.End = s.Start
		}
		sets = append(sets, s)
	}
	return sets
}

// told is an overview with what a list tells of one cluster more.
func (o *overview) told(id string, sets []backup.Set, err error) *overview {
	o.Backups = append(o.Backups, o.tell(backup.Cluster{ID: id, Region: "cn-hangzhou"}, backup.Listing{Sets: sets}, err))
	o.judge()
	return o
}

func TestHistory(t *testing.T) {
	thursday := time.Date(2026, 11, 26, 9, 0, 30, 0, shanghai)
	for name, c := range map[string]struct {
		now      time.Time
		sets     string
		days     string // _ is open
		last     string // its id
		since    string
		warnings int
	}{
		"in any order":               {thursday, "31h complete, 7h complete, 55h complete", "___________###", "420", "", 0},
		"the first day":              {thursday, "312h complete, 336h complete", "#............_", "18720", "", 0},
		"before the first one":       {thursday, "72h complete", "__________#.._", "4320", "", 0},
		"failed twice":               {thursday, "7h failed, 8h failed, 31h complete", "____________#x", "1860", "failed 11-26 02:00", 0},
		"failed, then complete":      {thursday, "7h failed, 6h complete", "_____________#", "360", "", 0},
		"complete, then failed":      {thursday, "7h complete, 6h failed", "_____________#", "420", "failed 11-26 03:00", 0},
		"running after a failure":    {thursday, "20m running, 7h failed", "_____________>", "", "running since 11-26 08:40; failed 11-26 02:00", 0},
		"an unknown status":          {thursday, "7h odd", "_____________>", "", "running since 11-26 02:00", 1},
		"unknown, with an end":       {thursday, "7h odd ended, 30h odd ended, 31h failed", "____________x.", "", "failed 11-25 02:00", 2},
		"midnight is the schedule's": {thursday, "9h complete, 9h2m complete", "____________##", "540", "", 0},
		"of no full backup":          {thursday, "7h complete incremental, 7h odd incremental, -8h complete incremental, 7h complete copy", "............._", "", "", 0},
		"in a minute":                {thursday, "-1m complete", "_____________#", "-1", "", 0},
		"in the future":              {thursday, "-8h complete, 31h complete", "____________#_", "1860", "", 1},

		// Days are the calendar's: an hour more or less at a change of daylight-saving time moves no mark.
		"25 hours":            {time.Date(2026, 10, 25, 23, 30, 0, 0, berlin), "25h complete", "____________#_", "1500", "", 0},
		"a night of 23 hours": {time.Date(2026, 3, 30, 0, 5, 0, 0, berlin), "46h55m complete", "___________#._", "2815", "", 0},
		"just tomorrow":       {time.Date(2026, 3, 29, 23, 59, 30, 0, berlin), "-1m complete", "_____________#", "-1", "", 0},
		"the same day":        {time.Date(2026, 3, 29, 23, 5, 0, 0, berlin), "21h55m complete", "_____________#", "1315", "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOverview(c.now, 0, 14).told("amv-1", listed(c.now, c.sets), nil)
			h, days := o.Backups[0], ""
			for _, d := range h.Days {
				days += map[mark]string{markOpen: "_", markNone: ".", markFailed: "x", markRunning: ">", markComplete: "#"}[d.mark]
			}
			if since := o.since(h, "01-02 15:04"); days != c.days || h.BackupId != c.last || since != c.since || len(h.Warnings) != c.warnings {
				t.Errorf("%s, last %q, %q, %q", days, h.BackupId, since, h.Warnings)
			}
		})
	}
}

func TestWords(t *testing.T) {
	for want, got := range map[string]string{
		"0s": age(-time.Hour), "59m": age(59*time.Minute + 40*time.Second), "47h59m": age(47*time.Hour + 59*time.Minute), "2d00h": age(48 * time.Hour),
		"4d04h": age(100*time.Hour + 30*time.Minute), "26h": short(26 * time.Hour), "1h30m": short(90 * time.Minute), "3m20s": short(200 * time.Second),
		"30m": short(30 * time.Minute), "1s": short(time.Second), "1h0m30s": short(3630 * time.Second), "": size(0) + size(-1), "999.0 B": size(999),
		"1.0 KiB": size(1023), "4.7 GiB": size(5_000_000_000), "1.0 TiB": size(1 << 40), "5242880.0 TiB": size(5 << 60),
	} {
		if got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestStatusAsJSON(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 30, 0, shanghai)
	sets := listed(now, "1h odd, 2h complete copy, 7h complete, 31h complete incremental, 55h complete")
	sets[2].Size, sets[2].Expires.From = 5_000_000_000, now.AddDate(0, 0, 30)
	o := newOverview(now, 90*time.Minute, 2)
	o.Backups = []row{o.tell(backup.Cluster{ID: "amv-1", Region: "cn-hangzhou"}, backup.Listing{Sets: sets, Unreadable: "yesterday"}, nil)}
	o.Errors, o.Skipped = []string{"how"}, []left{{"amv-1", "cn-hangzhou", "new"}}
	o.told("amv-1", nil, errors.New("why"))
	const odd = `{"Status":"Unknown","BackupId":"60","BackupStartTime":"2026-11-26T00:00:00Z","BackupType":"FullBackup","BackupStatus":"odd"}`
	const last = `"BackupId":"420","BackupStartTime":"2026-11-25T18:00:00Z","BackupEndTime":"2026-11-25T18:17:00Z","BackupSize":5000000000,"BackupExpiredTime":"2026-12-26T01:00:30Z","BackupType":"FullBackup"`
	want := strings.ReplaceAll(`{"Status":"Unknown","Time":"2026-11-26T01:00:30Z","Zone":"Asia/Shanghai","MaxAge":"1h30m","Backups":[
{"DBClusterId":"amv-1","RegionId":"cn-hangzhou","Status":"Missing",`+last+`,"AgeSeconds":25230,"Since":[`+odd+`],
"Days":[{"Date":"2026-11-25","Status":"None"},{"Date":"2026-11-26","Status":"Completed"}],"Sets":[`+odd+`,
{"Status":"Completed","BackupId":"120","BackupStartTime":"2026-11-25T23:00:00Z","BackupEndTime":"2026-11-25T23:17:00Z","BackupType":"FullBackup","Copy":true},
{"Status":"Completed",`+last+`},
{"Status":"Completed","BackupId":"1860","BackupStartTime":"2026-11-24T18:00:00Z","BackupEndTime":"2026-11-24T18:17:00Z","BackupType":"IncrementalBackup"}],"Warnings":["the list holds something that cannot be read: yesterday",
"backup 60 (started 2026-11-26T08:00:00+08:00) (its status \"odd\" is not known: see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED)"]},
{"DBClusterId":"amv-1","RegionId":"cn-hangzhou","Status":"Unknown","Error":"why"}],"Skipped":[{"DBClusterId":"amv-1","RegionId":"cn-hangzhou","Reason":"new"}],"Errors":["how"]}`, "\n", "")
	if got := string(must(json.Marshal(o))); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	var table strings.Builder
	must(0, o.table(&table))
	has(t, table.String(), "\namv-1 (cn-hangzhou) is skipped: new\n|\nhow\n")
}
