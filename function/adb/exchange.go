package adb

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"time"
)

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

// Exchange is the SDK's HTTP client for one call. It keeps the reply as it came, because the SDK forgets status and headers
// where a body is not JSON, and decodes some numbers wrongly. It is a single RoundTrip, because http.Client would carry the
// security token along a redirect.
type Exchange struct {
	Transport http.RoundTripper
	Limit     int64 // of the reply's body, in bytes

	// What is known after the call:
	Host          string      // to which the request was addressed; empty: the SDK made no request
	Authorization string      // the request's header, which is a secret
	Status        int         // 0: there was no reply
	Header        http.Header // of the reply
	Body          []byte
	Err           error // of the network, or of reading the body

	connecting bool // the transport was opening a connection, and nothing had been written
}

// Call implements dara.HttpClient.
func (x *Exchange) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	x.Host, x.Authorization = request.Host, request.Header.Get("Authorization")
	request.Header.Del("Proxy-Authorization") // the SDK's; it is for the proxy, to which the transport gives it
	response, err := x.Transport.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), x.trace())))
	if err != nil {
		x.Err = err
		return nil, err
	}
	defer response.Body.Close()
	x.Status, x.Header = response.StatusCode, response.Header
	if x.Status >= 200 { // the body of a 101 is the open connection, and reading it would heed no time limit
		x.Body, x.Err = io.ReadAll(http.MaxBytesReader(nil, response.Body, x.Limit))
	}
	if bytes.Count(x.Body, []byte(",")) > maxCommas {
		x.Body, x.Err = nil, errors.New("it has too many values")
	}
	response.Body = io.NopCloser(bytes.NewReader(x.Body))
	return response, x.Err
}

// trace returns the hooks by which x learns whether a connection was open. The transport replaces a reused connection that
// turns out to be closed, but for a POST only if nothing of it was written.
func (x *Exchange) trace() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn: func(string) { x.connecting = true },
		GotConn: func(httptrace.GotConnInfo) { x.connecting = false },
	}
}

// NotSent reports whether the request never left, because its connection could not be opened: the name, the dial or the TLS
// handshake failed, or the certificate is not trusted.
func (x *Exchange) NotSent() bool { return x.Err != nil && x.Status == 0 && x.connecting }

// Reason returns a network error in words, without the URL: it may hold a password or a token.
func Reason(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}
