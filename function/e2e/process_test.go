package e2e

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakefc"
)

// process is a started function and what it printed.
type process struct {
	*fakefc.Instance
	mu             sync.Mutex
	stdout, stderr []string
}

// function starts a process. Times are short, unless the story says otherwise.
func (s *story) function(ts *testscript.TestScript, neg bool, args []string) error {
	flags := newFlags("function")
	name := flags.String("p", "a", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	p := &process{}
	env := append([]string{"ADB_ENDPOINT=" + s.endpoint, "ADB_POLL_INTERVAL=20ms", "ADB_SETTLE_TIME=300ms"}, flags.Args()...)
	instance, err := fakefc.Launch(fakefc.Command{Path: s.binary, Env: env, Stdout: p.keep(&p.stdout), Stderr: p.keep(&p.stderr)})
	if err != nil {
		return err
	}
	p.Instance = instance
	if neg {
		defer instance.Close()
		s.past = append(s.past, p)
		select {
		case <-p.Exited():
		case <-time.After(5 * time.Second):
			return errors.New("the function runs with settings that it should refuse")
		}
		fmt.Fprintln(ts.Stderr(), p.Err())
		if !strings.Contains(p.Err().Error(), "exit status") || strings.Contains(p.Err().Error(), "exit status 0") {
			return fmt.Errorf("the function should have ended with a status: %w", p.Err())
		}
		return nil
	}
	s.retire(*name)
	s.processes[*name] = p
	return nil
}

func (s *story) lose(ts *testscript.TestScript, neg bool, args []string) error {
	flags := newFlags("lose")
	name := flags.String("p", "a", "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	s.retire(*name)
	return nil
}

func (s *story) retire(name string) {
	if p := s.processes[name]; p != nil {
		p.Close()
		s.past = append(s.past, p)
		delete(s.processes, name)
	}
}

func (p *process) keep(to *[]string) func(string) {
	return func(line string) {
		p.mu.Lock()
		defer p.mu.Unlock()
		*to = append(*to, line)
	}
}

// logHas looks through what all processes printed. A line may come a moment after the answer.
func (s *story) logHas(ts *testscript.TestScript, neg bool, args []string) error {
	flags := newFlags("log")
	want := flags.Int("n", -1, "")
	if err := flags.Parse(args); err != nil {
		return err
	}
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		n, err := s.matching(flags.Args())
		late := time.Since(began) > 50*time.Millisecond // long enough to hope that no line comes any more
		switch {
		case err != nil:
			return err
		case neg && n == 0 && late, !neg && *want < 0 && n > 0, !neg && n == *want && late:
			return nil
		case neg && n > 0, time.Since(began) > 2*time.Second:
			s.show(ts)
			return fmt.Errorf("%d log lines match %q", n, flags.Args())
		}
	}
}

func (s *story) matching(fields []string) (n int, err error) {
	for _, p := range append(slices.Clone(s.past), slices.Collect(maps.Values(s.processes))...) {
		p.mu.Lock()
		for _, line := range p.stdout {
			all, ok := decodeLine(line), true
			for _, f := range fields {
				name, want, _ := strings.Cut(f, "=")
				re, err := regexp.Compile(want)
				if err != nil {
					return 0, err
				}
				value, present := all[name]
				text, isText := value.(string)
				if !isText {
					b, _ := json.Marshal(value)
					text = string(b)
				}
				ok = ok && present && re.MatchString(text)
			}
			if ok && all != nil {
				n++
			}
		}
		p.mu.Unlock()
	}
	return n, nil
}

// show shows what all processes printed.
func (s *story) show(ts *testscript.TestScript) {
	for _, p := range append(slices.Clone(s.past), slices.Collect(maps.Values(s.processes))...) {
		p.mu.Lock()
		for _, line := range append(slices.Clone(p.stdout), p.stderr...) {
			ts.Logf("%.2000s", line)
		}
		p.mu.Unlock()
	}
}

// decodeLine is one of the function's own log lines, or nil: the runtime SDK prints lines of another kind.
func decodeLine(line string) (fields map[string]any) {
	if json.Unmarshal([]byte(line), &fields) != nil {
		return nil
	}
	return fields
}

// memory holds the peak memory of every process that runs against a limit in MiB. A binary with the race detector needs several
// times as much, and only Linux tells it.
func (s *story) memory(ts *testscript.TestScript, neg bool, args []string) error {
	var most float64
	if _, err := fmt.Sscan(args[0], &most); err != nil {
		return err
	}
	for name, p := range s.processes {
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Pid()))
		_, line, found := strings.Cut(string(status), "VmHWM:")
		var kib float64
		fmt.Sscan(line, &kib)
		ts.Logf("process %s: %.0f MiB", name, kib/1024)
		if found && !raceDetector() && kib/1024 > most {
			return fmt.Errorf("process %s needed %.0f MiB", name, kib/1024)
		}
	}
	return nil
}

func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}
