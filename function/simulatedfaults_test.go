package main

import (
	"fmt"
	"hash/fnv"
	"net"
	"net/http"
	"net/http/httptrace"
	"strconv"
	"strings"
	"syscall"
	"time"

	"adb-backup/function/local/acs3"
	"adb-backup/function/local/fakeadb"
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
	if trace := httptrace.ContextClientTrace(r.Context()); trace != nil {
		trace.GetConn(r.URL.Host)
	}
	return &net.OpError{Op: "dial", Net: "tcp", Err: pick[error](d, syscall.ECONNREFUSED, &net.DNSError{Err: "no such host", Name: r.URL.Host, IsNotFound: true})}
}

// serve notes which page a call asks for.
func (h *history) serve(w http.ResponseWriter, r *http.Request) {
	defer func() {
		page, _ := strconv.Atoi(r.URL.Query().Get("PageNumber"))
		h.mu.Lock()
		h.pages[w.Header().Get("X-Acs-Request-Id")] = page
		h.mu.Unlock()
	}()
	h.service.ServeHTTP(w, r)
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
	f := pick(d, fakeadb.Refused(&fakeadb.Error{Status: 500, Code: "InternalError"}), fakeadb.Refused(fakeadb.ErrUnavailable), fakeadb.Refused(acs3.ErrNonceUsed),
		answered(502, "<html>"), answered(408, ""), answered(200, ""), answered(200, "{}"), answered(200, `{"RequestId":"5B`),
		answered(http.StatusSwitchingProtocols, ""), answered(302, ""), fakeadb.Broken,
		fakeadb.Fault{Delay: 15 * time.Second}, fakeadb.Fault{Delay: 4 * time.Second}, fakeadb.Fault{Delay: time.Hour})
	if d.oneIn(2) {
		f = f.AfterEffect()
	}
	return f
}

// answered is what lies between the function and the service, and answers in its place: a gateway, a proxy.
func answered(status int, body string) fakeadb.Fault {
	return fakeadb.Fault{Name: fmt.Sprint(status, body), Answer: func(*fakeadb.Call) fakeadb.Answer {
		return fakeadb.Answer{Status: status, Header: map[string]string{"Location": "https://elsewhere.example/"}, Body: body}
	}}
}
