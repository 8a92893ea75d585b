package fakefc

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

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
