// Package fakefc emulates Alibaba Cloud Function Compute as far as a function built on github.com/aliyun/fc-runtime-go-sdk meets
// it. Instance is a process of the function with the API that hands invocations to it, and Function has as many instances as there
// are invocations at once.
//
// Not emulated: initializer, pre-stop and pre-freeze hooks, HTTP functions, tracing, limits of size and memory, freezing of
// a process between invocations.
package fakefc

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
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
