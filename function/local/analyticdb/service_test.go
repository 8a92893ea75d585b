package analyticdb

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
		"32732001 FullBackup 2000-01-01T00:00:00Z-2000-01-01T01:00:00Z Fertig 2000": {Precision: Seconds, Words: Words{Completed: "Fertig"}},
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

func TestNumbers(t *testing.T) {
	for n, want := range []string{
		`"PageNumber":"1","PageSize":"30",REQUEST,"TotalBackupSize":5000000000,"TotalCount":"1"`,
		`"PageNumber":"1","PageSize":"30",REQUEST,"TotalBackupSize":"5000000000","TotalCount":"1"`,
		`"PageNumber":1,"PageSize":30,REQUEST,"TotalBackupSize":5000000000,"TotalCount":1`,
	} {
		bubble(t, Options{Numbers: Numbers(n)}, func(t *testing.T, s *Service, client *adb.Client) {
			create(t.Context(), client, one)
			raw, err := client.CallApiWithCtx(t.Context(), &openapi.Params{
				Action: dara.String("DescribeBackups"), Version: dara.String(version), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
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
		if body := mustList(t, client, func(r *adb.DescribeBackupsRequest) { r.BackupId = dara.String("7") }); len(body.Items.Backup) != 1 {
			t.Errorf("by id: %s", shown(body))
		}
	})
}

func TestRefusals(t *testing.T) {
	bubble(t, Options{Clusters: map[string]string{one: "cn-hangzhou", two: "cn-beijing"}, Denied: []Denial{{Action: "CreateBackup"}}}, func(t *testing.T, s *Service, client *adb.Client) {
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

func TestFaults(t *testing.T) {
	follow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer follow.Close()
	for name, c := range map[string]struct {
		fault Fault
		want  string // in the error; empty: success
	}{
		"refused":   {Refused(ErrClusterIDNotFound), "InvalidDBClusterId.NotFound"},
		"throttled": {Throttled(1500 * time.Millisecond), "Throttling.User"},
		"500":       {Refused(ErrInternal), "InternalError"},
		"503":       {Refused(ErrUnavailable), "ServiceUnavailable"},
		"502":       {BadGateway, "invalid character '<'"},
		"408":       {RequestTimeout, "code: 408"},
		"garbage":   {Garbage, "unexpected EOF"},
		"empty":     {Empty, ""},
		"object":    {EmptyObject, ""},
		"broken":    {Broken, "connection reset"},
		"slow":      {Slow(20 * time.Second), "context deadline exceeded"},
		"redirect":  {Redirect(follow.URL), ""},
	} {
		for _, after := range []bool{false, true} {
			fault := c.fault
			if after {
				fault = fault.AfterEffect()
			}
			var calls []Call
			bubble(t, Options{Faults: Script(Step{Action: "CreateBackup", Nth: 1, Fault: fault}), OnCall: func(c Call) { calls = append(calls, c) }}, func(t *testing.T, s *Service, client *adb.Client) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				id, err := create(ctx, client, one)
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error()+code(err), c.want) {
					t.Errorf("%s, after %v: %q, %v, want %q", name, after, id, err, c.want)
				}
				if got := len(s.Backups(one)) == 1; got != after || calls[0].Effect != after {
					t.Errorf("%s, after %v: %d backups, call %+v", name, after, len(s.Backups(one)), calls[0])
				}
				var throttled *openapi.ThrottlingError
				if errors.As(err, &throttled) && *throttled.RetryAfter != 1500 {
					t.Errorf("hint %v", *throttled.RetryAfter)
				}
				if id, err := create(t.Context(), client, one); err != nil || id == "" {
					t.Errorf("%s: the second call: %q, %v", name, id, err)
				}
			})
		}
	}
}

func TestTheRateIsLimited(t *testing.T) {
	bubble(t, Options{Rate: 2, Burst: 3, Hint: true}, func(t *testing.T, s *Service, client *adb.Client) {
		var served, refused int
		for range 100 {
			_, err := create(t.Context(), client, one)
			var throttled *openapi.ThrottlingError
			switch {
			case err == nil:
				served++
			case errors.As(err, &throttled) && *throttled.RetryAfter > 0 && *throttled.RetryAfter <= 500:
				refused++
			default:
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if served != 3+19 || refused != 78 || s.Count("CreateBackup") != 100 {
			t.Errorf("%d served, %d refused", served, refused)
		}
	})
}

func TestLatencyAndWhoeverDoesNotWait(t *testing.T) {
	var calls []Call
	bubble(t, Options{Latency: 100 * time.Millisecond, OnCall: func(c Call) { calls = append(calls, c) }}, func(t *testing.T, s *Service, client *adb.Client) {
		for patience, effect := range map[time.Duration]bool{40 * time.Millisecond: false, 60 * time.Millisecond: true} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			_, err := create(ctx, client, one)
			cancel()
			last := calls[len(calls)-1]
			if !errors.Is(err, context.DeadlineExceeded) || last.Effect != effect || last.Status != 0 || last.Took != patience {
				t.Errorf("patience %v: %v, %+v", patience, err, last)
			}
		}
		if _, err := create(t.Context(), client, one); err != nil || calls[2].Took != 100*time.Millisecond || calls[2].Status != 200 || calls[2].Nth != 3 {
			t.Errorf("%v, %+v", err, calls[2])
		}
	})
}

func TestOptionsChangeWhileCallsRun(t *testing.T) {
	bubble(t, Options{Latency: time.Second}, func(t *testing.T, s *Service, _ *adb.Client) {
		var all sync.WaitGroup
		for i := range 50 {
			all.Go(func() {
				if _, err := create(t.Context(), sdk(t, s), fmt.Sprint("amv-", i)); err != nil {
					t.Error(err)
				}
				s.Set(func(o *Options) { o.Takes += time.Second })
			})
		}
		all.Wait()
		if s.Options().Takes != 50*time.Second || s.MaxInFlight() != 50 || len(s.Backups("")) != 50 {
			t.Errorf("takes %v, %d in flight, %d backups", s.Options().Takes, s.MaxInFlight(), len(s.Backups("")))
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
