// Package fakefc emulates the runtime API through which Alibaba Cloud Function Compute hands invocations to a function
// built on github.com/aliyun/fc-runtime-go-sdk: the function asks for the next invocation, waits until there is one, and posts
// its answer or its error.
//
// One Runtime serves one process, as an instance of the platform does; Instance puts both together.
//
// Not emulated: initializer, pre-stop and pre-freeze hooks, HTTP functions, tracing, limits of size and memory, freezing of
// a process between invocations.
package fakefc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"sync"
	"time"
)

// The error types that the platform itself reports, beside those that a function chooses.
const (
	FunctionTimeout = "FunctionTimeout"        // no answer before the deadline
	ProcessExited   = "ProcessExited"          // the process ended before it answered
	HandledError    = "HandledInvocationError" // the function's error names no type
)

const apiPath = "/2020-11-11/runtime/invocation/"

// Runtime is the API, an http.Handler: GET …/next, POST …/{request id}/response, POST …/{request id}/error.
// Any number of goroutines may call Invoke at once.
type Runtime struct {
	queue chan *running
	mux   *http.ServeMux

	mu   sync.Mutex
	byID map[string]*running // by request id
	lost error               // how the process ended; nil: it runs
}

// running is an invocation from the call of Invoke until its result is known.
type running struct {
	Invocation
	fetched chan time.Time // when the function took it
	result  chan Result    // one, from finish
}

// New returns a Runtime without invocations.
func New() *Runtime {
	rt := &Runtime{
		queue: make(chan *running),
		mux:   http.NewServeMux(),
		byID:  map[string]*running{},
	}
	rt.mux.HandleFunc("GET "+apiPath+"next", rt.next)
	rt.mux.HandleFunc("POST "+apiPath+"{id}/response", rt.response)
	rt.mux.HandleFunc("POST "+apiPath+"{id}/error", rt.failure)
	rt.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		http.Error(w, "the emulated runtime API does not know "+r.Method+" "+r.URL.Path, http.StatusNotFound)
	})
	return rt
}

func (rt *Runtime) ServeHTTP(w http.ResponseWriter, r *http.Request) { rt.mux.ServeHTTP(w, r) }

// Invoke hands an invocation to the function and waits for its Result. The timeout counts from the moment the function takes it.
// A Result says what the platform would: the function's answer, its error, or that there was no answer in time. Invoke returns an
// error if its context ends or the invocation cannot be delivered.
func (rt *Runtime) Invoke(ctx context.Context, inv Invocation) (Result, error) {
	inv.complete()
	run := &running{Invocation: inv, fetched: make(chan time.Time, 1), result: make(chan Result, 1)}
	if err := rt.add(run); err != nil {
		return Result{}, err
	}
	defer rt.finish(run, Result{}) // where nothing else has, so that the id is free again

	began := time.Now()
	select {
	case rt.queue <- run:
		began = <-run.fetched
	case r := <-run.result: // the process ended before it took the invocation
		return r.took(began), nil
	case <-ctx.Done():
		return Result{}, fmt.Errorf("the function did not take the invocation: %w", context.Cause(ctx))
	}
	deadline := time.AfterFunc(time.Until(began.Add(inv.Timeout+inv.Grace)), func() {
		rt.finish(run, Result{ErrorType: FunctionTimeout, ErrorMessage: fmt.Sprintf("function timed out after %v", inv.Timeout)})
	})
	defer deadline.Stop()
	select {
	case r := <-run.result:
		return r.took(began), nil
	case <-ctx.Done():
		return Result{}, fmt.Errorf("no answer yet: %w", context.Cause(ctx))
	}
}

// finish gives an invocation its result, and reports whether it had none yet. The first of answer, deadline and end of the process
// decides.
func (rt *Runtime) finish(run *running, r Result) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if run == nil || rt.byID[run.RequestID] != run {
		return false
	}
	delete(rt.byID, run.RequestID)
	r.RequestID = run.RequestID
	run.result <- r
	return true
}

// Lose ends every invocation with ProcessExited, and every later one too: the process is gone, and cause says how.
func (rt *Runtime) Lose(cause error) {
	rt.mu.Lock()
	if rt.lost == nil {
		rt.lost = cause
	}
	left := slices.Collect(maps.Values(rt.byID))
	rt.mu.Unlock()
	for _, run := range left {
		rt.finish(run, exited(cause))
	}
}

func exited(cause error) Result { return Result{ErrorType: ProcessExited, ErrorMessage: cause.Error()} }

// add begins an invocation. If the process is gone, the invocation ends at once.
func (rt *Runtime) add(run *running) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.byID[run.RequestID] != nil {
		return fmt.Errorf("invocation %s is still running in this process: its answers could not be told apart", run.RequestID)
	}
	if rt.lost != nil {
		r := exited(rt.lost)
		r.RequestID = run.RequestID
		run.result <- r
		return nil
	}
	rt.byID[run.RequestID] = run
	return nil
}

func (rt *Runtime) next(w http.ResponseWriter, r *http.Request) {
	select {
	case run := <-rt.queue:
		now := time.Now()
		run.writeHeaders(w.Header(), now)
		run.fetched <- now
		w.Write(run.Payload)
	case <-r.Context().Done():
	}
}

func (rt *Runtime) response(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "the response broke off: "+err.Error(), http.StatusBadRequest)
		return
	}
	rt.answer(w, r, Result{Payload: body})
}

func (rt *Runtime) failure(w http.ResponseWriter, r *http.Request) {
	var report struct {
		ErrorMessage string `json:"errorMessage"`
		ErrorType    string `json:"errorType"`
	}
	if err := json.NewDecoder(r.Body).Decode(&report); err != nil {
		http.Error(w, "an error report is a JSON object: "+err.Error(), http.StatusBadRequest)
		return
	}
	if report.ErrorType == "" {
		report.ErrorType = HandledError
	}
	rt.answer(w, r, Result{ErrorType: report.ErrorType, ErrorMessage: report.ErrorMessage})
}

// answer refuses a late answer: the platform has reported the timeout already.
func (rt *Runtime) answer(w http.ResponseWriter, r *http.Request, result Result) {
	id := r.PathValue("id")
	rt.mu.Lock()
	run := rt.byID[id]
	rt.mu.Unlock()
	if !rt.finish(run, result) {
		http.Error(w, "no such invocation: "+id+" was never delivered, has been answered, or is past its deadline", http.StatusBadRequest)
	}
}
