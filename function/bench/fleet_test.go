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
		p.invoke(oneCluster) // the start is BenchmarkStart's
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

func request(clusters int) string {
	ids := make([]string, clusters)
	for i := range ids {
		ids[i] = fmt.Sprintf("amv-bench%04d", i)
	}
	body, _ := json.Marshal(map[string]any{"DBClusterIds": ids, "RegionId": "cn-hangzhou"})
	return string(body)
}
