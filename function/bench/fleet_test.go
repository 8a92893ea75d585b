package bench

import (
	"encoding/json"
	"flag"
	"fmt"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

var slow = flag.Bool("slow", false, "run the benchmarks that take minutes")

// BenchmarkFleet is one direct request for a thousand clusters where each call takes 100 ms and the account's limit is not
// known to the function. The ideal is the time in which the service, called at exactly its limit, serves them all; at 500
// a second it is the function's own 16 calls in flight that bound it.
func BenchmarkFleet(b *testing.B) {
	for _, c := range []struct {
		rate, burst int
	}{{50, 50}, {50, 5}, {50, 1}, {500, 500}, {500, 50}} {
		b.Run(fmt.Sprintf("%d-per-second,burst-%d", c.rate, c.burst), func(b *testing.B) { fleet(b, c.rate, c.burst) })
	}
}

// BenchmarkSlowFleet is the same where 10 requests a second are allowed: minutes, so `make bench` leaves it out.
//
//	go test ./function/bench -run '^$' -bench SlowFleet -slow
func BenchmarkSlowFleet(b *testing.B) {
	if !*slow {
		b.Skip("takes minutes: -slow")
	}
	for _, burst := range []int{10, 1} {
		b.Run(fmt.Sprintf("10-per-second,burst-%d", burst), func(b *testing.B) { fleet(b, 10, burst) })
	}
}

func fleet(b *testing.B, rate, burst int) {
	const clusters, latency, inFlight = 1000, 100 * time.Millisecond, 16
	var throttled, failed, ratio, peak []float64
	for b.Loop() {
		service, url := endpoint(b, fakeadb.Options{Latency: latency, Rate: float64(rate), Burst: burst})
		p := start(b, "function", url)
		p.invoke(oneCluster("amv-wz9or2xawpnc")) // the start is BenchmarkStart's
		time.Sleep(time.Second)
		before := service.Count("CreateBackup")

		began := time.Now()
		result := p.invoke(request(clusters))
		took := time.Since(began)

		ideal := max(clusters*time.Second/time.Duration(rate), clusters*latency/inFlight)
		ratio = append(ratio, took.Seconds()/ideal.Seconds())
		throttled = append(throttled, float64(service.Count("CreateBackup")-before-clusters))
		failed = append(failed, float64(clusters-strings.Count(string(result.Payload), `"DBClusterId"`))) // one that fails fails the invocation
		peak = append(peak, p.peak())
		p.end()
	}
	b.ReportMetric(median(ratio), "of-ideal")
	b.ReportMetric(median(throttled), "throttled")
	b.ReportMetric(median(failed), "failed")
	b.ReportMetric(median(peak), "peak-MiB")
}

// BenchmarkSelector is a request that chooses a thousand clusters by a tag, right beside one that names them, where 50 a second
// are allowed and each call takes 20 ms.
func BenchmarkSelector(b *testing.B) {
	const chosen = 1000
	o := fakeadb.Options{Latency: 20 * time.Millisecond, Rate: 50, Burst: 50}
	for i := range 2 * chosen { // half of the account's
		o.Clusters = append(o.Clusters, fakeadb.Cluster{ID: clusterID(i), Tags: []fakeadb.Tag{{Key: "team", Value: "a team"}, {Key: "backup", Value: []string{"nightly", "never"}[i/chosen]}}})
	}
	selector := `{"DBClusterSelector":{"Tags":{"backup":"nightly"}},"RegionId":"cn-hangzhou"}`
	var took, cpu, memory pairs
	for b.Loop() {
		for _, payload := range []string{selector, request(chosen)} {
			service, url := endpoint(b, o)
			p := start(b, "function", url)
			p.invoke(oneCluster(clusterID(0)))
			time.Sleep(time.Second)
			began := time.Now()
			result := p.invoke(payload)
			name := "plain" // what the other one stands beside
			if payload == selector {
				name = "function"
			}
			took.add(name, time.Since(began).Seconds())
			if n := strings.Count(string(result.Payload), `"DBClusterId"`); n != chosen || service.Count("CreateBackup") < chosen {
				b.Fatalf("%d clusters", n)
			}
			memory.add(name, p.peak())
			cpu.add(name, milliseconds(p.end()))
		}
	}
	b.ReportMetric(0, "ns/op")
	took.report(b, "s")
	cpu.report(b, "cpu-ms")
	memory.report(b, "peak-MiB")
}

// BenchmarkLargestEvent is an event that names as many clusters as one may, 5,000, where nothing limits their rate.
func BenchmarkLargestEvent(b *testing.B) {
	var took, peak []float64
	for b.Loop() {
		_, url := endpoint(b, fakeadb.Options{Latency: 20 * time.Millisecond})
		p := start(b, "function", url)
		var events []string
		for first := 0; first < 5000; first += 1000 {
			events = append(events, fmt.Sprintf(`{"specversion":"1.0","id":"%d","source":"bench","type":"t","time":%q,"data":%s}`, first, time.Now().UTC().Format(time.RFC3339), requestFrom(first, 1000)))
		}
		took = append(took, p.invoke("["+strings.Join(events, ",")+"]").Took.Seconds())
		peak = append(peak, p.peak())
		p.end()
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(median(took), "s")
	b.ReportMetric(median(peak), "peak-MiB")
}

func request(clusters int) string { return requestFrom(0, clusters) }

func requestFrom(first, clusters int) string {
	ids := make([]string, clusters)
	for i := range ids {
		ids[i] = clusterID(first + i)
	}
	body, _ := json.Marshal(map[string]any{"DBClusterIds": ids, "RegionId": "cn-hangzhou"})
	return string(body)
}

func clusterID(i int) string { return fmt.Sprintf("amv-bench%04d", i) }
