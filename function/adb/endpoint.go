package adb

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// Endpoint says where AnalyticDB is reached. The zero Endpoint is the SDK's public host for each region.
type Endpoint struct {
	Host  string // one host, or host:port, for every region; empty: the region's own
	Plain bool   // http instead of https
	VPC   bool   // the region's host inside a VPC, which the SDK does not know for most regions
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// ParseEndpoint reads host, host:port or a URL without path. Credentials go there, so plain http must lead to a loopback
// address, and only what is clearly a host is taken.
func ParseEndpoint(s string) (Endpoint, error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return Endpoint{}, errors.New("is not a host, host:port or URL")
	}
	switch {
	case u.Scheme != "https" && u.Scheme != "http":
		return Endpoint{}, fmt.Errorf("has the scheme %q; it must be https, or http to a loopback address", u.Scheme)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return Endpoint{}, errors.New("must be a host alone, without user, path or query")
	case net.ParseIP(u.Hostname()) == nil && !hostName.MatchString(u.Hostname()):
		return Endpoint{}, errors.New("names no valid host")
	case !validPort(u):
		return Endpoint{}, errors.New("names no valid port")
	case u.Scheme == "http" && !isLoopback(u.Hostname()):
		return Endpoint{}, errors.New("is plain http, which would show the credentials to the network; only a loopback address may be")
	}
	return Endpoint{Host: u.Host, Plain: u.Scheme == "http"}, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// validPort reports whether u has a valid port, or no port.
func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(u.Port())
	return err == nil && n >= 1 && n <= 65535
}

// cloudHost matches the hosts to which credentials may go, whatever host the SDK names for a region.
var cloudHost = regexp.MustCompile(`^adb(-vpc)?(\.[a-z0-9-]+)?\.aliyuncs\.com$`)

// host returns where a region's calls go; sdk is what the SDK would take.
func (e Endpoint) host(region, sdk string) (string, error) {
	host := sdk
	switch {
	case e.Host != "":
		return e.Host, nil
	case e.VPC:
		host = "adb-vpc." + region + ".aliyuncs.com"
	}
	if !cloudHost.MatchString(host) {
		return "", fmt.Errorf("%q is not a host of AnalyticDB", host)
	}
	return host, nil
}
