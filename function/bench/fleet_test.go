package bench

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// BenchmarkFleet is one direct request for a thousand clusters where each call takes 100 ms and the account's limit is not
// known to the function. The ideal is the time in which the service, called at exactly its limit, serves them all.
func BenchmarkFleet(b *testing.B) {
	for _, c := range []struct {
		rate, burst int
	}{{50, 50}, {50, 5}, {50, 1}} {
		b.Run(fmt.Sprintf("%d-per-second,burst-%d", c.rate, c.burst), func(b *testing.B) { fleet(b, c.rate, c.burst) })
	}
}

func fleet(b *testing.B, rate, burst int) {
	const clusters = 1000
	var throttled, ratio, peak []float64
	for b.Loop() {
		service, url := endpoint(b, fakeadb.Options{Latency: 100 * time.Millisecond, Rate: float64(rate), Burst: burst})
		p := start(b, "function", url)
		p.invoke(oneCluster("amv-wz9or2xawpnc")) // the start is BenchmarkStart's
		time.Sleep(time.Second)
		before := service.Count("CreateBackup")

		began := time.Now()
		p.invoke(request(clusters)) // one cluster that fails fails the invocation
		ratio = append(ratio, time.Since(began).Seconds()*float64(rate)/clusters)
		throttled = append(throttled, float64(service.Count("CreateBackup")-before-clusters))
		peak = append(peak, p.peak())
		p.end()
	}
	b.ReportMetric(median(ratio), "of-ideal")
	b.ReportMetric(median(throttled), "throttled")
	b.ReportMetric(median(peak), "peak-MiB")
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
