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
)

// The vectors are those of Alibaba Cloud's "V3 request syntax and signature method".
func TestThePublishedVectors(t *testing.T) {
	for _, v := range []struct{ date, nonce, want string }{
		{"2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d", "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"},
		{"2023-10-26T09:01:01Z", "d410180a5abf7fe235dd9b74aca91fc0", "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804"},
	} {
		r := httptest.NewRequest("POST", "https://ecs.cn-shanghai.aliyuncs.com/?RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", nil)
		for name, value := range map[string]string{
			"x-acs-action": "RunInstances", "x-acs-version": "2014-05-26", "x-acs-date": v.date, "x-acs-signature-nonce": v.nonce,
			"x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		} {
			r.Header.Set(name, value)
		}
		signed := strings.Split("host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version", ";")
		if got := sign(stringToSign(r, signed), "YourAccessKeySecret"); got != v.want {
			t.Errorf("%s: %s, want %s", v.date, got, v.want)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	r := httptest.NewRequest("POST", "/?b=x%20y&a=*~%2F&c&b=%E5%8C%97", nil)
	if got, want := canonicalQuery(r.URL.Query()), "a=%2A~%2F&b=x%20y&b=%E5%8C%97&c="; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

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
						config.HttpClient = roundTripper{tamper{Transport(s), c.change}}
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
			config.HttpClient = roundTripper{tamper{Transport(s), func(r *http.Request) { sent = r.Clone(context.Background()); sent.Body = http.NoBody }}}
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

func TestNoncesAreForgottenWhenTheirDateIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n nonces
		n.use("x", time.Now())
		time.Sleep(30 * time.Minute)
		if n.use("y", time.Now()); n.use("x", time.Now()) {
			t.Error("forgotten while its date may be valid")
		}
		time.Sleep(31 * time.Minute)
		n.use("z", time.Now())
		time.Sleep(31 * time.Minute)
		if n.use("z2", time.Now()); !n.use("x", time.Now()) {
			t.Error("never forgotten")
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
