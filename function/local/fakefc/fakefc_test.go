package fakefc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fc/messages"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

// TestMain lets the test's own executable be the function: the vendor's SDK drives the emulator.
func TestMain(m *testing.M) {
	switch os.Getenv("FCRUNTIME_TEST") {
	case "":
		os.Exit(m.Run())
	case "exit":
		fmt.Println("to stdout")
		fmt.Fprint(os.Stderr, "to stderr, no end of line")
		os.Exit(3)
	case "function":
		fc.Start(function)
	}
}

func function(ctx context.Context, payload []byte) (json.RawMessage, error) {
	fc, _ := fccontext.FromContext(ctx)
	switch string(payload) {
	case "error":
		return nil, messages.InvokeResponse_Error{Type: "Chosen", Message: "no"}
	case "panic":
		panic("at the disco")
	case "exit":
		fmt.Println("about to exit")
		os.Exit(4)
	case "hang":
		fmt.Println("hanging")
		select {}
	case "log":
		fmt.Println("one line\ntwo lines")
	}
	return json.Marshal(fmt.Sprintf("%+v %v", *fc, os.Environ()))
}

func launch(t *testing.T, output func(string), env ...string) *Instance {
	t.Helper()
	i, err := Launch(os.Args[0], append([]string{"FCRUNTIME_TEST=function"}, env...), output)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

func TestTheVendorsRuntimeIsToldEverything(t *testing.T) {
	t.Setenv("SOMEBODY_ELSES", "secret")
	i := launch(t, nil, "ADB_NETWORK=vpc")
	r, err := i.Invoke(t.Context(), Invocation{Payload: []byte("hello"), AccessKeyID: "k", AccessKeySecret: "s", SecurityToken: "t",
		Region: "cn-beijing", AccountID: "42", Timeout: 90 * time.Second, RetryCount: 1})
	if err != nil || r.ErrorType != "" {
		t.Fatal(err, r)
	}
	for _, want := range []string{"RequestID:1-", "{AccessKeyId:k AccessKeySecret:s SecurityToken:t}", "Region:cn-beijing", "AccountId:42", "RetryCount:1", "Timeout:90", "ADB_NETWORK=vpc", "FC_REGION="} {
		if !strings.Contains(string(r.Payload), want) || strings.Contains(string(r.Payload), "SOMEBODY_ELSES") {
			t.Errorf("%s: %s", want, r.Payload)
		}
	}
}

func TestTheOutputAndTheEnd(t *testing.T) {
	var out []string
	i := launch(t, func(line string) { out = append(out, line) })
	if _, err := i.Invoke(t.Context(), Invocation{Payload: []byte("log")}); err != nil {
		t.Fatal(err)
	}
	i.Close()
	i.Close()
	if got := strings.Join(out, "|"); !strings.Contains(got, "|one line|two lines|") || !strings.Contains(i.Err.Error(), "killed") {
		t.Errorf("%s; ended with %v", got, i.Err)
	}
	i = launch(t, nil, "FCRUNTIME_TEST=exit")
	for range 2 {
		r, err := i.Invoke(t.Context(), Invocation{})
		if want := "(exit status 3); its last output:\nto stdout\nto stderr, no end of line"; err != nil || r.ErrorType != ProcessExited || !strings.Contains(r.ErrorMessage, want) {
			t.Errorf("an early end: %+v, %v", r, err)
		}
	}
	if _, err := Launch("no/such", nil, nil); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "no/such does not start") {
		t.Errorf("no file: %v", err)
	}
}

// A function's instances: each has one invocation at a time, and another takes the place of one that timed out or died, or whose
// caller left.
func TestInstances(t *testing.T) {
	hangs := make(chan bool, 10)
	f := &Function{Launch: func(int) (*Instance, error) {
		return launch(t, func(line string) {
			if line == "hanging" {
				hangs <- true
			}
		}), nil
	}}
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := f.Invoke(ctx, Invocation{Payload: []byte("hang")})
		left <- err
	}()
	<-hangs
	for _, c := range []struct {
		payload, want string
		instances     int // so far
	}{ // one after the other, while the first one hangs
		{"", "", 2}, {"error", "Chosen: no", 2}, {"panic", "at the disco", 2}, {"", "", 2}, {"hang", FunctionTimeout, 2},
		{"exit", "about to exit", 3}, {"", "", 4},
	} {
		inv := Invocation{Payload: []byte(c.payload)}
		if c.want == FunctionTimeout {
			inv.Timeout = 50 * time.Millisecond
		}
		r, err := f.Invoke(t.Context(), inv)
		ended := r.ErrorType + ": " + r.ErrorMessage
		if err != nil || (ended == ": ") != (c.want == "") || !strings.Contains(ended, c.want) || len(f.all) != c.instances {
			t.Errorf("%s: %v, %v, %d instances", c.payload, r, err, len(f.all))
		}
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller left: %v", err)
	}
	select { // the instance whose caller left is stopped
	case <-f.all[0].Exited:
	default:
		t.Error("the instance whose caller left lives on")
	}
	f.Close()
}

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
