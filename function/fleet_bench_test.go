package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"adb-backup/function/config"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakeadb/inmemory"

	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

// BenchmarkFleetGrows shows that a cluster costs the same however many there are: what is allocated for each, the emulated
// service's part included, and how many goroutines each has.
func BenchmarkFleetGrows(b *testing.B) {
	for _, clusters := range []int{10, 100, 1000} {
		b.Run(fmt.Sprint(clusters), func(b *testing.B) {
			ids := make([]string, clusters)
			for i := range ids {
				ids[i] = fmt.Sprintf("amv-bench%04d", i)
			}
			payload, _ := json.Marshal(map[string]any{"DBClusterIds": ids})
			ctx, cancel := context.WithTimeout(context.Background(), time.Hour)
			defer cancel()
			ctx = fccontext.NewContext(ctx, &fccontext.FcContext{
				Region: region, Credentials: fccontext.Credentials{AccessKeyId: keyID, AccessKeySecret: keySecret, SecurityToken: token},
			})
			goroutines, runs := 0, 0
			var start, end runtime.MemStats
			runtime.ReadMemStats(&start)
			for b.Loop() {
				runs++
				c, err := config.Load(nil)
				if err != nil {
					b.Fatal(err)
				}
				before := runtime.NumGoroutine()
				c.ADB.Transport = inmemory.New(fakeadb.New(fakeadb.Options{
					Credentials: map[string]fakeadb.Credential{keyID: {Secret: keySecret, Token: token}},
					OnCall: func(c fakeadb.Call) {
						if c.Nth == 1 {
							time.Sleep(20 * time.Millisecond) // all of them have begun by then
							goroutines = runtime.NumGoroutine() - before
						}
					},
				}))
				if _, err := newHandler(c, io.Discard).handle(ctx, payload); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(goroutines)/float64(clusters), "goroutines/cluster")
			runtime.ReadMemStats(&end)
			b.ReportMetric(float64(end.Mallocs-start.Mallocs)/float64(runs*clusters), "allocs/cluster")
			b.ReportMetric(float64(end.TotalAlloc-start.TotalAlloc)/float64(runs*clusters)/1024, "KiB/cluster")
		})
	}
}
