package adb

import (
	"testing"
	"time"

	"adb-backup/function/backup"

	"github.com/google/go-cmp/cmp"
)

func TestDecodeList(t *testing.T) {
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
		"a copy":                        {one(`{"BackupId":"1","ParentBackupId":"2"}`), backup.Set{ID: "1", Full: true, Copy: true}},
		"no parent":                     {one(`{"BackupId":"1","ParentBackupId":""}`), backup.Set{ID: "1", Full: true}},
		"its own parent":                {one(`{"BackupId":"1","ParentBackupId":"1"}`), backup.Set{ID: "1", Full: true}},
		"an unknown status":             {one(`{"BackupId":"1","BackupStatus":"Frozen"}`), backup.Set{ID: "1", Full: true, State: backup.SetUnknown, Status: "Frozen"}},
		"no status, but an end":         {one(`{"BackupId":"1","BackupEndTime":"2026-11-23T02:17Z"}`), backup.Set{ID: "1", Full: true, End: minute("2026-11-23T02:17:00Z"), State: backup.SetComplete}},
		"a size that is a float":        {one(`{"BackupId":"1","BackupSize":5e9}`), backup.Set{ID: "1", Full: true, Size: 5_000_000_000}},
		"a size that is none":           {one(`{"BackupId":"1","BackupSize":"much"}`), backup.Set{ID: "1", Full: true}},
		"a size beyond what fits":       {one(`{"BackupId":"1","BackupSize":1e300}`), backup.Set{ID: "1", Full: true}},
		"a count that is a number":      {`{"TotalCount":1,"Items":{"Backup":[{"BackupId":"1"}]}}`, backup.Set{ID: "1", Full: true}},
		"fields that nobody documented": {one(`{"BackupId":"1","New":{"a":[1]}}`), backup.Set{ID: "1", Full: true}},
	} {
		t.Run(name, func(t *testing.T) {
			l, err := decodeList([]byte(c.body))
			if err != nil || l.total() != 1 || len(l.Items.Backup) != 1 {
				t.Fatalf("%+v, %v", l, err)
			}
			if diff := cmp.Diff(c.want, l.Items.Backup[0].set(backup.NewStatuses(nil, nil))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestNoList: what is no list must not pass for an empty one, or a second backup is made.
func TestNoList(t *testing.T) {
	for _, body := range []string{``, `{}`, `null`, `[]`, `"x"`, `{"RequestId":"1"}`, `{"Items":null}`, `<html>`, `{"Items":{"Backup":{}}}`, `{"Items":"x"}`, `{"TotalCount":{}}`, `{"TotalCount":"1"`} {
		if l, err := decodeList([]byte(body)); err == nil {
			t.Errorf("%s: taken for a list: %+v", body, l)
		}
	}
	for _, body := range []string{`{"TotalCount":"0"}`, `{"TotalCount":0,"Items":{}}`, `{"Items":{"Backup":[]}}`, `{"Items":{"Backup":null}}`, `{"TotalCount":"0","Items":[]}`, `{"TotalCount":"0","Items":""}`, `{"TotalCount":"0","Items":null}`} {
		if l, err := decodeList([]byte(body)); err != nil || len(l.Items.Backup) != 0 {
			t.Errorf("%s: %+v, %v", body, l, err)
		}
	}
}

func FuzzDecodeList(f *testing.F) {
	f.Add([]byte(`{"TotalCount":"1","Items":{"Backup":[{"BackupId":"1","BackupStartTime":"2026-11-23T02:00Z","BackupSize":5000000000}]}}`))
	f.Add([]byte(`{"TotalCount":1,"Items":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		l, err := decodeList(body)
		if err != nil {
			return
		}
		for _, i := range l.Items.Backup {
			if s := i.set(backup.NewStatuses(nil, nil)); s.Size < 0 || s.Start.From.After(s.Start.Until) {
				t.Errorf("%+v", s)
			}
		}
	})
}
