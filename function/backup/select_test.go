package backup

import (
	"strings"
	"testing"
	"time"
)

// TestChoose matches one cluster against selectors.
func TestChoose(t *testing.T) {
	type tags = map[string]string
	ensure, verify := Request{Action: ActionEnsure}, Request{Action: ActionVerify, NotBefore: at(t, "02:00:00")}
	tagged := func(t tags) ListedCluster { return ListedCluster{ID: "amv-1", Tags: t} }
	const taken = "taken"
	for name, c := range map[string]struct {
		selector Selector
		request  Request
		cluster  ListedCluster
		want     string // taken, the reason why it is skipped, or empty: not chosen
		untagged bool
	}{
		"the tag":                               {Selector{Tags: tags{"backup": "nightly"}}, ensure, tagged(tags{"backup": "nightly", "team": "a"}), taken, false},
		"another value":                         {Selector{Tags: tags{"backup": "nightly"}}, ensure, tagged(tags{"backup": "weekly"}), "", false},
		"values keep their case":                {Selector{Tags: tags{"backup": "nightly"}}, ensure, tagged(tags{"backup": "Nightly"}), "", false},
		"keys keep their case":                  {Selector{Tags: tags{"backup": "nightly"}}, ensure, tagged(tags{"Backup": "nightly"}), "", false},
		"without the tag":                       {Selector{Tags: tags{"backup": "nightly"}}, ensure, tagged(tags{}), "", false},
		"all tags must be there":                {Selector{Tags: tags{"backup": "nightly", "team": "a"}}, ensure, tagged(tags{"backup": "nightly"}), "", false},
		"any value":                             {Selector{Tags: tags{"backup": "*"}}, ensure, tagged(tags{"backup": ""}), taken, false},
		"any value, but not no tag":             {Selector{Tags: tags{"backup": "*"}}, ensure, tagged(tags{"backups": "x"}), "", false},
		"an empty value is a value":             {Selector{Tags: tags{"backup": ""}}, ensure, tagged(tags{"backup": "x"}), "", false},
		"all":                                   {Selector{All: true}, ensure, tagged(tags{}), taken, false},
		"all but":                               {Selector{All: true, NotTags: tags{"backup": "never"}}, ensure, tagged(tags{"backup": "never"}), "", false},
		"all but, with another value":           {Selector{All: true, NotTags: tags{"backup": "never"}}, ensure, tagged(tags{"backup": "nightly"}), taken, false},
		"all but any value":                     {Selector{All: true, NotTags: tags{"backup": "*"}}, ensure, tagged(tags{"backup": "nightly"}), "", false},
		"none of the tags":                      {Selector{All: true, NotTags: tags{"a": "1", "b": "2"}}, ensure, tagged(tags{"b": "2"}), "", false},
		"the group":                             {Selector{ResourceGroupID: "rg-1"}, ensure, ListedCluster{ID: "amv-1", ResourceGroupID: "rg-1"}, taken, false},
		"another group":                         {Selector{ResourceGroupID: "rg-1"}, ensure, ListedCluster{ID: "amv-1", ResourceGroupID: "rg-2"}, "", false},
		"the group without the tag":             {Selector{ResourceGroupID: "rg-1", Tags: tags{"a": "1"}}, ensure, ListedCluster{ID: "amv-1", ResourceGroupID: "rg-1", Tags: tags{}}, "", false},
		"tags unknown: taken":                   {Selector{Tags: tags{"a": "1"}}, ensure, ListedCluster{ID: "amv-1"}, taken, true},
		"tags unknown, opt-out: taken":          {Selector{All: true, NotTags: tags{"a": "1"}}, ensure, ListedCluster{ID: "amv-1"}, taken, true},
		"tags unknown in another group":         {Selector{ResourceGroupID: "rg-1", Tags: tags{"a": "1"}}, ensure, ListedCluster{ID: "amv-1", ResourceGroupID: "rg-2"}, "", false},
		"tags unknown where they do not matter": {Selector{All: true}, ensure, ListedCluster{ID: "amv-1"}, taken, false},

		"running":                            {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "Running"}, taken, false},
		"any other status is tried":          {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "ClassChanging"}, taken, false},
		"preparing":                          {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "Preparing"}, "its status is Preparing", false},
		"creating":                           {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "creating"}, "its status is creating", false},
		"restoring":                          {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "Restoring"}, "its status is Restoring", false},
		"deleting":                           {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "Deleting"}, "its status is Deleting", false},
		"what does not match is not skipped": {Selector{Tags: tags{"a": "1"}}, ensure, ListedCluster{ID: "amv-1", Status: "Deleting", Tags: tags{}}, "", false},
		"Data Warehouse Edition":             {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", DBVersion: "3.0"}, "it is of Data Warehouse Edition, which has no CreateBackup", false},
		"Verify, created after NotBefore":    {Selector{All: true}, verify, ListedCluster{ID: "amv-1", Created: at(t, "02:00:01")}, "it was created at 2026-11-23T02:00:01Z, after the backup that is looked for would have started", false},
		"Verify, created before":             {Selector{All: true}, verify, ListedCluster{ID: "amv-1", Created: at(t, "02:00:00")}, taken, false},
		"Verify, creation unknown":           {Selector{All: true}, verify, ListedCluster{ID: "amv-1"}, taken, false},
		"Ensure of a new one":                {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Created: at(t, "02:00:01")}, taken, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.request
			r.Selector = &c.selector
			chosen, skipped := r.Choose("cn-hangzhou", []ListedCluster{c.cluster})
			got := ""
			switch {
			case len(chosen) == 1 && len(skipped) == 0 && chosen[0] == Cluster{"amv-1", "cn-hangzhou"}:
				got = taken
			case len(skipped) == 1 && len(chosen) == 0 && skipped[0].Cluster == Cluster{"amv-1", "cn-hangzhou"}:
				got = skipped[0].Reason
			}
			if got != c.want || c.selector.cannotTell(c.cluster) != c.untagged {
				t.Errorf("%q, want %q; tags unknown: %v", got, c.want, !c.untagged)
			}
		})
	}
}

// selecting makes a request for all clusters of regions.
func selecting(selector Selector, regions ...string) Request {
	selector.Regions = regions
	return Request{Action: ActionEnsure, Selector: &selector, NotBefore: time.Now(), Immediate: true}
}

// TestSelection: what selectors choose becomes requests like any others, merged with them, in the order of first appearance.
func TestSelection(t *testing.T) {
	all := Selector{All: true}
	tell(t, "in the service's order, and a cluster that is named or skipped twice is one", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-3"}, {ID: "amv-1"}, {ID: "amv-0", Status: "Creating"}, {ID: "amv-2"}}
		named := Request{Action: ActionEnsure, Cluster: Cluster{"amv-1", "cn-a"}, NotBefore: time.Now(), Immediate: true}
		r := s.run(named, selecting(all, "cn-a"), selecting(Selector{All: true, NotTags: map[string]string{"x": "y"}}, "cn-a"))
		s.expect(r, "amv-1 cn-a Requested, amv-3 cn-a Requested, amv-2 cn-a Requested")
		s.creates("amv-1", 1)
		if len(r.Skipped) != 1 || r.Skipped[0].Cluster.ID != "amv-0" {
			t.Errorf("%+v", r.Skipped)
		}
	})
	tell(t, "several regions, one of them empty", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}}
		s.expect(s.run(selecting(all, "cn-b", "cn-a")), "amv-1 cn-a Requested")
		s.logged("WARN", "the selector matches no cluster in this region")
		if !strings.Contains(s.log.String(), `in this region","RegionId":"cn-b"`) {
			t.Error(s.log.String())
		}
	})
	tell(t, "a cluster whose tags are unknown is named", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}, {ID: "amv-2", Tags: map[string]string{"a": "1"}}, {ID: "amv-3"}}
		selector := Selector{Tags: map[string]string{"a": "1"}}
		s.expect(s.run(selecting(selector, "cn-a"), selecting(Selector{NotTags: selector.Tags}, "cn-a")), "amv-1 cn-a Requested, amv-2 cn-a Requested, amv-3 cn-a Requested")
		const message = `"the service gives no tags for a cluster: it is taken, since its tags are unknown","RegionId":"cn-a","DBClusterId":"amv-`
		if log := s.log.String(); strings.Count(log, message) != 2 || strings.Count(log, message+`1"`) != 1 || strings.Count(log, message+`3"`) != 1 {
			t.Error(log)
		}
	})
	tell(t, "nothing selected", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1", Status: "Creating"}}
		r := s.run(selecting(all, "cn-a", "cn-b"))
		s.expect(r, "NothingSelected", "amv-1 (cn-a) is skipped: its status is Creating", "in cn-a, cn-b")
		if len(r.Skipped) != 1 {
			t.Errorf("%+v", r.Skipped)
		}
		s.logged("WARN", "a selected cluster is skipped")
		s.logged("ERROR", "nothing selected")
		if strings.Contains(s.log.String(), "matches no cluster in this region") { // which is for one region of several
			t.Error(s.log.String())
		}
	})
	for kind, want := range map[ErrorKind][2]string{KindDenied: {"PermissionDenied", "ERROR"}, KindUnanswered: {"BackupPending", "WARN"}, KindThrottled: {"Throttled", "WARN"}} {
		for _, matches := range []bool{true, false} {
			tell(t, "a region whose list cannot be read fails by itself, and holds up no other: "+want[0], func(s *stub) {
				s.refuse("cn-b", &CallError{Action: "DescribeDBClusters", Kind: kind})
				others := ""
				if matches {
					s.clusters["cn-a"], others = []ListedCluster{{ID: "amv-1"}}, "amv-1 cn-a Requested, "
				}
				s.expect(s.run(selecting(all, "cn-b", "cn-a")), others+"cn-b "+want[0], "DescribeDBClusters "+kindTexts[kind])
				s.logged(want[1], "clusters were not selected")
				if matches {
					s.createdAfter(0, time.Second)
				}
			})
		}
	}
}
