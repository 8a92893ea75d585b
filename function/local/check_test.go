package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

func TestAnswersThatAreNotTrue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		service := &service{Service: fakeadb.New(fakeadb.Options{})}
		now := service.Now()
		service.Add(
			fakeadb.Backup{ID: "1", Cluster: "amv-a", Start: now.Add(-2 * time.Hour), End: now.Add(-time.Hour)},
			fakeadb.Backup{ID: "2", Cluster: "amv-a", Start: now.Add(-time.Hour), End: now.Add(time.Hour), RequestID: "R2"},
			fakeadb.Backup{ID: "3", Cluster: "amv-a", Start: now.Add(-time.Hour), End: now, Ends: fakeadb.Fails, RequestID: "R3"})
		s := &stage{service: service}
		for answer, want := range map[string]string{
			`{"Status":"Completed","Backups":[{"DBClusterId":"amv-a","Status":"Completed","BackupId":"1"}]}`:                             "",
			`{"Status":"Running","Backups":[{"DBClusterId":"amv-a","Status":"Running","BackupId":"2","RequestId":"R2","Created":true}]}`: "",
			`{"Status":"Requested","Backups":[{"DBClusterId":"amv-a","Status":"Requested","RequestId":"R2","Created":true}]}`:            "",
			`{"Status":"Ignored"}`:   "",
			`{"Status":"Completed"}`: "it names no backup",
			`{"Status":"Completed","Backups":[{"DBClusterId":"amv-a","Status":"Completed","BackupId":"2"}]}`:                             "backup 2 was not complete yet",
			`{"Status":"Completed","Backups":[{"DBClusterId":"amv-a","Status":"Completed","BackupId":"3"}]}`:                             "backup 3 was not complete yet",
			`{"Status":"Completed","Backups":[{"DBClusterId":"amv-a","Status":"Completed","BackupId":"1","Created":true}]}`:              "backup 1 was there before",
			`{"Status":"Completed","Backups":[{"DBClusterId":"amv-b","Status":"Completed","BackupId":"1"}]}`:                             "there is no such backup of amv-b",
			`{"Status":"Running","Backups":[{"DBClusterId":"amv-a","Status":"Running","BackupId":"2","RequestId":"R3","Created":true}]}`: "backup 2 is not that of request R3",
			`{"Status":"Requested","Backups":[{"DBClusterId":"amv-a","Status":"Requested","RequestId":"R4","Created":true}]}`:            "there is no such backup of amv-a",
		} {
			if got := strings.Join(untrue(&result{Result: fakefc.Result{Payload: []byte(answer)}}, service), "; "); got != want {
				t.Errorf("%s: %q, want %q", answer, got, want)
			}
		}
		if got := strings.Join(s.overlaps(), "; "); got != "backup 2 was started while 3 ran; backup 3 was started while 2 ran" {
			t.Errorf("overlaps: %s", got)
		}
	})
}
