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
		if n := len(s.runner.regions); n > maxRegions {
			t.Errorf("%d regions are kept", n)
		}
	})
}
