package fakefc

import (
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"time"
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

// NewRequestID makes an id as Function Compute does: the Unix seconds in hexadecimal digits, then random digits.
func NewRequestID(now time.Time) string {
	var random [10]byte
	rand.Read(random[:])
	return fmt.Sprintf("1-%08x-%x-%x", now.Unix(), random[:4], random[4:])
}
