package fakeadb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	"github.com/alibabacloud-go/tea/dara"
)

// A backup's life, as lists show it after a while.
func TestABackupsLife(t *testing.T) {
	const hour = time.Hour
	for i, c := range []struct {
		o     Options
		after time.Duration
		want  string
	}{
		{Options{}, 0, "2000-01-01T00:00Z- Running 0"},
		{Options{}, hour - 1, "2000-01-01T00:00Z- Running 0"},
		{Options{}, hour, "2000-01-01T00:00Z-2000-01-01T01:00Z Success 2000"},
		{Options{ListedAfter: time.Minute}, time.Minute - 1, ""},
		{Options{ListedAfter: time.Minute}, time.Minute, "2000-01-01T00:00Z- Running 0"},
		{Options{HideRunning: true}, hour - 1, ""},
		{Options{HideRunning: true, ListedAfter: time.Minute}, hour + time.Minute - 1, ""},
		{Options{HideRunning: true, ListedAfter: time.Minute}, hour + time.Minute, "2000-01-01T00:00Z-2000-01-01T01:00Z Success 2000"},
		{Options{Ends: Failed}, hour, "2000-01-01T00:00Z-2000-01-01T01:00Z Failed 0"},
		{Options{Ends: Running}, 9 * hour, "2000-01-01T00:00Z- Running 0"},
		{Options{Ends: Running, HideRunning: true}, 9 * hour, ""},
		{Options{Layout: Seconds, Words: Words{Completed: "Fertig"}}, hour, "2000-01-01T00:00:00Z-2000-01-01T01:00:00Z Fertig 2000"},
		{Options{Skew: 7 * time.Minute}, hour, "2000-01-01T00:07Z-2000-01-01T01:07Z Success 2000"},
		{Options{FalseZone: 8 * hour}, hour, "2000-01-01T08:00Z-2000-01-01T09:00Z Success 2000"},
	} {
		var last Call
		c.o.Takes, c.o.Size, c.o.OnCall = hour, 2000, func(c Call) { last = c }
		bubble(t, c.o, func(t *testing.T, s *Service, client *adb.Client) {
			id, refused := create(t.Context(), client, one)
			if id == "" || !last.Effect || last.Cluster != one || last.RequestID != id || s.Backups(one)[0].RequestID != id {
				t.Errorf("%d: %s %s, %+v", i, id, refused, last)
			}
			time.Sleep(c.after)
			got, body := backups(t.Context(), client)
			if c.want != "" {
				c.want = "32732001 " + c.want
			}
			if got != c.want || last.Listed != len(body.Items.Backup) || last.Effect {
				t.Errorf("%d: %s, want %s; %+v", i, got, c.want, last)
			}
		})
	}
}

func TestWhatElseIsListed(t *testing.T) {
	bubble(t, Options{HideRunning: true, ListedAfter: time.Minute}, func(t *testing.T, s *Service, client *adb.Client) {
		s.Add(Backup{ID: "7", Cluster: one, Type: "IncrementalBackup", Start: s.Now(), End: s.Now(), Parent: "6"}, // nobody waits for its own schedule's
			Backup{ID: "8", Cluster: one, Start: s.Now().Add(-25 * time.Hour), End: s.Now()}, Backup{Cluster: two, Start: s.Now()},
			Backup{Cluster: one, Region: "cn-beijing", Start: s.Now(), End: s.Now()})
		_, body := backups(t.Context(), client)
		if all := body.Items.Backup; len(all) != 1 || *all[0].BackupId != "7" || *all[0].BackupType != "IncrementalBackup" || *all[0].ParentBackupId != "6" || *all[0].BackupExpiredTime != "2000-01-31T00:00Z" {
			t.Errorf("list: %v", body)
		}
		_, body = backups(t.Context(), client, func(r *adb.DescribeBackupsRequest) { r.StartTime = dara.String("1999-12-30T00:00Z") })
		if all := body.Items.Backup; len(all) != 2 || *all[1].BackupId != "8" || *all[1].BackupExpiredTime != "2000-01-31T00:00Z" {
			t.Errorf("an earlier window: %v", body)
		}
		if s.Remove("7"); len(s.Backups(one)) != 2 || len(s.Backups("")) != 3 {
			t.Errorf("after one was removed: %+v", s.Backups(""))
		}
	})
}

func TestBackupsComeInPages(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Service, client *adb.Client) {
		for i := range 70 {
			at := s.Now().Add(time.Duration(i-70) * time.Minute)
			s.Add(Backup{Cluster: one, Start: at, End: at})
		}
		for page, want := range []string{"30 from 32732070", "30 from 32732040", "10 from 32732010", "0"} {
			_, body := backups(t.Context(), client, func(r *adb.DescribeBackupsRequest) { r.PageNumber = dara.Int32(int32(page + 1)) })
			got := fmt.Sprint(len(body.Items.Backup))
			if got != "0" {
				got += " from " + *body.Items.Backup[0].BackupId
			}
			if got != want || *body.TotalCount != "70" || *body.PageNumber != fmt.Sprint(page+1) {
				t.Errorf("page %d: %s, want %s; %s in all, page %s", page+1, got, want, *body.TotalCount, *body.PageNumber)
			}
		}
	})
	// The SDK reads either form; other readers do not.
	answer := answerJSON(200, list(&Call{}, nil, "Backup", []int{7}, func(id int) map[string]any { return map[string]any{"BackupId": id} }))
	if want := `{"Items":{"Backup":[{"BackupId":7}]},"PageNumber":"1","PageSize":"30","RequestId":"","TotalCount":"1"}`; answer.Body != want {
		t.Errorf("%s, want %s", answer.Body, want)
	}
}

var some = []Cluster{
	{ID: "amv-a", Tags: []Tag{{"backup", "nightly"}, {"env", "prod"}}, ResourceGroup: "rg-1", Description: "orders"},
	{ID: "amv-b", Tags: []Tag{{"backup", "weekly"}, {"empty", ""}}, Status: "Creating"},
	{ID: "am-c", DBVersion: "3.0", Tags: []Tag{{"backup", "nightly"}}},
	{ID: "amv-d", ResourceGroup: "rg-1"},
	{ID: "amv-e", Region: "cn-beijing", Tags: []Tag{{"backup", "nightly"}}},
}

func TestClustersAreSelected(t *testing.T) {
	type request = adb.DescribeDBClustersRequest
	tagged := func(tags ...string) func(*request) {
		return func(r *request) {
			for _, tag := range tags {
				key, value, valued := strings.Cut(tag, "=")
				one := &adb.DescribeDBClustersRequestTag{Key: &key}
				if valued {
					one.Value = &value
				}
				r.Tag = append(r.Tag, one)
			}
		}
	}
	bubble(t, Options{Clusters: some}, func(t *testing.T, s *Service, client *adb.Client) {
		for i, c := range []struct {
			change func(*request)
			want   string
		}{
			{func(*request) {}, "amv-a amv-b am-c amv-d"},
			{func(r *request) { r.DBClusterVersion = nil }, "amv-a amv-b amv-d"},
			{func(r *request) { r.DBClusterVersion = dara.String("5.0") }, "amv-a amv-b amv-d"},
			{func(r *request) { r.DBClusterVersion = dara.String("3.0") }, "am-c"},
			{func(r *request) { r.RegionId = dara.String("cn-beijing") }, "amv-e"},
			{func(r *request) { r.RegionId = dara.String("cn-shanghai") }, ""},
			{func(r *request) { r.ResourceGroupId = dara.String("rg-1") }, "amv-a amv-d"},
			{tagged("backup=nightly"), "amv-a am-c"},
			{tagged("backup=nightly", "env=prod"), "amv-a"},
			{tagged("backup"), "amv-a amv-b am-c"},
			{tagged("odd=x y*~/+&=北"), ""}, // it is signed as the SDK writes it
			{tagged("backup="), "amv-a amv-b am-c"},
			{func(r *request) { r.DBClusterIds = dara.String("amv-d,am-c,amv-e") }, "am-c amv-d"},
			{func(r *request) { r.DBClusterStatus = dara.String("Creating") }, "amv-b"},
			{func(r *request) { r.RegionId = nil }, "MissingRegionId 400"},
			{func(r *request) { r.DBClusterVersion = dara.String("4.0") }, "InvalidDBClusterVersion.Malformed 400"},
			{func(r *request) { r.PageSize = dara.Int32(20) }, "InvalidPageSize.Malformed 400"},
			{tagged(strings.Fields(strings.Repeat("k ", 21))...), "InvalidTag.Malformed 400"},
		} {
			if got, _ := clusters(t.Context(), client, c.change); got != c.want {
				t.Errorf("%d: %s, want %s", i, got, c.want)
			}
		}
		_, body := clusters(t.Context(), client, func(*request) {})
		e := body.Items.DBCluster[0]
		got := fmt.Sprintln(*e.DBClusterStatus, *e.DBVersion, *e.RegionId, *e.CreateTime, *e.ResourceGroupId, *e.DBClusterDescription, *e.Tags.Tag[1].Key, *e.Tags.Tag[1].Value,
			*body.TotalCount, *body.PageNumber, *body.PageSize)
		if want := "Running 5.0 cn-hangzhou 1999-12-01T02:00:00Z rg-1 orders env prod 4 1 30\n"; got != want {
			t.Errorf("an entry: %swant %s", got, want)
		}
	})
}
