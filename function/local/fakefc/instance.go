package fakefc

import (
	"context"
	"net"
	"net/http"
	"sync"
)

// Instance is what the platform runs for a function: one process and the runtime API that it asks, on a loopback port.
// When the process ends, invocations in progress and to come end with ProcessExited.
type Instance struct {
	*Runtime
	*Process
	server *http.Server
}

// Launch starts an instance. It must be closed.
func Launch(c Command) (*Instance, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	rt := New()
	server := &http.Server{Handler: rt}
	go server.Serve(listener)
	process, err := c.start(listener.Addr().String())
	if err != nil {
		server.Close()
		return nil, err
	}
	go func() {
		<-process.Exited()
		rt.Lose(process.Err())
	}()
	return &Instance{rt, process, server}, nil
}

// Close ends the process and its runtime API. It may be called again.
func (i *Instance) Close() {
	i.Stop()
	i.server.Close()
}

// Function has the instances of a function. Each has one invocation at a time; for a second one that comes meanwhile there is
// another instance. Launch starts an instance; a Function without more is ready.
type Function struct {
	Launch func() (*Instance, error)

	mu   sync.Mutex
	idle []*Instance
	all  []*Instance
}

// Invoke gives an invocation to an instance that has nothing to do, or to a new one. If the caller leaves, which ends ctx, or the
// instance does not answer in time or dies, the instance is stopped, and another takes its place when it is needed.
func (f *Function) Invoke(ctx context.Context, inv Invocation) (Result, error) {
	i, err := f.take()
	if err != nil {
		return Result{}, err
	}
	r, err := i.Invoke(ctx, inv)
	if err != nil || r.ErrorType == FunctionTimeout || r.ErrorType == ProcessExited {
		i.Close()
		return r, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.idle = append(f.idle, i)
	return r, nil
}

func (f *Function) take() (*Instance, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := len(f.idle) - 1; last >= 0 {
		i := f.idle[last]
		f.idle = f.idle[:last]
		return i, nil
	}
	i, err := f.Launch()
	if err == nil {
		f.all = append(f.all, i)
	}
	return i, err
}

// Replace stops the instances that have nothing to do, so that the next invocation comes to a new one.
func (f *Function) Replace() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.idle {
		i.Close()
	}
	f.idle = nil
}

// Close ends every instance.
func (f *Function) Close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range f.all {
		i.Close()
	}
}
