package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

func TestThrottled(t *testing.T) {
	for _, f := range []fakeadb.Fault{
		fakeadb.Throttled(0), fakeadb.Throttled(20 * time.Second),
		fakeadb.Refused(&fakeadb.Error{Status: 429, Code: "Throttling"}),
		fakeadb.Refused(&fakeadb.Error{Status: 503, Code: "Throttling.Api"}),
		fakeadb.Refused(&fakeadb.Error{Status: 400, Code: "Throttling.Other"}),
	} {
		story(t, "twice, then accepted: "+f.String(), fakeadb.Options{Faults: faults("CreateBackup", f, 1, 2)}, func(t *testing.T, w *world) {
			w.expect(w.process().deliver(plain, delivery{}), "Requested", 3)
		})
		story(t, "until the deadline: "+f.String(), fakeadb.Options{Faults: faults("CreateBackup", f)}, func(t *testing.T, w *world) {
			r := w.process().deliver(plain, delivery{timeout: 10 * time.Minute})
			if w.expect(r, "Throttled", w.service.Count("CreateBackup")); r.took < 9*time.Minute {
				t.Errorf("gave up after %v", r.took)
			}
			if n := w.service.Count("CreateBackup"); n < 10 || n > 100 || len(w.service.Backups("")) > 0 {
				t.Errorf("%d calls", n)
			}
		})
	}
	story(t, "the service's hint is honoured", fakeadb.Options{Faults: faults("CreateBackup", fakeadb.Throttled(90*time.Second), 1)}, func(t *testing.T, w *world) {
		if r := w.process().deliver(plain, delivery{}); r.took < 90*time.Second || r.took > 95*time.Second {
			t.Errorf("after %v", r.took)
		}
	})
	story(t, "looks are retried", fakeadb.Options{Faults: faults("DescribeBackups", fakeadb.Throttled(0), 1, 2, 3)}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(plain), delivery{}), "Requested", 1)
	})
	story(t, "a list of several pages is read to its end", fakeadb.Options{Rate: 5, Burst: 1, PageCap: 1}, func(t *testing.T, w *world) {
		for age := range 5 {
			start := w.service.Now().Add(-time.Duration(1+age) * time.Hour)
			w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(time.Minute)})
		}
		w.expect(w.process().deliver(timer(plain), delivery{timeout: time.Minute}), "Requested", 2) // the first CreateBackup is throttled
	})
	story(t, "a look that is throttled to the end", fakeadb.Options{Faults: faults("DescribeBackups", fakeadb.Throttled(0))}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(plain), delivery{timeout: time.Minute}), "Throttled", 0)
	})
	story(t, "a look that never succeeds", fakeadb.Options{Faults: faults("DescribeBackups", fakeadb.BadGateway)}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(plain), delivery{timeout: time.Minute})
		if w.expect(r, "BackupPending", 0); !strings.Contains(r.errorMessage, "502") {
			t.Error(r.errorMessage)
		}
	})
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
	story(t, "a create throttled for long looks again: another process may have created meanwhile", fakeadb.Options{Takes: time.Minute, Layout: fakeadb.Seconds, Faults: faults("CreateBackup", fakeadb.Throttled(10*time.Minute), 1)}, func(t *testing.T, w *world) {
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
	story(t, "a pause that the service asks for holds up no other cluster", fakeadb.Options{Faults: faults("CreateBackup", fakeadb.Throttled(time.Minute), 1)}, func(t *testing.T, w *world) {
		p := w.process()
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { p.deliver(plain, delivery{timeout: 10 * time.Second}) })
		time.Sleep(time.Second)
		if r := p.deliver(`{"DBClusterId":"amv-other"}`, delivery{timeout: 4 * time.Second}); r.errorType != "" || r.took > 0 {
			t.Error(r.took, r.errorType, r.errorMessage)
		}
	})
}
