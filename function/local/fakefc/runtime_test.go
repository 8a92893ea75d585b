package fakefc

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// call is one request of a function, without a network, so that time may be virtual.
func call(ctx context.Context, rt *Runtime, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	rt.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, apiPath+path, strings.NewReader(body)))
	return w
}

func TestAnInvocationIsHandedOverAndAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := New()
		go func() {
			time.Sleep(time.Second) // a cold start is not the function's time
			w := call(t.Context(), rt, "GET", "next", "")
			if got := w.Body.String(); got != `{"a":1}` {
				t.Errorf("payload %s", got)
			}
			for name, want := range map[string]string{
				"x-fc-request-id":        "1-00000001-x",
				"x-fc-function-deadline": strconv.FormatInt(time.Now().Add(2500*time.Millisecond).UnixMilli(), 10),
				"x-fc-function-timeout":  "3",
				"x-fc-function-type":     "0",
				"x-fc-access-key-id":     "STS.key",
				"x-fc-access-key-secret": "secret",
				"x-fc-security-token":    "token",
				"x-fc-region":            "cn-shanghai",
				"x-fc-account-id":        "1234567890123456",
				"x-fc-retry-count":       "2",
			} {
				if got := w.Header().Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
			time.Sleep(2 * time.Second)
			if w := call(t.Context(), rt, "POST", "1-00000001-x/response", `{"b":2}`); w.Code != http.StatusOK {
				t.Errorf("response: %d %s", w.Code, w.Body)
			}
		}()
		got, err := rt.Invoke(t.Context(), Invocation{Payload: []byte(`{"a":1}`), RequestID: "1-00000001-x", Region: "cn-shanghai",
			AccessKeyID: "STS.key", AccessKeySecret: "secret", SecurityToken: "token", Timeout: 2500 * time.Millisecond, RetryCount: 2})
		if err != nil || string(got.Payload) != `{"b":2}` || got.Err() != nil || got.Took != 2*time.Second {
			t.Errorf("got %+v, %v", got, err)
		}
	})
}

func TestALateAnswerIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := New()
		go func() {
			id := call(t.Context(), rt, "GET", "next", "").Header().Get("x-fc-request-id")
			time.Sleep(time.Second + 1)
			if w := call(t.Context(), rt, "POST", id+"/response", `{}`); w.Code != http.StatusBadRequest {
				t.Errorf("a late answer: %d", w.Code)
			}
		}()
		got, err := rt.Invoke(t.Context(), Invocation{Timeout: time.Second})
		if err != nil || got.ErrorType != FunctionTimeout || got.Took != time.Second {
			t.Errorf("got %+v, %v", got, err)
		}
		time.Sleep(time.Second)
	})
}

func TestWhatIsUnknownIsRefused(t *testing.T) {
	rt := New()
	for path, want := range map[string]int{
		"GET next/":                   http.StatusNotFound,
		"POST next":                   http.StatusNotFound,
		"POST 1-00000001-x/other":     http.StatusNotFound,
		"POST 1-00000001-x/response":  http.StatusBadRequest,
		"PUT 1-00000001-x/response":   http.StatusNotFound,
		"POST 1-00000001-x/error?a=b": http.StatusBadRequest,
	} {
		method, path, _ := strings.Cut(path, " ")
		if w := call(t.Context(), rt, method, path, "{}"); w.Code != want || w.Body.Len() == 0 {
			t.Errorf("%s %s: %d %s, want %d", method, path, w.Code, w.Body, want)
		}
	}
}

func TestWhoeverInvokesMayGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := New()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := rt.Invoke(ctx, Invocation{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody takes it: %v", err)
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		go call(t.Context(), rt, "GET", "next", "")
		if _, err := rt.Invoke(ctx, Invocation{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nobody answers it: %v", err)
		}
	})
}

func TestALostProcessEndsEveryInvocation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rt := New()
		go call(t.Context(), rt, "GET", "next", "") // takes one of the two, answers none
		for range 2 {
			go func() {
				got, err := rt.Invoke(t.Context(), Invocation{})
				if err != nil || got.ErrorType != ProcessExited || got.ErrorMessage != "gone" {
					t.Errorf("got %+v, %v", got, err)
				}
			}()
		}
		synctest.Wait()
		rt.Lose(errors.New("gone"))
		rt.Lose(errors.New("again"))
		synctest.Wait()
		if got, err := rt.Invoke(t.Context(), Invocation{}); err != nil || got.ErrorMessage != "gone" {
			t.Errorf("afterwards: %+v, %v", got, err)
		}
	})
}
