package backup

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestChoose matches one cluster against selectors.
func TestChoose(t *testing.T) {
	tags := func(pairs ...string) map[string]string {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return m
	}
	ensure, verify := Request{Action: ActionEnsure}, Request{Action: ActionVerify, NotBefore: at(t, "02:00:00")}
	tagged := func(pairs ...string) ListedCluster { return ListedCluster{ID: "amv-1", Tags: tags(pairs...)} }
	const taken = "taken"
	for name, c := range map[string]struct {
		selector Selector
		request  Request
		cluster  ListedCluster
		want     string // taken, the reason why it is skipped, or empty: not chosen
		untagged bool
	}{
		"the tag":                               {Selector{Tags: tags("backup", "nightly")}, ensure, tagged("backup", "nightly", "team", "a"), taken, false},
		"another value":                         {Selector{Tags: tags("backup", "nightly")}, ensure, tagged("backup", "weekly"), "", false},
		"values keep their case":                {Selector{Tags: tags("backup", "nightly")}, ensure, tagged("backup", "Nightly"), "", false},
		"keys keep their case":                  {Selector{Tags: tags("backup", "nightly")}, ensure, tagged("Backup", "nightly"), "", false},
		"without the tag":                       {Selector{Tags: tags("backup", "nightly")}, ensure, tagged(), "", false},
		"all tags must be there":                {Selector{Tags: tags("backup", "nightly", "team", "a")}, ensure, tagged("backup", "nightly"), "", false},
		"any value":                             {Selector{Tags: tags("backup", "*")}, ensure, tagged("backup", ""), taken, false},
		"any value, but not no tag":             {Selector{Tags: tags("backup", "*")}, ensure, tagged("backups", "x"), "", false},
		"an empty value is a value":             {Selector{Tags: tags("backup", "")}, ensure, tagged("backup", "x"), "", false},
		"all":                                   {Selector{All: true}, ensure, tagged(), taken, false},
		"all but":                               {Selector{All: true, NotTags: tags("backup", "never")}, ensure, tagged("backup", "never"), "", false},
		"all but, with another value":           {Selector{All: true, NotTags: tags("backup", "never")}, ensure, tagged("backup", "nightly"), taken, false},
		"all but any value":                     {Selector{All: true, NotTags: tags("backup", "*")}, ensure, tagged("backup", "nightly"), "", false},
		"none of the tags":                      {Selector{All: true, NotTags: tags("a", "1", "b", "2")}, ensure, tagged("b", "2"), "", false},
		"the group":                             {Selector{ResourceGroupID: "rg-1"}, ensure, ListedCluster{ID: "amv-1", ResourceGroupID: "rg-1"}, taken, false},
		"another group":                         {Selector{ResourceGroupID: "rg-1"}, ensure, ListedCluster{ID: "amv-1", ResourceGroupID: "rg-2"}, "", false},
		"the group without the tag":             {Selector{ResourceGroupID: "rg-1", Tags: tags("a", "1")}, ensure, ListedCluster{ID: "amv-1", ResourceGroupID: "rg-1", Tags: tags()}, "", false},
		"tags unknown: taken":                   {Selector{Tags: tags("a", "1")}, ensure, ListedCluster{ID: "amv-1"}, taken, true},
		"tags unknown, opt-out: taken":          {Selector{All: true, NotTags: tags("a", "1")}, ensure, ListedCluster{ID: "amv-1"}, taken, true},
		"tags unknown in another group":         {Selector{ResourceGroupID: "rg-1", Tags: tags("a", "1")}, ensure, ListedCluster{ID: "amv-1", ResourceGroupID: "rg-2"}, "", false},
		"tags unknown where they do not matter": {Selector{All: true}, ensure, ListedCluster{ID: "amv-1"}, taken, false},

		"running":                            {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "Running"}, taken, false},
		"any other status is tried":          {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "ClassChanging"}, taken, false},
		"preparing":                          {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "Preparing"}, "its status is Preparing", false},
		"creating":                           {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "creating"}, "its status is creating", false},
		"restoring":                          {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "Restoring"}, "its status is Restoring", false},
		"deleting":                           {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Status: "Deleting"}, "its status is Deleting", false},
		"what does not match is not skipped": {Selector{Tags: tags("a", "1")}, ensure, ListedCluster{ID: "amv-1", Status: "Deleting", Tags: tags()}, "", false},
		"Data Warehouse Edition":             {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", DBVersion: "3.0"}, "it is of Data Warehouse Edition, which has no CreateBackup", false},
		"Verify, created after NotBefore":    {Selector{All: true}, verify, ListedCluster{ID: "amv-1", Created: at(t, "02:00:01")}, "it was created at 2026-11-23T02:00:01Z, after the backup that is looked for would have started", false},
		"Verify, created before":             {Selector{All: true}, verify, ListedCluster{ID: "amv-1", Created: at(t, "02:00:00")}, taken, false},
		"Verify, creation unknown":           {Selector{All: true}, verify, ListedCluster{ID: "amv-1"}, taken, false},
		"Ensure of a new one":                {Selector{All: true}, ensure, ListedCluster{ID: "amv-1", Created: at(t, "02:00:01")}, taken, false},
	} {
		t.Run(name, func(t *testing.T) {
			r := c.request
			r.Selector = &c.selector
			got := choose("cn-hangzhou", []ListedCluster{c.cluster}, r)
			want := choice{}
			cluster := Cluster{"amv-1", "cn-hangzhou"}
			switch c.want {
			case "":
			case taken:
				want.clusters = []Cluster{cluster}
			default:
				want.skipped = []Skipped{{cluster, c.want}}
			}
			if c.untagged {
				want.untagged = 1
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(choice{})); diff != "" {
				t.Error(diff)
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
	tell(t, "in the service's order", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-3"}, {ID: "amv-1"}, {ID: "amv-2"}}
		s.expect(s.run(selecting(all, "cn-a")), "amv-3 cn-a Requested, amv-1 cn-a Requested, amv-2 cn-a Requested")
	})
	tell(t, "a cluster that is named twice is one", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-3"}, {ID: "amv-1"}}
		named := Request{Action: ActionEnsure, Cluster: Cluster{"amv-1", "cn-a"}, NotBefore: time.Now(), Immediate: true}
		s.expect(s.run(named, selecting(all, "cn-a"), selecting(Selector{All: true, NotTags: map[string]string{"x": "y"}}, "cn-a")), "amv-1 cn-a Requested, amv-3 cn-a Requested")
		s.creates("amv-1", 1)
	})
	tell(t, "the same selector is read once", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}}
		verify := selecting(all, "cn-a")
		verify.Action = ActionVerify
		s.run(selecting(all, "cn-a"), verify)
		s.called("DescribeDBClusters", 1)
	})
	tell(t, "the same selector is read again after one that failed", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}}
		group := Selector{ResourceGroupID: "rg-1"}
		s.refuse("cn-a"+group.key(), &CallError{Action: "DescribeDBClusters", Kind: KindDenied})
		verify := selecting(all, "cn-a")
		verify.Action = ActionVerify
		s.expect(s.run(selecting(all, "cn-a"), selecting(group, "cn-a"), verify), "amv-1 cn-a Requested, amv-1 cn-a BackupMissing, cn-a PermissionDenied")
		s.called("DescribeDBClusters", 3)
	})
	tell(t, "several regions, one of them empty", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}}
		s.expect(s.run(selecting(all, "cn-b", "cn-a")), "amv-1 cn-a Requested")
		s.logged("WARN", "the selector matches no cluster in this region")
		if !strings.Contains(s.log.String(), `in this region","RegionId":"cn-b"`) {
			t.Error(s.log.String())
		}
	})
	tell(t, "clusters whose tags are unknown are counted", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}, {ID: "amv-2", Tags: map[string]string{"a": "1"}}, {ID: "amv-3"}}
		s.run(selecting(Selector{Tags: map[string]string{"a": "1"}}, "cn-a"))
		const message = "the service gives no tags for some clusters: they are taken, since their tags are unknown"
		if s.logged("WARN", message); !strings.Contains(s.log.String(), message+`","RegionId":"cn-a","clusters":2`) {
			t.Error(s.log.String())
		}
	})
	tell(t, "no warning where all tags are known", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1", Tags: map[string]string{"a": "1"}}}
		s.run(selecting(Selector{Tags: map[string]string{"a": "1"}}, "cn-a"))
		if strings.Contains(s.log.String(), "WARN") {
			t.Error(s.log.String())
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
	tell(t, "a region that is denied fails by itself", func(s *stub) {
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}}
		s.refuse("cn-b", &CallError{Action: "DescribeDBClusters", Kind: KindDenied})
		s.expect(s.run(selecting(all, "cn-b", "cn-a")), "amv-1 cn-a Requested, cn-b PermissionDenied")
		s.logged("ERROR", "clusters were not selected")
	})
	tell(t, "one is denied, and the others have no match", func(s *stub) {
		s.refuse("cn-b", &CallError{Action: "DescribeDBClusters", Kind: KindDenied})
		s.expect(s.run(selecting(all, "cn-b", "cn-a")), "cn-b PermissionDenied")
	})
	tell(t, "a list that cannot be read until the deadline is pending", func(s *stub) {
		s.refuse("cn-a", &CallError{Action: "DescribeDBClusters", Kind: KindUnanswered})
		s.expect(s.run(selecting(all, "cn-a")), "cn-a BackupPending", "the last error: DescribeDBClusters was not answered")
		s.logged("WARN", "clusters were not selected")
	})
	tell(t, "a list that is throttled until the deadline", func(s *stub) {
		s.refuse("cn-a", &CallError{Action: "DescribeDBClusters", Kind: KindThrottled})
		s.expect(s.run(selecting(all, "cn-a")), "cn-a Throttled")
	})
	tell(t, "a list that waited behind another call to the region", func(s *stub) {
		s.create = func(Cluster, int) error { return &CallError{Action: "CreateBackup", Kind: KindThrottled, Status: 400} }
		s.runFor(time.Minute, ensuringOne(atOnce))
		s.refuse("cn-a", context.DeadlineExceeded) // its turn did not come
		s.expect(s.runFor(time.Minute, selecting(all, "cn-a")), "cn-a Throttled",
			"the list of clusters was not read before the deadline; invoking again continues; it waited behind another call to the region: CreateBackup was throttled (HTTP 400)")
	})
	tell(t, "clusters that are named do not wait for ever for a list of their region", func(s *stub) {
		s.refuse("cn-a", &CallError{Action: "DescribeDBClusters", Kind: KindUnanswered})
		named := Request{Action: ActionEnsure, Cluster: Cluster{"amv-1", "cn-a"}, NotBefore: time.Now(), Immediate: true}
		s.expect(s.run(named, selecting(all, "cn-a")), "amv-1 cn-a Requested, cn-a BackupPending")
		if after := s.lastCreate.Sub(s.began); after > 31*time.Minute { // half of the hour
			t.Errorf("created after %v", after)
		}
	})
	tell(t, "a region whose list hangs does not hold up the others", func(s *stub) {
		s.refuse("cn-b", &CallError{Action: "DescribeDBClusters", Kind: KindUnanswered})
		s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}}
		s.expect(s.run(selecting(all, "cn-b", "cn-a")), "amv-1 cn-a Requested, cn-b BackupPending")
		if took := s.lastCreate.Sub(s.began); took > time.Second {
			t.Errorf("created after %v", took)
		}
	})
}

// TestManySelectors: an array may hold thousands of selectors that choose the same clusters.
func TestManySelectors(t *testing.T) {
	tell(t, "", func(s *stub) {
		for i := range 1000 {
			s.clusters["cn-a"] = append(s.clusters["cn-a"], ListedCluster{ID: "amv-" + strings.Repeat("a", i%50) + string(rune('a'+i/50)), Tags: map[string]string{}})
		}
		var requests []Request
		for i := range 200 {
			requests = append(requests, selecting(Selector{All: true, NotTags: map[string]string{"n": string(rune('a' + i))}}, "cn-a"))
		}
		r := s.run(requests...)
		if len(r.Outcomes) != 1000 || len(r.Unselected) != 0 {
			t.Errorf("%d outcomes, %d unselected", len(r.Outcomes), len(r.Unselected))
		}
	})
}
