// Package bench measures the function as it is deployed, between both emulators: beside a plain handler on the same SDKs
// (folder plain), and with a fleet of clusters. `make bench` runs it; there are no tests here.
//
// What is compared runs in pairs, and a ratio is the median of the pairs' ratios, so that it holds on a machine that has
// other work as well. Absolute figures are medians, and the machine's.
package bench

import (
	"context"
	"fmt"
	"log"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

var folder string // of the binaries, removed at the end

func TestMain(m *testing.M) {
	var err error
	if folder, err = os.MkdirTemp("", "adb-backup-bench-"); err != nil {
		log.Fatal(err)
	}
	code := m.Run()
	os.RemoveAll(folder)
	os.Exit(code)
}

// build builds both binaries as they are deployed, but for this machine. Only the function does without HTTP/2, as in the Makefile.
var build = sync.OnceValue(func() error {
	for _, of := range []struct{ name, source, tags string }{{"function", "..", "nethttpomithttp2"}, {"plain", "./plain", ""}} {
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags="+of.tags, "-ldflags", "-s -w", "-o", filepath.Join(folder, of.name), of.source)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s does not build: %w\n%s", of.source, err, out)
		}
	}
	return nil
})

func binary(b *testing.B, name string) string {
	if err := build(); err != nil {
		b.Fatal(err)
	}
	return filepath.Join(folder, name)
}

var role = struct{ id, secret, token string }{"STS.bench", "secret", "token"}

// endpoint is an AnalyticDB that knows the role.
func endpoint(b *testing.B, o fakeadb.Options) (service *fakeadb.Service, url string) {
	binary(b, "function") // built before anything is measured
	o.Credentials = map[string]fakeadb.Credential{role.id: {Secret: role.secret, Token: role.token}}
	service = fakeadb.New(o)
	server := httptest.NewServer(service)
	b.Cleanup(server.Close)
	return service, server.URL
}

// process is a running function or plain handler.
type process struct {
	*fakefc.Instance
	b       *testing.B
	started time.Time
}

func start(b *testing.B, name, url string) *process {
	env := map[string]string{"function": "ADB_ENDPOINT=" + url, "plain": "ENDPOINT=" + strings.TrimPrefix(url, "http://")}[name]
	p := &process{b: b, started: time.Now()}
	var err error
	if p.Instance, err = fakefc.Launch(binary(b, name), []string{env}, nil); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(p.Close)
	return p
}

// invoke is one invocation that must succeed.
func (p *process) invoke(payload string) fakefc.Result {
	result, err := p.Invoke(context.Background(), fakefc.Invocation{
		Payload: []byte(payload), AccessKeyID: role.id, AccessKeySecret: role.secret, SecurityToken: role.token, Timeout: 10 * time.Minute,
	})
	if err != nil || result.ErrorType != "" {
		p.b.Fatal(err, result.ErrorType, result.ErrorMessage)
	}
	return result
}

// peak is the most memory that the process had so far, in MiB; 0 where there is no /proc. rusage does not say it: to a
// child's Maxrss belongs what its parent had when it started the child.
func (p *process) peak() float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Cmd.Process.Pid))
	_, line, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	fmt.Sscan(line, &kib)
	return kib / 1024
}

// end ends the process and says how many milliseconds it used a processor.
func (p *process) end() float64 {
	p.Close()
	usage := p.Cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return milliseconds(time.Duration(usage.Utime.Nano() + usage.Stime.Nano()))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// measure reports the median of each figure, by its unit.
func measure(b *testing.B, once func() map[string]float64) {
	all := map[string][]float64{}
	for b.Loop() {
		for unit, v := range once() {
			all[unit] = append(all[unit], v)
		}
	}
	b.ReportMetric(0, "ns/op")
	for unit, v := range all {
		slices.Sort(v)
		b.ReportMetric((v[len(v)/2]+v[(len(v)-1)/2])/2, unit)
	}
}

// compare measures the function and, right beside it, the plain handler. It reports the function's figures and their ratios.
func compare(b *testing.B, once func(name string) map[string]float64) {
	names := []string{"plain", "function"}
	measure(b, func() map[string]float64 {
		slices.Reverse(names) // neither is always the first
		of := map[string]map[string]float64{}
		for _, name := range names {
			of[name] = once(name)
		}
		for unit, v := range of["plain"] {
			of["function"][unit+"-ratio"] = of["function"][unit] / v
		}
		return of["function"]
	})
}
