package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// TestOverlap tells what happens between invocations, and what one of them leaves to the next.
func TestOverlap(t *testing.T) {
	lost := faults("CreateBackup", fakeadb.Broken.AfterEffect(), 1)
	blind := []fakeadb.Denial{{Action: "DescribeBackups"}}

	story(t, "a lost create whose backup failed is not taken for the retry's", fakeadb.Options{Takes: time.Minute, Ends: fakeadb.Fails, ListedAfter: 30 * time.Second, Faults: lost}, func(t *testing.T, w *world) {
		p, event := w.process(), timer(plain)
		w.expect(p.deliver(event, delivery{timeout: 10 * time.Second}), "OutcomeUnknown", 1)
		time.Sleep(2 * time.Minute)
		w.service.Set(func(o *fakeadb.Options) { o.Ends = fakeadb.Completes })
		w.expect(p.deliver(event, delivery{retryCount: 1}), "Requested", 2)
	})
	story(t, "a create throttled for long looks again: another process may have created meanwhile", fakeadb.Options{Takes: time.Minute, Precision: fakeadb.Seconds, Faults: faults("CreateBackup", fakeadb.Throttled(10*time.Minute), 1)}, func(t *testing.T, w *world) {
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
	story(t, "where looking is denied a retry does not send again either", fakeadb.Options{Denied: blind, Faults: lost}, func(t *testing.T, w *world) {
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
	story(t, "an accepted create is not forgotten over a lost one", fakeadb.Options{Takes: time.Minute, ListedAfter: time.Hour, Faults: faults("CreateBackup", fakeadb.Broken, 2, 3, 4)}, func(t *testing.T, w *world) {
		p, first := w.process(), timer(plain)
		w.expect(p.deliver(first, delivery{}), "Requested", 1)
		time.Sleep(2 * time.Minute)
		w.expect(p.deliver(timer(plain), delivery{}), "OutcomeUnknown", 4)
		time.Sleep(2 * time.Minute)
		w.expect(p.deliver(first, delivery{retryCount: 1}), "Requested", 4)
	})
	for _, f := range []fakeadb.Fault{{}, fakeadb.Broken.AfterEffect()} {
		o := fakeadb.Options{Takes: time.Hour, Precision: fakeadb.Seconds, Faults: fakeadb.Script(
			fakeadb.Step{Action: "CreateBackup", Nth: 1, Fault: fakeadb.Broken}, fakeadb.Step{Action: "CreateBackup", Nth: 2, Fault: f})}
		story(t, "a direct request that awaits an earlier backup looks before it sends again: "+f.String(), o, func(t *testing.T, w *world) {
			p, now := w.process(), time.Now()
			w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: now.Add(-time.Hour), Listed: now.Add(-time.Hour), End: now.Add(20 * time.Minute)})
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
		if !strings.Contains(r.errorMessage, "100 of 101 clusters failed") {
			t.Error(r.errorMessage)
		}
	})
	story(t, "failures of several kinds that the retry continues are no ERROR", fakeadb.Options{Takes: time.Hour, Faults: func(c fakeadb.Call) fakeadb.Fault {
		if c.Action == "CreateBackup" && c.Cluster == "amv-0001" {
			return fakeadb.Throttled(0)
		}
		return fakeadb.Fault{}
	}}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(fleet(2, `,"WaitFor":"Completed"`)), delivery{timeout: time.Minute})
		if w.expect(r, "BackupPending", w.service.Count("CreateBackup")); strings.Contains(w.log.String(), `"level":"ERROR"`) {
			t.Error("logged as ERROR")
		}
	})
	story(t, "a retry does not soften a Verify", fakeadb.Options{}, func(t *testing.T, w *world) {
		start := time.Now().Add(-time.Hour - 30*time.Second)
		w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(time.Minute)})
		event := timer(`{"DBClusterId":"` + cluster + `","Action":"Verify","MaxAge":"1h"}`)
		w.expect(w.process().deliver(event, delivery{}), "BackupMissing", 0)
		w.expect(w.process().deliver(event, delivery{retryCount: 1}), "BackupMissing", 0)
	})

	story(t, "who waits behind a call that was throttled is throttled, too", fakeadb.Options{Faults: faults("CreateBackup", fakeadb.Throttled(time.Minute), 1)}, func(t *testing.T, w *world) {
		p := w.process()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { p.deliver(plain, delivery{timeout: 10 * time.Second}) })
		time.Sleep(time.Second)
		for _, event := range []string{`{"DBClusterId":"amv-other"}`, timer(`{"DBClusterId":"amv-other","Action":"Verify","MaxAge":"1h"}`)} {
			if r := p.deliver(event, delivery{timeout: 4 * time.Second}); r.errorType != "Throttled" || !strings.Contains(r.errorMessage, "Throttling.User") {
				t.Error(r.errorType, r.errorMessage)
			}
		}
	})
	story(t, "two direct requests for one fleet, a second apart: the second adopts what was sent after its moment", fakeadb.Options{Latency: 100 * time.Millisecond, Rate: 10, Burst: 10, Takes: time.Minute}, func(t *testing.T, w *world) {
		p := w.process()
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { p.deliver(fleet(1000, ""), delivery{}) })
			time.Sleep(time.Second)
		}
		wg.Wait()
		if n := len(w.service.Backups("")); n > 1100 { // but for those that the first had sent by then
			t.Errorf("%d backups", n)
		}
	})
	story(t, "what started while a create was waiting for its turn is not that create's", fakeadb.Options{Precision: fakeadb.Seconds, Faults: fakeadb.Script(
		fakeadb.Step{Action: "CreateBackup", Cluster: "amv-first", Nth: 1, Fault: fakeadb.Throttled(40 * time.Second)},
		fakeadb.Step{Action: "CreateBackup", Cluster: cluster, Nth: 2, Fault: fakeadb.Broken})}, func(t *testing.T, w *world) {
		p := w.process()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { p.deliver(`{"DBClusterId":"amv-first"}`, delivery{}) })
		time.Sleep(time.Second)
		time.AfterFunc(20*time.Second, func() { // of the cluster's own schedule
			w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: time.Now(), Listed: time.Now(), End: time.Now().Add(time.Minute)})
		})
		r := p.deliver(plain, delivery{})
		made := w.service.Backups(cluster)
		if claim := r.Backups[0]; claim.Created && (claim.RequestId == "" || len(made) != 2 || made[1].RequestID != claim.RequestId) {
			t.Errorf("%+v, but there is %+v", claim, made)
		}
	})
	for _, precision := range []fakeadb.Precision{fakeadb.Minutes, fakeadb.Seconds} {
		for _, skew := range []time.Duration{-30 * time.Second, -time.Second, time.Second, 30 * time.Second} {
			lagging := fakeadb.Options{Skew: skew, Precision: precision, Takes: 15 * time.Minute, Faults: lost}
			story(t, fmt.Sprintf("a lost create is known where the service's clock is off by %v, precision %d", skew, precision), lagging, func(t *testing.T, w *world) {
				event := timer(waiting) // at second 0, as timers fire
				time.Sleep(300 * time.Millisecond)
				w.expect(w.process().deliver(event, delivery{}), "Completed", 1)
			})
		}
	}
	refusedThen := fakeadb.Script(fakeadb.Step{Action: "CreateBackup", Nth: 1, Fault: fakeadb.Broken.AfterEffect()},
		fakeadb.Step{Action: "CreateBackup", Nth: 2, Fault: fakeadb.Refused(&fakeadb.Error{Status: 409, Code: "OperationDenied"})})
	story(t, "a create refused after a lost one says that there may be a backup", fakeadb.Options{ListedAfter: time.Hour, Faults: refusedThen}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(plain), delivery{})
		if w.expect(r, "ServiceError", 2); !strings.Contains(r.errorMessage, "went without a readable answer and may have made one") {
			t.Error(r.errorMessage)
		}
	})
}
