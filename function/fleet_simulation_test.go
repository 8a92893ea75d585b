package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// TestFleetSimulation: 1,000 clusters, faults in every third call. It takes long, so `make simulate` alone runs it.
func TestFleetSimulation(t *testing.T) {
	if os.Getenv("ADB_SIMULATION_SEEDS") == "" {
		t.Skip("make simulate runs it")
	}
	for seed := range uint64(2) {
		rnd := rand.New(rand.NewPCG(seed, 7))
		var mu sync.Mutex
		faulty := []fakeadb.Fault{
			fakeadb.Throttled(0), fakeadb.Throttled(time.Second), fakeadb.BadGateway, fakeadb.Broken, fakeadb.Empty.AfterEffect(),
			fakeadb.Broken.AfterEffect(), fakeadb.Refused(fakeadb.ErrInternal).AfterEffect(), fakeadb.Slow(12 * time.Second).AfterEffect(),
		}
		o := fakeadb.Options{Latency: 100 * time.Millisecond, Rate: 100, Burst: 10, Takes: 5 * time.Minute, ListedAfter: 5 * time.Second, Faults: func(fakeadb.Call) fakeadb.Fault {
			mu.Lock()
			defer mu.Unlock()
			if rnd.IntN(3) > 0 {
				return fakeadb.Fault{}
			}
			return faulty[rnd.IntN(len(faulty))]
		}}
		story(t, fmt.Sprintf("seed %d", seed), o, func(t *testing.T, w *world) {
			event := timer(fleet(1000, `,"WaitFor":"Completed"`))
			var r result
			for retry := range 4 {
				if r = w.process().deliver(event, delivery{retryCount: retry, timeout: 2 * time.Hour}); r.errorType == "" {
					break
				}
				time.Sleep(time.Minute) // what the last attempt created has been listed by then, as in the cloud
			}
			w.expect(r, "Completed", w.service.Count("CreateBackup"))
			w.once(1000)
		})
	}
}
