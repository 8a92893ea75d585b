package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/analyticdb"
)

// TestOverlap tells what happens between invocations, and what one of them leaves to the next.
func TestOverlap(t *testing.T) {
	lost := faults("CreateBackup", analyticdb.Broken.AfterEffect(), 1)
	blind := []analyticdb.Denial{{Action: "DescribeBackups"}}

	story(t, "a lost create whose backup failed is not taken for the retry's", analyticdb.Options{Takes: time.Minute, Ends: analyticdb.Fails, ListedAfter: 30 * time.Second, Faults: lost}, func(t *testing.T, w *world) {
		p, event := w.process(), timer(plain)
		w.expect(p.deliver(event, delivery{timeout: 10 * time.Second}), "OutcomeUnknown", 1)
		time.Sleep(2 * time.Minute)
		w.service.Set(func(o *analyticdb.Options) { o.Ends = analyticdb.Completes })
		w.expect(p.deliver(event, delivery{retryCount: 1}), "Requested", 2)
	})
	story(t, "a create throttled for long looks again: another process may have created meanwhile", analyticdb.Options{Takes: time.Minute, Precision: analyticdb.Seconds, Faults: faults("CreateBackup", analyticdb.Throttled(10*time.Minute), 1)}, func(t *testing.T, w *world) {
		event := timer(plain)
		a, b := w.process(), w.process()
		var wg sync.WaitGroup
		wg.Go(func() { w.expect(a.deliver(event, delivery{}), "Completed", 2) })
		time.Sleep(30 * time.Second)
		w.expect(b.deliver(event, delivery{}), "Requested", 2)
		wg.Wait()
		if n := len(w.service.Backups("")); n != 1 {
			t.Errorf("%d backups of one event", n)
		}
	})
	story(t, "where looking is denied a retry does not send again either", analyticdb.Options{Denied: blind, Faults: lost}, func(t *testing.T, w *world) {
		p, event := w.process(), timer(plain)
		for retry := range 2 {
			r := p.deliver(event, delivery{retryCount: retry})
			if w.expect(r, "OutcomeUnknown", 1); !strings.Contains(r.errorMessage, "looking for the backup is denied") || strings.Contains(r.errorMessage, "safe") {
				t.Error(r.errorMessage)
			}
		}
		time.Sleep(2 * time.Minute)
		w.expect(p.deliver(timer(plain), delivery{}), "Requested", 2) // of another moment
	})
	story(t, "an accepted create is not forgotten over a lost one", analyticdb.Options{Takes: time.Minute, ListedAfter: time.Hour, Faults: faults("CreateBackup", analyticdb.Broken, 2, 3, 4)}, func(t *testing.T, w *world) {
		p, first := w.process(), timer(plain)
		w.expect(p.deliver(first, delivery{}), "Requested", 1)
		time.Sleep(2 * time.Minute)
		w.expect(p.deliver(timer(plain), delivery{}), "OutcomeUnknown", 4)
		time.Sleep(2 * time.Minute)
		w.expect(p.deliver(first, delivery{retryCount: 1}), "Requested", 4)
	})
	for _, f := range []analyticdb.Fault{{}, analyticdb.Broken.AfterEffect()} {
		o := analyticdb.Options{Takes: time.Hour, Precision: analyticdb.Seconds, Faults: analyticdb.Script(
			analyticdb.Step{Action: "CreateBackup", Nth: 1, Fault: analyticdb.Broken}, analyticdb.Step{Action: "CreateBackup", Nth: 2, Fault: f})}
		story(t, "a direct request that awaits an earlier backup looks before it sends again: "+f.String(), o, func(t *testing.T, w *world) {
			p, now := w.process(), time.Now()
			w.service.Add(analyticdb.Backup{Cluster: cluster, Region: region, Start: now.Add(-time.Hour), Listed: now.Add(-time.Hour), End: now.Add(20 * time.Minute)})
			var wg sync.WaitGroup
			for i := range 5 {
				wg.Go(func() {
					event := plain
					if i > 0 {
						event = timer(plain)
					}
					p.deliver(event, delivery{})
				})
				time.Sleep(7 * time.Second)
			}
			wg.Wait()
			if n := len(w.service.Backups("")); n != 2 {
				t.Errorf("%d backups at once", n-1)
			}
		}, "ADB_SETTLE_TIME=2s")
	}
	story(t, "a throttled region does not hold up another", analyticdb.Options{Takes: time.Minute, Latency: 100 * time.Millisecond, Faults: func(c analyticdb.Call) analyticdb.Fault {
		if c.Region == region {
			return analyticdb.Throttled(time.Hour)
		}
		return analyticdb.Fault{}
	}}, func(t *testing.T, w *world) {
		cloudEvent := func(data string) string {
			return `{"specversion":"1.0","id":"1","source":"x","type":"t","time":"` + time.Now().UTC().Format(time.RFC3339) + `","data":` + data + `}`
		}
		r := w.process().deliver(`[`+cloudEvent(fleet(100, ""))+`,`+cloudEvent(`{"DBClusterId":"amv-other","RegionId":"cn-wulanchabu","WaitFor":"Completed"}`)+`]`, delivery{timeout: 10 * time.Minute})
		if !strings.Contains(r.errorMessage, "100 of 101 clusters failed") {
			t.Error(r.errorMessage)
		}
	})
	story(t, "failures of several kinds that the retry continues are no ERROR", analyticdb.Options{Takes: time.Hour, Faults: func(c analyticdb.Call) analyticdb.Fault {
		if c.Action == "CreateBackup" && c.Cluster == "amv-0001" {
			return analyticdb.Throttled(0)
		}
		return analyticdb.Fault{}
	}}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(fleet(2, `,"WaitFor":"Completed"`)), delivery{timeout: time.Minute})
		if w.expect(r, "Mixed", w.service.Count("CreateBackup")); strings.Contains(w.log.String(), `"level":"ERROR"`) {
			t.Error("logged as ERROR")
		}
	})
	story(t, "a retry does not soften a Verify", analyticdb.Options{}, func(t *testing.T, w *world) {
		start := time.Now().Add(-time.Hour - 30*time.Second)
		w.service.Add(analyticdb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(time.Minute)})
		event := timer(`{"DBClusterId":"` + cluster + `","Action":"Verify","MaxAge":"1h"}`)
		w.expect(w.process().deliver(event, delivery{}), "BackupMissing", 0)
		w.expect(w.process().deliver(event, delivery{retryCount: 1}), "BackupMissing", 0)
	})
}
