package backup

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// fleet asks for the backups of n clusters.
func fleet(n int, change ...func(*Request)) (requests []Request) {
	for i := range n {
		requests = append(requests, ensuringOne(append(change, func(r *Request) { r.Cluster.ID = fmt.Sprintf("amv-%d", i) })...))
	}
	return requests
}

// TestManyRegions: an event may name thousands of regions. All are carried out, a hundred at once.
func TestManyRegions(t *testing.T) {
	tell(t, "a cluster in each", func(s *stub) {
		s.takes = time.Second
		requests := fleet(2500, atOnce)
		for i := range requests {
			requests[i].Cluster.Region = fmt.Sprintf("cn-%d", i)
		}
		for i, o := range s.run(requests...).Outcomes {
			if o.Status != StatusRequested || o.Failure != nil || o.Cluster != requests[i].Cluster {
				t.Fatalf("region %d: %+v", i, o)
			}
		}
		s.took(25 * time.Second)
	})
}

// TestRequestedFirst: a cluster is waited for as soon as all of its region are requested, or have to wait, and not before.
func TestRequestedFirst(t *testing.T) {
	for name, concurrency := range map[string]int{"one after another": 1, "sixteen at once": 16} {
		tell(t, name, func(s *stub) {
			const count = 20
			s.runner.concurrency = concurrency
			s.takes, s.slow = 3*time.Second, map[string]time.Duration{"amv-1": 8 * time.Second}
			s.create = func(c Cluster, n int) error {
				if c.ID == "amv-0" && n < 20 { // one that is throttled again and again arrives once, and holds up nobody
					return failing(KindThrottled)
				}
				return nil
			}
			s.list = func(c Cluster) []Set {
				if s.created[c.ID] == 0 {
					return nil
				}
				if c.ID != "amv-0" && len(s.created) < count {
					s.t.Errorf("%v is looked for after %d of %d are requested", c, len(s.created), count)
				}
				return []Set{listed(c.ID, time.Now(), SetComplete)}
			}
			for i, o := range s.runFor(10*time.Minute, fleet(count, waiting)...).Outcomes {
				if o.Status != StatusCompleted || o.Cluster.ID != fmt.Sprintf("amv-%d", i) {
					s.t.Errorf("%d: %+v", i, o)
				}
			}
		})
	}
}

// TestSlots: in each region as many clusters at once look and create as the concurrency says, and who waits holds no slot.
func TestSlots(t *testing.T) {
	tell(t, "a look and its create stay together", func(s *stub) {
		s.takes = time.Second
		s.runFor(10*time.Second, fleet(200)...)
		if n := len(s.created); n < 16*4 || n > 16*6 {
			t.Errorf("%d of 200 are requested in 10 s, each of which takes 2 s", n)
		}
	})
	tell(t, "the order is another in each attempt", func(s *stub) {
		s.takes = time.Second
		firsts := map[string]bool{}
		for range 10 {
			clear(s.created)
			time.Sleep(time.Second)
			s.runner.concurrency = 1
			s.runFor(1500*time.Millisecond, fleet(50, atOnce)...)
			for id := range s.created {
				firsts[id] = true
			}
		}
		if len(firsts) < 10 {
			t.Errorf("only %v come first", firsts)
		}
	})
	for name, kind := range map[string]ErrorKind{"is throttled": KindThrottled, "is busy": KindNotNow, "is lost": KindUnanswered, "waits for its backup": -1, "cannot look": -2} {
		tell(t, "one that "+name+" gives its slot away", func(s *stub) {
			s.runner.concurrency, s.takes = 1, time.Second
			s.create = func(c Cluster, _ int) error {
				if c.ID == "amv-0" && kind >= 0 {
					return failing(kind)
				}
				return nil
			}
			if kind == -2 {
				s.look = func() error { return &CallError{Action: "DescribeBackups", Kind: KindUnanswered} }
			}
			requests := fleet(20, atOnce)
			requests[0].Immediate, requests[0].WaitFor = false, WaitCompleted
			for i, o := range s.runFor(time.Minute, requests...).Outcomes {
				if (o.Failure == nil) != (i > 0) {
					s.t.Errorf("%v: %s, %v", o.Cluster, o.Status, o.Failure)
				}
			}
		})
	}
}

// TestWaitAtMost: it bounds what an invocation does for a request, from its start. Of merged requests the longest counts.
func TestWaitAtMost(t *testing.T) {
	within := func(d time.Duration) func(*Request) { return func(r *Request) { r.WaitAtMost = d } }
	unread := func(s *stub) { s.refuse("cn-a", &CallError{Action: "DescribeDBClusters", Kind: KindUnanswered}) }
	all := func(r *Request) {
		*r = selecting(Selector{All: true}, "cn-a")
		r.Immediate, r.WaitFor = false, WaitCompleted
	}
	for name, c := range map[string]struct {
		prepare func(s *stub)
		request func(*Request)
		want    string
		words   string
	}{
		"waiting for the backup": {func(*stub) {}, waiting, "amv-1 cn-a BackupPending", "the backup was accepted, but was not listed as complete before the deadline; invoking again continues"},
		"throttled":              {func(s *stub) { s.fails(KindThrottled, ever) }, ago(0), "amv-1 cn-a Throttled", "CreateBackup was not accepted"},
		"lost":                   {func(s *stub) { s.fails(KindUnanswered, ever) }, ago(0), "amv-1 cn-a OutcomeUnknown", "(attempt 2 of 3)"},
		"a list of clusters":     {unread, all, "cn-a BackupPending", "the list of clusters was not read before the deadline"},
		"such a list, and what it chose": {func(s *stub) {
			unread(s)
			s.clusters["cn-a"] = []ListedCluster{{ID: "amv-1"}}
			time.AfterFunc(time.Minute, func() { s.refuse("cn-a", nil) })
		}, all, "amv-1 cn-a BackupPending", "the backup was accepted"},
	} {
		tell(t, name, func(s *stub) {
			c.prepare(s)
			s.expect(s.run(ensuringOne(c.request, within(3*time.Minute))), c.want, c.words)
			s.took(3 * time.Minute)
		})
	}
	tell(t, "a slot is not waited for longer", func(s *stub) {
		s.runner.concurrency, s.takes = 1, 10*time.Second
		s.run(fleet(3, atOnce, within(5*time.Second))...)
		if s.called("CreateBackup", 1); strings.Count(s.log.String(), `"time":"2000-01-01T00:00:05Z","level":"WARN","msg":"cluster failed"`) != 2 {
			t.Error(s.log.String())
		}
	})
}

// TestHangingCluster: one whose calls hang does not hold up for long what another one waits for, and not beyond its WaitAtMost.
func TestHangingCluster(t *testing.T) {
	for atMost, want := range map[time.Duration][2]string{
		0: {`"time":"2000-01-01T00:01:0`, `"msg":"backup is complete"`}, 20 * time.Second: {`"time":"2000-01-01T00:00:20Z"`, `"msg":"cluster failed"`},
	} {
		tell(t, atMost.String(), func(s *stub) {
			s.slow = map[string]time.Duration{"amv-0": 50 * time.Second}
			s.runs(0, 0)
			requests := fleet(2, waiting)
			requests[1].WaitAtMost = atMost
			s.run(requests...)
			_, line, _ := strings.Cut(s.log.String(), want[0])
			if line, _, _ = strings.Cut(line, "\n"); !strings.Contains(line, want[1]+`,"DBClusterId":"amv-1"`) {
				t.Error(s.log.String())
			}
		})
	}
}

// TestDefect: a panic is the failure of its request alone.
func TestDefect(t *testing.T) {
	tell(t, "", func(s *stub) {
		s.create = func(c Cluster, _ int) error {
			if c.ID == "amv-1" {
				panic("out of order")
			}
			return nil
		}
		s.runner.concurrency = 1
		s.expect(s.run(fleet(3)...), "amv-0 cn-a Requested, amv-1 cn-a InternalError, amv-2 cn-a Requested", "a defect of the function, see its log: out of order")
		s.logged("ERROR", "defect")
		s.expect(s.run(fleet(3)[1]), "amv-1 cn-a InternalError") // its turn was given back
	})
}
