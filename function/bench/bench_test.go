package bench

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
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
		content, err := os.ReadFile(binary(b, name))
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
