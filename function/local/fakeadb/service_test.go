package fakeadb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
)

// In a synctest bubble it is midnight, 2000-01-01, UTC.
const (
	from = "1999-12-31T00:00Z"
	to   = "2000-01-02T00:00Z"
)

// bubble runs a test in virtual time against a service, through the vendor's SDK.
func bubble(t *testing.T, o Options, test func(t *testing.T, s *Service, client *adb.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Credentials = credentials()
		s := New(o)
		test(t, s, sdk(t, s))
	})
}

func mustList(t *testing.T, client *adb.Client, more ...func(*adb.DescribeBackupsRequest)) *adb.DescribeBackupsResponseBody {
	t.Helper()
	body, err := describe(t.Context(), client, one, from, to, more...)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// shown is a list in short: id, type, times and status of every entry.
func shown(body *adb.DescribeBackupsResponseBody) string {
	var b strings.Builder
	for _, e := range body.Items.Backup {
		fmt.Fprintf(&b, "%s %s %s-%s %s %d;", dara.StringValue(e.BackupId), dara.StringValue(e.BackupType), dara.StringValue(e.BackupStartTime),
			dara.StringValue(e.BackupEndTime), dara.StringValue(e.BackupStatus), dara.Int32Value(e.BackupSize))
	}
	return strings.TrimSuffix(b.String(), ";")
}

func TestABackupsLife(t *testing.T) {
	bubble(t, Options{Takes: 10 * time.Minute, StartsAfter: 30 * time.Second, ListedAfter: time.Minute, Size: 5000}, func(t *testing.T, s *Service, client *adb.Client) {
		id, err := create(t.Context(), client, one)
		if err != nil || id == "" {
			t.Fatal(id, err)
		}
		at := map[time.Duration]string{
			0:                               "",
			59 * time.Second:                "",
			time.Minute:                     "32732001 FullBackup 2000-01-01T00:00Z- Running 0",
			10*time.Minute + 29*time.Second: "32732001 FullBackup 2000-01-01T00:00Z- Running 0",
			10*time.Minute + 30*time.Second: "32732001 FullBackup 2000-01-01T00:00Z-2000-01-01T00:10Z Success 5000",
		}
		began := time.Now()
		for _, d := range slices.Sorted(func(yield func(time.Duration) bool) {
			for d := range at {
				if !yield(d) {
					return
				}
			}
		}) {
			time.Sleep(time.Until(began.Add(d)))
			if got := shown(mustList(t, client)); got != at[d] {
				t.Errorf("after %v: %s, want %s", d, got, at[d])
			}
		}
		b := s.Backups(one)
		if len(b) != 1 || b[0].RequestID != id || !b[0].Start.Equal(began.Add(30*time.Second)) || b[0].State(s.Now()) != Completed {
			t.Errorf("in truth: %+v", b)
		}
		if body, _ := describe(t.Context(), client, two, from, to); len(body.Items.Backup) != 0 {
			t.Errorf("another cluster's list: %s", shown(body))
		}
	})
}

func TestEndingsWordsAndForms(t *testing.T) {
	for want, o := range map[string]Options{
		"32732001 FullBackup 2000-01-01T00:00Z-2000-01-01T01:00Z Failed 0":          {Ends: Fails},
		"32732001 FullBackup 2000-01-01T00:00Z- Running 0":                          {Ends: NeverEnds},
		"32732001 FullBackup 2000-01-01T00:00:00Z-2000-01-01T01:00:00Z Fertig 2000": {Layout: Seconds, Words: Words{Completed: "Fertig"}},
		"32732001 FullBackup 2000-01-01T00:00Z-2000-01-01T01:00Z  2000":             {NoStatus: true},
		"32732001 FullBackup 2000-01-01T00:07Z-2000-01-01T01:07Z Success 2000":      {Skew: 7 * time.Minute},
	} {
		o.Takes, o.Size = time.Hour, 2000
		bubble(t, o, func(t *testing.T, s *Service, client *adb.Client) {
			create(t.Context(), client, one)
			time.Sleep(time.Hour)
			if got := shown(mustList(t, client)); got != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	bubble(t, Options{Clusters: []Cluster{{ID: one}, {ID: two, Region: "cn-beijing"}}, Denied: []Denial{{Action: "CreateBackup"}}}, func(t *testing.T, s *Service, client *adb.Client) {
		with := func(change func(*adb.DescribeBackupsRequest)) error {
			_, err := describe(t.Context(), client, one, from, to, change)
			return err
		}
		_, createErr := create(t.Context(), client, one)
		_, unknown := describe(t.Context(), client, "am-other", from, to)
		_, elsewhere := describe(t.Context(), client, two, from, to)
		_, malformed := describe(t.Context(), client, "amv-wz9or2xawpnc****", from, to)
		_, none := describe(t.Context(), client, "", from, to)
		_, backwards := describe(t.Context(), client, one, to, from)
		_, empty := describe(t.Context(), client, one, from, from)
		_, seconds := describe(t.Context(), client, one, "1999-12-31T00:00:00Z", to)
		_, noStart := describe(t.Context(), client, one, "", to)
		for want, err := range map[string]error{
			"NoPermission 403":                 createErr,
			"InvalidDBCluster.NotFound 404":    unknown,
			"InvalidDBClusterId.Malformed 400": malformed,
			"MissingDBClusterId 400":           none,
			"InvalidEndTime.Malformed 400":     backwards,
			"InvalidStartTime.Malformed 400":   seconds,
			"MissingStartTime 400":             noStart,
			"InvalidPageSize.Malformed 400":    with(func(r *adb.DescribeBackupsRequest) { r.PageSize = dara.Int32(10) }),
			"InvalidPageNumber.Malformed 400":  with(func(r *adb.DescribeBackupsRequest) { r.PageNumber = dara.Int32(0) }),
			"InvalidDBCluster.NotFound 404 ":   elsewhere,
			"InvalidEndTime.Malformed 400 ":    empty,
		} {
			var refused *openapi.ClientError
			if !errors.As(err, &refused) || fmt.Sprint(*refused.Code, " ", *refused.StatusCode) != strings.TrimSpace(want) {
				t.Errorf("%v, want %s", err, want)
			}
		}
		var refused *openapi.ClientError
		errors.As(createErr, &refused)
		if d := refused.AccessDeniedDetail; d["AuthAction"] != "adb:CreateBackup" || d["NoPermissionType"] != "ImplicitDeny" || *refused.RequestId == "" {
			t.Errorf("denied: %v, request %s", d, *refused.RequestId)
		}
		if len(s.Backups("")) != 0 {
			t.Error("something took effect")
		}
	})
}

// The same over a real connection: headers, broken connections and a caller that goes are as net/http has them.
func TestOverTheNetwork(t *testing.T) {
	var mu sync.Mutex
	var calls []Call
	done := make(chan struct{}, 10)
	s := New(Options{Credentials: credentials(), OnCall: func(c Call) { mu.Lock(); calls = append(calls, c); mu.Unlock(); done <- struct{}{} }})
	s.Set(func(o *Options) {
		o.Faults = Script(Step{Action: "CreateBackup", Nth: 2, Fault: Broken.AfterEffect()}, Step{Action: "CreateBackup", Nth: 3, Fault: Slow(time.Minute).AfterEffect()})
	})
	server := httptest.NewServer(s)
	defer server.Close()
	client := sdk(t, s, func(c *openapi.Config) {
		c.HttpClient = roundTripper{http.DefaultTransport}
		c.Protocol, c.Endpoint = dara.String("http"), dara.String(server.Listener.Addr().String())
	})
	if id, err := create(t.Context(), client, one); err != nil || id == "" {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := create(t.Context(), client, one); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("broken: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if _, err := create(ctx, client, one); err == nil {
		t.Error("slow: no error")
	}
	for range 3 {
		<-done
	}
	mu.Lock()
	defer mu.Unlock()
	if len(s.Backups(one)) != 3 || calls[1].Status != 0 || calls[1].Code != "connection broken" || calls[2].Code != "caller gone" {
		t.Errorf("%+v", calls)
	}
}
