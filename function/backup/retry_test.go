package backup

import (
	"context"
	"strings"
	"testing"
	"time"
)

// TestPauses: they grow, and each is shortened at random.
func TestPauses(t *testing.T) {
	calling := func(poll time.Duration) caller {
		return (&run{Runner: NewRunner(Settings{Poll: poll}, 1)}).caller("x", nil)
	}
	c := calling(5 * time.Second)
	for name, p := range map[string]struct {
		next  func() time.Duration
		want  []time.Duration // at most
		least float64         // share of it
		last  time.Duration
	}{
		"polls":   {c.polls(), []time.Duration{5 * time.Second, 7500 * time.Millisecond, 11250 * time.Millisecond}, 0.9, time.Minute},
		"retries": {c.retries(), []time.Duration{time.Second, 1500 * time.Millisecond, 2250 * time.Millisecond}, 0.3, 30 * time.Second},
	} {
		for i, most := range p.want {
			if got := p.next(); got >= most || float64(got) < p.least*float64(most) {
				t.Errorf("%s %d: %v, want a little less than %v", name, i, got, most)
			}
		}
		var last time.Duration
		for range 100 {
			last = max(last, p.next())
		}
		if last > p.last || last < p.last*9/10 {
			t.Errorf("%s grow to %v, want %v", name, last, p.last)
		}
	}
	quick := calling(100 * time.Millisecond)
	for next, last := quick.retries(), time.Duration(0); last < 5*time.Second/6; last = next() {
		if last > 1200*time.Millisecond {
			t.Errorf("%v: where looks come often, so do retries", last)
		}
	}
}

// TestFailure: what ended the work, and which error the message at the deadline names.
func TestFailure(t *testing.T) {
	create := &CallError{Action: "CreateBackup", Kind: KindThrottled, Status: 400}
	list := &CallError{Action: "DescribeBackups", Kind: KindUnanswered, RequestID: "R-1"}
	const pending = "it was not done before the deadline; invoking again continues"
	type call struct {
		action string
		err    error
	}
	throttled := Failure{ErrorThrottled, pending + "; the last error: CreateBackup was throttled (HTTP 400)"}
	for name, c := range map[string]struct {
		calls []call
		err   error
		want  Failure
	}{
		"nothing was called": {nil, nil, Failure{ErrorBackupPending, pending}},
		"a look that succeeds does not undo a CreateBackup that failed": {[]call{{"CreateBackup", create}, {"DescribeBackups", nil}}, nil, throttled},
		"a call that succeeds is overcome":                              {[]call{{"DescribeBackups", list}, {"DescribeBackups", nil}}, nil, Failure{ErrorBackupPending, pending}},
		"the last one counts": {[]call{{"CreateBackup", create}, {"DescribeBackups", list}}, nil,
			Failure{ErrorBackupPending, pending + "; the last error: DescribeBackups was not answered (request id R-1)"}},
		"a call got no turn": {[]call{{"CreateBackup", create}, {"CreateBackup", context.DeadlineExceeded}}, context.DeadlineExceeded, throttled},
		"the service says no": {[]call{{"CreateBackup", create}}, &CallError{Action: "DescribeBackups", Kind: KindNotFound, Code: "InvalidDBCluster.NotFound"},
			Failure{ErrorClusterNotFound, "DescribeBackups was refused: InvalidDBCluster.NotFound"}},
	} {
		caller := &caller{}
		for _, made := range c.calls {
			caller.called(made.action, made.err)
		}
		if got := caller.failure(c.err, "it was not done"); *got != c.want {
			t.Errorf("%s: %+v, want %+v", name, *got, c.want)
		}
	}
}

// TestLooksThatFail: a look is repeated until the deadline.
func TestLooksThatFail(t *testing.T) {
	for kind, want := range map[ErrorKind]string{KindUnanswered: "BackupPending", KindThrottled: "Throttled", KindNotSent: "BackupPending", KindNotNow: "BackupPending"} {
		tell(t, want, func(s *stub) {
			s.look = func() error { return &CallError{Action: "DescribeBackups", Kind: kind, RequestID: "R-9"} }
			s.expect(s.run(ensuringOne()), "amv-1 cn-a "+want, "the backup was not started before the deadline; invoking again continues; the last error: DescribeBackups ")
			s.expect(s.runFor(time.Second, verifying(time.Hour)), "amv-1 cn-a "+want, "the list of backups was not read before the deadline")
			if n := s.calls["DescribeBackups"]; n < 100 {
				s.t.Errorf("%d looks", n)
			}
		})
	}
	tell(t, "a call comes again when the service says", func(s *stub) {
		throttled := func(n int) error {
			if n > 1 {
				return nil
			}
			return &CallError{Kind: KindThrottled, RetryAfter: 5 * time.Minute}
		}
		s.look = func() error { return throttled(s.calls["DescribeBackups"]) }
		s.create = func(_ Cluster, n int) error { return throttled(n) }
		s.expect(s.run(ensuringOne()), "amv-1 cn-a Requested")
		s.createdAfter(10*time.Minute, 10*time.Minute+30*time.Second)
	})
	for _, how := range []func(*Request){atOnce, waiting} {
		tell(t, "a call that got no turn was not attempted", func(s *stub) {
			s.look = func() error { return context.DeadlineExceeded }
			s.create = func(Cluster, int) error { return context.DeadlineExceeded }
			s.expect(s.run(ensuringOne(how)), "amv-1 cn-a BackupPending", "the backup was not started before the deadline; invoking again continues")
			if strings.Contains(s.log.String(), "attempt") || len(s.calls) != 1 {
				s.t.Error(s.calls, s.log.String())
			}
		})
	}
}

// TestWindow: wide enough, whatever the service means by it.
func TestWindow(t *testing.T) {
	now := at(t, "02:00:00")
	const hour, day = time.Hour, 24 * time.Hour
	for name, c := range map[string]struct {
		action    Action
		notBefore time.Duration // ago
		from      time.Duration // ago
	}{
		"48 hours at least":                   {ActionEnsure, 0, 49 * hour},
		"as far back as what may serve":       {ActionEnsure, 72 * hour, 73 * hour},
		"a Verify names the newest":           {ActionVerify, hour, 31*day + hour},
		"a Verify of what is older than that": {ActionVerify, 40 * day, 40*day + hour},
	} {
		from, to := window(now, Request{Action: c.action, NotBefore: now.Add(-c.notBefore)})
		if now.Sub(from) != c.from || to.Sub(now) != hour {
			t.Errorf("%s: from %v to %v", name, now.Sub(from), to.Sub(now))
		}
	}
}
