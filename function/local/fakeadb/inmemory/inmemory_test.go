package inmemory

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func get(ctx context.Context, t *Transport) (string, error) {
	r, err := http.NewRequestWithContext(ctx, "POST", "http://adb.example/?a=b", strings.NewReader("body"))
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
		w.Header().Set("X-Answer", r.Host+r.RequestURI)
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
