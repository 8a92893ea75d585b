package fakeadb

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
)

// Transport serves requests by a handler in memory: no network, no goroutine, and so any kind of time. The handler honours
// the request's context. Where it panics with http.ErrAbortHandler, the connection is broken.
func Transport(h http.Handler) http.RoundTripper { return transport{h} }

type transport struct{ handler http.Handler }

func (t transport) RoundTrip(r *http.Request) (response *http.Response, err error) {
	if r.Context().Err() != nil {
		if r.Body != nil {
			r.Body.Close()
		}
		return nil, r.Context().Err()
	}
	served := r.Clone(r.Context())
	served.Header = http.Header{} // on the wire a header's case does not count, and the SDK writes lower case
	for name, values := range r.Header {
		for _, v := range values {
			served.Header.Add(name, v)
		}
	}
	served.Header.Del("Host") // a server has it in the request's Host
	if served.Body == nil {
		served.Body = http.NoBody
	}
	defer served.Body.Close() // RoundTrip's duty, errors or not
	if served.Host == "" {
		served.Host = r.URL.Host
	}
	served.RequestURI = r.URL.RequestURI()
	served.RemoteAddr = "127.0.0.1:0"
	w := &recorder{header: http.Header{}}
	defer func() {
		switch p := recover(); {
		case p == nil:
		case p == http.ErrAbortHandler && r.Context().Err() != nil:
			response, err = nil, r.Context().Err()
		case p == http.ErrAbortHandler:
			response, err = nil, &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
		default:
			panic(p)
		}
	}()
	t.handler.ServeHTTP(w, served)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	w.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: fmt.Sprintf("%d %s", w.status, http.StatusText(w.status)), StatusCode: w.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: w.sent, Body: io.NopCloser(&w.body), ContentLength: int64(w.body.Len()), Request: r,
	}, nil
}

// recorder is a http.ResponseWriter; net/http/httptest's would bring its flag into every command line.
type recorder struct {
	header, sent http.Header
	status       int
	body         bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status, w.sent = status, w.header.Clone()
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}
