package adb

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// AnalyticDB's limits are not documented and differ by account, so each endpoint's pace is learnt: it starts gently, rises
// while all goes well, and falls to what was really let through as soon as a call is throttled.
const (
	startRate  = 20.0   // calls per second at first
	lowestRate = 0.5    // below, a fleet would hardly move
	topRate    = 1000.0 // more than the calls in flight can use
	steep      = 1.4    // gain per success while no limit has been met: doubles twice a second
	gentle     = 0.01   // of the rate, gain per second once the limit is known
	memory     = 64     // successes from which the pace let through is measured
)

// paces are the paces of the process, one for each endpoint.
type paces struct{ m sync.Map }

func (p *paces) of(host string) *pace {
	v, ok := p.m.Load(host)
	if !ok {
		v, _ = p.m.LoadOrStore(host, newPace())
	}
	return v.(*pace)
}

// pace spaces the calls to one endpoint.
type pace struct {
	limiter *rate.Limiter

	mu     sync.Mutex
	rate   float64           // calls per second
	met    bool              // whether a limit has been met
	judged time.Time         // when the rate was lowered last
	pause  time.Time         // nothing is sent before, on the service's word
	recent [memory]time.Time // the last successes, a ring
	n      int               // successes so far
}

func newPace() *pace {
	p := &pace{limiter: rate.NewLimiter(startRate, 1), rate: startRate}
	p.set(startRate)
	return p
}

// set takes a new rate. The burst is what a fast service may have been denied while all calls were in flight.
func (p *pace) set(r float64) {
	p.rate = math.Min(math.Max(r, lowestRate), topRate)
	p.limiter.SetLimit(rate.Limit(p.rate))
	p.limiter.SetBurst(1 + int(p.rate/50))
}

// wait returns when a call may be sent, or ctx's error.
func (p *pace) wait(ctx context.Context) error {
	for {
		r := p.limiter.Reserve()
		p.mu.Lock()
		until := time.Now().Add(r.Delay())
		if p.pause.After(until) {
			until = p.pause
		}
		p.mu.Unlock()
		d := time.Until(until)
		if d <= 0 {
			return ctx.Err()
		}
		t := time.NewTimer(d)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			r.Cancel()
			return ctx.Err()
		}
		p.mu.Lock()
		paused := p.pause.After(time.Now())
		p.mu.Unlock()
		if !paused {
			return nil
		}
	}
}

// succeeded raises the pace.
func (p *pace) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent[p.n%memory] = time.Now()
	p.n++
	if p.met {
		p.set(p.rate + gentle) // at this rate there are rate successes a second
	} else {
		p.set(p.rate + steep)
	}
}

// throttled lowers the pace to what was let through lately, and pauses as the service asks. The calls that were in flight
// at the time say the same thing and count once.
func (p *pace) throttled(after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if until := now.Add(after); until.After(p.pause) {
		p.pause = until
	}
	p.met = true
	if now.Sub(p.judged) < 200*time.Millisecond {
		return
	}
	p.judged = now
	p.set(math.Min(0.95*p.rate, p.passed(now)))
}

// passed is how many calls per second succeeded lately; without enough of them, half the pace.
func (p *pace) passed(now time.Time) float64 {
	n := min(p.n, memory, max(8, int(p.rate/2))) // about half a second's worth
	if p.n < n || n < 2 {
		return p.rate / 2
	}
	first := p.recent[(p.n-n)%memory]
	return float64(n) / math.Max(now.Sub(first).Seconds(), 0.001)
}
