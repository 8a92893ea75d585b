package main

import (
	"fmt"
	"hash/fnv"
	"net/http"
	"strings"
	"time"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakeadb/inmemory"
)

// chance are random numbers for one call, whatever the order of those that come at the same instant.
func (h *history) chance(what, call string) dice {
	h.mu.Lock()
	h.nth[what+call]++
	n := h.nth[what+call]
	h.mu.Unlock()
	which := fnv.New64a()
	fmt.Fprint(which, what, call, n)
	return newDice(h.seed, which.Sum64())
}

// callOf names a call by its attempt, cluster and action.
func callOf(r *http.Request) string {
	q := r.URL.Query()
	return fmt.Sprint(header(r, "x-acs-accesskey-id"), q.Get("DBClusterId"), q.Get("RegionId"), actionOf(r))
}

// header returns a header of a request that is not served yet: the SDK writes names in lower case.
func header(r *http.Request, name string) string {
	for given, values := range r.Header {
		if strings.EqualFold(given, name) {
			return values[0]
		}
	}
	return ""
}

func actionOf(r *http.Request) string { return header(r, "x-acs-action") }

// dial says now and then that the connection cannot be opened.
func (h *history) dial(r *http.Request) error {
	d := h.chance("dial", callOf(r))
	if out := h.cloud.outage.strikes(actionOf(r)) && !h.cloud.outage.throttled; !out && d.Float64() >= h.cloud.faulty/4 {
		return nil
	}
	return pick(d, inmemory.Refused(), inmemory.NoHost(r.URL.Host))
}

// fault strikes a call now and then.
func (h *history) fault(c fakeadb.Call) fakeadb.Fault {
	d := h.chance("fault", fmt.Sprint(c.KeyID, c.Cluster, c.Region, c.Action))
	if h.cloud.outage.throttled && h.cloud.outage.strikes(c.Action) {
		return fakeadb.Throttled(0)
	}
	if d.Float64() >= h.cloud.faulty {
		return fakeadb.Fault{}
	}
	if d.oneIn(6) { // it certainly has no effect
		return pick(d, fakeadb.Throttled(0), fakeadb.Throttled(3*time.Second), fakeadb.Refused(&fakeadb.Error{Status: 429, Code: "Throttling.Other"}))
	}
	f := pick(d, fakeadb.Refused(fakeadb.ErrInternal), fakeadb.Refused(fakeadb.ErrUnavailable), fakeadb.BadGateway, fakeadb.RequestTimeout,
		fakeadb.Empty, fakeadb.EmptyObject, fakeadb.Garbage, fakeadb.Broken, switching, fakeadb.Slow(15*time.Second), fakeadb.Slow(4*time.Second),
		fakeadb.Slow(time.Hour), fakeadb.Redirect("https://elsewhere.example/"), fakeadb.Refused(fakeadb.ErrNonceUsed))
	if d.oneIn(2) {
		f = f.AfterEffect()
	}
	return f
}

// switching is a reply that ends with 101.
var switching = fakeadb.Fault{Name: "101", Answer: func(w http.ResponseWriter, _ fakeadb.Call) { w.WriteHeader(http.StatusSwitchingProtocols) }}
