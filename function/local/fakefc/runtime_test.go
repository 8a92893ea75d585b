package fakefc

import (
	"context"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// call is one request of a function, without a network, so that time may be virtual.
func call(ctx context.Context, i *Instance, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	i.api.Handler.ServeHTTP(w, httptest.NewRequestWithContext(ctx, method, apiPath+path, strings.NewReader(body)))
	return w
}

// What a function answers, and when: only the first answer counts, and none after the deadline.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		after  time.Duration
		body   string
		status int
		want   string
	}{
		"in time":        {2 * time.Second, "response {}", 200, "{} "},
		"too late":       {2*time.Second + 501*time.Millisecond, "response {}", 400, " " + FunctionTimeout},
		"an error":       {0, `error {"errorType":"Chosen","errorMessage":"no"}`, 200, " Chosen"},
		"without a type": {0, "error {}", 200, " " + HandledError},
		"no error":       {0, "error x", 400, " " + FunctionTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			i := newInstance()
			go func() {
				time.Sleep(time.Second) // a cold start is not the function's time
				next := call(t.Context(), i, "GET", "next", "")
				if id := next.Header().Get("x-fc-request-id"); next.Body.String() != "payload" || id != "1-id" || next.Header().Get("x-fc-function-timeout") != "3" {
					t.Errorf("%s: %+v %s", name, next.Header(), next.Body)
				}
				time.Sleep(c.after)
				kind, body, _ := strings.Cut(c.body, " ")
				if w := call(t.Context(), i, "POST", "1-other/"+kind, body); w.Code != 400 {
					t.Errorf("%s: another invocation's answer: %d", name, w.Code)
				}
				if w := call(t.Context(), i, "POST", "1-id/"+kind, body); w.Code != c.status {
					t.Errorf("%s: %d %s", name, w.Code, w.Body)
				}
				if c.status == 200 && call(t.Context(), i, "POST", "1-id/response", "again").Code != 400 {
					t.Errorf("%s: a second answer was taken", name)
				}
			}()
			r, err := i.Invoke(t.Context(), Invocation{Payload: []byte("payload"), RequestID: "1-id", Timeout: 2500 * time.Millisecond})
			if got := string(r.Payload) + " " + r.ErrorType; err != nil || got != c.want || r.Took != c.after && c.status == 200 {
				t.Errorf("%s: %s after %v, %v, want %s", name, got, r.Took, err, c.want)
			}
			time.Sleep(time.Second)
		})
	}
}
