package fakeadb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

func TestWhatIsNotAuthenticIsRefused(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header[name] = []string{value} }
	}
	var s *Service
	for name, c := range map[string]struct {
		config func(*openapi.Config)
		change func(*http.Request)
		want   string
	}{
		"another secret":     {config: func(c *openapi.Config) { c.AccessKeySecret = dara.String("x") }, want: "SignatureDoesNotMatch"},
		"an unknown key":     {config: func(c *openapi.Config) { c.AccessKeyId = dara.String("x") }, want: "InvalidAccessKeyId.NotFound"},
		"another token":      {config: func(c *openapi.Config) { c.SecurityToken = dara.String("x") }, want: "InvalidSecurityToken.MismatchWithAccessKey"},
		"no token":           {config: func(c *openapi.Config) { c.SecurityToken = nil }, want: "InvalidSecurityToken.MismatchWithAccessKey"},
		"another cluster":    {change: func(r *http.Request) { r.URL.RawQuery = "DBClusterId=" + two }, want: "SignatureDoesNotMatch"},
		"another host":       {change: func(r *http.Request) { r.Host = "evil.example" }, want: "SignatureDoesNotMatch"},
		"another body":       {change: header("x-acs-content-sha256", "00"), want: "SignatureDoesNotMatch"},
		"an added header":    {change: header("x-acs-extra", "1"), want: "IncompleteSignature"},
		"another action":     {change: header("x-acs-action", "DescribeBackups"), want: "SignatureDoesNotMatch"},
		"no signature":       {change: header("Authorization", ""), want: "IncompleteSignature"},
		"another scheme":     {change: header("Authorization", "Basic eDp5"), want: "IncompleteSignature"},
		"no date":            {change: header("x-acs-date", ""), want: "InvalidTimeStamp.Expired"},
		"16 minutes old":     {change: func(r *http.Request) { time.Sleep(16 * time.Minute) }, want: "InvalidTimeStamp.Expired"},
		"14 minutes old":     {change: func(r *http.Request) { time.Sleep(14 * time.Minute) }},
		"another version":    {change: header("x-acs-version", "2019-03-15"), want: "InvalidVersion"},
		"an unknown action":  {change: header("x-acs-action", "DeleteBackups"), want: "InvalidAction.NotFound"},
		"a path":             {change: func(r *http.Request) { r.URL.Path = "/api" }, want: "InvalidAction.NotFound"},
		"a method":           {change: func(r *http.Request) { r.Method = "GET" }, want: "UnsupportedHTTPMethod"},
		"nothing is changed": {},
		"sent again": {change: func(r *http.Request) {
			s.RoundTrip(r.Clone(r.Context()))
			s.Remove(s.Backups("")[0].ID)
		}, want: "SignatureNonceUsed"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s = New(Options{Credentials: credentials})
			_, refused := call(t.Context(), sdk(t, wire{s, c.change}, c.config), "CreateBackup", "DBClusterId="+one)
			if code, _, _ := strings.Cut(refused, " "); code != c.want || (len(s.Backups("")) == 1) != (c.want == "") {
				t.Errorf("%s: %s, %+v, want %s", name, refused, s.Backups(""), c.want)
			}
		})
	}
}

func TestWhatTheServiceRefuses(t *testing.T) {
	bubble(t, Options{
		Clusters: []Cluster{{ID: one}, {ID: two, Region: "cn-beijing"}, {ID: "amv-new", Status: "Creating"}, {ID: "am-old", DBVersion: "3.0"}, {ID: "amv-busy"}},
		Denied:   []Denial{{Action: "CreateBackup", Cluster: one}, {Cluster: "amv-hidden"}},
		Busy:     []Busy{{"amv-busy", time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC), ErrUnavailable}},
		Takes:    time.Hour, Overlap: ErrBackupExists,
	}, func(t *testing.T, s *Service, client *openapi.Client) {
		for change, want := range map[string]string{
			"DBClusterId=amv-wz9or2xawpnc****": "InvalidDBClusterId.Malformed 400",
			"DBClusterId=":                     "MissingDBClusterId 400",
			"StartTime=2000-12-31T00:01Z":      "InvalidEndTime.Malformed 400",
			"StartTime=2000-12-31T00:00Z":      "InvalidEndTime.Malformed 400",
			"StartTime=1999-12-31T00:00:00Z":   "InvalidStartTime.Malformed 400",
			"StartTime=":                       "MissingStartTime 400",
			"PageSize=10":                      "InvalidPageSize.Malformed 400",
			"PageNumber=0":                     "InvalidPageNumber.Malformed 400",
			"DBClusterId=" + two:               "InvalidDBCluster.NotFound 404",
			"DBClusterId=amv-hidden":           "NoPermission 403", // it is not told that there is none
			"":                                 "",
		} {
			if _, got := call(t.Context(), client, "DescribeBackups", window, change); got != want {
				t.Errorf("%s: %s, want %s", change, got, want)
			}
		}
		for id, want := range map[string]string{one: "NoPermission 403", "amv-new": "OperationDenied.DBClusterStatus 403", "am-old": "InvalidDBClusterId.NotFound 400", "amv-busy": "ServiceUnavailable 503"} {
			if _, got := call(t.Context(), client, "CreateBackup", "DBClusterId="+id); got != want {
				t.Errorf("%s: %s, want %s", id, got, want)
			}
		}
		s.Add(Backup{Cluster: "amv-busy", Type: "IncrementalBackup", Start: s.Now()}, Backup{Cluster: "amv-busy", Parent: "6", Start: s.Now()})
		for i, want := range []string{"", "BackupJobExists 400", ""} { // from the moment on at which it is not busy any more
			time.Sleep(time.Minute << (5 * i))
			if _, got := call(t.Context(), client, "CreateBackup", "DBClusterId=amv-busy"); got != want {
				t.Errorf("%d: %s, want %s", i, got, want)
			}
		}
	})
}

func TestFaults(t *testing.T) {
	answered := func(status int, body string) Fault {
		return Fault{Name: "a gateway", Answer: func(*Call) Answer { return Answer{status, map[string]string{"Location": "/x"}, body} }}
	}
	for name, c := range map[string]struct {
		fault Fault
		want  string // in the error; empty: success
		code  string // in the call's note
	}{
		"refused":   {Refused(ErrClusterIDNotFound), "InvalidDBClusterId.NotFound 400", "InvalidDBClusterId.NotFound"},
		"throttled": {Throttled(1500 * time.Millisecond), "Throttling.User 400 for 1500", "Throttling.User"},
		"answered":  {answered(502, "<html>"), "invalid character '<'", "a gateway"},
		"empty":     {answered(200, "{}"), "", "a gateway"},
		"broken":    {Broken, "connection reset", "connection broken"},
		"slow":      {Fault{Delay: 20 * time.Second}, "context deadline exceeded", "caller gone"},
		"redirect":  {answered(302, ""), "", "a gateway"},
	} {
		for _, after := range []bool{false, true} {
			var calls []Call
			c.fault.After = after
			o := Options{Faults: Strike("CreateBackup", c.fault, 1), OnCall: func(c Call) { calls = append(calls, c) }}
			bubble(t, o, func(t *testing.T, s *Service, client *openapi.Client) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				r, refused := call(ctx, client, "CreateBackup", "DBClusterId="+one)
				if (refused == "") != (c.want == "") || !strings.Contains(refused, c.want) {
					t.Errorf("%s, after %v: %q, %s, want %q", name, after, r.RequestId, refused, c.want)
				}
				if got := len(s.Backups(one)) == 1; got != after || calls[0].Effect != after || calls[0].Code != c.code {
					t.Errorf("%s, after %v: %d backups, call %+v", name, after, len(s.Backups(one)), calls[0])
				}
				if r, refused := call(t.Context(), client, "CreateBackup", "DBClusterId="+one); r.RequestId == "" {
					t.Errorf("%s: the second call: %s", name, refused)
				}
			})
		}
	}
}

func TestLatencyAndWhoeverDoesNotWait(t *testing.T) {
	var last Call
	bubble(t, Options{Latency: 100 * time.Millisecond, OnCall: func(c Call) { last = c }}, func(t *testing.T, s *Service, client *openapi.Client) {
		for patience, effect := range map[time.Duration]bool{40 * time.Millisecond: false, 60 * time.Millisecond: true, time.Second: true} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			call(ctx, client, "CreateBackup", "DBClusterId="+one)
			cancel()
			if served := patience > s.options.Latency; last.Effect != effect || (last.Status == 200) != served || last.Took != min(patience, s.options.Latency) {
				t.Errorf("patience %v: %+v", patience, last)
			}
		}
	})
}

const (
	one = "amv-wz9or2xawpnc"
	two = "amv-bp1r053byu48p"
	// window is a list of the backups of one cluster. Virtual time begins a day later.
	window = "DBClusterId=" + one + "&StartTime=1999-12-31T00:00Z&EndTime=2000-12-31T00:00Z"
)

var credentials = map[string]Credential{"STS.NTkey": {Secret: "secret", Token: "token"}}

// bubble runs a test in virtual time against a service, through the vendor's SDK.
func bubble(t *testing.T, o Options, test func(t *testing.T, s *Service, client *openapi.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Credentials = credentials
		s := New(o)
		test(t, s, sdk(t, wire{s, nil}, nil))
	})
}

// wire is the SDK's way to the service. Something may change a signed request there.
type wire struct {
	*Service
	change func(*http.Request)
}

func (w wire) Call(r *http.Request, _ *http.Transport) (*http.Response, error) {
	if w.change != nil {
		w.change(r)
	}
	return w.RoundTrip(r)
}

// sdk is the vendor's client. change may be nil.
func sdk(t *testing.T, w wire, change func(*openapi.Config)) *openapi.Client {
	t.Helper()
	config := &openapi.Config{
		AccessKeyId: dara.String("STS.NTkey"), AccessKeySecret: dara.String("secret"), SecurityToken: dara.String("token"),
		Endpoint: dara.String("adb.aliyuncs.com"), HttpClient: w,
	}
	if change != nil {
		change(config)
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.DisableSDKError = dara.Bool(true)
	return client
}

// reply is what of the replies is looked at.
type reply struct {
	RequestId                        string
	TotalCount, PageNumber, PageSize any
	Items                            struct{ Backup, DBCluster []map[string]any }
}

// call calls an action. Of a parameter in several queries the last one counts. It returns the reply, or why there is none: code and
// status of a refusal, else what the error says.
func call(ctx context.Context, client *openapi.Client, action string, queries ...string) (r reply, refused string) {
	params := &openapiutil.Params{
		Action: dara.String(action), Version: dara.String("2021-12-01"), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
		Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"),
		ReqBodyType: dara.String("formData"), BodyType: dara.String("string"),
	}
	query := map[string]*string{"RegionId": dara.String("cn-hangzhou")}
	for _, more := range queries {
		values, _ := url.ParseQuery(more)
		for name := range values {
			query[name] = dara.String(values.Get(name))
		}
	}
	answer, err := client.CallApiWithCtx(ctx, params, &openapiutil.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
	var own interface { // of each of the SDK's types
		GetCode() *string
		GetStatusCode() *int
		GetRetryAfter() *int64
	}
	switch {
	case err == nil:
		body, _ := answer["body"].(string)
		json.Unmarshal([]byte(body), &r)
		return r, ""
	case !errors.As(err, &own):
		return r, err.Error()
	}
	refused = fmt.Sprint(*own.GetCode(), " ", *own.GetStatusCode())
	if after := own.GetRetryAfter(); after != nil {
		refused += fmt.Sprint(" for ", *after)
	}
	return r, refused
}
