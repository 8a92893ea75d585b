// Package bench measures the function as it is deployed, between both emulators: beside a plain handler on the same SDKs
// (folder plain), and with a fleet of clusters. `make bench` runs it; there are no tests here.
//
// What is compared runs in pairs, and a ratio is the median of the pairs' ratios, so that it holds on a machine that has
// other work as well. Absolute figures are medians, and the machine's.
package bench

import (
	"bytes"
	"compress/flate"
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

const oneCluster = `{"DBClusterId":"amv-wz9or2xawpnc","RegionId":"cn-hangzhou"}`

// BenchmarkStart is from the start of the process to its first question for an invocation, and to its first answer.
func BenchmarkStart(b *testing.B) {
	_, url := endpoint(b, fakeadb.Options{})
	compare(b, func(name string) map[string]float64 {
		p := start(b, name, url)
		defer p.end()
		result := p.invoke(oneCluster)
		answer := time.Since(p.started)
		return map[string]float64{"poll-ms": milliseconds(answer - result.Took), "answer-ms": milliseconds(answer), "peak-MiB": p.peak()}
	})
}

// BenchmarkWarm is a direct invocation of a process that has had a hundred: how long it takes, what it uses of a
// processor, and the peak memory after thousands.
func BenchmarkWarm(b *testing.B) {
	const few, many = 100, 3000
	_, url := endpoint(b, fakeadb.Options{})
	compare(b, func(name string) map[string]float64 {
		run := func(invocations int) (cpu, wall, peak float64) {
			p := start(b, name, url)
			for i := range invocations {
				if result := p.invoke(oneCluster); i >= few {
					wall += milliseconds(result.Took)
				}
			}
			peak = p.peak()
			return p.end(), wall, peak
		}
		base, _, _ := run(few)
		cpu, wall, peak := run(few + many)
		return map[string]float64{"wall-µs": 1000 * wall / many, "cpu-µs": 1000 * (cpu - base) / many, "peak-MiB": peak}
	})
}

// BenchmarkSize is that of the binary and of the zip that is uploaded, which is the binary compressed and a few bytes more.
func BenchmarkSize(b *testing.B) {
	compare(b, func(name string) map[string]float64 {
		content, err := os.ReadFile(folder + name)
		if err != nil {
			b.Fatal(err)
		}
		var zipped bytes.Buffer
		w, _ := flate.NewWriter(&zipped, flate.BestCompression)
		w.Write(content)
		w.Close()
		return map[string]float64{"binary-MB": float64(len(content)) / 1e6, "zip-MB": float64(zipped.Len()) / 1e6}
	})
}

// BenchmarkFleet is one direct request for a thousand clusters where each call takes 100 ms and the account's limit is not
// known to the function. The ideal is the time in which the service, called at exactly its limit, serves them all; at 500
// a second it is the function's own 16 calls in flight that bound it.
func BenchmarkFleet(b *testing.B) {
	const clusters, latency, inFlight = 1000, 100 * time.Millisecond, 16
	for _, c := range []struct{ rate, burst int }{{50, 50}, {50, 5}, {50, 1}, {500, 500}, {500, 50}} {
		b.Run(fmt.Sprintf("%d-per-second,burst-%d", c.rate, c.burst), func(b *testing.B) {
			measure(b, func() map[string]float64 {
				service, url := endpoint(b, fakeadb.Options{Latency: latency, Rate: float64(c.rate), Burst: c.burst})
				p, answered, took := startAndInvoke(b, url, request(0, clusters))
				defer p.end()
				ideal := max(clusters*time.Second/time.Duration(c.rate), clusters*latency/inFlight)
				return map[string]float64{"of-ideal": took.Seconds() / ideal.Seconds(), "throttled": float64(service.Count("CreateBackup") - 1 - clusters),
					"failed": float64(clusters - answered), "peak-MiB": p.peak()}
			})
		})
	}
}

// BenchmarkSelector is a request that chooses a thousand clusters by a tag, right beside one that names them, where 50 a second
// are allowed and each call takes 20 ms.
func BenchmarkSelector(b *testing.B) {
	const chosen = 1000
	o := fakeadb.Options{Latency: 20 * time.Millisecond, Rate: 50, Burst: 50, Clusters: []fakeadb.Cluster{{ID: "amv-wz9or2xawpnc"}}}
	for i := range 2 * chosen { // half of the account's
		tags := []fakeadb.Tag{{Key: "team", Value: "a team"}, {Key: "backup", Value: []string{"nightly", "never"}[i/chosen]}}
		o.Clusters = append(o.Clusters, fakeadb.Cluster{ID: clusterID(i), Tags: tags})
	}
	payloads := map[string]string{"function": `{"DBClusterSelector":{"Tags":{"backup":"nightly"}},"RegionId":"cn-hangzhou"}`, "plain": request(0, chosen)}
	compare(b, func(name string) map[string]float64 {
		_, url := endpoint(b, o)
		p, answered, took := startAndInvoke(b, url, payloads[name])
		if answered != chosen {
			b.Fatalf("%d clusters", answered)
		}
		return map[string]float64{"s": took.Seconds(), "peak-MiB": p.peak(), "cpu-ms": p.end()}
	})
}

// BenchmarkLargestEvent is an event that names as many clusters as one may, 5,000, where nothing limits their rate.
func BenchmarkLargestEvent(b *testing.B) {
	measure(b, func() map[string]float64 {
		_, url := endpoint(b, fakeadb.Options{Latency: 20 * time.Millisecond})
		var events []string
		for first := 0; first < 5000; first += 1000 {
			events = append(events, fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"bench","type":"t","time":%q,"data":%s}`,
				first, time.Now().UTC().Format(time.RFC3339), request(first, 1000)))
		}
		p := start(b, "function", url)
		defer p.end()
		took := p.invoke("[" + strings.Join(events, ",") + "]").Took
		return map[string]float64{"s": took.Seconds(), "peak-MiB": p.peak()}
	})
}

// startAndInvoke is one request to a process that has already answered another: the start is BenchmarkStart's. A cluster that
// fails would fail the invocation.
func startAndInvoke(b *testing.B, url, payload string) (p *process, answered int, took time.Duration) {
	p = start(b, "function", url)
	p.invoke(oneCluster)
	time.Sleep(time.Second)
	result := p.invoke(payload)
	return p, strings.Count(string(result.Payload), `"DBClusterId"`), result.Took
}

// request names clusters, from the given one on.
func request(first, clusters int) string {
	ids := make([]string, clusters)
	for i := range ids {
		ids[i] = clusterID(first + i)
	}
	body, _ := json.Marshal(map[string]any{"DBClusterIds": ids, "RegionId": "cn-hangzhou"})
	return string(body)
}

func clusterID(i int) string { return fmt.Sprintf("amv-bench%04d", i) }

const folder = "../../dist/bench/" // of the binaries

// build builds both binaries as they are deployed, but for this machine. Only the function does without HTTP/2, as in the Makefile.
var build = sync.OnceValue(func() error {
	for _, of := range []struct{ name, source, tags string }{{"function", "..", "nethttpomithttp2"}, {"plain", "./plain", ""}} {
		cmd := exec.Command("go", "build", "-trimpath", "-buildvcs=false", "-tags="+of.tags, "-ldflags", "-s -w", "-o", folder+of.name, of.source)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%s does not build: %w\n%s", of.source, err, out)
		}
	}
	return nil
})

// delivery is what every invocation is, beside its payload.
var delivery = fakefc.Invocation{AccessKeyID: "STS.bench", AccessKeySecret: "secret", SecurityToken: "token", Timeout: 10 * time.Minute}

// endpoint is an AnalyticDB that knows the role.
func endpoint(b *testing.B, o fakeadb.Options) (service *fakeadb.Service, url string) {
	o.Credentials = map[string]fakeadb.Credential{delivery.AccessKeyID: {Secret: delivery.AccessKeySecret, Token: delivery.SecurityToken}}
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
	started := time.Now()
	i, err := fakefc.Launch(folder+name, []string{env}, nil)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(i.Close)
	return &process{i, b, started}
}

// invoke is one invocation that must succeed.
func (p *process) invoke(payload string) fakefc.Result {
	inv := delivery
	inv.Payload = []byte(payload)
	result, err := p.Invoke(context.Background(), inv)
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
	if err := build(); err != nil {
		b.Fatal(err)
	}
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
