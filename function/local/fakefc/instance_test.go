package fakefc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
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

type received struct {
	Context  fccontext.FcContext
	Deadline time.Time
	Payload  string
	Env      []string
}

func function(ctx context.Context, payload []byte) (json.RawMessage, error) {
	fc, _ := fccontext.FromContext(ctx)
	deadline, _ := ctx.Deadline()
	switch string(payload) {
	case "error":
		return nil, messages.InvokeResponse_Error{Type: "Chosen", Message: "no"}
	case "panic":
		panic("at the disco")
	case "slow":
		time.Sleep(3 * time.Second)
	case "exit":
		fmt.Println("about to exit")
		os.Exit(4)
	case "pid", "hang":
		fmt.Println("pid", os.Getpid())
		if string(payload) == "hang" {
			select {}
		}
	case "log":
		fmt.Println("one line\ntwo lines")
	}
	return json.Marshal(received{*fc, deadline, string(payload), os.Environ()})
}

func launch(t *testing.T, c Command) *Instance {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.Path = exe
	c.Env = append([]string{"FCRUNTIME_TEST=function"}, c.Env...)
	i, err := Launch(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}

func TestTheVendorsRuntimeIsToldEverything(t *testing.T) {
	t.Setenv("SOMEBODY_ELSES", "secret")
	i := launch(t, Command{Env: []string{"ADB_NETWORK=vpc"}})
	before := time.Now()
	r, err := i.Invoke(t.Context(), Invocation{Payload: []byte("hello"), AccessKeyID: "k", AccessKeySecret: "s", SecurityToken: "t",
		Region: "cn-beijing", AccountID: "42", Timeout: 90 * time.Second, RetryCount: 1})
	if err != nil || r.Err() != nil {
		t.Fatal(err, r.Err())
	}
	var got received
	if err := json.Unmarshal(r.Payload, &got); err != nil {
		t.Fatal(err)
	}
	want := fccontext.FcContext{RequestID: got.Context.RequestID, Region: "cn-beijing", AccountId: "42", RetryCount: 1}
	want.Credentials = fccontext.Credentials{AccessKeyId: "k", AccessKeySecret: "s", SecurityToken: "t"}
	want.Function = fccontext.Function{Name: "adb-backup", Handler: "main", Memory: "128", Timeout: 90}
	want.Service.Qualifier, want.Service.VersionId = "LATEST", "LATEST"
	got.Context.Tracing = want.Tracing // an empty map
	if fmt.Sprint(got.Context) != fmt.Sprint(want) {
		t.Errorf("context\n%+v, want\n%+v", got.Context, want)
	}
	if d := got.Deadline.Sub(before); d < 89*time.Second || d > 100*time.Second {
		t.Errorf("deadline in %v", d)
	}
	if !regexp.MustCompile(`^1-[0-9a-f]{8}-`).MatchString(got.Context.RequestID) {
		t.Errorf("request id %s", got.Context.RequestID)
	}
	env := strings.Join(got.Env, "\n")
	if !strings.Contains(env, "ADB_NETWORK=vpc") || !strings.Contains(env, "FC_REGION=") || strings.Contains(env, "SOMEBODY_ELSES") {
		t.Errorf("environment:\n%s", env)
	}
}

func TestAFunctionFailsInEveryWay(t *testing.T) {
	i := launch(t, Command{})
	for payload, want := range map[string]string{"error": "Chosen: no", "panic": "at the disco"} {
		r, err := i.Invoke(t.Context(), Invocation{Payload: []byte(payload), Timeout: time.Second})
		if err != nil || r.Err() == nil || !strings.Contains(r.Err().Error(), want) {
			t.Errorf("%s: %v, %v", payload, r.Err(), err)
		}
	}
}

func TestTheOutputAndTheEnd(t *testing.T) {
	var out []string
	i := launch(t, Command{Output: func(line string) { out = append(out, line) }})
	if _, err := i.Invoke(t.Context(), Invocation{Payload: []byte("log")}); err != nil {
		t.Fatal(err)
	}
	i.Close()
	i.Close()
	if got := strings.Join(out, "|"); !strings.Contains(got, "|one line|two lines|") || !strings.Contains(i.Err().Error(), "killed") {
		t.Errorf("%s; ended with %v", got, i.Err())
	}
	i = launch(t, Command{Env: []string{"FCRUNTIME_TEST=exit"}})
	for range 2 {
		r, err := i.Invoke(t.Context(), Invocation{})
		if want := "(exit status 3); its last output:\nto stdout\nto stderr, no end of line"; err != nil || r.ErrorType != ProcessExited || !strings.Contains(r.ErrorMessage, want) {
			t.Errorf("an early end: %+v, %v", r, err)
		}
	}
	if _, err := Launch(Command{Path: "no/such"}); !errors.Is(err, os.ErrNotExist) || !strings.Contains(err.Error(), "no/such does not start") {
		t.Errorf("no file: %v", err)
	}
}

// pool has this test's executable as its function, and tells which process has begun to work.
func pool(t *testing.T, began chan<- string) *Function {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	f := &Function{Launch: func() (*Instance, error) {
		return Launch(Command{Path: exe, Env: []string{"FCRUNTIME_TEST=function"}, Output: func(line string) {
			if strings.HasPrefix(line, "pid ") {
				began <- line
			}
		}})
	}}
	t.Cleanup(f.Close)
	return f
}

func TestAnInstanceHasOneInvocationAtATime(t *testing.T) {
	began := make(chan string, 10)
	f := pool(t, began)
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error)
	go func() {
		_, err := f.Invoke(ctx, Invocation{Payload: []byte("hang")})
		left <- err
	}()
	first := <-began
	pids := []string{first}
	for range 2 { // one after the other, while the first one hangs
		if r, err := f.Invoke(t.Context(), Invocation{Payload: []byte("pid")}); err != nil || r.Err() != nil {
			t.Fatal(err, r.Err())
		}
		pids = append(pids, <-began)
	}
	if pids[1] == first || pids[2] != pids[1] {
		t.Errorf("instances: %v", pids)
	}
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the caller left: %v", err)
	}
	// The instance whose caller left is stopped, and gets nothing any more.
	select {
	case <-f.all[0].Exited():
	default:
		t.Error("the instance whose caller left lives on")
	}
}

func TestAnInstanceThatTimedOutOrDiedIsReplaced(t *testing.T) {
	began := make(chan string, 10)
	f := pool(t, began)
	for payload, want := range map[string]string{"slow": FunctionTimeout, "exit": ProcessExited} {
		if r, err := f.Invoke(t.Context(), Invocation{Payload: []byte(payload), Timeout: time.Second}); err != nil || r.ErrorType != want {
			t.Errorf("%s: %+v, %v", payload, r, err)
		}
	}
	if r, err := f.Invoke(t.Context(), Invocation{Payload: []byte("pid")}); err != nil || r.Err() != nil || len(f.all) != 3 {
		t.Errorf("%v, %v, %d instances", err, r.Err(), len(f.all))
	}
}
