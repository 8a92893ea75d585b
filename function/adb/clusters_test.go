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

// TestClusters: what is kept of a listed cluster, and what is left out.
func TestClusters(t *testing.T) {
	one := func(item string) string {
		return `{"TotalCount":1,"PageNumber":1,"Items":{"DBCluster":[` + item + `]}}`
	}
	for name, c := range map[string]struct {
		body string
		want []backup.ListedCluster
	}{
		"as documented": {
			one(`{"DBClusterId":"amv-1","DBClusterDescription":"a shop","DBClusterStatus":"Running","DBVersion":"5.0","CreateTime":"2026-11-23T02:00:00Z","ResourceGroupId":"rg-1","LockMode":"Unlock","Tags":{"Tag":[{"Key":"Backup","Value":"Nightly"},{"Key":"empty","Value":""},{"Key":"other","Value":"x"},{"Key":"long","Value":"` + strings.Repeat("x", 5000) + `"}]}}`),
			[]backup.ListedCluster{{ID: "amv-1", Status: "Running", DBVersion: "5.0", ResourceGroupID: "rg-1", Created: time.Date(2026, 11, 23, 2, 0, 0, 0, time.UTC), Tags: map[string]string{"Backup": "Nightly", "empty": "", "long": strings.Repeat("x", longestTag) + "…"}}},
		},
		"no tags":                        {one(`{"DBClusterId":"amv-1","Tags":{"Tag":[]}}`), []backup.ListedCluster{{ID: "amv-1", Tags: map[string]string{}}}},
		"no tags, as an array":           {one(`{"DBClusterId":"amv-1","Tags":[]}`), []backup.ListedCluster{{ID: "amv-1", Tags: map[string]string{}}}},
		"no tags, as a text":             {one(`{"DBClusterId":"amv-1","Tags":""}`), []backup.ListedCluster{{ID: "amv-1", Tags: map[string]string{}}}},
		"no tags, as an empty object":    {one(`{"DBClusterId":"amv-1","Tags":{}}`), []backup.ListedCluster{{ID: "amv-1", Tags: map[string]string{}}}},
		"without the field":              {one(`{"DBClusterId":"amv-1"}`), []backup.ListedCluster{{ID: "amv-1"}}},
		"null for the field":             {one(`{"DBClusterId":"amv-1","Tags":null}`), []backup.ListedCluster{{ID: "amv-1"}}},
		"null for the list of tags":      {one(`{"DBClusterId":"amv-1","Tags":{"Tag":null}}`), []backup.ListedCluster{{ID: "amv-1", Tags: map[string]string{}}}},
		"tags without keys":              {one(`{"DBClusterId":"amv-1","Tags":{"Tag":[{"TagKey":"a","TagValue":"b"}]}}`), []backup.ListedCluster{{ID: "amv-1"}}},
		"null for a tag":                 {one(`{"DBClusterId":"amv-1","Tags":{"Tag":[null]}}`), []backup.ListedCluster{{ID: "amv-1"}}},
		"tags as fields":                 {one(`{"DBClusterId":"amv-1","Tags":{"a":"b"}}`), []backup.ListedCluster{{ID: "amv-1"}}},
		"tags that cannot be read":       {one(`{"DBClusterId":"amv-1","Tags":{"Tag":"x"}}`), []backup.ListedCluster{{ID: "amv-1"}}},
		"numbers and an id in capitals":  {one(`{"DBClusterId":"AMV-1","DBVersion":5.0,"DBNodeCount":99999999999999}`), []backup.ListedCluster{{ID: "amv-1", DBVersion: "5.0"}}},
		"a time that cannot be read":     {one(`{"DBClusterId":"amv-1","CreateTime":"soon"}`), []backup.ListedCluster{{ID: "amv-1"}}},
		"an id that is none":             {one(`{"DBClusterId":"../x"}`), nil},
		"an id that is an object":        {one(`{"DBClusterId":{"a":"amv-1"}}`), nil},
		"a row that is none beside one":  {`{"TotalCount":"2","Items":{"DBCluster":[7,{"DBClusterId":"amv-1"}]}}`, []backup.ListedCluster{{ID: "amv-1"}}},
		"none":                           {`{"TotalCount":0,"Items":{"DBCluster":[]}}`, nil},
		"none, and Items is an array":    {`{"TotalCount":0,"Items":[]}`, nil},
		"the same one in another case":   {`{"TotalCount":2,"Items":{"DBCluster":[{"DBClusterId":"amv-1"},{"DBClusterId":"AMV-1"}]}}`, []backup.ListedCluster{{ID: "amv-1"}}},
		"a field that nobody documented": {one(`{"DBClusterId":"amv-1","New":[{}]}`), []backup.ListedCluster{{ID: "amv-1"}}},
	} {
		t.Run(name, func(t *testing.T) {
			s := sessionOn(func(int, *http.Request) (canned, error) { return canned{200, c.body, nil}, nil })
			named := backup.Selector{Tags: map[string]string{"Backup": "*", "long": "*"}, NotTags: map[string]string{"empty": "*", "none": "*"}}
			got, err := s.Clusters(t.Context(), "cn-hangzhou", named)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestClusterFilters: the service is asked to filter only by what its documentation gives a meaning.
func TestClusterFilters(t *testing.T) {
	selector := backup.Selector{
		Tags:            map[string]string{"b": "two words", "a": "*", "c": ""},
		NotTags:         map[string]string{"d": "x"},
		ResourceGroupID: "rg-1",
	}
	calls := 0
	s := sessionOn(func(n int, r *http.Request) (canned, error) {
		calls = n
		const want = "DBClusterVersion=All&PageNumber=%d&PageSize=100&RegionId=cn-hangzhou&ResourceGroupId=rg-1&Tag.1.Key=b&Tag.1.Value=two+words&Tag.2.Key=c&Tag.2.Value="
		if got := r.URL.RawQuery; got != fmt.Sprintf(want, n) {
			t.Errorf("query %s", got)
		}
		//lint:ignore SA1008 the SDK writes the name in lower case, past http.Header
		if action := r.Header["x-acs-action"]; len(action) != 1 || action[0] != "DescribeDBClusters" {
			t.Errorf("action %s", action)
		}
		var rows []string
		for i := range []int{100, 1}[n-1] {
			rows = append(rows, fmt.Sprintf(`{"DBClusterId":"amv-%d%d"}`, n, i))
		}
		return canned{200, `{"TotalCount":101,"Items":{"DBCluster":[` + strings.Join(rows, ",") + `]}}`, nil}, nil
	})
	if got := clusterFilters(backup.Selector{All: true}); len(got) != 1 || got["DBClusterVersion"] != "All" {
		t.Errorf("filters of all: %v", got)
	}
	got, err := s.Clusters(t.Context(), "cn-hangzhou", selector)
	if err != nil || len(got) != 101 || calls != 2 || got[0].ID != "amv-10" || got[100].ID != "amv-20" {
		t.Errorf("%d clusters after %d calls, %v", len(got), calls, err)
	}
}

// TestClustersDenied: the hint names what to grant, and to whom.
func TestClustersDenied(t *testing.T) {
	const role, person = "the function's role", "whoever has these credentials"
	for _, c := range []struct {
		token    string
		personal bool
		who      string
	}{{"Token", false, role}, {"", false, person}, {"Token", true, person}, {"", true, person}} {
		want := c.who + " needs adb:DescribeDBClusters on acs:adb:cn-hangzhou:42:dbcluster/*"
		s := sessionWith(Credentials{AccessKeyID: "STS.1", AccessKeySecret: "Secret", SecurityToken: c.token, Personal: c.personal}, func(int, *http.Request) (canned, error) {
			return canned{403, `{"Code":"NoPermission","Message":"no","RequestId":"R1"}`, nil}, nil
		})
		_, err := s.Clusters(t.Context(), "cn-hangzhou", backup.Selector{All: true})
		if e, ok := callError(err); !ok || e.Kind != backup.KindDenied || e.Hint != want || e.Action != "DescribeDBClusters" || e.Cluster.Region != "cn-hangzhou" {
			t.Errorf("%v", err)
		}
	}
}

func FuzzDecodeClusters(f *testing.F) {
	f.Add([]byte(`{"TotalCount":1,"Items":{"DBCluster":[{"DBClusterId":"amv-1","Tags":{"Tag":[{"Key":"a","Value":"b"}]}}]}}`))
	f.Add([]byte(`{"TotalCount":"1","Items":{"DBCluster":[7,{"Tags":[]}]}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, _ := decodeClusters(body, backup.Selector{All: true})
		for _, r := range p.rows {
			if r.keep && backup.CheckClusterID(r.item.ID) != nil {
				t.Errorf("%+v", r)
			}
		}
	})
}
