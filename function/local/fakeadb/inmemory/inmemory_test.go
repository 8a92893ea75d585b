package inmemory

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

func get(ctx context.Context, serve http.HandlerFunc) (answered string, err error) {
	r, err := http.NewRequestWithContext(ctx, "POST", "http://adb.example/?a=b", strings.NewReader("body"))
	if err != nil {
		return "", err
	}
	r.Header = http.Header{"x-acs-action": {"CreateBackup"}}
	response, err := New(serve).RoundTrip(r)
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(response.Body)
	return response.Status + " " + response.Header.Get("X-Answer") + " " + string(answer), err
}

func TestARequestIsServed(t *testing.T) {
	got, err := get(t.Context(), func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		w.Header().Set("X-Answer", r.Host+r.URL.RequestURI())
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, r.Header.Get("X-Acs-Action")+string(body))
	})
	if want := "418 I'm a teapot adb.example/?a=b CreateBackupbody"; err != nil || got != want {
		t.Errorf("%q, %v, want %q", got, err, want)
	}
}

func TestAConnectionThatBreaks(t *testing.T) {
	if _, err := get(t.Context(), func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }); !errors.Is(err, syscall.ECONNRESET) {
		t.Error(err)
	}
}

func TestTheContextEndsACall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		for range 2 { // the second time it has ended before
			_, err := get(ctx, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done(); panic(http.ErrAbortHandler) })
			if !errors.Is(err, context.DeadlineExceeded) || time.Since(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)) != time.Hour {
				t.Error(err)
			}
		}
	})
}
