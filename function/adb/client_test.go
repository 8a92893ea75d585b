package adb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
)

// canned is an answer of the service.
type canned struct {
	status int
	body   string
	header http.Header
}

// roundTrip answers the nth request, from 1.
type roundTrip func(n int, r *http.Request) (canned, error)

// sessionOn is the API over a transport of the test's own, as a role uses it.
func sessionOn(on roundTrip) backup.Service {
	return sessionWith(roleKeys, on)
}

var roleKeys = Credentials{AccessKeyID: "STS.key-1", AccessKeySecret: "SecretSecret", SecurityToken: "Token+/="}

func sessionWith(c Credentials, on roundTrip) backup.Service {
	n := 0
	transport := transportFunc(func(r *http.Request) (*http.Response, error) {
		n++
		c, err := on(n, r)
		if err != nil {
			return nil, err
		}
		return answer(r, c.status, c.body, c.header)
	})
	api := New(Options{Concurrency: 1, Statuses: backup.NewStatuses(nil, nil), Transport: transport})
	return api.With(c, "42")
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func answer(r *http.Request, status int, body string, header http.Header) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

var someCluster = backup.Cluster{ID: "amv-1", Region: "cn-hangzhou"}

// TestErrors: what a reply to CreateBackup means, and what is kept of it.
func TestErrors(t *testing.T) {
	const resource = "acs:adb:cn-hangzhou:42:dbcluster/amv-1"
	for name, c := range map[string]struct {
		reply canned
		want  backup.CallError // the fields that are not empty
		text  string           // is in its text
	}{
		"refused":                 {canned{400, `{"Code":"InvalidX","Message":"not so","RequestId":"R1"}`, nil}, backup.CallError{Kind: backup.KindRefused, Status: 400, Code: "InvalidX", Message: "not so", RequestID: "R1"}, "was refused: InvalidX: not so (HTTP 400, request id R1)"},
		"small letters":           {canned{400, `{"code":"InvalidX","message":"not so","requestId":"R1"}`, nil}, backup.CallError{Kind: backup.KindRefused, Status: 400, Code: "InvalidX", Message: "not so", RequestID: "R1"}, ""},
		"fields of another kind":  {canned{400, `{"Code":7,"Message":["a"],"RequestId":"R1"}`, nil}, backup.CallError{Kind: backup.KindRefused, Status: 400, Code: "7", Message: `["a"]`, RequestID: "R1"}, ""},
		"without a code":          {canned{400, `{"Message":"not so"}`, nil}, backup.CallError{Kind: backup.KindRefused, Status: 400, Message: "not so"}, "was refused: not so (HTTP 400)"},
		"id in the header":        {canned{400, `<html>`, http.Header{"X-Acs-Request-Id": {"R2"}}}, backup.CallError{Kind: backup.KindRefused, Status: 400, RequestID: "R2", Message: "the reply cannot be read"}, ""},
		"too long, but a refusal": {canned{400, strings.Repeat("x", 1<<20+1), nil}, backup.CallError{Kind: backup.KindRefused, Status: 400, Message: "the reply cannot be read"}, ""},
		"not now":                 {canned{403, `{"Code":"OperationDenied.DBClusterStatus","Message":"no","RequestId":"R1"}`, nil}, backup.CallError{Kind: backup.KindNotNow, Status: 403, Code: "OperationDenied.DBClusterStatus", RequestID: "R1"}, ""},
		"no permission":           {canned{403, `{"Code":"NoPermission","Message":"no","RequestId":"R1"}`, nil}, backup.CallError{Kind: backup.KindDenied, Status: 403, Code: "NoPermission", Message: "no", RequestID: "R1", Hint: "the caller needs adb:CreateBackup on " + resource}, "the caller needs adb:CreateBackup on " + resource},
		"no such key":             {canned{404, `{"Code":"InvalidAccessKeyId.NotFound","Message":"STS.key-1","RequestId":"R1"}`, nil}, backup.CallError{Kind: backup.KindDenied, Status: 404, Code: "InvalidAccessKeyId.NotFound", Message: "***", RequestID: "R1", Hint: "the caller's credentials were refused: check them; they were used for adb:CreateBackup on " + resource}, ""},
		"throttled":               {canned{400, `{"Code":"Throttling.User","Message":"slow","RequestId":"R1"}`, http.Header{"X-Ratelimit-User": {"Limit:1,Remain:0,TimeLeft:1500"}}}, backup.CallError{Kind: backup.KindThrottled, Status: 400, Code: "Throttling.User", RetryAfter: 1500 * time.Millisecond, Hint: "the service asks for a pause of 1.5s"}, "was throttled"},
		"throttled by a proxy":    {canned{429, `<html>`, http.Header{"Retry-After": {"7"}}}, backup.CallError{Kind: backup.KindThrottled, Status: 429, RetryAfter: 7 * time.Second}, ""},
		"redirected":              {canned{302, `{"RequestId":"R1"}`, http.Header{"Location": {"https://x.example/"}}}, backup.CallError{Kind: backup.KindUnanswered, Status: 302}, "was not answered"},
		"an empty answer":         {canned{200, ``, nil}, backup.CallError{Kind: backup.KindUnanswered, Status: 200}, ""},
		"no request id":           {canned{200, `{}`, nil}, backup.CallError{Kind: backup.KindUnanswered, Status: 200, Message: "the reply cannot be read: it has no RequestId"}, ""},
		"a failure beside it":     {canned{200, `{"RequestId":"R1","Code":"OperationDenied.X","Message":"no"}`, nil}, backup.CallError{Kind: backup.KindUnanswered, Status: 200, Code: "OperationDenied.X", Message: "no", RequestID: "R1"}, ""},
		"a failure in a word":     {canned{200, `{"RequestId":"R1","Success":false,"Message":"no"}`, nil}, backup.CallError{Kind: backup.KindUnanswered, Status: 200, Message: "no", RequestID: "R1"}, ""},
		"throttled with success":  {canned{200, `{"RequestId":"R1","Code":"Throttling"}`, nil}, backup.CallError{Kind: backup.KindUnanswered, Status: 200, Code: "Throttling"}, ""},
		"more than is an answer":  {canned{200, `{"RequestId":"R1","x":"` + strings.Repeat("x", 1<<20) + `"}`, nil}, backup.CallError{Kind: backup.KindUnanswered, Status: 200, Message: "the reply cannot be read: http: request body too large"}, ""},
		"too many values":         {canned{200, `{"RequestId":"R1","x":[` + strings.Repeat("0,", 26_500) + `0]}`, nil}, backup.CallError{Kind: backup.KindUnanswered, Status: 200, Message: "the reply cannot be read: it has too many values"}, ""},
		"a gateway's page":        {canned{502, `<html>`, nil}, backup.CallError{Kind: backup.KindUnanswered, Status: 502}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			sent, id, err := sessionOn(func(int, *http.Request) (canned, error) { return c.reply, nil }).CreateBackup(t.Context(), someCluster)
			var got *backup.CallError
			if !errors.As(err, &got) || id != "" {
				t.Fatalf("%q, %v", id, err)
			}
			w := c.want
			if got.Kind != w.Kind || got.Status != w.Status || got.RetryAfter != w.RetryAfter || w.Hint != "" && got.Hint != w.Hint ||
				w.Code != "" && got.Code != w.Code || w.Message != "" && got.Message != w.Message || w.RequestID != "" && got.RequestID != w.RequestID {
				t.Errorf("got  %+v\nwant %+v", *got, w)
			}
			if text := got.Error(); !strings.Contains(text, c.text) || strings.Contains(text, "<nil>") {
				t.Errorf("it says %s", text)
			}
			if sent.Before(before) {
				t.Errorf("sent at %v", sent)
			}
		})
	}
}

// TestAnsweredAtTheEnd: what the service said counts, though the time ended while it was read.
func TestAnsweredAtTheEnd(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	s := sessionOn(func(int, *http.Request) (canned, error) {
		cancel()
		return canned{400, `{"Code":"Throttling.User","Message":"slow","RequestId":"R1"}`, nil}, nil
	})
	_, _, err := s.CreateBackup(ctx, someCluster)
	if e, ok := callError(err); !ok || e.Kind != backup.KindThrottled {
		t.Error(err)
	}
}

// TestOnTheWire: what every call carries, and what it does not. What lies in the environment does not matter.
func TestOnTheWire(t *testing.T) {
	for _, name := range []string{"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"} {
		t.Setenv(name, "foreign")
	}
	t.Setenv("HTTPS_PROXY", "http://user:password@proxy.example:8080")
	for _, keys := range []Credentials{roleKeys, {AccessKeyID: "LTAI1", AccessKeySecret: "SecretSecret"}} {
		_, id, err := sessionWith(keys, func(_ int, r *http.Request) (canned, error) {
			q := r.URL.Query()
			if r.Method != "POST" || r.URL.Scheme != "https" || r.URL.Host != "adb.aliyuncs.com" || q.Get("DBClusterId") != "amv-1" || q.Get("RegionId") != "cn-hangzhou" {
				t.Errorf("%s %s", r.Method, r.URL)
			}
			//lint:ignore SA1008 the SDK writes the name in lower case, past http.Header
			if token := strings.Join(r.Header["x-acs-security-token"], ""); token != keys.SecurityToken {
				t.Errorf("%+v: token %q", keys, token)
			}
			if signed := r.Header.Get("Authorization"); !strings.Contains(signed, " Credential="+keys.AccessKeyID+",") {
				t.Errorf("%+v: signed as %s", keys, signed)
			}
			for name := range r.Header {
				if strings.EqualFold(name, "Proxy-Authorization") {
					t.Error("the proxy's password goes to the service")
				}
			}
			return canned{200, `{"RequestId":"R1"}`, nil}, nil
		}).CreateBackup(t.Context(), someCluster)
		if id != "R1" || err != nil {
			t.Error(id, err)
		}
	}
}

// TestNothingIsSent: without keys, or where a region leads to another host.
func TestNothingIsSent(t *testing.T) {
	for _, c := range []struct {
		keys   Credentials
		region string
		words  string
	}{
		{Credentials{}, "cn-hangzhou", ""}, {Credentials{AccessKeyID: "LTAI1"}, "cn-hangzhou", ""},
		{Credentials{AccessKeySecret: "x"}, "cn-hangzhou", ""}, {Credentials{SecurityToken: "x"}, "cn-hangzhou", ""},
		{roleKeys, "x.example/", `"adb.x.example/.aliyuncs.com" is not a host of AnalyticDB`},
	} {
		s := sessionWith(c.keys, func(int, *http.Request) (canned, error) { return canned{}, errors.New("it was sent") })
		_, _, err := s.CreateBackup(t.Context(), backup.Cluster{ID: "amv-1", Region: c.region})
		e, ok := callError(err)
		if !ok || e.Kind != backup.KindRefused || strings.Contains(e.Message, "it was sent") || c.words != "" && e.Message != c.words {
			t.Error(err)
		}
	}
}

// TestWhatWasSignedIsMasked: a service that repeats the call's Authorization header tells nobody.
func TestWhatWasSignedIsMasked(t *testing.T) {
	s := sessionOn(func(_ int, r *http.Request) (canned, error) {
		return canned{400, fmt.Sprintf(`{"Code":"X","Message":"you sent %s","RequestId":"R1"}`, r.Header.Get("Authorization")), nil}, nil
	})
	_, _, err := s.CreateBackup(t.Context(), someCluster)
	if e, ok := callError(err); !ok || e.Message != "you sent ***" {
		t.Error(err)
	}
}

func callError(err error) (*backup.CallError, bool) {
	var e *backup.CallError
	return e, errors.As(err, &e)
}
