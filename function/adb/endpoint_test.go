package adb

import (
	"strings"
	"testing"
)

func TestParseEndpoint(t *testing.T) {
	for s, want := range map[string]Endpoint{
		"adb.aliyuncs.com":                 {Host: "adb.aliyuncs.com"},
		"adb.aliyuncs.com:8443":            {Host: "adb.aliyuncs.com:8443"},
		"https://adb.aliyuncs.com":         {Host: "adb.aliyuncs.com"},
		"https://adb.aliyuncs.com/":        {Host: "adb.aliyuncs.com"},
		"http://127.0.0.1:8080":            {Host: "127.0.0.1:8080", Plain: true},
		"http://127.8.9.1":                 {Host: "127.8.9.1", Plain: true},
		"http://localhost:80":              {Host: "localhost:80", Plain: true},
		"http://[::1]:80":                  {Host: "[::1]:80", Plain: true},
		"https://10.0.0.1":                 {Host: "10.0.0.1"},
		"http://adb.aliyuncs.com":          {},
		"http://10.0.0.1":                  {},
		"http://localhost.evil.example":    {},
		"http://127.0.0.1.evil.example":    {},
		"http://127.0.0.1@evil.example":    {},
		"https://user:secret@evil.example": {},
		"ftp://adb.aliyuncs.com":           {},
		"https://":                         {},
		"https://:443":                     {},
		"adb.aliyuncs.com:":                {},
		"adb.aliyuncs.com:0":               {},
		"adb.aliyuncs.com:65535":           {Host: "adb.aliyuncs.com:65535"},
		"adb.aliyuncs.com:65536":           {},
		"adb.aliyuncs.com:http":            {},
		"adb.aliyuncs.com/path":            {},
		"https://adb.aliyuncs.com/path":    {},
		"https://adb.aliyuncs.com?a=b":     {},
		"https://adb.aliyuncs.com#a":       {},
		"adb_aliyuncs.com":                 {},
		"adb..aliyuncs.com":                {},
		"http://[::2]:80":                  {},
		"-adb.aliyuncs.com":                {},
		"a b":                              {},
		"\x00":                             {},
	} {
		got, err := ParseEndpoint(s)
		if got != want || (err == nil) != (want != Endpoint{}) {
			t.Errorf("%q: %+v, %v", s, got, err)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%q is told: %v", s, err)
		}
	}
}

// TestHost: credentials leave for AnalyticDB's hosts alone, whatever the SDK makes of a region.
func TestHost(t *testing.T) {
	for _, c := range []struct {
		endpoint    Endpoint
		region, sdk string
		want        string
	}{
		{Endpoint{}, "cn-hangzhou", "adb.aliyuncs.com", "adb.aliyuncs.com"},
		{Endpoint{}, "cn-chengdu", "adb.cn-chengdu.aliyuncs.com", "adb.cn-chengdu.aliyuncs.com"},
		{Endpoint{VPC: true}, "cn-hangzhou", "adb.aliyuncs.com", "adb-vpc.cn-hangzhou.aliyuncs.com"},
		{Endpoint{Host: "127.0.0.1:80"}, "cn-hangzhou", "adb.aliyuncs.com", "127.0.0.1:80"},
		{Endpoint{Host: "127.0.0.1:80", VPC: true}, "cn-hangzhou", "adb.aliyuncs.com", "127.0.0.1:80"},
		{Endpoint{}, "x.example/", "adb.x.example/.aliyuncs.com", ""},
		{Endpoint{}, "x.example#", "adb.x.example#.aliyuncs.com", ""},
		{Endpoint{}, "a@evil.example:443/", "adb.a@evil.example:443/.aliyuncs.com", ""},
		{Endpoint{VPC: true}, "x.example/", "adb.aliyuncs.com", ""},
		{Endpoint{}, "cn-hangzhou", "evil.example", ""},
		{Endpoint{}, "cn-hangzhou", "adb.aliyuncs.com.evil.example", ""},
	} {
		got, err := c.endpoint.host(c.region, c.sdk)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%+v, region %q: %q, %v", c.endpoint, c.region, got, err)
		}
	}
}

// TestTransport: what opens a connection has time limits, and a reply's headers are bounded.
func TestTransport(t *testing.T) {
	n := NewTransport(3)
	if n.TLSHandshakeTimeout <= 0 || n.DialContext == nil || n.Proxy == nil || n.MaxIdleConnsPerHost != 3 || n.MaxResponseHeaderBytes > 1<<20 {
		t.Errorf("%+v", n)
	}
}
