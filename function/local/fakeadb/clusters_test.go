package fakeadb

import (
	"fmt"
	"strings"
	"testing"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	"github.com/alibabacloud-go/tea/dara"
)

var some = []Cluster{
	{ID: "amv-a", Tags: []Tag{{"backup", "nightly"}, {"env", "prod"}}, ResourceGroup: "rg-1", Description: "orders", Created: time.Date(1999, 12, 1, 2, 0, 0, 0, time.UTC)},
	{ID: "amv-b", Tags: []Tag{{"backup", "weekly"}, {"empty", ""}}, Status: "Creating"},
	{ID: "am-c", DBVersion: "3.0", Tags: []Tag{{"backup", "nightly"}}},
	{ID: "amv-d", ResourceGroup: "rg-1"},
	{ID: "amv-e", Region: "cn-beijing", Tags: []Tag{{"backup", "nightly"}}},
}

// clusters lists, and returns the ids.
func clusters(t *testing.T, client *adb.Client, change func(*adb.DescribeDBClustersRequest)) (string, *adb.DescribeDBClustersResponseBody, error) {
	request := &adb.DescribeDBClustersRequest{RegionId: dara.String("cn-hangzhou"), DBClusterVersion: dara.String("All")}
	change(request)
	r, err := client.DescribeDBClustersWithContext(t.Context(), request, &dara.RuntimeOptions{})
	if err != nil {
		return refusal(err), nil, err
	}
	var ids []string
	for _, c := range r.Body.Items.DBCluster {
		ids = append(ids, *c.DBClusterId)
	}
	return strings.Join(ids, " "), r.Body, nil
}

func tag(key string, value *string) *adb.DescribeDBClustersRequestTag {
	return &adb.DescribeDBClustersRequestTag{Key: &key, Value: value}
}

func TestClustersAreSelected(t *testing.T) {
	nightly, empty := dara.String("nightly"), dara.String("")
	type request = adb.DescribeDBClustersRequest
	type tags = []*adb.DescribeDBClustersRequestTag
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
		{func(r *request) { r.Tag = tags{tag("backup", nightly)} }, "amv-a am-c"},
		{func(r *request) { r.Tag = tags{tag("backup", nightly), tag("env", dara.String("prod"))} }, "amv-a"},
		{func(r *request) { r.Tag = tags{tag("backup", nil)} }, "amv-a amv-b am-c"},
		{func(r *request) { r.Tag = tags{tag("backup", empty)} }, "amv-a amv-b am-c"},
		{func(r *request) { r.DBClusterIds = dara.String("amv-d,am-c,amv-e") }, "am-c amv-d"},
		{func(r *request) { r.DBClusterStatus = dara.String("Creating") }, "amv-b"},
		{func(r *request) { r.RegionId = nil }, "MissingRegionId 400"},
		{func(r *request) { r.DBClusterVersion = dara.String("4.0") }, "InvalidDBClusterVersion.Malformed 400"},
		{func(r *request) { r.PageSize = dara.Int32(20) }, "InvalidPageSize.Malformed 400"},
		{func(r *request) {
			for i := range 21 {
				r.Tag = append(r.Tag, tag(fmt.Sprint("k", i), nil))
			}
		}, "InvalidParameter.Tag 400"},
	} {
		bubble(t, Options{Clusters: some}, func(t *testing.T, s *Service, client *adb.Client) {
			if got, _, _ := clusters(t, client, c.change); got != c.want {
				t.Errorf("%d: %s, want %s", i, got, c.want)
			}
		})
	}
}

func TestAClustersEntry(t *testing.T) {
	bubble(t, Options{Clusters: some}, func(t *testing.T, s *Service, client *adb.Client) {
		_, body, err := clusters(t, client, func(*adb.DescribeDBClustersRequest) {})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, c := range body.Items.DBCluster {
			line := fmt.Sprint(*c.DBClusterId, " ", *c.DBClusterStatus, " ", *c.DBVersion, " ", *c.RegionId, " ", *c.CreateTime, *c.ResourceGroupId, *c.DBClusterDescription)
			for _, t := range c.Tags.Tag {
				line += " " + *t.Key + "=" + *t.Value
			}
			got = append(got, line)
		}
		want := []string{
			"amv-a Running 5.0 cn-hangzhou 1999-12-01T02:00:00Zrg-1orders backup=nightly env=prod",
			"amv-b Creating 5.0 cn-hangzhou  backup=weekly empty=",
			"am-c Running 3.0 cn-hangzhou  backup=nightly",
			"amv-d Running 5.0 cn-hangzhou rg-1",
		}
		if strings.Join(got, "\n") != strings.Join(want, "\n") || *body.TotalCount != 4 || *body.PageNumber != 1 || *body.PageSize != 30 {
			t.Errorf("%s\nwant\n%s\n%d in all, page %d of %d", strings.Join(got, "\n"), strings.Join(want, "\n"), *body.TotalCount, *body.PageNumber, *body.PageSize)
		}
	})
}

func TestPermissionComesBeforeExistence(t *testing.T) {
	bubble(t, Options{Clusters: []Cluster{}, Denied: []Denial{{Cluster: one}}}, func(t *testing.T, s *Service, client *adb.Client) {
		for id, want := range map[string]string{one: "NoPermission 403", two: "InvalidDBCluster.NotFound 404"} {
			if _, err := create(t.Context(), client, id); refusal(err) != want {
				t.Errorf("%s: %v, want %s", id, err, want)
			}
		}
	})
}

func TestWhatAClusterIsDecidesItsBackup(t *testing.T) {
	bubble(t, Options{Clusters: some}, func(t *testing.T, s *Service, client *adb.Client) {
		for id, want := range map[string]string{
			"amv-a": "<nil>", "amv-b": "OperationDenied.DBClusterStatus 403", "am-c": "InvalidDBClusterId.NotFound 400", "amv-e": "InvalidDBCluster.NotFound 404",
		} {
			_, err := create(t.Context(), client, id)
			if got := refusal(err); got != want {
				t.Errorf("%s: %s, want %s", id, got, want)
			}
		}
	})
}
