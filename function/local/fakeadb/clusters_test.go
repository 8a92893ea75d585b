package fakeadb

import (
	"fmt"
	"strings"
	"testing"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	"github.com/alibabacloud-go/tea/dara"
)

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
