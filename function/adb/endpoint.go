package adb

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Endpoint says where AnalyticDB is reached. The zero Endpoint is the SDK's public host for each region.
type Endpoint struct {
	Host  string // one host, or host:port, for every region; empty: the region's own
	Plain bool   // http instead of https
	VPC   bool   // the region's host inside a VPC, which the SDK does not know for most regions
}

// endpointForm has groups for scheme, host and port. An address of IPv6 stands in brackets. It is compiled when it is needed: most
// functions start without.
const endpointForm = `^(?:(https?)://)?([A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(?::([0-9]+))?/?$`

// ParseEndpoint reads host, host:port or a URL without path. Credentials go there, so plain http must lead to a loopback
// address, and only what is clearly a host is taken.
func ParseEndpoint(s string) (Endpoint, error) {
	parts := regexp.MustCompile(endpointForm).FindStringSubmatch(s)
	if parts == nil || strings.Contains(s, "..") {
		return Endpoint{}, errors.New("is not a host, host:port or https URL, without user, path and query")
	}
	scheme, host, port := parts[1], strings.Trim(parts[2], "[]"), parts[3]
	if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
		return Endpoint{}, errors.New("names no valid port")
	}
	if scheme == "http" && host != "localhost" && !net.ParseIP(host).IsLoopback() {
		return Endpoint{}, errors.New("is plain http, which would show the credentials to the network; only a loopback address may be")
	}
	return Endpoint{Host: strings.Trim(strings.TrimPrefix(s, scheme+"://"), "/"), Plain: scheme == "http"}, nil
}

// NewTransport returns a transport that keeps so many connections to a host. The process has one. It speaks only HTTP/1.1: Go
// then repeats a POST by itself only if no byte of it was written. The SDK's own transport has no time limits at all. This one
// does not limit how long a reply takes: the caller's context does.
func NewTransport(connections int) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second, // crypto/tls accepts no server below TLS 1.2
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        50 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// cloudHost matches the hosts to which credentials may go, whatever host the SDK names for a region.
var cloudHost = regexp.MustCompile(`^adb(-vpc)?(\.[a-z0-9-]+)?\.aliyuncs\.com$`)

// host returns where a region's calls go; host is what the SDK would take.
func (e Endpoint) host(region, host string) (string, error) {
	if e.Host != "" {
		return e.Host, nil
	}
	if e.VPC {
		host = "adb-vpc." + region + ".aliyuncs.com"
	}
	if !cloudHost.MatchString(host) {
		return "", fmt.Errorf("%q is not a host of AnalyticDB", host)
	}
	return host, nil
}
