package adb

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Endpoint says where AnalyticDB is reached. The zero Endpoint is each region's host on the internet.
type Endpoint struct {
	Host  string // one host, or host:port, for every region; empty: the region's own
	Plain bool   // http instead of https
	VPC   bool   // the region's host inside a VPC
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`)

// ParseEndpoint reads host, host:port or a URL without path. Credentials go there, so plain http is for a loopback address
// alone, and only what is clearly a host is taken.
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

// validPort reports whether u has a port that can be used, or none.
func validPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.Atoi(u.Port())
	return err == nil && n >= 1 && n <= 65535
}

// Credentials leave for these hosts alone, whatever a region looks like.
var cloudHost = regexp.MustCompile(`^adb(-vpc)?(\.[a-z0-9-]+)?\.aliyuncs\.com$`)

// sharedHosts are the public hosts that serve more than the region that they are named after, as the SDK has them in the
// constructor of its client. A test compares.
var sharedHosts = []struct {
	host    string
	regions []string
}{
	{"adb.aliyuncs.com", []string{
		"cn-qingdao", "cn-beijing", "cn-hangzhou", "cn-shanghai", "cn-shenzhen", "cn-hongkong", "cn-wuhan", "cn-fujian",
		"ap-southeast-1", "us-west-1", "us-east-1",
		"cn-hangzhou-finance", "cn-shanghai-finance-1", "cn-shenzhen-finance-1", "cn-beijing-finance-1", "cn-beijing-finance-pop",
		"cn-hongkong-finance-pop", "cn-north-2-gov-1", "cn-beijing-gov-1", "cn-edge-1", "cn-shanghai-inner", "cn-shenzhen-inner",
		"cn-beijing-nu16-b01", "cn-haidian-cm12-c01", "cn-hangzhou-bj-b01", "cn-shanghai-et15-b01", "cn-shanghai-et2-b01",
		"cn-shenzhen-st4-d01", "cn-shenzhen-su18-b01", "cn-zhangbei-na61-b01", "cn-zhangjiakou-na62-a01",
		"cn-qingdao-nebula", "cn-zhengzhou-nebula-1", "cn-yushanfang", "cn-hangzhou-test-306", "cn-shanghai-internal-test-1",
		"cn-hangzhou-internal-prod-1", "cn-hangzhou-internal-test-1", "cn-hangzhou-internal-test-2", "cn-hangzhou-internal-test-3",
	}},
	{"adb.ap-northeast-1.aliyuncs.com", []string{"ap-northeast-2-pop", "eu-west-1-oxs", "me-east-1", "rus-west-1-pop"}},
}

// publicHost returns the host of a region on the internet.
func publicHost(region string) string {
	for _, shared := range sharedHosts {
		if slices.Contains(shared.regions, region) {
			return shared.host
		}
	}
	return "adb." + region + ".aliyuncs.com"
}

// host returns where a region's calls go.
func (e Endpoint) host(region string) (string, error) {
	if e.Host != "" {
		return e.Host, nil
	}
	host := publicHost(region)
	if e.VPC {
		host = "adb-vpc." + region + ".aliyuncs.com"
	}
	if !cloudHost.MatchString(host) {
		return "", fmt.Errorf("%q is not a host of AnalyticDB", host)
	}
	return host, nil
}

// region is what the process keeps for a region: where its calls go, and how fast. A region that misbehaves holds up no
// other one, although most of them have the same host.
type region struct {
	name, host string
	pace       *pace
}

// regions are those of the process.
type regions struct {
	known sync.Map // name to *region
	slots *slots   // shared by all of them
}

// region returns what is kept for a region.
func (a *API) region(name string) (*region, error) {
	if r, ok := a.regions.known.Load(name); ok {
		return r.(*region), nil
	}
	host, err := a.options.Endpoint.host(name)
	if err != nil {
		return nil, err
	}
	r, _ := a.regions.known.LoadOrStore(name, &region{name, host, newPace(a.regions.slots)})
	return r.(*region), nil
}
