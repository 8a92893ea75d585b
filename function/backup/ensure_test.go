package backup

import (
	"strings"
	"sync"
	"testing"
	"time"
)

var one = Cluster{"amv-1", "cn-a"}

// ensuringOne asks for a backup of the one cluster from this moment on.
func ensuringOne(change ...func(*Request)) Request {
	r := Request{Action: ActionEnsure, Cluster: one, NotBefore: time.Now()}
	for _, c := range change {
		c(&r)
	}
	return r
}

func waiting(r *Request) { r.WaitFor = WaitCompleted }
func atOnce(r *Request)  { r.Immediate = true }
func ago(d time.Duration) func(*Request) {
	return func(r *Request) { r.NotBefore = time.Now().Add(-d) }
}

// listed is a full set as the list shows it to the second.
func listed(id string, start time.Time, state State) Set {
	start = start.Truncate(time.Second)
	s := Set{ID: id, Full: true, Start: Span{start, start.Add(time.Second)}, State: state}
	if state == SetComplete {
		s.End = Span{start.Add(time.Minute), start.Add(time.Minute + time.Second)}
	}
	return s
}

func notNow(Cluster, int) error {
	return &CallError{Action: "CreateBackup", Kind: KindNotNow, Status: 403, Code: "OperationDenied.DBClusterStatus", Message: "scaling"}
}

// TestNotNow: the cluster is busy with something that passes. The refused call created nothing, so a look comes first, and
// then CreateBackup again.
func TestNotNow(t *testing.T) {
	tell(t, "created when the cluster is free again", func(s *stub) {
		s.create = func(c Cluster, n int) error {
			if n < 4 {
				return notNow(c, n)
			}
			return nil
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.creates("amv-1", 4)
		s.called("DescribeBackups", 4)
		s.logged("WARN", "the cluster is busy, so the service refused CreateBackup for now: trying again")
	})
	tell(t, "a direct request looks before it tries again, and adopts what serves", func(s *stub) {
		s.create = notNow
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began, SetRunning)} }
		s.expect(s.run(ensuringOne(atOnce)), "amv-1 cn-a Running")
		s.creates("amv-1", 1)
	})
	tell(t, "until the deadline", func(s *stub) {
		s.create = notNow
		s.expect(s.run(ensuringOne()), "amv-1 cn-a BackupPending", "OperationDenied.DBClusterStatus: scaling", "busy")
		s.logged("WARN", "the cluster is busy, so the service refused CreateBackup for now: trying again")
		if n := s.created["amv-1"]; n < 55 || n > 75 {
			s.t.Errorf("%d attempts in an hour: the pauses grow from 5 s to a minute", n)
		}
	})
	tell(t, "the refusal is about its own lost backup, which is listed when it has ended", func(s *stub) {
		ended := s.began.Add(30 * time.Minute)
		s.create = func(c Cluster, n int) error {
			if n == 1 {
				return &CallError{Action: "CreateBackup", Kind: KindUnanswered}
			}
			return notNow(c, n)
		}
		s.list = func(Cluster) []Set {
			if time.Now().Before(ended) {
				return nil
			}
			return []Set{listed("b", s.began, SetComplete)}
		}
		r := s.run(ensuringOne(waiting))
		s.expect(r, "amv-1 cn-a Completed")
		if !r.Outcomes[0].Created {
			s.t.Error("found, not created")
		}
	})
}

// TestNotSent: where the connection could not be opened nothing was sent, and that is no lost answer.
func TestNotSent(t *testing.T) {
	unreachable := func(Cluster, int) error {
		return &CallError{Action: "CreateBackup", Kind: KindNotSent, Host: "adb.cn-a.aliyuncs.com", Message: "no such host"}
	}
	tell(t, "as often as it takes", func(s *stub) {
		s.create = func(c Cluster, n int) error {
			if n < 8 {
				return unreachable(c, n)
			}
			return nil
		}
		r := s.run(ensuringOne())
		s.expect(r, "amv-1 cn-a Requested")
		s.logged("WARN", "AnalyticDB cannot be reached, so nothing was sent: trying again")
	})
	tell(t, "an outage of five seconds costs a pause of 8 s more at most", func(s *stub) {
		s.create = func(c Cluster, n int) error {
			if time.Since(s.began) < 5*time.Second {
				return unreachable(c, n)
			}
			return nil
		}
		s.run(ensuringOne())
		if took := s.lastCreate.Sub(s.began); took > 13*time.Second {
			s.t.Errorf("after %v", took)
		}
	})
	tell(t, "until the deadline", func(s *stub) {
		s.create = unreachable
		s.expect(s.run(ensuringOne()), "amv-1 cn-a BackupPending", "cannot reach adb.cn-a.aliyuncs.com, nothing was sent: no such host")
	})
	tell(t, "after a lost one its outcome stays unknown", func(s *stub) {
		s.create = func(c Cluster, n int) error {
			if n == 1 {
				return &CallError{Action: "CreateBackup", Kind: KindUnanswered}
			}
			return unreachable(c, n)
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a OutcomeUnknown", "CreateBackup was sent once")
	})
}

// TestTurns: invocations for the same cluster take turns, and whoever waits for a turn holds up nobody else.
func TestTurns(t *testing.T) {
	slowly := func(d time.Duration) func(Cluster, int) error {
		return func(c Cluster, _ int) error {
			if c == one {
				time.Sleep(d)
			}
			return nil
		}
	}
	tell(t, "time is up while it waits for its turn", func(s *stub) {
		s.create = slowly(0)
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(-time.Hour), SetRunning)} }
		held := &hold{tokens: s.runner.memory.use(one).lock}
		held.take(t.Context())
		s.expect(s.runFor(time.Minute, ensuringOne()), "amv-1 cn-a BackupPending")
		s.creates("amv-1", 0)
		s.called("DescribeBackups", 0)
		held.release()
	})
	tell(t, "time is up while it waits for an earlier backup", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(-time.Hour), SetRunning)} }
		s.expect(s.runFor(time.Minute, ensuringOne()), "amv-1 cn-a BackupPending", "an earlier backup b")
		s.creates("amv-1", 0)
	})
	tell(t, "others of the invocation go on", func(s *stub) {
		s.runner = NewRunner(s.runner.settings, 1) // one slot for each region
		held := &hold{tokens: s.runner.memory.use(one).lock}
		held.take(t.Context())
		two := ensuringOne()
		two.Cluster.ID = "amv-2"
		s.expect(s.runFor(time.Minute, ensuringOne(), two), "amv-1 cn-a BackupPending, amv-2 cn-a Requested")
		if took := s.lastCreate.Sub(s.began); took > time.Second {
			s.t.Errorf("after %v", took)
		}
		held.release()
	})
	for _, id := range []string{"amv-1", "amv-2"} { // whichever is first
		tell(t, "others of the invocation go on while CreateBackup is throttled for "+id, func(s *stub) {
			s.runner = NewRunner(s.runner.settings, 1)
			s.create = func(c Cluster, _ int) error {
				if c.ID == id {
					return &CallError{Action: "CreateBackup", Kind: KindThrottled}
				}
				return nil
			}
			two := ensuringOne()
			two.Cluster.ID = "amv-2"
			for _, o := range s.runFor(time.Minute, ensuringOne(), two).Outcomes {
				if throttled := o.Failure != nil && o.Failure.Type == ErrorThrottled; throttled != (o.Cluster.ID == id) {
					s.t.Errorf("%v: %s, %v", o.Cluster, o.Status, o.Failure)
				}
			}
		})
	}
	tell(t, "two that wait for an earlier backup create one", func(s *stub) {
		s.takes = 3 * time.Second
		s.list = func(Cluster) []Set {
			state := SetRunning
			if time.Since(s.began) > time.Minute {
				state = SetComplete
			}
			return []Set{listed("b", s.began.Add(-time.Hour), state)}
		}
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested") })
		}
		both.Wait()
		s.creates("amv-1", 1)
	})
	tell(t, "another adopts the earlier backup meanwhile", func(s *stub) {
		s.list = func(Cluster) []Set { return []Set{listed("b", s.began.Add(-time.Hour), SetRunning)} }
		var first sync.WaitGroup
		first.Go(func() { s.runFor(5*time.Minute, ensuringOne()) })
		time.Sleep(time.Second)
		s.expect(s.runFor(time.Minute, ensuringOne(ago(2*time.Hour))), "amv-1 cn-a Running")
		first.Wait()
	})
}

// TestLostIsSentAgain: after the settle time, and not much later.
func TestLostIsSentAgain(t *testing.T) {
	tell(t, "", func(s *stub) {
		s.create = func(_ Cluster, n int) error {
			if n == 1 {
				return &CallError{Action: "CreateBackup", Kind: KindUnanswered, RequestID: "X-1"}
			}
			return nil
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		if took := s.lastCreate.Sub(s.began); took < 2*time.Minute || took > 2*time.Minute+2*time.Second {
			s.t.Errorf("after %v", took)
		}
		if !strings.Contains(s.log.String(), `"apiRequestId":"X-1"`) {
			s.t.Error("the request id of the call that failed is not logged")
		}
	})
	tell(t, "it is looked for at once", func(s *stub) {
		s.create = func(Cluster, int) error { return &CallError{Action: "CreateBackup", Kind: KindUnanswered} }
		s.list = func(Cluster) []Set {
			if s.created["amv-1"] == 0 {
				return nil
			}
			return []Set{listed("b", s.began, SetRunning)}
		}
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Running")
		if took := time.Since(s.began); took != 0 {
			s.t.Errorf("seen after %v", took)
		}
	})
	tell(t, "what the lost one made is the request's, too", func(s *stub) {
		s.create = func(_ Cluster, n int) error {
			if n == 1 {
				return &CallError{Action: "CreateBackup", Kind: KindUnanswered}
			}
			return nil
		}
		s.list = func(Cluster) []Set {
			if time.Since(s.began) < 150*time.Second { // later than the settle time
				return nil
			}
			return []Set{listed("b", s.began.Add(time.Second), SetComplete)}
		}
		s.expect(s.run(ensuringOne(waiting)), "amv-1 cn-a Completed")
		s.creates("amv-1", 2)
		if took := time.Since(s.began); took > 3*time.Minute { // not only when the second one would be listed
			s.t.Errorf("seen after %v", took)
		}
	})
	tell(t, "not where the backup shows before", func(s *stub) {
		s.create = func(Cluster, int) error { return &CallError{Action: "CreateBackup", Kind: KindUnanswered} }
		s.list = func(Cluster) []Set {
			if time.Since(s.began) < 20*time.Second {
				return nil
			}
			return []Set{listed("b", s.began.Add(time.Second), SetRunning)}
		}
		s.expect(s.runFor(time.Minute, ensuringOne()), "amv-1 cn-a Running")
		s.creates("amv-1", 1)
	})
}
