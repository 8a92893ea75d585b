package adb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
)

// backups reads the list of someCluster's backups from these pages, of which the last is repeated. What is not answered with a
// page is asked for again.
func backups(t *testing.T, pages ...canned) (l backup.Listing, calls int, err error) {
	number := 1
	s := sessionOn(func(n int, r *http.Request) (canned, error) {
		calls = n
		page := pages[min(n, len(pages))-1]
		if asked := r.URL.Query().Get("PageNumber"); asked != fmt.Sprint(number) {
			t.Errorf("page %s is asked for, want %d", asked, number)
		}
		if page.status == 200 {
			number++
		}
		return page, nil
	})
	l, err = s.Backups(t.Context(), someCluster, time.Now().Add(-time.Hour), time.Now())
	return l, calls, err
}

// backupPage is a page of a list of so many sets. A negative count is not given.
func backupPage(total int, ids ...string) canned {
	var items []string
	for _, id := range ids {
		items = append(items, fmt.Sprintf(`{"BackupId":%q,"DBClusterId":"amv-1","BackupStartTime":"2026-11-23T02:00Z"}`, id))
	}
	body := fmt.Sprintf(`{"TotalCount":"%d","Items":{"Backup":[%s]}}`, total, strings.Join(items, ","))
	return canned{200, strings.Replace(body, `"TotalCount":"-1",`, "", 1), nil}
}

// TestPages: a list is read to its end, and what is no list of this cluster is not taken for one.
func TestPages(t *testing.T) {
	var hundred []string
	for i := range 100 {
		hundred = append(hundred, fmt.Sprint(i))
	}
	all := func(n int) string { return strings.Join(hundred[:n], " ") }
	kinds := map[backup.ErrorKind]string{backup.KindUnanswered: "unanswered", backup.KindThrottled: "throttled", backup.KindDenied: "denied"}
	slow := canned{429, `{"Code":"Throttling.User","Message":"slow","RequestId":"R1"}`, http.Header{"Retry-After": {"7"}}}
	for name, c := range map[string]struct {
		pages []canned
		want  string // ids, or the kind of the error
		calls int
		took  time.Duration
	}{
		"one page":                     {[]canned{backupPage(2, "1", "2")}, "1 2", 1, 0},
		"three":                        {[]canned{backupPage(3, "1"), backupPage(3, "2"), backupPage(3, "3")}, "1 2 3", 3, 0},
		"it counts but lists none":     {[]canned{backupPage(2)}, "unanswered", 1, 0},
		"it counts one but lists none": {[]canned{backupPage(1)}, "unanswered", 1, 0},
		"a set of another cluster":     {[]canned{{200, `{"TotalCount":"3","Items":{"Backup":[{"BackupId":"1","DBClusterId":"amv-2"},{"BackupId":"2","DBClusterId":"AMV-1"},{"BackupId":"3"}]}}`, nil}}, "2 3", 1, 0},
		"longer when its end is read":  {[]canned{backupPage(2, "1"), backupPage(3, "2"), backupPage(3, "3")}, "1 2 3", 3, 0},
		"shorter than it counts":       {[]canned{backupPage(9, "1", "2"), backupPage(9)}, "1 2", 2, 0},
		"no count, and a short page":   {[]canned{backupPage(-1, hundred[:40]...), backupPage(-1, hundred[40:69]...)}, all(69), 2, 0},
		"no count, and the least page": {[]canned{backupPage(-1, hundred[:30]...), backupPage(-1)}, all(30), 2, 0},
		"the same page again":          {[]canned{backupPage(500, hundred...), backupPage(500, hundred...)}, "unanswered", 2, 0},
		"a page that comes again":      {[]canned{backupPage(3, "1", "2"), backupPage(3, "2", "3")}, "1 2 2 3", 2, 0},
		"a count that cannot be":       {[]canned{backupPage(-5, hundred[:40]...), backupPage(-5, hundred[40:69]...)}, all(69), 2, 0},
		"a long pause on the second":   {[]canned{backupPage(2, "1"), {429, `{"Code":"Throttling"}`, http.Header{"Retry-After": {"60"}}}}, "throttled", 2, 0},
		"a second page of nonsense":    {[]canned{backupPage(2, "1"), {200, "<html>", nil}}, "unanswered", 2, 0},
		"the first page is throttled":  {[]canned{slow}, "throttled", 1, 0},
		"the second one is throttled":  {[]canned{backupPage(2, "1"), slow, slow, backupPage(2, "2")}, "1 2", 4, 14 * time.Second},
		"throttled without a hint":     {[]canned{backupPage(2, "1"), {400, `{"Code":"Throttling"}`, nil}, backupPage(2, "2")}, "1 2", 3, time.Second},
		"throttled to the end":         {[]canned{backupPage(2, "1"), slow}, "throttled", 7, 35 * time.Second},
		"throttled, then refused":      {[]canned{backupPage(2, "1"), slow, {403, `{"Code":"NoPermission"}`, nil}}, "denied", 3, 7 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				l, calls, err := backups(t, c.pages...)
				var ids []string
				for _, set := range l.Sets {
					ids = append(ids, set.ID)
				}
				got := strings.Join(ids, " ")
				if e, ok := callError(err); ok {
					got = kinds[e.Kind]
				}
				if got != c.want || calls != c.calls || time.Since(start) != c.took {
					t.Errorf("%q, %v after %d calls and %v; want %q after %d and %v", got, err, calls, time.Since(start), c.want, c.calls, c.took)
				}
			})
		})
	}
}

// TestEndlessList: a list without end is an answer that cannot be read.
func TestEndlessList(t *testing.T) {
	var pages []canned
	for n := range 102 {
		var ids []string
		for i := range 100 {
			ids = append(ids, fmt.Sprint(n*100+i))
		}
		pages = append(pages, backupPage(n*100+200, ids...))
	}
	_, calls, err := backups(t, pages...)
	if e, ok := callError(err); !ok || e.Kind != backup.KindUnanswered || e.Message != "the reply cannot be read: the list has more than 10000 entries" || calls != 101 {
		t.Errorf("%d calls, error %v", calls, err)
	}
}

// TestNoList: what is no list must not pass for an empty one, or a second backup is made.
func TestNoList(t *testing.T) {
	for _, body := range []string{
		``, `{}`, `null`, `[]`, `"x"`, `7`, `{"RequestId":"1"}`, `{"Items":null}`, `<html>`, `{"Items":{"Backup":{}}}`, `{"Items":{"Backup":[7]}}`,
		`{"Items":"x"}`, `{"TotalCount":"0","Items":"x"}`, `{"TotalCount":"0","Items":[1]}`, `{"Code":"X","TotalCount":"0"}`,
		`{"Success":false,"TotalCount":"0"}`, `{"TotalCount":"1"`, `{"TotalCount":"1","Items":[]}`,
	} {
		if l, _, err := backups(t, canned{200, body, nil}); err == nil {
			t.Errorf("%s: taken for a list: %+v", body, l)
		}
	}
	for _, body := range []string{
		`{"TotalCount":"0"}`, `{"TotalCount":"0","Code":"200","Success":true}`, `{"TotalCount":0,"Items":{}}`, `{"Items":{"Backup":[]}}`,
		`{"Items":{"Backup":null}}`, `{"TotalCount":"0","Items":[]}`, `{"TotalCount":"0","Items":""}`, `{"TotalCount":"0","Items":null}`, `{"Items":[]}`,
	} {
		if l, calls, err := backups(t, canned{200, body, nil}); err != nil || len(l.Sets) != 0 || calls != 1 {
			t.Errorf("%s: %+v, %v", body, l, err)
		}
	}
}

// TestQueries: what is asked of the service. It is asked to leave out only what its documentation gives a meaning.
func TestQueries(t *testing.T) {
	var asked []string
	s := sessionOn(func(_ int, r *http.Request) (canned, error) {
		//lint:ignore SA1008 the SDK writes the name in lower case, past http.Header
		asked = append(asked, strings.Join(r.Header["x-acs-action"], "")+" "+r.URL.RawQuery)
		return canned{200, fmt.Sprintf(`{"TotalCount":2,"Items":{"DBCluster":[{"DBClusterId":"amv-%d"}]}}`, len(asked)), nil}, nil
	})
	for _, selector := range []backup.Selector{{All: true}, {
		Tags:            map[string]string{"b": "two words", "a": "*", "c": ""},
		NotTags:         map[string]string{"d": "x"},
		ResourceGroupID: "rg-1",
	}} {
		if got, err := s.Clusters(t.Context(), "cn-hangzhou", selector); err != nil || len(got) != 2 || got[1].ID == got[0].ID {
			t.Errorf("%+v, %v", got, err)
		}
	}
	s.Backups(t.Context(), someCluster, time.Date(2026, 11, 23, 10, 0, 59, 0, time.FixedZone("", 8*3600)), time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC))
	want := []string{
		"DescribeDBClusters DBClusterVersion=All&PageNumber=1&PageSize=100&RegionId=cn-hangzhou",
		"DescribeDBClusters DBClusterVersion=All&PageNumber=2&PageSize=100&RegionId=cn-hangzhou",
		"DescribeDBClusters DBClusterVersion=All&PageNumber=1&PageSize=100&RegionId=cn-hangzhou&ResourceGroupId=rg-1&Tag.1.Key=b&Tag.1.Value=two+words&Tag.2.Key=c&Tag.2.Value=",
		"DescribeDBClusters DBClusterVersion=All&PageNumber=2&PageSize=100&RegionId=cn-hangzhou&ResourceGroupId=rg-1&Tag.1.Key=b&Tag.1.Value=two+words&Tag.2.Key=c&Tag.2.Value=",
		"DescribeBackups DBClusterId=amv-1&EndTime=2026-11-24T02%3A00Z&PageNumber=1&PageSize=100&RegionId=cn-hangzhou&StartTime=2026-11-23T02%3A00Z",
		"DescribeBackups DBClusterId=amv-1&EndTime=2026-11-24T02%3A00Z&PageNumber=2&PageSize=100&RegionId=cn-hangzhou&StartTime=2026-11-23T02%3A00Z",
	}
	if got := strings.Join(asked, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("asked\n%s", got)
	}
}

// FuzzLists: whatever a page holds, a row of it is a cluster or a set that can be used.
func FuzzLists(f *testing.F) {
	f.Add([]byte(`{"TotalCount":"1","Items":{"Backup":[{"BackupId":"1","BackupStartTime":"2026-11-23T02:00Z","BackupSize":5000000000}]}}`))
	f.Add([]byte(`{"TotalCount":1,"Items":{"DBCluster":[{"DBClusterId":"amv-1","CreateTime":"9999-12-31T23:59:59-08:00","Tags":{"Tag":[{"Key":"a","Value":"b"}]}}]}}`))
	f.Add([]byte(`{"TotalCount":1,"Items":[]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		rows, _, err := decodePage(body, map[string]bool{})
		if err != nil {
			return
		}
		for _, b := range rows {
			s, _ := b.set(backup.NewStatuses(nil, nil), Mask{})
			if _, err := json.Marshal(s); err != nil || s.Size < 0 || s.Start.From.After(s.Start.Until) {
				t.Errorf("%+v, %v", s, err)
			}
			if _, err := json.Marshal(b.cluster()); err != nil {
				t.Error(err)
			}
		}
	})
}
