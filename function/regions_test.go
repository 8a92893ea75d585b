package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// TestRegions: the trouble of one region is not that of another.
func TestRegions(t *testing.T) {
	story(t, "a slow region holds up no other, though it has all the slots", fakeadb.Options{Faults: func(c fakeadb.Call) fakeadb.Fault {
		if c.Region == region {
			return fakeadb.Slow(9 * time.Second)
		}
		return fakeadb.Fault{}
	}}, func(t *testing.T, w *world) {
		p := w.process()
		var wg sync.WaitGroup
		wg.Go(func() { p.deliver(fleet(100, ""), delivery{}) })
		time.Sleep(time.Second)
		if r := p.deliver(`{"DBClusterId":"amv-other","RegionId":"cn-wulanchabu"}`, delivery{}); r.Status != "Requested" || r.took > 8*time.Second { // the first slot that came free
			t.Errorf("%s%s after %v", r.Status, r.errorType, r.took)
		}
		wg.Wait()
		w.once(101)
	})
	story(t, "a throttled region does not hold up another", fakeadb.Options{Takes: time.Minute, Latency: 100 * time.Millisecond, Faults: func(c fakeadb.Call) fakeadb.Fault {
		if c.Region == region {
			return fakeadb.Throttled(time.Hour)
		}
		return fakeadb.Fault{}
	}}, func(t *testing.T, w *world) {
		cloudEvent := func(data string) string {
			return `{"specversion":"1.0","id":"1","source":"x","type":"t","time":"` + time.Now().UTC().Format(time.RFC3339) + `","data":` + data + `}`
		}
		r := w.process().deliver(`[`+cloudEvent(fleet(100, ""))+`,`+cloudEvent(`{"DBClusterId":"amv-other","RegionId":"cn-wulanchabu","WaitFor":"Completed"}`)+`]`, delivery{timeout: 10 * time.Minute})
		if !strings.Contains(r.errorMessage, "100 of 101 clusters failed") || strings.Contains(r.errorMessage, "amv-other") || len(w.service.Backups("amv-other")) != 1 {
			t.Error(r.errorMessage)
		}
	})
}
