package main

import (
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/local/analyticdb"
)

func TestStories(t *testing.T) {
	request := `{"DBClusterId":"` + cluster + `"}`
	waiting := `{"DBClusterId":"` + cluster + `","WaitFor":"Completed"}`
	stories := map[string]struct {
		options analyticdb.Options
		tell    func(*testing.T, *world)
	}{
		"direct": {analyticdb.Options{Takes: time.Hour}, func(t *testing.T, w *world) {
			r := w.process().deliver(request, delivery{})
			t.Logf("%+v", r)
			t.Log(w.log)
		}},
		"timer, waiting": {analyticdb.Options{Takes: 30 * time.Minute}, func(t *testing.T, w *world) {
			r := w.process().deliver(timer(waiting), delivery{})
			t.Logf("%+v", r)
			t.Log(w.service.Count("DescribeBackups"), w.log)
		}},
		"lost answer": {analyticdb.Options{Takes: 30 * time.Minute, Faults: analyticdb.Script(analyticdb.Step{Action: "CreateBackup", Nth: 1, Fault: analyticdb.Broken.AfterEffect()})}, func(t *testing.T, w *world) {
			r := w.process().deliver(timer(waiting), delivery{})
			t.Logf("%+v", r)
			t.Log(w.service.Count("DescribeBackups"), w.log)
		}},
		"lost before": {analyticdb.Options{Takes: 30 * time.Minute, Faults: analyticdb.Script(analyticdb.Step{Action: "CreateBackup", Fault: analyticdb.Broken})}, func(t *testing.T, w *world) {
			r := w.process().deliver(timer(waiting), delivery{})
			t.Logf("%+v", r)
			t.Log(w.service.Count("DescribeBackups"), w.service.Count("CreateBackup"), w.log)
		}},
	}
	for name, story := range stories {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, story.options)
				story.tell(t, w)
			})
		})
	}
}
