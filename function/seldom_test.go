package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// TestSeldom tells what seldom happens.
func TestSeldom(t *testing.T) {
	broken := func(nth ...int) func(fakeadb.Call) fakeadb.Fault {
		return faults("CreateBackup", fakeadb.Broken, nth...)
	}
	story(t, "a direct request: what started before its lost create is not its own", fakeadb.Options{Takes: time.Hour, Precision: fakeadb.Seconds, Faults: broken(1)}, func(t *testing.T, w *world) {
		now := time.Now()
		w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: now.Add(-30 * time.Second), Listed: now, End: now.Add(5 * time.Minute)})
		r := w.process().deliver(plain, delivery{})
		if w.expect(r, "Requested", 2); r.Backups[0].BackupId == "32732001" {
			t.Errorf("%+v", r.Backups[0])
		}
	})
	story(t, "a create's backup that is listed late is known after another create", fakeadb.Options{Takes: time.Hour, Latency: time.Second, ListedAfter: 150 * time.Second, Precision: fakeadb.Seconds,
		Faults: fakeadb.Script(fakeadb.Step{Action: "CreateBackup", Nth: 1, Fault: fakeadb.Broken.AfterEffect()}, fakeadb.Step{Action: "CreateBackup", Nth: 2, Fault: fakeadb.Broken})}, func(t *testing.T, w *world) {
		r := w.process().deliver(plain, delivery{})
		if w.expect(r, "Running", 2); r.errorType == "" && !r.Backups[0].Created {
			t.Errorf("%+v", r.Backups)
		}
	})
	story(t, "a lost create, and then no right to look: the outcome is unknown", fakeadb.Options{Takes: time.Hour, Faults: func(c fakeadb.Call) fakeadb.Fault {
		if c.Action == "CreateBackup" {
			return fakeadb.Broken.AfterEffect()
		}
		if c.Nth > 1 {
			return fakeadb.Refused(fakeadb.ErrNoPermission)
		}
		return fakeadb.Fault{}
	}}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(waiting), delivery{}), "OutcomeUnknown", 1)
	})
	story(t, "no right to look any more while it waits", fakeadb.Options{Takes: time.Hour, Faults: func(c fakeadb.Call) fakeadb.Fault {
		if c.Action == "DescribeBackups" && c.Nth > 3 {
			return fakeadb.Refused(fakeadb.ErrNoPermission)
		}
		return fakeadb.Fault{}
	}}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(waiting), delivery{})
		if w.expect(r, "PermissionDenied", 1); !strings.Contains(r.errorMessage, "was accepted (request id") || !strings.Contains(w.log.String(), `"Status":"Running","Created":true`) {
			t.Error(r.errorMessage, w.log)
		}
	})
	story(t, "it waits for this backup, though another that fits better comes and a look misses it", fakeadb.Options{Takes: 10 * time.Minute, Precision: fakeadb.Seconds}, func(t *testing.T, w *world) {
		w.service.Set(func(o *fakeadb.Options) {
			o.ListedAfter = 0
			o.StartsAfter = 20 * time.Second
		})
		go func() {
			time.Sleep(time.Minute)
			now := time.Now()
			w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: now.Add(-50 * time.Second), Listed: now, End: now.Add(time.Minute)})
		}()
		r := w.process().deliver(timer(waiting), delivery{})
		if w.expect(r, "Completed", 1); r.Backups[0].BackupId != "32732001" || r.took < 10*time.Minute {
			t.Errorf("%v %+v", r.took, r.Backups[0])
		}
	})
	story(t, "a defect is one cluster's failure", fakeadb.Options{}, func(t *testing.T, w *world) {
		p := w.process()
		c := p.config
		inner := c.adb.Transport
		c.adb.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("DBClusterId") == "amv-0001" {
				panic("a defect")
			}
			return inner.RoundTrip(r)
		})
		p.handler = newHandler(c, w.log)
		w.expect(p.deliver(fleet(3, ""), delivery{}), "InternalError", 2)
	})
	story(t, "a throttled region holds up no other, though it has all the slots", fakeadb.Options{Faults: func(c fakeadb.Call) fakeadb.Fault {
		if c.Region == region {
			return fakeadb.Slow(9 * time.Second)
		}
		return fakeadb.Fault{}
	}}, func(t *testing.T, w *world) {
		p := w.process()
		var wg sync.WaitGroup
		wg.Go(func() { p.deliver(fleet(100, ""), delivery{}) })
		time.Sleep(time.Second)
		if r := p.deliver(`{"DBClusterId":"amv-other","RegionId":"cn-wulanchabu"}`, delivery{}); r.took > 10*time.Second {
			t.Errorf("after %v", r.took)
		}
		wg.Wait()
	})
	// The answer comes half a second before the deadline, or a fifth of the time given.
	for timeout, reserve := range map[time.Duration]time.Duration{time.Second: 200 * time.Millisecond, 2500 * time.Millisecond: 500 * time.Millisecond, time.Hour: 500 * time.Millisecond} {
		story(t, fmt.Sprintf("a deadline of %v", timeout), fakeadb.Options{Takes: 2 * time.Hour}, func(t *testing.T, w *world) {
			r := w.process().deliver(timer(waiting), delivery{timeout: timeout})
			if w.expect(r, "BackupPending", 1); r.took != timeout-reserve {
				t.Errorf("after %v", r.took)
			}
		})
	}
	story(t, "a throttled look comes again when the service says", fakeadb.Options{Faults: faults("DescribeBackups", fakeadb.Throttled(5*time.Minute), 1)}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(plain), delivery{})
		if w.expect(r, "Requested", 1); r.took < 5*time.Minute || r.took > 6*time.Minute {
			t.Errorf("after %v", r.took)
		}
	})
	story(t, "a look that keeps failing is warned of once", fakeadb.Options{Faults: faults("DescribeBackups", fakeadb.BadGateway)}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(plain), delivery{timeout: 10 * time.Minute}), "BackupPending", 0)
		if n := strings.Count(w.log.String(), `"level":"WARN","msg":"look failed"`); n != 1 {
			t.Errorf("%d warnings", n)
		}
	})
	story(t, "a time in the future is warned of", fakeadb.Options{}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timerAt(time.Now().Add(time.Hour), plain), delivery{}), "Requested", 1)
		if !strings.Contains(w.log.String(), `"level":"WARN","msg":"triggerTime 2000-01-01T01:00:00Z lies after`) {
			t.Error(w.log)
		}
	})
	story(t, "a wrong item beside a pending one is for a person", fakeadb.Options{Takes: time.Hour}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(`[7,`+timer(waiting)+`]`, delivery{timeout: time.Minute}), "Mixed", 1)
		if !strings.Contains(w.log.String(), `"level":"ERROR","msg":"backup report"`) {
			t.Error(w.log)
		}
	})
}
