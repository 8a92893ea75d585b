package backup

import (
	"fmt"
	"testing"
	"time"
)

// TestManyRegions: an event may name thousands of regions. All are carried out, a hundred at once, and few of them are kept.
func TestManyRegions(t *testing.T) {
	tell(t, "a cluster in each", func(s *stub) {
		s.takes = time.Second
		var requests []Request
		for i := range 2500 {
			c := Cluster{ID: "amv-1", Region: fmt.Sprintf("cn-%d", i)}
			requests = append(requests, Request{Action: ActionEnsure, Cluster: c, NotBefore: s.began, Immediate: true})
		}
		for i, o := range s.run(requests...).Outcomes {
			if o.Status != StatusRequested || o.Failure != nil || o.Cluster != requests[i].Cluster {
				t.Fatalf("region %d: %+v", i, o)
			}
		}
		if took := time.Since(s.began); took != 25*time.Second {
			t.Errorf("took %v", took)
		}
		if n := len(s.runner.regions.kept); n > maxRegions {
			t.Errorf("%d regions are kept", n)
		}
	})
}

// TestAllAreRequestedFirst: a cluster is waited for as soon as all are requested, and not before.
func TestAllAreRequestedFirst(t *testing.T) {
	for name, count := range map[string]int{"one": 1, "several": 20} {
		tell(t, name, func(s *stub) {
			s.takes = 100 * time.Millisecond
			complete := false
			s.list = func(c Cluster) []Set {
				if s.created[c.ID] == 0 {
					return nil
				}
				if len(s.created) < count {
					s.t.Errorf("%v is looked for after %d of %d are requested", c, len(s.created), count)
				}
				complete = true
				return []Set{listed(c.ID, s.began, SetComplete)}
			}
			var requests []Request
			for i := range count {
				requests = append(requests, ensuringOne(waiting, func(r *Request) { r.Cluster.ID = fmt.Sprintf("amv-%d", i) }))
			}
			for _, o := range s.run(requests...).Outcomes {
				if o.Status != StatusCompleted {
					s.t.Errorf("%+v", o)
				}
			}
			if took := time.Since(s.began); !complete || took > 10*time.Second {
				s.t.Errorf("took %v", took)
			}
		})
	}
}

// TestWhoWaitsOftenArrivesOnce: a cluster that is throttled again and again does not open the barrier for the others.
func TestWhoWaitsOftenArrivesOnce(t *testing.T) {
	tell(t, "", func(s *stub) {
		s.runner = NewRunner(s.runner.settings, 1) // one after another
		const count = 10
		s.takes = 3 * time.Second
		s.create = func(c Cluster, n int) error {
			if c.ID == "amv-0" && n < 20 {
				return &CallError{Action: "CreateBackup", Kind: KindThrottled, Status: 400}
			}
			return nil
		}
		s.list = func(c Cluster) []Set {
			if s.created[c.ID] == 0 {
				return nil
			}
			for i := range count {
				if s.created[fmt.Sprintf("amv-%d", i)] == 0 {
					s.t.Errorf("%v is looked for before amv-%d is requested", c, i)
				}
			}
			return []Set{listed(c.ID, s.began.Add(-time.Hour), SetComplete)}
		}
		var requests []Request
		for i := range count {
			requests = append(requests, ensuringOne(waiting, atOnce, func(r *Request) { r.Cluster.ID = fmt.Sprintf("amv-%d", i) }))
		}
		s.runFor(2*time.Minute, requests...)
	})
}
