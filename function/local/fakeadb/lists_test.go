package fakeadb

import (
	"encoding/json"
	"fmt"
	"net/url"
	"testing"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
)

// A backup's life, as lists show it after a while.
func TestABackupsLife(t *testing.T) {
	const hour = time.Hour
	for i, c := range []struct {
		o     Options
		after time.Duration
		want  string
	}{
		{Options{}, 0, "2000-01-01T00:00Z-<nil> Running <nil>"},
		{Options{}, hour - 1, "2000-01-01T00:00Z-<nil> Running <nil>"},
		{Options{}, hour, "2000-01-01T00:00Z-2000-01-01T01:00Z Success 2000"},
		{Options{ListedAfter: time.Minute}, time.Minute - 1, ""},
		{Options{ListedAfter: time.Minute}, time.Minute, "2000-01-01T00:00Z-<nil> Running <nil>"},
		{Options{HideRunning: true}, hour - 1, ""},
		{Options{HideRunning: true, ListedAfter: time.Minute}, hour + time.Minute - 1, ""},
		{Options{HideRunning: true, ListedAfter: time.Minute}, hour + time.Minute, "2000-01-01T00:00Z-2000-01-01T01:00Z Success 2000"},
		{Options{Ends: Failed}, hour, "2000-01-01T00:00Z-2000-01-01T01:00Z Failed <nil>"},
		{Options{Ends: Running}, 9 * hour, "2000-01-01T00:00Z-<nil> Running <nil>"},
		{Options{Ends: Running, HideRunning: true}, 9 * hour, ""},
		{Options{Layout: Seconds, Words: Words{Completed: "Fertig"}}, hour, "2000-01-01T00:00:00Z-2000-01-01T01:00:00Z Fertig 2000"},
		{Options{Skew: 7 * time.Minute}, hour, "2000-01-01T00:07Z-2000-01-01T01:07Z Success 2000"},
		{Options{FalseZone: 8 * hour}, hour, "2000-01-01T08:00Z-2000-01-01T09:00Z Success 2000"},
	} {
		var last Call
		c.o.Takes, c.o.Size, c.o.OnCall = hour, 2000, func(c Call) { last = c }
		bubble(t, c.o, func(t *testing.T, s *Service, client *openapi.Client) {
			made, refused := call(t.Context(), client, "CreateBackup", "DBClusterId="+one)
			if id := made.RequestId; id == "" || !last.Effect || last.Cluster != one || last.RequestID != id || s.Backups(one)[0].RequestID != id {
				t.Errorf("%d: %s %s, %+v", i, id, refused, last)
			}
			time.Sleep(c.after)
			r, got := call(t.Context(), client, "DescribeBackups", window)
			for _, e := range r.Items.Backup {
				got += fmt.Sprintf("%v-%v %v %v", e["BackupStartTime"], e["BackupEndTime"], e["BackupStatus"], e["BackupSize"])
			}
			if got != c.want || last.Listed != len(r.Items.Backup) || last.Effect {
				t.Errorf("%d: %s, want %s; %+v", i, got, c.want, last)
			}
		})
	}
}

func TestWhatElseIsListed(t *testing.T) {
	bubble(t, Options{HideRunning: true, ListedAfter: time.Minute}, func(t *testing.T, s *Service, client *openapi.Client) {
		s.Add(Backup{ID: "7", Cluster: one, Type: "IncrementalBackup", Start: s.Now(), End: s.Now(), Parent: "6"}, // nobody waits for its own schedule's
			Backup{ID: "8", Cluster: one, Start: s.Now().Add(-25 * time.Hour), End: s.Now()}, Backup{Cluster: two, Start: s.Now()},
			Backup{Cluster: one, Region: "cn-beijing", Start: s.Now(), End: s.Now()})
		const copied = "7 IncrementalBackup 6 2000-01-31T00:00Z;"
		for change, want := range map[string]string{"": copied, "StartTime=1999-12-30T00:00Z": copied + "8 FullBackup  2000-01-31T00:00Z;"} {
			r, got := call(t.Context(), client, "DescribeBackups", window, change)
			for _, e := range r.Items.Backup {
				got += fmt.Sprintf("%v %v %v %v;", e["BackupId"], e["BackupType"], e["ParentBackupId"], e["BackupExpiredTime"])
			}
			if got != want {
				t.Errorf("%s: %s, want %s", change, got, want)
			}
		}
		if s.Remove("7"); len(s.Backups(one)) != 2 || len(s.Backups("")) != 3 {
			t.Errorf("after one was removed: %+v", s.Backups(""))
		}
	})
}

func TestBackupsComeInPages(t *testing.T) {
	bubble(t, Options{}, func(t *testing.T, s *Service, client *openapi.Client) {
		for i := range 70 {
			at := s.Now().Add(time.Duration(i-70) * time.Minute)
			s.Add(Backup{Cluster: one, Start: at, End: at})
		}
		for page, want := range []string{"30 from 32732070", "30 from 32732040", "10 from 32732010", "0"} {
			r, got := call(t.Context(), client, "DescribeBackups", window, fmt.Sprint("PageNumber=", page+1))
			if got += fmt.Sprint(len(r.Items.Backup)); got != "0" {
				got += fmt.Sprint(" from ", r.Items.Backup[0]["BackupId"])
			}
			if got != want || r.TotalCount != "70" || r.PageNumber != fmt.Sprint(page+1) || r.PageSize != "30" { // as strings
				t.Errorf("page %d: %s, want %s; %+v", page+1, got, want, r)
			}
		}
	})
}

var some = []Cluster{
	{ID: "amv-a", Tags: []Tag{{"backup", "nightly"}, {"env", "prod"}}, ResourceGroup: "rg-1", Description: "orders"},
	{ID: "amv-b", Tags: []Tag{{"backup", "weekly"}, {"empty", ""}}, Status: "Creating"},
	{ID: "am-c", DBVersion: "3.0", Tags: []Tag{{"backup", "nightly"}}},
	{ID: "amv-d", ResourceGroup: "rg-1"},
	{ID: "amv-e", Region: "cn-beijing", Tags: []Tag{{"backup", "nightly"}}},
}

func TestClustersAreSelected(t *testing.T) {
	tagged := func(n int, key, value string) string {
		return fmt.Sprintf("Tag.%d.Key=%s&Tag.%d.Value=%s&", n, key, n, url.QueryEscape(value))
	}
	bubble(t, Options{Clusters: some}, func(t *testing.T, s *Service, client *openapi.Client) {
		for i, c := range []struct{ change, want string }{
			{"", "amv-a amv-b am-c amv-d "},
			{"DBClusterVersion=", "amv-a amv-b amv-d "},
			{"DBClusterVersion=5.0", "amv-a amv-b amv-d "},
			{"DBClusterVersion=3.0", "am-c "},
			{"RegionId=cn-beijing", "amv-e "},
			{"RegionId=cn-shanghai", ""},
			{"ResourceGroupId=rg-1", "amv-a amv-d "},
			{tagged(1, "backup", "nightly"), "amv-a am-c "},
			{tagged(1, "backup", "nightly") + tagged(2, "env", "prod"), "amv-a "},
			{"Tag.1.Key=backup", "amv-a amv-b am-c "},
			{tagged(1, "odd", "x y*~/+&=北"), ""}, // it is signed as the SDK writes it
			{tagged(1, "backup", ""), "amv-a amv-b am-c "},
			{"DBClusterIds=amv-d,am-c,amv-e", "am-c amv-d "},
			{"DBClusterStatus=Creating", "amv-b "},
			{"RegionId=", "MissingRegionId 400"},
			{"DBClusterVersion=4.0", "InvalidDBClusterVersion.Malformed 400"},
			{"PageSize=20", "InvalidPageSize.Malformed 400"},
			{tagged(21, "k", ""), "InvalidTag.Malformed 400"},
		} {
			r, got := call(t.Context(), client, "DescribeDBClusters", "DBClusterVersion=All", c.change)
			for _, e := range r.Items.DBCluster {
				got += fmt.Sprint(e["DBClusterId"], " ")
			}
			if got != c.want {
				t.Errorf("%d: %s, want %s", i, got, c.want)
			}
		}
		r, _ := call(t.Context(), client, "DescribeDBClusters", "DBClusterVersion=All")
		got, err := json.Marshal(map[string]any{"1": r.Items.DBCluster[0], "2": []any{r.TotalCount, r.PageNumber, r.PageSize}})
		if want := `{"1":{"CreateTime":"1999-12-01T02:00:00Z","DBClusterDescription":"orders","DBClusterId":"amv-a","DBClusterStatus":"Running",` +
			`"DBVersion":"5.0","RegionId":"cn-hangzhou","ResourceGroupId":"rg-1",` +
			`"Tags":{"Tag":[{"Key":"backup","Value":"nightly"},{"Key":"env","Value":"prod"}]}},"2":[4,1,30]}`; string(got) != want {
			t.Errorf("%s, %v, want %s", got, err, want)
		}
	})
}
