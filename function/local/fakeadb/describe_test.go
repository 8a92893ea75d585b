package fakeadb

import (
	"fmt"
	"testing"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	"github.com/alibabacloud-go/tea/dara"
)

func TestBackupsComeInPages(t *testing.T) {
	for name, c := range map[string]struct {
		o       Options
		entries int
	}{
		"plain":    {Options{}, 70},
		"page cap": {Options{PageCap: 7}, 70},
		"repeated": {Options{Repeat: true}, 72},
	} {
		bubble(t, c.o, func(t *testing.T, s *Service, client *adb.Client) {
			for i := range 70 {
				at := s.Now().Add(time.Duration(i-70) * time.Hour)
				s.Add(Backup{Cluster: one, Start: at, End: at.Add(30 * time.Minute), Size: 1})
			}
			entries, ids, first := 0, map[string]bool{}, ""
			for page := int32(1); ; page++ {
				body, err := describe(t.Context(), client, one, "1999-12-01T00:00Z", to, func(r *adb.DescribeBackupsRequest) { r.PageNumber = &page })
				if err != nil {
					t.Fatal(err)
				}
				for _, e := range body.Items.Backup {
					if entries++; first == "" {
						first = *e.BackupId
					}
					ids[*e.BackupId] = true
				}
				if fmt.Sprint(entries) == *body.TotalCount || len(body.Items.Backup) == 0 {
					break
				}
			}
			if entries != c.entries || len(ids) != 70 || first != "32732070" {
				t.Errorf("%s: %d entries, %d different, first %s", name, entries, len(ids), first)
			}
		})
	}
}

func TestWhatElseIsListed(t *testing.T) {
	bubble(t, Options{HideRunning: true, Takes: time.Hour}, func(t *testing.T, s *Service, client *adb.Client) {
		s.Add(Backup{ID: "7", Cluster: one, Type: "IncrementalBackup", Start: s.Now(), End: s.Now(), Parent: "6", Status: "Odd"},
			Backup{ID: "8", Cluster: one, Start: s.Now().Add(-25 * time.Hour), End: s.Now(), Kept: 48 * time.Hour})
		create(t.Context(), client, one)
		body := mustList(t, client)
		if got := shown(body); got != "7 IncrementalBackup 2000-01-01T00:00Z-2000-01-01T00:00Z Odd 0" || *body.Items.Backup[0].ParentBackupId != "6" {
			t.Errorf("list: %s", got)
		}
		time.Sleep(time.Hour)
		if body := mustList(t, client); len(body.Items.Backup) != 2 || *body.Items.Backup[1].BackupExpiredTime != "2000-01-31T01:00Z" {
			t.Errorf("an hour later: %s", shown(body))
		}
		if body := mustList(t, client, func(r *adb.DescribeBackupsRequest) { r.BackupId = dara.String("7") }); len(body.Items.Backup) != 1 || *body.Items.Backup[0].BackupId != "7" {
			t.Errorf("by id: %s", shown(body))
		}
		body, err := describe(t.Context(), client, one, "1999-12-30T00:00Z", "1999-12-31T00:00Z")
		if err != nil || len(body.Items.Backup) != 1 || *body.Items.Backup[0].BackupExpiredTime != "2000-01-03T00:00Z" {
			t.Errorf("another window: %v, %v", body, err)
		}
	})
}
