package main

import (
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

const (
	plain   = `{"DBClusterId":"` + cluster + `"}`
	waiting = `{"DBClusterId":"` + cluster + `","WaitFor":"Completed"}`
	forDDL  = `{"DBClusterId":"` + cluster + `","WaitFor":"DDLAllowed"}`
)

// story runs in virtual time, in which hours pass in a moment.
func story(t *testing.T, name string, o fakeadb.Options, tell func(*testing.T, *world), env ...string) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t, o, env...)
			tell(t, w)
			if t.Failed() {
				t.Log(w.log)
			}
		})
	})
}

// expect holds a result against a status or an error type, and the service against the calls it should have had.
func (w *world) expect(r result, want string, creates int) {
	w.t.Helper()
	if got := r.Status + r.errorType; got != want {
		w.t.Errorf("got %s %s, want %s", got, r.errorMessage, want)
	}
	if n := w.service.Count("CreateBackup"); n != creates {
		w.t.Errorf("%d calls of CreateBackup, want %d", n, creates)
	}
	if r.late > 0 {
		w.t.Errorf("answered %v after the deadline", r.late)
	}
}

func (w *world) looks(least, most int) {
	w.t.Helper()
	if n := w.service.Count("DescribeBackups"); n < least || n > most {
		w.t.Errorf("%d looks, want %d to %d", n, least, most)
	}
}

func faults(action string, f fakeadb.Fault, nth ...int) func(fakeadb.Call) fakeadb.Fault {
	var steps []fakeadb.Step
	for _, n := range nth {
		steps = append(steps, fakeadb.Step{Action: action, Nth: n, Fault: f})
	}
	if len(nth) == 0 {
		steps = append(steps, fakeadb.Step{Action: action, Fault: f})
	}
	return fakeadb.Script(steps...)
}

func TestWaiting(t *testing.T) {
	half := fakeadb.Options{Takes: 30 * time.Minute}
	story(t, "30 minutes are seen complete within 60 s, with at most 60 looks", half, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(waiting), delivery{})
		w.expect(r, "Completed", 1)
		w.looks(10, 60)
		if late := r.took - 30*time.Minute; late < 0 || late > time.Minute {
			t.Errorf("seen %v after its end", late)
		}
		b := r.Backups[0]
		if !b.Created || b.RequestId == "" || b.BackupId == "" || b.BackupSize != 5_000_000_000 || b.BackupStartTime == nil || b.BackupEndTime == nil {
			t.Errorf("%+v", b)
		}
	})
	story(t, "a pending answer comes before the deadline, and the retry goes on with the same backup", half, func(t *testing.T, w *world) {
		event, id := timer(waiting), "1-386d4380-a"
		r := w.process().deliver(event, delivery{requestID: id, timeout: 10 * time.Minute})
		w.expect(r, "BackupPending", 1)
		if r.took < 9*time.Minute || !strings.Contains(r.errorMessage, "32732001") {
			t.Errorf("after %v: %s", r.took, r.errorMessage)
		}
		for retry := 1; retry < 3; retry++ {
			time.Sleep(time.Minute)
			r = w.process().deliver(event, delivery{requestID: id, retryCount: retry, timeout: 10 * time.Minute})
		}
		w.expect(r, "Completed", 1)
		if r.Backups[0].Created || r.Backups[0].BackupId != "32732001" || r.Backups[0].RequestId != "" {
			t.Errorf("%+v", r.Backups[0])
		}
	})
	story(t, "so does that of a direct request, which has no time of its own", half, func(t *testing.T, w *world) {
		time.Sleep(30*time.Second + 400*time.Millisecond)
		id := "1-386d439e-direct"
		w.expect(w.process().deliver(waiting, delivery{requestID: id, timeout: 20 * time.Minute}), "BackupPending", 1)
		w.expect(w.process().deliver(waiting, delivery{requestID: id, retryCount: 1, timeout: 20 * time.Minute}), "Completed", 1)
	})
	story(t, "and where the request id tells no time", half, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(waiting, delivery{requestID: "x", timeout: 20 * time.Minute}), "BackupPending", 1)
		time.Sleep(time.Minute)
		w.expect(w.process().deliver(waiting, delivery{requestID: "x", retryCount: 1, timeout: 20 * time.Minute}), "Completed", 1)
	})
	story(t, "DDL is allowed ten minutes after the latest start that the list can mean", fakeadb.Options{Takes: time.Minute}, func(t *testing.T, w *world) {
		time.Sleep(20 * time.Second) // started at 00:00:20, listed as 00:00
		w.expect(w.process().deliver(timer(forDDL), delivery{}), "Completed", 1)
		if now := time.Now().Format(time.TimeOnly); now != "00:11:00" {
			t.Errorf("allowed at %s", now)
		}
		w.looks(2, 12)
	})
	story(t, "a backup that fails is told, and the retry creates another", fakeadb.Options{Takes: 5 * time.Minute, Ends: fakeadb.Fails}, func(t *testing.T, w *world) {
		event := timer(waiting)
		w.expect(w.process().deliver(event, delivery{}), "BackupFailed", 1)
		w.service.Set(func(o *fakeadb.Options) { o.Ends = fakeadb.Completes })
		w.expect(w.process().deliver(event, delivery{retryCount: 1}), "Completed", 2)
	})
	story(t, "an unknown status is running for ever, and named", fakeadb.Options{Takes: time.Minute, Words: fakeadb.Words{Completed: "Frozen"}}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(waiting), delivery{})
		w.expect(r, "BackupPending", 1)
		if !strings.Contains(r.errorMessage, "Frozen") || strings.Count(w.log.String(), "is not known to the function") != 1 {
			t.Error(r.errorMessage)
		}
		found := w.process().deliver(timerAt(time.Now().Add(-2*time.Hour), plain), delivery{})
		if w.expect(found, "Running", 1); found.Backups[0].BackupStatus != "Frozen" {
			t.Errorf("%+v", found.Backups)
		}
	})
	story(t, "unless a setting explains it", fakeadb.Options{Takes: time.Minute, Words: fakeadb.Words{Completed: "Frozen"}}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(waiting), delivery{}), "Completed", 1)
	}, "ADB_STATUS_COMPLETED=frozen")
}

func TestOneAtATime(t *testing.T) {
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
		if r := w.process().deliver(timer(plain), delivery{}); r.took < 10*time.Minute {
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
}

// epoch is when virtual time begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

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
	story(t, "a look that is throttled to the end", fakeadb.Options{Faults: faults("DescribeBackups", fakeadb.Throttled(0))}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(plain), delivery{timeout: time.Minute}), "Throttled", 0)
	})
	story(t, "a look that never succeeds", fakeadb.Options{Faults: faults("DescribeBackups", fakeadb.BadGateway)}, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(plain), delivery{timeout: time.Minute})
		if w.expect(r, "BackupPending", 0); !strings.Contains(r.errorMessage, "502") {
			t.Error(r.errorMessage)
		}
	})
}

func TestDenied(t *testing.T) {
	looking := fakeadb.Options{Takes: time.Minute, Denied: []fakeadb.Denial{{Action: "DescribeBackups"}}}
	story(t, "a missing read permission does not cost a backup", looking, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(timer(plain), delivery{}), "Requested", 1)
	})
	story(t, "but what has to be waited for is not begun", looking, func(t *testing.T, w *world) {
		r := w.process().deliver(timer(waiting), delivery{})
		if w.expect(r, "PermissionDenied", 0); !strings.Contains(r.errorMessage, "adb:DescribeBackups on acs:adb:cn-hangzhou:1234567890123456:dbcluster/"+cluster) {
			t.Error(r.errorMessage)
		}
	})
	story(t, "creating", fakeadb.Options{Denied: []fakeadb.Denial{{Action: "CreateBackup"}}}, func(t *testing.T, w *world) {
		r := w.process().deliver(plain, delivery{})
		if w.expect(r, "PermissionDenied", 1); !strings.Contains(r.errorMessage, "adb:CreateBackup on acs:adb:cn-hangzhou:1234567890123456:dbcluster/"+cluster) {
			t.Error(r.errorMessage)
		}
	})
	story(t, "no credentials: nothing is called", fakeadb.Options{}, func(t *testing.T, w *world) {
		w.expect(w.process().deliver(plain, delivery{anonymous: true}), "PermissionDenied", 0)
		w.looks(0, 0)
	})
}

func TestVerify(t *testing.T) {
	verify := `{"DBClusterId":"` + cluster + `","Action":"Verify","MaxAge":"26h"}`
	add := func(w *world, age time.Duration, change func(*fakeadb.Backup)) {
		start := time.Now().Add(-age)
		b := fakeadb.Backup{Cluster: cluster, Region: region, Start: start, Listed: start, End: start.Add(time.Minute)}
		change(&b)
		w.service.Add(b)
	}
	as := func(*fakeadb.Backup) {}
	for name, c := range map[string]struct {
		age    time.Duration
		change func(*fakeadb.Backup)
		want   string
		told   string
	}{
		"yesterday's":       {25 * time.Hour, as, "Completed", ""},
		"too old":           {27 * time.Hour, as, "BackupMissing", "32732001 (started 1999-12-30T21:00:00Z), 27h"},
		"a month old":       {30 * 24 * time.Hour, as, "BackupMissing", "32732001"},
		"older than listed": {40 * 24 * time.Hour, as, "BackupMissing", "no completed one at all"},
		"running":           {time.Hour, func(b *fakeadb.Backup) { b.End = time.Now().Add(time.Hour) }, "BackupMissing", "32732001 (started 1999-12-31T23:00:00Z) is not complete"},
		"unknown status":    {time.Hour, func(b *fakeadb.Backup) { b.Status = "Archived" }, "BackupMissing", `its status "Archived" is not known`},
		"failed":            {time.Hour, func(b *fakeadb.Backup) { b.Ends = fakeadb.Fails }, "BackupMissing", ""},
		"incremental":       {time.Hour, func(b *fakeadb.Backup) { b.Type = "IncrementalBackup" }, "BackupMissing", ""},
		"a copy":            {time.Hour, func(b *fakeadb.Backup) { b.Parent = "1" }, "BackupMissing", ""},
	} {
		story(t, name, fakeadb.Options{}, func(t *testing.T, w *world) {
			add(w, c.age, c.change)
			r := w.process().deliver(timer(verify), delivery{})
			if w.expect(r, c.want, 0); !strings.Contains(r.errorMessage, c.told) {
				t.Error(r.errorMessage)
			}
			if r.errorType == "" && (r.Action != string(backup.ActionVerify) || r.Backups[0].Created || r.Backups[0].BackupId != "32732001") {
				t.Errorf("%+v", r)
			}
		})
	}
}
