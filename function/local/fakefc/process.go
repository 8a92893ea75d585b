package fakefc

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// Command says how to start a function's executable.
type Command struct {
	Path string
	// Env is the function's own environmentVariables, NAME=value. The caller's environment is not passed on.
	Env []string
	// Stdout and Stderr take the process's output, each line without its end; nil discards. Each has a goroutine of its own.
	Stdout, Stderr func(line string)
}

// Process is a function's process. It must be stopped: the runtime SDK asks for the next invocation for ever, without a pause
// when nothing answers.
type Process struct {
	cmd    *exec.Cmd
	exited chan struct{}
	err    error // how it ended; set before exited is closed

	mu   sync.Mutex
	last []string // the last lines of its output, for an early end
}

// start starts the executable with the environment that the platform gives, its runtime API at the address api (host:port).
func (c Command) start(api string) (*Process, error) {
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(path)
	cmd.Dir = filepath.Dir(path)
	cmd.Env = append(platformEnv(api, cmd.Dir), c.Env...)
	cmd.SysProcAttr = sysProcAttr()
	p := &Process{cmd: cmd, exited: make(chan struct{})}
	stdout, err1 := cmd.StdoutPipe()
	stderr, err2 := cmd.StderrPipe()
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	switch err := cmd.Start(); {
	case errors.Is(err, syscall.ENOEXEC):
		return nil, fmt.Errorf("%s is not built for this machine (%s/%s): %w", c.Path, runtime.GOOS, runtime.GOARCH, err)
	case err != nil:
		return nil, fmt.Errorf("%s does not start: %w", c.Path, err)
	}
	go func() {
		var reading sync.WaitGroup
		reading.Go(func() { p.read(stdout, c.Stdout) })
		reading.Go(func() { p.read(stderr, c.Stderr) })
		reading.Wait() // Wait closes the pipes, so everything is read before
		cmd.Wait()
		p.err = fmt.Errorf("the process ended (%v); its last output:\n%s", cmd.ProcessState, strings.Join(p.last, "\n"))
		close(p.exited)
	}()
	return p, nil
}

// platformEnv is the environment of a Go runtime's process, after Function Compute's "Configure environment variables".
// The platform also puts the role's credentials there, once per process. The ones here are not valid, so a function that uses
// them instead of the invocation's own fails.
func platformEnv(api, code string) []string {
	return []string{
		"FC_RUNTIME_API=" + api,
		"FC_FUNC_CODE_PATH=" + code,
		"FC_FUNCTION_NAME=adb-backup",
		"FC_FUNCTION_HANDLER=main",
		"FC_FUNCTION_MEMORY_SIZE=128",
		"FC_FUNCTION_VERSION=LATEST",
		"FC_REGION=" + defaultRegion,
		"FC_ACCOUNT_ID=" + defaultAccount,
		"FC_INSTANCE_ID=c-local",
		"ALIBABA_CLOUD_ACCESS_KEY_ID=STS.of-the-process",
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET=of-the-process",
		"ALIBABA_CLOUD_SECURITY_TOKEN=of-the-process",
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"HOME=/tmp",
		"TZ=UTC",
	}
}

// Exited is closed when the process has ended and all its output has been passed on.
func (p *Process) Exited() <-chan struct{} { return p.exited }

// Err says how the process ended, with the last lines of its output. Only after Exited.
func (p *Process) Err() error { return p.err }

// Pid is the process's id.
func (p *Process) Pid() int { return p.cmd.Process.Pid }

// Usage is what the process used: times and, on Linux, its peak memory in KiB as Maxrss. Only after Exited.
func (p *Process) Usage() any { return p.cmd.ProcessState.SysUsage() }

// Stop kills the process, as the platform does, and waits for its end. It may be called again.
func (p *Process) Stop() {
	p.cmd.Process.Kill() // an error means that it has ended
	<-p.exited
}

// read passes a stream on by lines. A line may have any length, and the last one may lack its end.
func (p *Process) read(from io.Reader, to func(string)) {
	const remembered = 20
	r := bufio.NewReader(from)
	for {
		line, err := r.ReadString('\n')
		if line = strings.TrimRight(line, "\r\n"); line != "" || err == nil {
			p.mu.Lock()
			p.last = append(p.last[max(0, len(p.last)+1-remembered):], line)
			p.mu.Unlock()
			if to != nil {
				to(line)
			}
		}
		if err != nil {
			return
		}
	}
}
