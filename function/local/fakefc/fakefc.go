// Package fakefc emulates Alibaba Cloud Function Compute as far as a function built on github.com/aliyun/fc-runtime-go-sdk meets
// it. Instance is a process of the function with the API that hands invocations to it, and Function has as many instances as there
// are invocations at once.
//
// Not emulated: initializer, pre-stop and pre-freeze hooks, HTTP functions, tracing, limits of size and memory, freezing of
// a process between invocations.
package fakefc

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The error types that the platform itself reports, beside those that a function chooses.
const (
	FunctionTimeout = "FunctionTimeout"        // no answer before the deadline
	ProcessExited   = "ProcessExited"          // the process ended before it answered
	HandledError    = "HandledInvocationError" // the function's error names no type
)

const (
	apiPath = "/2020-11-11/runtime/invocation/"
	region  = "cn-hangzhou"
	account = "1234567890123456"
)

// Invocation is one event on its way to the function. Only the payload is needed; an empty field gets the value in its comment.
type Invocation struct {
	Payload   []byte
	RequestID string // generated: 1-<8 hex digits: Unix seconds>-…

	// The function's role at this moment. All empty: the function has no role.
	AccessKeyID, AccessKeySecret, SecurityToken string

	Region     string        // cn-hangzhou
	AccountID  string        // 1234567890123456
	Timeout    time.Duration // the function's timeout, 60 s; a header gives it in whole seconds, the deadline in milliseconds
	RetryCount int           // 0 for the first attempt
	// Grace is for how long after the deadline an answer is still taken. The platform grants none. A test needs some where the
	// answer matters and a busy machine may be late.
	Grace time.Duration
}

// Result is what the platform reports of an invocation.
type Result struct {
	Payload      []byte // the answer; meaningless on an error
	ErrorType    string // empty on success
	ErrorMessage string
	Took         time.Duration // from the moment the function took it; if it never did, from Invoke
}

// NewRequestID makes an id as Function Compute does: the Unix seconds in hexadecimal digits, then what is random.
func NewRequestID(now time.Time) string {
	return fmt.Sprintf("1-%08x-%s", now.Unix(), strings.ToLower(rand.Text()))
}

// Instance is what the platform runs for a function: one process and the runtime API that it asks, on a loopback port. It must be
// closed: the runtime SDK asks for the next invocation for ever, without a pause when nothing answers. When the process ends, the
// invocation in progress and those to come end with ProcessExited.
type Instance struct {
	Exited chan struct{} // closed when the process has ended and all its output has been passed on
	Err    error         // how the process ended, with the last lines of its output; only once Exited is closed
	Cmd    *exec.Cmd     // the process

	api     *http.Server
	queue   chan Invocation // from Invoke to next
	waiting sync.Map        // for an answer: chan Result by request id
}

// Launch starts an instance: an executable and the function's own environment variables, NAME=value. The caller's environment is not
// passed on. output is given each line that the process prints; nil discards them.
func Launch(executable string, env []string, output func(line string)) (*Instance, error) {
	path, err := filepath.Abs(executable)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	i := newInstance()
	i.Cmd = exec.Command(path)
	i.Cmd.Dir = filepath.Dir(path)
	i.Cmd.Env = append(platformEnv(listener.Addr().String(), i.Cmd.Dir), env...)
	pipe, err := i.Cmd.StdoutPipe()
	i.Cmd.Stderr = i.Cmd.Stdout
	if err = errors.Join(err, i.Cmd.Start()); err != nil {
		listener.Close()
		return nil, fmt.Errorf("%s does not start: %w", executable, err)
	}
	go i.api.Serve(listener)
	go func() {
		last := readLines(pipe, output)
		i.Cmd.Wait()
		i.Err = fmt.Errorf("the process ended (%v); its last output:\n%s", i.Cmd.ProcessState, strings.Join(last, "\n"))
		close(i.Exited)
	}()
	return i, nil
}

// readLines passes each line on, until the end, and returns the last twenty.
func readLines(from io.Reader, pass func(string)) (last []string) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 16<<20) // no line is as long
	for lines.Scan() {
		last = append(last[max(0, len(last)-19):], lines.Text())
		if pass != nil {
			pass(lines.Text())
		}
	}
	return last
}

// platformEnv is the environment of a Go runtime's process, after Function Compute's "Configure environment variables".
// The platform also puts the role's credentials there, once per process. The ones here are not valid, so a function that uses
// them instead of the invocation's own fails.
func platformEnv(api, code string) []string {
	return []string{
		"FC_RUNTIME_API=" + api, "FC_FUNC_CODE_PATH=" + code, "FC_FUNCTION_NAME=adb-backup", "FC_FUNCTION_HANDLER=main",
		"FC_FUNCTION_MEMORY_SIZE=128", "FC_FUNCTION_VERSION=LATEST", "FC_REGION=" + region, "FC_ACCOUNT_ID=" + account,
		"FC_INSTANCE_ID=c-local", "PATH=/usr/local/bin:/usr/bin:/bin", "HOME=/tmp", "TZ=UTC",
		"ALIBABA_CLOUD_ACCESS_KEY_ID=STS.of-the-process", "ALIBABA_CLOUD_ACCESS_KEY_SECRET=of-the-process", "ALIBABA_CLOUD_SECURITY_TOKEN=of-the-process",
	}
}

// Close kills the process, as the platform does, waits for its end, and ends its runtime API. It may be called again.
func (i *Instance) Close() {
	i.Cmd.Process.Kill() // an error means that it has ended
	<-i.Exited
	i.api.Close()
}

// newInstance has the runtime API: GET …/next, POST …/{request id}/response, POST …/{request id}/error. It has no process yet.
func newInstance() *Instance {
	mux := http.NewServeMux()
	i := &Instance{api: &http.Server{Handler: mux}, queue: make(chan Invocation), Exited: make(chan struct{})}
	mux.HandleFunc("GET "+apiPath+"next", i.next)
	mux.HandleFunc("POST "+apiPath+"{id}/response", i.answer)
	mux.HandleFunc("POST "+apiPath+"{id}/error", i.answer)
	return i
}

// Invoke hands an invocation to the process and waits for its Result. The platform gives a process one at a time; so must the
// caller, as Function does. The timeout counts from the moment the function takes it. A Result says what the platform would: the
// function's answer, its error, or that there was no answer in time. Invoke returns an error if its context ends first.
func (i *Instance) Invoke(ctx context.Context, inv Invocation) (r Result, err error) {
	inv.RequestID = cmp.Or(inv.RequestID, NewRequestID(time.Now()))
	inv.Timeout = cmp.Or(inv.Timeout, time.Minute)
	answer := make(chan Result, 1)
	i.waiting.Store(inv.RequestID, answer)
	defer i.waiting.Delete(inv.RequestID)
	select {
	case i.queue <- inv:
	case <-i.Exited: // seen again below
	case <-ctx.Done(): // as well
	}
	began := time.Now()
	select {
	case r = <-answer:
	case <-time.After(inv.Timeout + inv.Grace):
		r = Result{ErrorType: FunctionTimeout, ErrorMessage: fmt.Sprintf("function timed out after %v", inv.Timeout)}
	case <-i.Exited:
		select {
		case r = <-answer: // it ended after its answer
		default:
			r = Result{ErrorType: ProcessExited, ErrorMessage: i.Err.Error()}
		}
	case <-ctx.Done():
		return r, fmt.Errorf("no answer yet: %w", context.Cause(ctx))
	}
	r.Took = time.Since(began)
	return r, nil
}

// next gives the function an invocation; the headers' names are those that the runtime SDK reads.
func (i *Instance) next(w http.ResponseWriter, r *http.Request) {
	select {
	case inv := <-i.queue:
		w.Header().Set("content-type", "application/octet-stream")
		for name, value := range map[string]string{
			"request-id": inv.RequestID, "retry-count": strconv.Itoa(inv.RetryCount), "function-type": "0",
			"function-name": "adb-backup", "function-handler": "main", "function-memory": "128",
			"function-deadline": strconv.FormatInt(time.Now().Add(inv.Timeout).UnixMilli(), 10),
			"function-timeout":  strconv.Itoa(int((inv.Timeout + time.Second - 1) / time.Second)),
			"access-key-id":     inv.AccessKeyID, "access-key-secret": inv.AccessKeySecret, "security-token": inv.SecurityToken,
			"region": cmp.Or(inv.Region, region), "account-id": cmp.Or(inv.AccountID, account), "qualifier": "LATEST", "version-id": "LATEST",
		} {
			w.Header().Set("x-fc-"+name, value)
		}
		w.Write(inv.Payload)
	case <-r.Context().Done():
	}
}

// answer takes an answer or an error. It refuses a late one: the platform has reported the timeout already.
func (i *Instance) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	result := Result{Payload: body}
	if strings.HasSuffix(r.URL.Path, "/error") {
		var report struct{ ErrorType, ErrorMessage string }
		err = errors.Join(err, json.Unmarshal(body, &report))
		result = Result{ErrorType: cmp.Or(report.ErrorType, HandledError), ErrorMessage: report.ErrorMessage}
	}
	if err != nil {
		http.Error(w, "it broke off, or is no error report: "+err.Error(), http.StatusBadRequest)
		return
	}
	answer, waits := i.waiting.LoadAndDelete(r.PathValue("id")) // only the first answer counts
	if !waits {
		http.Error(w, "no such invocation: it was never delivered, has been answered, or is past its deadline", http.StatusBadRequest)
		return
	}
	answer.(chan Result) <- result
}

// Function has the instances of a function. Each has one invocation at a time; for a second one that comes meanwhile, Launch starts
// another instance.
type Function struct {
	Launch func(number int) (*Instance, error) // the first one is 1

	mu        sync.Mutex
	idle, all []*Instance
}

// Invoke gives an invocation to an instance that has nothing to do, or to a new one. If the caller leaves, which ends ctx, or the
// instance does not answer in time or dies, the instance is stopped, and another takes its place when it is needed.
func (f *Function) Invoke(ctx context.Context, inv Invocation) (r Result, err error) {
	i, err := f.take()
	if err != nil {
		return r, err
	}
	if r, err = i.Invoke(ctx, inv); err != nil || r.ErrorType == FunctionTimeout || r.ErrorType == ProcessExited {
		i.Close()
		return r, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, i)
	return r, nil
}

func (f *Function) take() (i *Instance, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := len(f.idle) - 1; last >= 0 {
		i, f.idle = f.idle[last], f.idle[:last]
		return i, nil
	}
	if i, err = f.Launch(len(f.all) + 1); err == nil {
		f.all = append(f.all, i)
	}
	return i, err
}

// Close ends every instance that there is. The next invocation comes to a new one.
func (f *Function) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.all {
		i.Close()
	}
	f.idle = nil
}
