package main

import (
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/local/fakeadb"
)

const (
	plain   = `{"DBClusterId":"` + cluster + `"}`
	waiting = `{"DBClusterId":"` + cluster + `","WaitFor":"Completed"}`
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

// epoch is when virtual time begins.
var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)
