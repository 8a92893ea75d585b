package adb

import (
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeBackups(t *testing.T) {
	at := func(s string) time.Time {
		u, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return u.UTC()
	}
	minute := func(s string) backup.Span { return backup.Span{From: at(s), Until: at(s).Add(time.Minute)} }
	second := func(s string) backup.Span { return backup.Span{From: at(s), Until: at(s).Add(time.Second)} }
	one := func(item string) string { return `{"TotalCount":"1","Items":{"Backup":[` + item + `]}}` }
	for name, c := range map[string]struct {
		body string
		want backup.Set
	}{
		"as documented": {
			one(`{"BackupId":"32732001","DBClusterId":"amv-1","BackupType":"FullBackup","BackupMethod":"Snapshot","BackupStartTime":"2026-11-23T02:00Z","BackupEndTime":"2026-11-23T02:17Z","BackupSize":5000000000,"BackupStatus":"Success"}`),
			backup.Set{ID: "32732001", Full: true, Start: minute("2026-11-23T02:00:00Z"), End: minute("2026-11-23T02:17:00Z"), Size: 5_000_000_000, State: backup.SetComplete, Status: "Success"},
		},
		"to the second, an id that is a number, a size that is a string": {
			one(`{"BackupId":32732001,"BackupStartTime":"2026-11-23T02:00:07Z","BackupSize":"3000000000"}`),
			backup.Set{ID: "32732001", Full: true, Start: second("2026-11-23T02:00:07Z"), Size: 3_000_000_000, State: backup.SetRunning},
		},
		"an offset":                     {one(`{"BackupStartTime":"2026-11-23T10:00+08:00"}`), backup.Set{Full: true, Start: minute("2026-11-23T02:00:00Z")}},
		"no times":                      {one(`{"BackupId":"1","BackupStartTime":"","BackupEndTime":null}`), backup.Set{ID: "1", Full: true}},
		"times that are none":           {one(`{"BackupId":"1","BackupStartTime":"soon","BackupEndTime":0}`), backup.Set{ID: "1", Full: true}},
		"incremental":                   {one(`{"BackupId":"1","BackupType":"IncrementalBackup"}`), backup.Set{ID: "1"}},
		"of no parent":                  {one(`{"BackupId":"1","ParentBackupId":0}`), backup.Set{ID: "1", Full: true}},
		"null for a text":               {one(`{"BackupId":"1","ParentBackupId":null}`), backup.Set{ID: "1", Full: true}},
		"a copy":                        {one(`{"BackupId":"1","ParentBackupId":"2"}`), backup.Set{ID: "1", Full: true, Copy: true}},
		"no parent":                     {one(`{"BackupId":"1","ParentBackupId":""}`), backup.Set{ID: "1", Full: true}},
		"its own parent":                {one(`{"BackupId":"1","ParentBackupId":"1"}`), backup.Set{ID: "1", Full: true}},
		"a status between spaces":       {one(`{"BackupId":"1","BackupStatus":" Success\n"}`), backup.Set{ID: "1", Full: true, State: backup.SetComplete, Status: "Success"}},
		"an unknown status":             {one(`{"BackupId":"1","BackupStatus":"Frozen"}`), backup.Set{ID: "1", Full: true, State: backup.SetUnknown, Status: "Frozen"}},
		"no status, but an end":         {one(`{"BackupId":"1","BackupEndTime":"2026-11-23T02:17Z"}`), backup.Set{ID: "1", Full: true, End: minute("2026-11-23T02:17:00Z"), State: backup.SetComplete}},
		"a size that is a float":        {one(`{"BackupId":"1","BackupSize":5e9}`), backup.Set{ID: "1", Full: true, Size: 5_000_000_000}},
		"a size that is none":           {one(`{"BackupId":"1","BackupSize":"much"}`), backup.Set{ID: "1", Full: true}},
		"a size beyond what fits":       {one(`{"BackupId":"1","BackupSize":1e300}`), backup.Set{ID: "1", Full: true}},
		"a count that is a number":      {`{"TotalCount":1,"Items":{"Backup":[{"BackupId":"1"}]}}`, backup.Set{ID: "1", Full: true}},
		"fields that nobody documented": {one(`{"BackupId":"1","New":{"a":[1]}}`), backup.Set{ID: "1", Full: true}},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, err := decodeBackups([]byte(c.body), "amv-1", backup.NewStatuses(nil, nil))
			if err != nil || p.total != 1 || len(p.rows) != 1 || !p.rows[0].keep {
				t.Fatalf("%+v, %v", p, err)
			}
			if diff := cmp.Diff(c.want, p.rows[0].item); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestUnreadable: a time, size or row that cannot be read is named, and the other rows still count.
func TestUnreadable(t *testing.T) {
	for field, want := range map[string]string{
		`"BackupStartTime":"23/11/2026 02:00"`:                 `BackupStartTime "23/11/2026 02:00" of backup 7`,
		`"BackupStartTime":"2026-11-23T02:00"`:                 `BackupStartTime "2026-11-23T02:00" of backup 7`,
		`"BackupStartTime":"2026-11-23T02:00:00"`:              `BackupStartTime "2026-11-23T02:00:00" of backup 7`,
		`"BackupStartTime":"2026-11-23"`:                       `BackupStartTime "2026-11-23" of backup 7`,
		`"BackupStartTime":1763863200000`:                      `BackupStartTime "1763863200000" of backup 7`,
		`"BackupStartTime":["2026-11-23T02:00Z"]`:              `BackupStartTime "[\"2026-11-23T02:00Z\"]" of backup 7`,
		`"BackupStartTime":"9999-12-31T23:59Z"`:                `BackupStartTime "9999-12-31T23:59Z" of backup 7`,
		`"BackupStartTime":"0000-01-01T00:00Z"`:                `BackupStartTime "0000-01-01T00:00Z" of backup 7`,
		`"BackupEndTime":{}`:                                   `BackupEndTime "{}" of backup 7`,
		`"BackupSize":[5]`:                                     `BackupSize "[5]" of backup 7`,
		`"BackupSize":-5`:                                      `BackupSize "-5" of backup 7`,
		`"BackupSize":"NaN"`:                                   `BackupSize "NaN" of backup 7`,
		`"BackupType":"Full"`:                                  `BackupType "Full" of backup 7`,
		`"BackupType":[1]`:                                     `BackupType "[1]" of backup 7`,
		`"BackupStatus":{"a":1}`:                               `BackupStatus "{\"a\":1}" of backup 7`,
		`"BackupStatus":[1]`:                                   `BackupStatus "[1]" of backup 7`,
		`"ParentBackupId":true`:                                `ParentBackupId "true" of backup 7`,
		`"BackupSize":"","BackupEndTime":"","New":[1]`:         "",
		`"BackupStartTime":"` + strings.Repeat("9", 999) + `"`: `BackupStartTime "` + strings.Repeat("9", 60) + `…" of backup 7`,
	} {
		body := `{"TotalCount":"2","Items":{"Backup":[{"BackupId":"7",` + field + `},{"BackupId":"8"},{"BackupId":"9","BackupStartTime":"never"}]}}`
		p, got, err := decodeBackups([]byte(body), "amv-1", backup.NewStatuses(nil, nil))
		if want == "" {
			want = `BackupStartTime "never" of backup 9`
		}
		if err != nil || got != want || len(p.rows) != 3 || p.rows[1].item.ID != "8" {
			t.Errorf("%s: %q, %v, %+v", field, got, err, p)
		}
		if s := p.rows[0].item; s.State == backup.SetComplete {
			t.Errorf("%s: taken for complete", field)
		}
	}
	for _, row := range []string{`7`, `"x"`, `[]`, `null`} {
		p, got, err := decodeBackups([]byte(`{"TotalCount":"2","Items":{"Backup":[`+row+`,{"BackupId":"8"}]}}`), "amv-1", nil)
		if err != nil || row != "null" && got != "a row that is not an object: "+row || len(p.rows) != 2 || p.rows[1].item.ID != "8" {
			t.Errorf("%s: %q, %v, %+v", row, got, err, p)
		}
	}
}

// TestListedTimes: RFC 3339 in its forms, and what each can mean.
func TestListedTimes(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	for s, want := range map[string]backup.Span{
		"":                              {},
		"2026-11-23T02:00Z":             {From: at, Until: at.Add(time.Minute)},
		"2026-11-23t02:00z":             {From: at, Until: at.Add(time.Minute)},
		"2026-11-23 02:00Z":             {From: at, Until: at.Add(time.Minute)},
		"2026-11-23T10:00+08:00":        {From: at, Until: at.Add(time.Minute)},
		"2026-11-23T10:00+0800":         {From: at, Until: at.Add(time.Minute)},
		"2026-11-23T02:00:00Z":          {From: at, Until: at.Add(time.Second)},
		"2026-11-23 10:00:00+08:00":     {From: at, Until: at.Add(time.Second)},
		"2026-11-22T18:00:00-0800":      {From: at, Until: at.Add(time.Second)},
		"2026-11-23T02:00:00.5Z":        {From: at.Add(time.Second / 2), Until: at.Add(3 * time.Second / 2)},
		"2026-11-23T10:00:00.500+08:00": {From: at.Add(time.Second / 2), Until: at.Add(3 * time.Second / 2)},
	} {
		if got, ok := span(s); !ok || got != want {
			t.Errorf("%s: %v, %v", s, got, ok)
		}
	}
}

// TestNoList: what is no list must not pass for an empty one, or a second backup is made.
func TestNoList(t *testing.T) {
	for _, body := range []string{``, `{}`, `null`, `[]`, `"x"`, `{"RequestId":"1"}`, `{"Items":null}`, `<html>`, `{"Items":{"Backup":{}}}`, `{"Items":{"DBCluster":{}}}`, `{"Items":{"DBCluster":7}}`, `{"Items":"x"}`, `{"TotalCount":"0","Items":"x"}`, `{"TotalCount":"0","Items":[1]}`, `7`, `{"Code":"X","TotalCount":"0"}`, `{"Success":false,"TotalCount":"0"}`, `{"TotalCount":"1"`} {
		if r, err := decodeReply([]byte(body)); err == nil {
			t.Errorf("%s: taken for a list: %+v", body, r)
		}
	}
	for _, body := range []string{`{"TotalCount":"0"}`, `{"TotalCount":"0","Code":"200","Success":true}`, `{"TotalCount":0,"Items":{}}`, `{"Items":{"Backup":[]}}`, `{"Items":{"Backup":null}}`, `{"TotalCount":"0","Items":[]}`, `{"TotalCount":"0","Items":""}`, `{"TotalCount":"0","Items":null}`} {
		if r, err := decodeReply([]byte(body)); err != nil || len(r.Items.Backup) != 0 {
			t.Errorf("%s: %+v, %v", body, r, err)
		}
	}
}

func FuzzDecodeBackups(f *testing.F) {
	f.Add([]byte(`{"TotalCount":"1","Items":{"Backup":[{"BackupId":"1","BackupStartTime":"2026-11-23T02:00Z","BackupSize":5000000000}]}}`))
	f.Add([]byte(`{"TotalCount":1,"Items":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, _, err := decodeBackups(body, "amv-1", backup.NewStatuses(nil, nil))
		if err != nil {
			return
		}
		for _, r := range p.rows {
			if s := r.item; s.Size < 0 || s.Start.From.After(s.Start.Until) {
				t.Errorf("%+v", s)
			}
		}
	})
}
