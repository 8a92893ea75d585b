package adb

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"

	"github.com/google/go-cmp/cmp"
)

// TestBackups: what is kept of a listed backup set, in whatever form it is written.
func TestBackups(t *testing.T) {
	at := time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC)
	minute := func(at time.Time) backup.Span { return backup.Span{From: at, Until: at.Add(time.Minute)} }
	second := func(at time.Time) backup.Span { return backup.Span{From: at, Until: at.Add(time.Second)} }
	full := func(s backup.Set) backup.Set { s.ID, s.Full = "1", true; return s }
	for name, c := range map[string]struct {
		row  string
		want backup.Set
	}{
		"as documented": {
			`{"BackupId":"1","DBClusterId":"amv-1","BackupType":"FullBackup","BackupMethod":"Snapshot","BackupStartTime":"2026-11-23T02:00Z","BackupEndTime":"2026-11-23T02:17Z","BackupSize":5000000000,"BackupStatus":"Success"}`,
			full(backup.Set{Start: minute(at), End: minute(at.Add(17 * time.Minute)), Size: 5_000_000_000, State: backup.SetComplete, Status: "Success"}),
		},
		"to the second, an id that is a number, a size that is a text": {
			`{"BackupId":1,"BackupStartTime":"2026-11-23T02:00:00Z","BackupSize":"9007199254740993"}`, full(backup.Set{Start: second(at), Size: 9007199254740993}),
		},
		"an offset":                     {`{"BackupId":"1","BackupStartTime":"2026-11-23T10:00+08:00"}`, full(backup.Set{Start: minute(at)})},
		"an offset and seconds":         {`{"BackupId":"1","BackupStartTime":"2026-11-22T18:00:00-08:00"}`, full(backup.Set{Start: second(at)})},
		"fractions of a second":         {`{"BackupId":"1","BackupStartTime":"2026-11-23T02:00:00.5Z"}`, full(backup.Set{Start: second(at.Add(time.Second / 2))})},
		"no times":                      {`{"BackupId":"1","BackupStartTime":"","BackupEndTime":null}`, full(backup.Set{})},
		"times that are none":           {`{"BackupId":"1","BackupStartTime":"soon","BackupEndTime":0}`, full(backup.Set{})},
		"in small letters":              {`{"backupId":"1","backupType":"fullbackup"}`, full(backup.Set{})},
		"incremental":                   {`{"BackupId":"1","BackupType":"IncrementalBackup"}`, backup.Set{ID: "1"}},
		"a copy":                        {`{"BackupId":"1","ParentBackupId":"2"}`, full(backup.Set{Copy: true})},
		"of no parent":                  {`{"BackupId":"1","ParentBackupId":0}`, full(backup.Set{})},
		"null for a parent":             {`{"BackupId":"1","ParentBackupId":null}`, full(backup.Set{})},
		"an empty parent":               {`{"BackupId":"1","ParentBackupId":""}`, full(backup.Set{})},
		"its own parent":                {`{"BackupId":"1","ParentBackupId":"1"}`, full(backup.Set{})},
		"a status between spaces":       {`{"BackupId":"1","BackupStatus":" Success\n"}`, full(backup.Set{State: backup.SetComplete, Status: "Success"})},
		"an unknown status":             {`{"BackupId":"1","BackupStatus":"Frozen"}`, full(backup.Set{State: backup.SetUnknown, Status: "Frozen"})},
		"an odd status":                 {`{"BackupId":"1","BackupStatus":{"a":1},"BackupEndTime":"2026-11-23T02:00Z"}`, full(backup.Set{State: backup.SetUnknown, Status: `{"a":1}`, End: minute(at)})},
		"no status, but an end":         {`{"BackupId":"1","BackupEndTime":"2026-11-23T02:00Z"}`, full(backup.Set{End: minute(at), State: backup.SetComplete})},
		"a size that is none":           {`{"BackupId":"1","BackupSize":"much"}`, full(backup.Set{})},
		"fields that nobody documented": {`{"BackupId":"1","New":{"a":[1]}}`, full(backup.Set{})},
		"a secret in it":                {`{"BackupId":"1","BackupStatus":"SecretSecret","BackupStartTime":"Token%2B%2F%3D"}`, full(backup.Set{State: backup.SetUnknown, Status: "***"})},
	} {
		t.Run(name, func(t *testing.T) {
			l, _, err := backups(t, canned{200, `{"TotalCount":"1","Items":{"Backup":[` + c.row + `]}}`, nil})
			if err != nil || len(l.Sets) != 1 {
				t.Fatalf("%+v, %v", l, err)
			}
			if diff := cmp.Diff(c.want, l.Sets[0]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestUnreadable: the first time, size or type that cannot be read is named, without secrets, and all rows count.
func TestUnreadable(t *testing.T) {
	for field, want := range map[string]string{
		`"BackupStartTime":"23/11/2026 02:00"`:         `BackupStartTime "23/11/2026 02:00" of backup 7`,
		`"BackupStartTime":"2026-11-23T02:00"`:         `BackupStartTime "2026-11-23T02:00" of backup 7`,
		`"BackupStartTime":"2026-11-23"`:               `BackupStartTime "2026-11-23" of backup 7`,
		`"BackupStartTime":1763863200000`:              `BackupStartTime "1763863200000" of backup 7`,
		`"BackupStartTime":["2026-11-23T02:00Z"]`:      `BackupStartTime "[\"2026-11-23T02:00Z\"]" of backup 7`,
		`"BackupStartTime":"9999-12-31T23:59Z"`:        `BackupStartTime "9999-12-31T23:59Z" of backup 7`,
		`"BackupStartTime":"0000-01-01T00:00Z"`:        `BackupStartTime "0000-01-01T00:00Z" of backup 7`,
		`"BackupStartTime":"Token%252B%252F%253D"`:     `BackupStartTime "***" of backup 7`,
		`"BackupEndTime":{}`:                           `BackupEndTime "{}" of backup 7`,
		`"BackupSize":[5]`:                             `BackupSize "[5]" of backup 7`,
		`"BackupSize":-5`:                              `BackupSize "-5" of backup 7`,
		`"BackupSize":99999999999999999999`:            `BackupSize "99999999999999999999" of backup 7`,
		`"BackupType":"Full"`:                          `BackupType "Full" of backup 7`,
		`"BackupSize":"","BackupEndTime":"","New":[1]`: `BackupStartTime "never" of backup 9`,
	} {
		l, _, err := backups(t, canned{200, `{"TotalCount":"3","Items":{"Backup":[{"BackupId":"7",` + field + `},{"BackupId":"8"},{"BackupId":"9","BackupStartTime":"never"}]}}`, nil})
		if err != nil || l.Unreadable != want || len(l.Sets) != 3 || l.Sets[1].ID != "8" {
			t.Errorf("%s: %+v, %v", field, l, err)
		}
	}
}

// TestClusters: what is kept of a listed cluster, and what is left out.
func TestClusters(t *testing.T) {
	none := map[string]string{}
	for name, c := range map[string]struct {
		rows string
		want []backup.ListedCluster
	}{
		"as documented": {
			`{"DBClusterId":"amv-1","DBClusterDescription":"a shop","DBClusterStatus":"Running","DBVersion":"5.0","CreateTime":"2026-11-23T02:00:00Z","ResourceGroupId":"rg-1","LockMode":"Unlock","Tags":{"Tag":[{"Key":"Backup","Value":"Nightly"},{"Key":"empty","Value":""}]}}`,
			[]backup.ListedCluster{{ID: "amv-1", Status: "Running", DBVersion: "5.0", ResourceGroupID: "rg-1", Created: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), Tags: map[string]string{"Backup": "Nightly", "empty": ""}}},
		},
		"no tags":                        {`{"DBClusterId":"amv-1","Tags":{"Tag":[]}}`, []backup.ListedCluster{{ID: "amv-1", Tags: none}}},
		"no tags, as an array":           {`{"DBClusterId":"amv-1","Tags":[]}`, []backup.ListedCluster{{ID: "amv-1", Tags: none}}},
		"no tags, as a text":             {`{"DBClusterId":"amv-1","Tags":""}`, []backup.ListedCluster{{ID: "amv-1", Tags: none}}},
		"no tags, as an empty object":    {`{"DBClusterId":"amv-1","Tags":{}}`, []backup.ListedCluster{{ID: "amv-1", Tags: none}}},
		"null for the list of tags":      {`{"DBClusterId":"amv-1","Tags":{"Tag":null}}`, []backup.ListedCluster{{ID: "amv-1", Tags: none}}},
		"without the field":              {`{"DBClusterId":"amv-1"}`, []backup.ListedCluster{{ID: "amv-1"}}},
		"null for the field":             {`{"DBClusterId":"amv-1","Tags":null}`, []backup.ListedCluster{{ID: "amv-1"}}},
		"numbers and an id in capitals":  {`{"DBClusterId":"AMV-1","DBVersion":5.0,"DBNodeCount":99999999999999}`, []backup.ListedCluster{{ID: "amv-1", DBVersion: "5.0"}}},
		"a time that cannot be read":     {`{"DBClusterId":"amv-1","CreateTime":"soon"}`, []backup.ListedCluster{{ID: "amv-1"}}},
		"an id that is none":             {`{"DBClusterId":"../x"},{"DBClusterId":"amv-1"}`, []backup.ListedCluster{{ID: "amv-1"}}},
		"an id that is an object":        {`{"DBClusterId":{"a":"amv-1"}}`, nil},
		"a field that nobody documented": {`{"DBClusterId":"amv-1","New":[{}]}`, []backup.ListedCluster{{ID: "amv-1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := sessionOn(func(int, *http.Request) (canned, error) {
				return canned{200, `{"TotalCount":` + fmt.Sprint(strings.Count(c.rows, `"DBClusterId"`)) + `,"PageNumber":1,"Items":{"DBCluster":[` + c.rows + `]}}`, nil}, nil
			})
			got, err := s.Clusters(t.Context(), "cn-hangzhou", backup.Selector{All: true})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}
