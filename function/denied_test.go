package main

import (
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

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
}
