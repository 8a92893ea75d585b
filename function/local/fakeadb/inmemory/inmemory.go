// Package inmemory serves a client's requests by an http.Handler without a network, for tests alone: it stands on
// net/http/httptest, whose flag must not come into a command line.
//
// A request is served on its caller's goroutine, and nothing outlives it. So it works in a testing/synctest bubble, where
// hours pass in a moment. Reply bodies that stall or never end are not emulated: they need a real connection.
package inmemory

import (
	"cmp"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"os"
	"syscall"
)

// Transport is an http.RoundTripper. The handler honours the request's context; where it panics with
// http.ErrAbortHandler the connection breaks without an answer.
type Transport struct {
	Handler http.Handler
	// Dial opens the connection of a request; what it returns is why it could not be opened: the handler then never sees
	// the request. Nil: it can always be opened.
	Dial func(*http.Request) error
}

// New returns a transport that always connects.
func New(h http.Handler) *Transport { return &Transport{Handler: h} }

// Refused is the error of a connection that the host refuses.
func Refused() error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}
}

// NoHost is the error of a name that does not exist.
func NoHost(name string) error {
	return &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}}
}

// RoundTrip serves one request. As net/http's transport, it closes the request's body, and reports the connection to an
// httptrace.
func (t *Transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx := r.Context()
	trace := cmp.Or(httptrace.ContextClientTrace(ctx), &httptrace.ClientTrace{})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if trace.GetConn != nil {
		trace.GetConn(r.URL.Host)
	}
	if t.Dial != nil {
		if err := t.Dial(r); err != nil {
			return nil, err
		}
	}
	if trace.GotConn != nil {
		trace.GotConn(httptrace.GotConnInfo{})
	}
	w := httptest.NewRecorder()
	defer func() {
		switch p := recover(); {
		case p != nil && p != http.ErrAbortHandler:
			panic(p)
		case ctx.Err() != nil:
			response, err = nil, ctx.Err()
		case p != nil:
			response, err = nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		}
	}()
	t.Handler.ServeHTTP(w, asServed(r))
	response = w.Result()
	response.Request = r
	return response, nil
}

// asServed is the request as a server sees it: header names in canonical case, though the SDK writes lower case, and the
// host beside the headers.
func asServed(r *http.Request) *http.Request {
	served := r.Clone(r.Context())
	served.Header = http.Header{}
	for name, values := range r.Header {
		for _, v := range values {
			served.Header.Add(name, v)
		}
	}
	served.Header.Del("Host")
	if served.Body == nil {
		served.Body = http.NoBody
	}
	return served
}
