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
	// A server sees header names in canonical case, though the SDK writes lower case, and a body in each request.
	served := r.Clone(ctx)
	for name, values := range r.Header {
		delete(served.Header, name)
		served.Header[http.CanonicalHeaderKey(name)] = values
	}
	if served.Body == nil {
		served.Body = http.NoBody
	}
	t.handler.ServeHTTP(w, served)
	response = w.Result()
	response.Request = r
	return response, nil
}
