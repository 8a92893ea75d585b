// Package fakefc emulates the runtime API through which Alibaba Cloud Function Compute hands invocations to a function
// built on github.com/aliyun/fc-runtime-go-sdk: the function asks for the next invocation, which may take for ever, and
// posts its answer or its error.
//
// One Runtime serves one process, as on the platform one instance does; Instance puts both together.
// Not emulated: initializer, pre-stop and pre-freeze hooks, HTTP functions, tracing, limits of size and memory, freezing of
// a process between invocations.
package fakefc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"
)

// The error types that stand for the platform itself, beside those that a function chooses.
const (
	FunctionTimeout = "FunctionTimeout" // no answer before the deadline
	ProcessExited   = "ProcessExited"   // the process ended before it answered
)

const apiPath = "/2020-11-11/runtime/invocation/"

// Runtime is the API, an http.Handler: GET …/next, POST …/{request id}/response, POST …/{request id}/error.
// Invoke may be called by any number of goroutines at once, with invocations that have nothing in common.
type Runtime struct {
	queue chan *running
	mux   *http.ServeMux

	mu      sync.Mutex
	running map[string]*running
	lost    error         // why nothing can be answered any more
	gone    chan struct{} // closed when lost is set
}

// running is an invocation from the moment that Invoke takes it until its result is known.
type running struct {
	Invocation
	fetched chan time.Time // when the function took it
	result  chan Result
}

// New returns a Runtime without invocations.
func New() *Runtime {
	rt := &Runtime{
		queue:   make(chan *running),
		mux:     http.NewServeMux(),
		running: map[string]*running{},
		gone:    make(chan struct{}),
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

// Invoke hands an invocation to the function and waits for what becomes of it. The time that the platform grants counts
// from the moment the function takes it. A Result tells what the platform would: the function's answer, its error, or that
// there was none in time. The error is the caller's own: its context ended, or the invocation cannot be delivered.
func (rt *Runtime) Invoke(ctx context.Context, inv Invocation) (Result, error) {
	inv.complete()
	run := &running{Invocation: inv, fetched: make(chan time.Time, 1), result: make(chan Result, 1)}
	if err := rt.add(run); err != nil {
		return Result{}, err
	}
	defer rt.take(inv.RequestID, run)

	queued := time.Now()
	select {
	case rt.queue <- run:
	case <-rt.gone:
		return rt.exited(run, queued), nil
	case <-ctx.Done():
		return Result{}, fmt.Errorf("the function did not take the invocation: %w", context.Cause(ctx))
	}

	began := <-run.fetched
	deadline := time.NewTimer(time.Until(began.Add(inv.Timeout + inv.Grace)))
	defer deadline.Stop()
	select {
	case r := <-run.result:
		return r.took(began), nil
	case <-deadline.C:
		// Whoever takes the entry first has decided: an answer that came just before the deadline is one.
		if !rt.take(inv.RequestID, run) {
			return (<-run.result).took(began), nil
		}
		return Result{RequestID: inv.RequestID, ErrorType: FunctionTimeout, Took: time.Since(began),
			ErrorMessage: fmt.Sprintf("function timed out after %v", inv.Timeout)}, nil
	case <-rt.gone:
		if !rt.take(inv.RequestID, run) {
			return (<-run.result).took(began), nil
		}
		return rt.exited(run, began), nil
	case <-ctx.Done():
		return Result{}, fmt.Errorf("no answer yet: %w", context.Cause(ctx))
	}
}

// Lose ends every invocation, those to come as well, with ProcessExited: the process is gone, and cause says how.
func (rt *Runtime) Lose(cause error) {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.lost == nil {
		rt.lost = cause
		close(rt.gone)
	}
}

func (rt *Runtime) exited(run *running, since time.Time) Result {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	return Result{RequestID: run.RequestID, ErrorType: ProcessExited, ErrorMessage: rt.lost.Error(), Took: time.Since(since)}
}

func (rt *Runtime) add(run *running) error {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if rt.running[run.RequestID] != nil {
		return fmt.Errorf("invocation %s is still running in this process: its answers could not be told apart", run.RequestID)
	}
	rt.running[run.RequestID] = run
	return nil
}

// take removes a running invocation, so that exactly one of answer, deadline and exit decides.
func (rt *Runtime) take(id string, want *running) bool {
	rt.mu.Lock()
	defer rt.mu.Unlock()
	if run := rt.running[id]; run == nil || run != want {
		return false
	}
	delete(rt.running, id)
	return true
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
		report.ErrorType = "HandledInvocationError" // an error without a type is an error all the same
	}
	rt.answer(w, r, Result{ErrorType: report.ErrorType, ErrorMessage: report.ErrorMessage})
}

// answer refuses what is late: the platform has told the caller of the time-out, and would not take it back.
func (rt *Runtime) answer(w http.ResponseWriter, r *http.Request, result Result) {
	id := r.PathValue("id")
	rt.mu.Lock()
	run := rt.running[id]
	rt.mu.Unlock()
	if run == nil || !rt.take(id, run) {
		http.Error(w, "no such invocation: "+id+" was never delivered, has been answered, or is past its deadline", http.StatusBadRequest)
		return
	}
	result.RequestID = id
	run.result <- result
}
