package main

import (
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

func TestOverlap(t *testing.T) {
	running := func(w *world, age, left time.Duration) {
		now := time.Now()
		w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: now.Add(-age), Listed: now.Add(-age), End: now.Add(left)})
	}
	story(t, "an earlier backup is waited for, then another is created", fakeadb.Options{Takes: time.Minute}, func(t *testing.T, w *world) {
		running(w, 10*time.Minute, 20*time.Minute)
		r := w.process().deliver(timer(plain), delivery{})
		w.expect(r, "Requested", 1)
		if over := r.took - 20*time.Minute; over < 0 || over > time.Minute {
			t.Errorf("created %v after the earlier one", over)
		}
	})
	story(t, "until the deadline", fakeadb.Options{}, func(t *testing.T, w *world) {
		running(w, 10*time.Minute, 2*time.Hour)
		r := w.process().deliver(timer(plain), delivery{})
		if w.expect(r, "BackupPending", 0); !strings.Contains(r.errorMessage, "32732001") {
			t.Error(r.errorMessage)
		}
	})
	story(t, "but not one that is stuck", fakeadb.Options{}, func(t *testing.T, w *world) {
		running(w, 25*time.Hour, 2*time.Hour)
		w.expect(w.process().deliver(timer(plain), delivery{}), "Requested", 1)
		if strings.Count(w.log.String(), "stuck") != 1 {
			t.Error("not logged once")
		}
	})
	story(t, "two events of one moment in one process cause one backup, without a look at the second", fakeadb.Options{Takes: time.Minute, ListedAfter: time.Hour, Latency: time.Second}, func(t *testing.T, w *world) {
		p, event := w.process(), timer(plain)
		var wg sync.WaitGroup
		var mu sync.Mutex
		created := 0
		for range 10 {
			wg.Go(func() {
				r := p.deliver(event, delivery{})
				mu.Lock()
				defer mu.Unlock()
				if w.expect(r, "Requested", 1); r.Backups[0].Created {
					created++
				}
			})
		}
		wg.Wait()
		if w.looks(1, 1); created != 1 {
			t.Errorf("%d say that they created it", created)
		}
	})
	story(t, "what the process created earlier and the list does not show counts as running for the settle time", fakeadb.Options{ListedAfter: time.Hour}, func(t *testing.T, w *world) {
		p := w.process()
		w.expect(p.deliver(timer(plain), delivery{}), "Requested", 1)
		time.Sleep(10 * time.Second)
		r := p.deliver(timer(plain), delivery{})
		if w.expect(r, "Requested", 2); r.took < 109*time.Second || r.took > 115*time.Second {
			t.Errorf("after %v", r.took)
		}
	})
	story(t, "a waiting invocation holds no turn", fakeadb.Options{Takes: 30 * time.Minute}, func(t *testing.T, w *world) {
		p, event := w.process(), timer(waiting)
		var wg sync.WaitGroup
		wg.Go(func() { w.expect(p.deliver(event, delivery{}), "Completed", 1) })
		time.Sleep(time.Minute)
		r := p.deliver(timerAt(time.Now().Add(-time.Minute), plain), delivery{})
		if w.expect(r, "Running", 1); r.took > time.Second {
			t.Errorf("took %v", r.took)
		}
		wg.Wait()
	})
}
