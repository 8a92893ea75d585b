package main

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

func TestLostAnswers(t *testing.T) {
	for _, f := range []fakeadb.Fault{
		fakeadb.Broken, fakeadb.BadGateway, fakeadb.RequestTimeout, fakeadb.Empty, fakeadb.EmptyObject, fakeadb.Garbage,
		fakeadb.Refused(fakeadb.ErrInternal), fakeadb.Refused(fakeadb.ErrUnavailable), fakeadb.Refused(fakeadb.ErrNonceUsed),
		fakeadb.Redirect("https://elsewhere.example/"), fakeadb.Slow(time.Hour),
	} {
		for event, of := range map[string]func() string{"timer": func() string { return timer(plain) }, "direct": func() string { return plain }} {
			o := fakeadb.Options{Takes: time.Hour, Faults: faults("CreateBackup", f.AfterEffect(), 1), ListedAfter: 20 * time.Second}
			story(t, event+", lost after its effect: "+f.String(), o, func(t *testing.T, w *world) {
				r := w.process().deliver(of(), delivery{})
				if w.expect(r, "Running", 1); !r.Backups[0].Created || r.Backups[0].RequestId != "" || r.Backups[0].BackupId == "" {
					t.Errorf("%+v", r.Backups)
				}
			})
			o = fakeadb.Options{Takes: time.Hour, Faults: faults("CreateBackup", f, 1)}
			story(t, event+", lost before its effect: "+f.String(), o, func(t *testing.T, w *world) {
				r := w.process().deliver(of(), delivery{})
				if w.expect(r, "Requested", 2); r.took < time.Minute {
					t.Errorf("sent again after %v", r.took)
				}
			})
		}
	}
	story(t, "three creates in all", fakeadb.Options{Faults: faults("CreateBackup", fakeadb.Broken)}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(plain), delivery{})
		if w.expect(r, "OutcomeUnknown", 3); r.took < 3*time.Minute || !strings.Contains(r.errorMessage, "3 times") {
			t.Errorf("%v: %s", r.took, r.errorMessage)
		}
	})
	story(t, "only a look that succeeded after the settle time allows another create", fakeadb.Options{Faults: func(c fakeadb.Call) fakeadb.Fault {
		if c.Action == "CreateBackup" && c.Nth == 1 || c.Action == "DescribeBackups" && c.Nth > 2 && time.Since(epoch) < 10*time.Minute {
			return fakeadb.BadGateway
		}
		return fakeadb.Fault{}
	}}, func(t *testing.T, w *world) {
		if r := w.process().deliver(timer(plain), delivery{}); r.took < 10*time.Minute || r.took > 12*time.Minute || w.service.Count("CreateBackup") != 2 {
			t.Errorf("sent again after %v", r.took)
		}
	})
	story(t, "looking is denied: nothing is sent again", fakeadb.Options{
		Denied: []fakeadb.Denial{{Action: "DescribeBackups"}}, Faults: faults("CreateBackup", fakeadb.Broken),
	}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(plain), delivery{}), "OutcomeUnknown", 1)
	})
	story(t, "at the deadline it is still unknown, and the retry finds it", fakeadb.Options{
		Takes: time.Hour, ListedAfter: 30 * time.Second, Faults: faults("CreateBackup", fakeadb.Broken.AfterEffect(), 1),
	}, func(t *testing.T, w *world) {
		p, event := w.process(), timer(plain)
		w.expect(p.deliver(event, delivery{timeout: 10 * time.Second}), "OutcomeUnknown", 1)
		w.expect(p.deliver(event, delivery{timeout: time.Minute, retryCount: 1}), "Running", 1)
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
}

// TestWhoseBackup: which backup a CreateBackup made, if its answer was lost.
func TestWhoseBackup(t *testing.T) {
	lost := faults("CreateBackup", fakeadb.Broken.AfterEffect(), 1)
	story(t, "a direct request: what started before its lost create is not its own", fakeadb.Options{Takes: time.Hour, Layout: fakeadb.Seconds, Faults: faults("CreateBackup", fakeadb.Broken, 1)}, func(t *testing.T, w *world) {
		now := time.Now()
		w.service.Add(fakeadb.Backup{Cluster: cluster, Region: region, Start: now.Add(-30 * time.Second), Listed: now, End: now.Add(5 * time.Minute)})
		r := w.process().deliver(plain, delivery{})
		if w.expect(r, "Requested", 2); r.Backups[0].BackupId == "32732001" {
			t.Errorf("%+v", r.Backups[0])
		}
	})
	story(t, "a create's backup that is listed late is known after another create", fakeadb.Options{Takes: time.Hour, Latency: time.Second, ListedAfter: 150 * time.Second, Layout: fakeadb.Seconds,
		Faults: fakeadb.Script(fakeadb.Step{Action: "CreateBackup", Nth: 1, Fault: fakeadb.Broken.AfterEffect()}, fakeadb.Step{Action: "CreateBackup", Nth: 2, Fault: fakeadb.Broken})}, func(t *testing.T, w *world) {
		r := w.process().deliver(plain, delivery{})
		if w.expect(r, "Running", 2); r.errorType == "" && !r.Backups[0].Created {
			t.Errorf("%+v", r.Backups)
		}
	})
	story(t, "a lost create whose backup failed is not taken for the retry's", fakeadb.Options{Takes: time.Minute, Ends: fakeadb.Fails, ListedAfter: 30 * time.Second, Faults: lost}, func(t *testing.T, w *world) {
		p, event := w.process(), timer(plain)
		w.expect(p.deliver(event, delivery{timeout: 10 * time.Second}), "OutcomeUnknown", 1)
		time.Sleep(2 * time.Minute)
		w.service.Set(func(o *fakeadb.Options) { o.Ends = fakeadb.Completes })
		w.expect(p.deliver(event, delivery{retryCount: 1}), "Requested", 2)
	})
	for _, layout := range []string{fakeadb.Minutes, fakeadb.Seconds} {
		for _, skew := range []time.Duration{-30 * time.Second, -time.Second, time.Second, 30 * time.Second} {
			lagging := fakeadb.Options{Skew: skew, Layout: layout, Takes: 15 * time.Minute, Faults: lost}
			story(t, fmt.Sprintf("a lost create is known where the service's clock is off by %v, times as %s", skew, layout), lagging, func(t *testing.T, w *world) {
				event := timer(waiting) // at second 0, as timers fire
				time.Sleep(300 * time.Millisecond)
				w.expect(w.process().deliver(event, delivery{}), "Completed", 1)
			})
		}
	}
	for lostAnswers := 1; lostAnswers <= 2; lostAnswers++ {
		// Without a look before the first create nothing tells its backup from an older one.
		o := fakeadb.Options{Skew: -5 * time.Minute, Takes: time.Second, Faults: faults("CreateBackup", fakeadb.Broken.AfterEffect(), []int{1, 2}[:lostAnswers]...)}
		story(t, fmt.Sprintf("a direct request, the service's clock is behind: after %d lost answers the second create is known", lostAnswers), o, func(t *testing.T, w *world) {
			r := w.process().deliver(plain, delivery{})
			if w.expect(r, []string{"", "Requested", "Completed"}[lostAnswers], 2); len(r.Backups) != 1 || !r.Backups[0].Created {
				t.Errorf("%+v", r.Backups)
			}
		})
	}
}

// TestAfterALostAnswer: what a lost answer means for what comes later.
func TestAfterALostAnswer(t *testing.T) {
	story(t, "where looking is denied a retry does not send again either", fakeadb.Options{Denied: []fakeadb.Denial{{Action: "DescribeBackups"}}, Faults: faults("CreateBackup", fakeadb.Broken.AfterEffect(), 1)}, func(t *testing.T, w *world) {
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
		o := fakeadb.Options{Takes: time.Hour, Layout: fakeadb.Seconds, Faults: fakeadb.Script(
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
	refusedThen := fakeadb.Script(fakeadb.Step{Action: "CreateBackup", Nth: 1, Fault: fakeadb.Broken.AfterEffect()},
		fakeadb.Step{Action: "CreateBackup", Nth: 2, Fault: fakeadb.Refused(&fakeadb.Error{Status: 409, Code: "OperationDenied"})})
	story(t, "a create refused after a lost one says that there may be a backup", fakeadb.Options{ListedAfter: time.Hour, Faults: refusedThen}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(plain), delivery{})
		if w.expect(r, "ServiceError", 2); !strings.Contains(r.errorMessage, "went without a readable answer and may have made one") {
			t.Error(r.errorMessage)
		}
	})
}
