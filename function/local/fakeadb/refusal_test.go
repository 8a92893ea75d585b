package fakeadb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
)

// tamper changes a signed request on its way, with headers as on the wire: the SDK's are in lower case.
type tamper struct {
	http.RoundTripper
	change func(*http.Request)
}

func (t tamper) RoundTrip(r *http.Request) (*http.Response, error) {
	header := http.Header{}
	for name, values := range r.Header {
		header.Set(name, values[0])
	}
	r.Header = header
	t.change(r)
	return t.RoundTripper.RoundTrip(r)
}

func TestWhatIsNotAuthenticIsRefused(t *testing.T) {
	header := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
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
	} {
		synctest.Test(t, func(t *testing.T) {
			s := New(Options{Credentials: credentials()})
			var sent *http.Request
			client := sdk(t, tamper{s, func(r *http.Request) {
				if c.change != nil {
					c.change(r)
				}
				sent = r.Clone(context.Background())
				sent.Body = http.NoBody
			}}, func(config *openapi.Config) {
				if c.config != nil {
					c.config(config)
				}
			})
			_, refused := create(t.Context(), client, one)
			if code, _, _ := strings.Cut(refused, " "); code != c.want || (len(s.Backups("")) == 1) != (c.want == "") {
				t.Errorf("%s: %s, %+v, want %s", name, refused, s.Backups(""), c.want)
			}
			w := httptest.NewRecorder() // nothing is taken twice
			if s.ServeHTTP(w, sent); c.want == "" && !strings.Contains(w.Body.String(), `"Code":"SignatureNonceUsed"`) {
				t.Errorf("%s, again: %s", name, w.Body)
			}
		})
	}
}

func TestWhatTheServiceRefuses(t *testing.T) {
	type request = adb.DescribeBackupsRequest
	bubble(t, Options{
		Clusters: []Cluster{{ID: one}, {ID: two, Region: "cn-beijing"}, {ID: "amv-new", Status: "Creating"}, {ID: "am-old", DBVersion: "3.0"}, {ID: "amv-busy"}},
		Denied:   []Denial{{Action: "CreateBackup", Cluster: one}, {Cluster: "amv-hidden"}},
		Busy:     []Busy{{"amv-busy", time.Date(2000, 1, 1, 0, 1, 0, 0, time.UTC), ErrUnavailable}},
		Takes:    time.Hour, Overlap: ErrBackupExists,
	}, func(t *testing.T, s *Service, client *adb.Client) {
		for i, c := range []struct {
			want   string
			change func(*request)
		}{
			{"InvalidDBClusterId.Malformed 400", func(r *request) { r.DBClusterId = dara.String("amv-wz9or2xawpnc****") }},
			{"MissingDBClusterId 400", func(r *request) { r.DBClusterId = nil }},
			{"InvalidEndTime.Malformed 400", func(r *request) { r.StartTime, r.EndTime = r.EndTime, r.StartTime }},
			{"InvalidEndTime.Malformed 400", func(r *request) { r.StartTime = r.EndTime }},
			{"InvalidStartTime.Malformed 400", func(r *request) { r.StartTime = dara.String("1999-12-31T00:00:00Z") }},
			{"MissingStartTime 400", func(r *request) { r.StartTime = nil }},
			{"InvalidPageSize.Malformed 400", func(r *request) { r.PageSize = dara.Int32(10) }},
			{"InvalidPageNumber.Malformed 400", func(r *request) { r.PageNumber = dara.Int32(0) }},
			{"InvalidDBCluster.NotFound 404", func(r *request) { r.DBClusterId = dara.String(two) }},
			{"NoPermission 403", func(r *request) { r.DBClusterId = dara.String("amv-hidden") }}, // it is not told that there is none
			{"", func(*request) {}},
		} {
			if got, _ := backups(t.Context(), client, c.change); got != c.want {
				t.Errorf("%d: %s, want %s", i, got, c.want)
			}
		}
		for id, want := range map[string]string{one: "NoPermission 403", "amv-new": "OperationDenied.DBClusterStatus 403", "am-old": "InvalidDBClusterId.NotFound 400", "amv-busy": "ServiceUnavailable 503"} {
			if _, got := create(t.Context(), client, id); got != want {
				t.Errorf("%s: %s, want %s", id, got, want)
			}
		}
		s.Add(Backup{Cluster: "amv-busy", Type: "IncrementalBackup", Start: s.Now()}, Backup{Cluster: "amv-busy", Parent: "6", Start: s.Now()})
		for i, want := range []string{"", "BackupJobExists 400", ""} { // from the moment on at which it is not busy any more
			time.Sleep(time.Minute << (5 * i))
			if _, got := create(t.Context(), client, "amv-busy"); got != want {
				t.Errorf("%d: %s, want %s", i, got, want)
			}
		}
	})
}
