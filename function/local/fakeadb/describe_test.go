package fakeadb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
)

func TestNumbers(t *testing.T) {
	for n, want := range []string{
		`"PageNumber":"1","PageSize":"30",REQUEST,"TotalCount":"1"`,
		`"PageNumber":"1","PageSize":"30",REQUEST,"TotalCount":"1"`,
		`"PageNumber":1,"PageSize":30,REQUEST,"TotalCount":1`,
	} {
		bubble(t, Options{Numbers: Numbers(n)}, func(t *testing.T, s *Service, client *adb.Client) {
			create(t.Context(), client, one)
			raw, err := client.CallApiWithCtx(t.Context(), &openapi.Params{
				Action: dara.String("DescribeBackups"), Version: dara.String("2021-12-01"), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
				Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"), BodyType: dara.String("string"),
			}, &openapi.OpenApiRequest{Query: map[string]*string{"DBClusterId": dara.String(one), "StartTime": dara.String(from), "EndTime": dara.String(to)}}, &dara.RuntimeOptions{})
			if err != nil {
				t.Fatal(err)
			}
			body := raw["body"].(string)
			request := body[strings.Index(body, `"RequestId"`) : strings.Index(body, `"RequestId"`)+len(`"RequestId":"`)+37]
			if !strings.Contains(strings.Replace(body, request, "REQUEST", 1), want) {
				t.Errorf("%s lacks %s", body, want)
			}
		})
	}
}

func TestPagesOrderAndWindow(t *testing.T) {
	many := func(s *Service) {
		for i := range 70 {
			at := s.Now().Add(time.Duration(i-70) * time.Hour)
			s.Add(Backup{Cluster: one, Start: at, End: at.Add(30 * time.Minute), Size: 1})
		}
	}
	// read reads all pages, and gives the number of entries, of different ones, and the first.
	read := func(t *testing.T, client *adb.Client, size int32) (entries, different int, first string) {
		ids := map[string]bool{}
		for page := int32(1); ; page++ {
			body, err := describe(t.Context(), client, one, "1999-12-01T00:00Z", to, func(r *adb.DescribeBackupsRequest) { r.PageNumber, r.PageSize = &page, &size })
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range body.Items.Backup {
				if entries == 0 {
					first = *e.BackupId
				}
				entries++
				ids[*e.BackupId] = true
			}
			if fmt.Sprint(entries) == *body.TotalCount || len(body.Items.Backup) == 0 {
				return entries, len(ids), first
			}
		}
	}
	for name, c := range map[string]struct {
		o       Options
		entries int
		first   string
	}{
		"newest first": {Options{}, 70, "32732070"},
		"oldest first": {Options{Order: OldestFirst}, 70, "32732001"},
		"page cap":     {Options{PageCap: 7}, 70, "32732070"},
		"repeated":     {Options{Repeat: true}, 72, "32732070"},
	} {
		bubble(t, c.o, func(t *testing.T, s *Service, client *adb.Client) {
			many(s)
			if entries, different, first := read(t, client, 30); entries != c.entries || different != 70 || first != c.first {
				t.Errorf("%s: %d entries, %d different, first %s", name, entries, different, first)
			}
		})
	}
	bubble(t, Options{Order: Shuffled}, func(t *testing.T, s *Service, client *adb.Client) {
		many(s)
		if entries, different, first := read(t, client, 50); entries != 70 || different != 70 || first == "32732001" || first == "32732070" {
			t.Errorf("shuffled: %d entries, %d different, first %s", entries, different, first)
		}
	})
	for window, want := range []string{"2", "1", "2 1"} {
		bubble(t, Options{Window: Window(window)}, func(t *testing.T, s *Service, client *adb.Client) {
			day := s.Now()
			s.Add(Backup{ID: "1", Cluster: one, Start: day.Add(-25 * time.Hour), End: day.Add(-23 * time.Hour)},
				Backup{ID: "2", Cluster: one, Start: day.Add(-time.Hour), End: day.Add(time.Hour)})
			time.Sleep(2 * time.Hour)
			body, err := describe(t.Context(), client, one, from, "2000-01-01T00:30Z")
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, e := range body.Items.Backup {
				ids = append(ids, *e.BackupId)
			}
			if got := strings.Join(ids, " "); got != want {
				t.Errorf("window %d: %s, want %s", window, got, want)
			}
		})
	}
}

func TestWhatElseIsListed(t *testing.T) {
	bubble(t, Options{HideRunning: true, Takes: time.Hour}, func(t *testing.T, s *Service, client *adb.Client) {
		s.Add(Backup{ID: "7", Cluster: one, Type: "IncrementalBackup", Start: s.Now(), End: s.Now(), Parent: "6", Status: "Odd"})
		create(t.Context(), client, one)
		body := mustList(t, client)
		if got := shown(body); got != "7 IncrementalBackup 2000-01-01T00:00Z-2000-01-01T00:00Z Odd 0" || *body.Items.Backup[0].ParentBackupId != "6" {
			t.Errorf("list: %s", got)
		}
		time.Sleep(time.Hour)
		if body := mustList(t, client); len(body.Items.Backup) != 2 {
			t.Errorf("an hour later: %s", shown(body))
		}
		if body := mustList(t, client, func(r *adb.DescribeBackupsRequest) { r.BackupId = dara.String("7") }); len(body.Items.Backup) != 1 || *body.Items.Backup[0].BackupId != "7" {
			t.Errorf("by id: %s", shown(body))
		}
	})
}
