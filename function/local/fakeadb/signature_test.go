package fakeadb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"

	"adb-backup/function/local/fakeadb/inmemory"
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
	for name, c := range map[string]struct {
		config func(*openapi.Config)
		change func(*http.Request)
		want   string
	}{
		"another secret":     {config: func(c *openapi.Config) { c.AccessKeySecret = dara.String("x") }, want: "SignatureDoesNotMatch"},
		"an unknown key":     {config: func(c *openapi.Config) { c.AccessKeyId = dara.String("x") }, want: "InvalidAccessKeyId.NotFound"},
		"another token":      {config: func(c *openapi.Config) { c.SecurityToken = dara.String("x") }, want: "InvalidSecurityToken.MismatchWithAccessKey"},
		"no token":           {config: func(c *openapi.Config) { c.SecurityToken = nil }, want: "MissingSecurityToken"},
		"another cluster":    {change: func(r *http.Request) { r.URL.RawQuery = "DBClusterId=" + two }, want: "SignatureDoesNotMatch"},
		"another host":       {change: func(r *http.Request) { r.Host = "evil.example" }, want: "SignatureDoesNotMatch"},
		"another body":       {change: func(r *http.Request) { r.Body = http.NoBody; r.Header.Set("x-acs-content-sha256", "00") }, want: "SignatureDoesNotMatch"},
		"an added header":    {change: func(r *http.Request) { r.Header.Set("x-acs-extra", "1") }, want: "IncompleteSignature"},
		"another action":     {change: func(r *http.Request) { r.Header.Set("x-acs-action", "DescribeBackups") }, want: "SignatureDoesNotMatch"},
		"no signature":       {change: func(r *http.Request) { r.Header.Del("Authorization") }, want: "IncompleteSignature"},
		"another scheme":     {change: func(r *http.Request) { r.Header.Set("Authorization", "Basic eDp5") }, want: "IncompleteSignature"},
		"no date":            {change: func(r *http.Request) { r.Header.Del("x-acs-date") }, want: "InvalidTimeStamp.Format"},
		"16 minutes old":     {change: func(r *http.Request) { time.Sleep(16 * time.Minute) }, want: "InvalidTimeStamp.Expired"},
		"14 minutes old":     {change: func(r *http.Request) { time.Sleep(14 * time.Minute) }, want: ""},
		"another version":    {change: func(r *http.Request) { r.Header.Set("x-acs-version", "2019-03-15") }, want: "InvalidVersion"},
		"an unknown action":  {change: func(r *http.Request) { r.Header.Set("x-acs-action", "DeleteBackups") }, want: "InvalidAction.NotFound"},
		"a path":             {change: func(r *http.Request) { r.URL.Path = "/api" }, want: "InvalidAction.NotFound"},
		"a method":           {change: func(r *http.Request) { r.Method = "GET" }, want: "UnsupportedHTTPMethod"},
		"nothing is changed": {},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := New(Options{Credentials: credentials()})
				client := sdk(t, s, func(config *openapi.Config) {
					if c.change != nil {
						config.HttpClient = roundTripper{tamper{inmemory.New(s), c.change}}
					}
					if c.config != nil {
						c.config(config)
					}
				})
				_, err := create(t.Context(), client, one)
				if got := code(err); got != c.want {
					t.Errorf("%v, want %s", err, c.want)
				}
				if effect := len(s.Backups("")) == 1; effect != (c.want == "") {
					t.Errorf("backups: %+v", s.Backups(""))
				}
			})
		})
	}
}

func TestARequestComesOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{Credentials: credentials()})
		var sent *http.Request
		client := sdk(t, s, func(config *openapi.Config) {
			config.HttpClient = roundTripper{tamper{inmemory.New(s), func(r *http.Request) { sent = r.Clone(context.Background()); sent.Body = http.NoBody }}}
		})
		if _, err := create(t.Context(), client, one); err != nil {
			t.Fatal(err)
		}
		for _, age := range []time.Duration{0, time.Minute, 13 * time.Minute} {
			time.Sleep(age)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, sent)
			if !strings.Contains(w.Body.String(), `"Code":"SignatureNonceUsed"`) {
				t.Errorf("again after %v: %s", age, w.Body)
			}
		}
	})
}

// code is the service's, empty without an error.
func code(err error) string {
	switch err := err.(type) {
	case nil:
		return ""
	case *openapi.ClientError:
		return *err.Code
	case *openapi.ServerError:
		return *err.Code
	case *openapi.ThrottlingError:
		return *err.Code
	}
	return err.Error()
}
