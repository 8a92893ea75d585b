package adb

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
)

// create is a CreateBackup over the function's own transport.
func create(t *testing.T, endpoint Endpoint, change func(*http.Transport)) *backup.CallError {
	t.Helper()
	transport := NewTransport(1)
	transport.Proxy = nil
	t.Cleanup(transport.CloseIdleConnections)
	if change != nil {
		change(transport)
	}
	api := New(Options{Endpoint: endpoint, Concurrency: 1, Statuses: backup.NewStatuses(nil, nil), Transport: transport})
	_, _, err := api.With(roleKeys, "42").CreateBackup(t.Context(), someCluster)
	e, ok := callError(err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	return e
}

// listen serves each connection with serve, which closes it.
func listen(t *testing.T, serve func(net.Conn)) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c)
		}
	}()
	return l.Addr().String()
}

// TestNotSentForCertain: where the connection could not be opened, nothing was sent.
func TestNotSentForCertain(t *testing.T) {
	l, _ := net.Listen("tcp", "127.0.0.1:0")
	closed := l.Addr().String()
	l.Close()
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no", http.StatusForbidden) }))
	t.Cleanup(proxy.Close)
	broken := listen(t, func(c net.Conn) { c.Close() })
	for name, c := range map[string]struct {
		endpoint Endpoint
		change   func(*http.Transport)
	}{
		"refused": {Endpoint{Host: closed, Plain: true}, nil},
		"no such name": {Endpoint{Host: "adb.invalid", Plain: true}, func(t *http.Transport) {
			t.DialContext = func(context.Context, string, string) (net.Conn, error) {
				return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "adb.invalid"}}
			}
		}},
		"a certificate that is not trusted": {Endpoint{Host: strings.TrimPrefix(untrusted.URL, "https://")}, nil},
		"a handshake that breaks":           {Endpoint{Host: broken}, nil},
		"a handshake that takes too long": {Endpoint{Host: listen(t, func(c net.Conn) { io.Copy(io.Discard, c) })}, func(t *http.Transport) {
			t.TLSHandshakeTimeout = 50 * time.Millisecond
		}},
		"a proxy that refuses": {Endpoint{Host: "adb.invalid"}, func(t *http.Transport) {
			t.Proxy = func(*http.Request) (*url.URL, error) { return url.Parse(proxy.URL) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if e := create(t, c.endpoint, c.change); e.Kind != backup.KindNotSent || e.Host != c.endpoint.Host || e.Status != 0 {
				t.Errorf("%+v", e)
			}
		})
	}
}

// TestPerhapsSent: once the connection was open, nothing is certain.
func TestPerhapsSent(t *testing.T) {
	read := func(c net.Conn) { http.ReadRequest(bufio.NewReader(c)) }
	for name, serve := range map[string]func(net.Conn){
		"closed before the request": func(c net.Conn) { c.Close() },
		"closed after the request":  func(c net.Conn) { read(c); c.Close() },
		"nonsense":                  func(c net.Conn) { read(c); c.Write([]byte("SSH-2.0\r\n\r\n")); c.Close() },
		"a body that breaks": func(c net.Conn) {
			read(c)
			c.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"))
			c.Close()
		},
		"switching protocols, and open": func(c net.Conn) {
			read(c)
			c.Write([]byte("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n"))
			io.Copy(io.Discard, c)
			c.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			e := create(t, Endpoint{Host: listen(t, serve), Plain: true}, nil)
			if e.Kind != backup.KindUnanswered || e.Host != "" || strings.HasPrefix(name, "switching") != (e.Status == 101) {
				t.Errorf("%+v", e)
			}
		})
	}
}
