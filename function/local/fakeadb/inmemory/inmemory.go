// Package inmemory serves a client's requests by an http.Handler without a network, for tests alone: it stands on
// net/http/httptest, whose flag must not come into a command line.
//
// A request is served on its caller's goroutine, and nothing outlives it. So it works in a testing/synctest bubble, where
// hours pass in a moment. Reply bodies that stall or never end are not emulated: they need a real connection.
package inmemory

import (
	"net"
	"net/http"
	"net/http/httptest"
	"syscall"
)

// Transport is an http.RoundTripper. The handler honours the request's context; where it panics with
// http.ErrAbortHandler the connection breaks without an answer.
type Transport struct{ handler http.Handler }

// New returns a transport to a handler.
func New(h http.Handler) *Transport { return &Transport{h} }

// RoundTrip serves one request. As net/http's transport, it closes the request's body.
func (t *Transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Body != nil {
		defer r.Body.Close()
	}
	ctx := r.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
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
	t.handler.ServeHTTP(w, asServed(r))
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
