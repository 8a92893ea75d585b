package inmemory

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// body is a request's body that counts how often it is closed.
type body struct {
	io.Reader
	closed int
}

func (b *body) Close() error { b.closed++; return nil }

func get(ctx context.Context, t *Transport) (answered string, err error) {
	sent := &body{Reader: strings.NewReader("body")}
	defer func() {
		if sent.closed == 0 {
			err = errors.Join(err, errors.New("the body was not closed"))
		}
	}()
	r, err := http.NewRequestWithContext(ctx, "POST", "http://adb.example/?a=b", sent)
	if err != nil {
		return "", err
	}
	r.Header = http.Header{"x-acs-action": {"CreateBackup"}}
	response, err := t.RoundTrip(r)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(response.Body)
	return response.Status + " " + response.Header.Get("X-Answer") + " " + string(answer), err
}

func TestARequestIsServed(t *testing.T) {
	got, err := get(t.Context(), New(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", r.Host+r.URL.RequestURI())
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, r.Header.Get("X-Acs-Action")+string(body))
	})))
	if want := "418 I'm a teapot adb.example/?a=b CreateBackupbody"; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestAConnectionThatBreaksOrIsNotOpened(t *testing.T) {
	served := 0
	broken := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++; panic(http.ErrAbortHandler) }))
	if _, err := get(t.Context(), broken); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("broken: %v", err)
	}
	var dial *net.OpError
	for _, why := range []error{Refused(), NoHost("adb.example")} {
		broken.Dial = func(*http.Request) error { return why }
		if _, err := get(t.Context(), broken); !errors.As(err, &dial) || dial.Op != "dial" {
			t.Errorf("not opened: %v", err)
		}
	}
	if served != 1 {
		t.Errorf("%d requests reached the handler", served)
	}
}

func TestATraceSeesTheConnection(t *testing.T) {
	var seen string
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GetConn: func(host string) { seen += " wants " + host },
		GotConn: func(httptrace.GotConnInfo) { seen += " connected" },
	})
	transport := New(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { seen += " served" }))
	if get(ctx, transport); seen != " wants adb.example connected served" {
		t.Error(seen)
	}
	seen, transport.Dial = "", func(*http.Request) error { return Refused() }
	if get(ctx, transport); seen != " wants adb.example" {
		t.Error(seen)
	}
	get(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{}), New(http.NotFoundHandler())) // a trace without hooks
}

func TestTheContextEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		began := time.Now()
		waits := New(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); panic(http.ErrAbortHandler) }))
		if _, err := get(ctx, waits); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(began))
		}
		if _, err := get(ctx, waits); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("afterwards: %v", err)
		}
	})
}
