package backup

import (
	"testing"
	"time"
)

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

// TestPauses: they grow, and each is shortened at random.
func TestPauses(t *testing.T) {
	c := &caller{settings: Settings{Poll: 5 * time.Second}, chance: chance("x")}
	for name, p := range map[string]struct {
		pauses *pauses
		want   []time.Duration // at most
		least  float64         // share of it
	}{
		"polls":   {c.polls(), []time.Duration{5 * time.Second, 7500 * time.Millisecond, 11250 * time.Millisecond}, 0.9},
		"retries": {c.retries(), []time.Duration{time.Second, 2 * time.Second, 4 * time.Second}, 0.3},
	} {
		for i, most := range p.want {
			if got := p.pauses.next(); got > most || float64(got) < p.least*float64(most) || got == most {
				t.Errorf("%s %d: %v, want a little less than %v", name, i, got, most)
			}
		}
		var last time.Duration
		for range 100 {
			last = max(last, p.pauses.next())
		}
		if most := map[string]time.Duration{"polls": time.Minute, "retries": 30 * time.Second}[name]; last > most || last < most*9/10 {
			t.Errorf("%s grow to %v, want %v", name, last, most)
		}
	}
	for _, d := range []time.Duration{0, time.Millisecond, time.Hour} {
		for range 100 {
			if got := c.later(d); got < d || got > d+d/20 {
				t.Errorf("%v instead of %v", got, d)
			}
		}
	}
	if a, b := c.later(time.Minute), c.later(time.Minute); a == b {
		t.Errorf("%v twice", a)
	}
}

// TestLastError: which error the message at the deadline names.
func TestLastError(t *testing.T) {
	create := &CallError{Action: "CreateBackup", Kind: KindThrottled}
	list := &CallError{Action: "DescribeBackups", Kind: KindUnanswered}
	held := &CallError{Action: "CreateBackup", Kind: KindThrottled, Message: "held up"}
	for name, story := range map[string]struct {
		tell func(c *caller)
		want *CallError
	}{
		"none": {func(*caller) {}, nil},
		"a look that succeeds does not undo a CreateBackup that failed": {func(c *caller) {
			c.answered("CreateBackup", create)
			c.answered("DescribeBackups", nil)
		}, create},
		"a call that succeeds is overcome": {func(c *caller) {
			c.answered("DescribeBackups", list)
			c.answered("DescribeBackups", nil)
		}, nil},
		"the last one counts": {func(c *caller) {
			c.answered("CreateBackup", create)
			c.answered("DescribeBackups", list)
		}, list},
		"who waited for a turn names the region's throttled call": {func(c *caller) {
			c.region.throttled.Store(create)
			c.heldUp(nil)
		}, create},
		"but first its own": {func(c *caller) {
			c.answered("DescribeBackups", list)
			c.region.throttled.Store(create)
			c.heldUp(nil)
		}, list},
		"and before that what held it up": {func(c *caller) {
			c.answered("DescribeBackups", list)
			c.heldUp(held)
		}, held},
		"a region that answers is not throttled any more": {func(c *caller) {
			c.region.throttled.Store(create)
			c.answered("DescribeBackups", list)
			c.err = nil
			c.heldUp(nil)
		}, nil},
	} {
		c := &caller{region: &region{}}
		if story.tell(c); c.err != story.want {
			t.Errorf("%s: %v, want %v", name, c.err, story.want)
		}
	}
}
