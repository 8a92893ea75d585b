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
const kk = 0.25

const (
	startRate  = 20.0   // calls per second at first
	lowestRate = 0.5    // below, a fleet would hardly move
	topRate    = 1000.0 // more than the calls in flight can use
	steep      = 1.4    // gain per success while no limit has been met: doubles twice a second
	brisk      = 0.3    // gain per success once a limit has been met, well below it
	gentle     = 0.01   // gain per success near it: one per cent a second
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
	met    float64           // the rate at which a call was throttled last; 0: none was yet
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

// wait returns when a call may be sent, which is now, or ctx's error.
func (p *pace) wait(ctx context.Context) (sent time.Time, err error) {
	for {
		if err := sleep(ctx, p.paused()); err != nil {
			return sent, err
		}
		r := p.limiter.Reserve()
		if err := sleep(ctx, r.Delay()); err != nil {
			r.Cancel()
			return sent, err
		}
		if p.paused() <= 0 {
			return time.Now(), nil
		}
	}
}

// paused is for how long nothing may be sent.
func (p *pace) paused() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Until(p.pause)
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// succeeded raises the pace.
func (p *pace) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.recent[p.n%memory] = time.Now()
	p.n++
	switch {
	case p.met == 0:
		p.set(p.rate + steep)
	case p.rate < 0.9*p.met:
		p.set(p.rate + brisk)
	default:
		p.set(p.rate + gentle*(1+kk*time.Since(p.judged).Seconds()))
	}
}

// throttled lowers the pace to what was let through lately, and pauses as the service asks. The calls that were in flight
// at the time say the same thing and count once.
func (p *pace) throttled(sent time.Time, after time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if until := now.Add(after); until.After(p.pause) {
		p.pause = until
	}
	if sent.Before(p.judged) {
		return
	}
	p.judged, p.met = now, p.rate
	p.set(math.Min(math.Max(p.passed(now), 0.6*p.rate), 0.95*p.rate))
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
