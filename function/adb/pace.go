package adb

import (
	"context"
	"math"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// AnalyticDB's limits are not documented and differ by account, so each endpoint's pace is learnt: it doubles several times
// a second until a call is throttled and falls at once to what was let through. Then it goes back to the middle between the
// two, fast at first, stays near it, and tries more in growing steps: one curve, that of TCP CUBIC (RFC 9438).
const (
	startRate  = 30.0            // calls per second at first: a few calls are not delayed, a low limit is not run over by many
	lowestRate = 0.5             // calls per second; below, a fleet would hardly move
	steep      = 3.0             // gain per success while no limit is known: doubles about four times a second,
	gradual    = 0.1             // but from a low rate by no more than this share of it
	ease       = 0.97            // the rate falls at least to this share of itself: what is over a limit seldom is by much
	plunge     = 0.4             // and at most to this one: the measure is rough just after the start or a change
	stretch    = 25.0            // seconds by the rate's cube root in which the curve doubles the rate: 7 s at 50 per second
	gone       = 1.5             // a limit outdone by so much is no longer there
	measured   = 2 * time.Second // what is let through is measured over one to two of them, as a limit may count by the second,
	enough     = 32              // and over half as many successes at least
	idle       = time.Second     // a longer gap between answers says that nobody called; an outage is asked about as often
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
	limiter *rate.Limiter // no burst: a fleet has none to catch up on, and a strict service would not have it
	first   chan struct{} // held by the one call that has the next turn, so that a new rate holds for all the others

	mu     sync.Mutex
	rate   float64       // calls per second
	met    float64       // where the limit is thought to be; 0: not known
	x      float64       // place on the curve: the rate is met*(1+x³)
	passed float64       // successes lately,
	over   time.Duration // and the time that they took
	last   time.Time     // the last success, or the last lowering
	late   bool          // the last call had to wait for its turn: the pace is what holds the fleet back
	judged time.Time     // when the rate was lowered last
	closed time.Duration // between calls while nothing passes at all; 0: something does
	pause  time.Time     // nothing is sent before, on the service's word
	flying int           // calls on their way
}

func newPace() *pace {
	return &pace{limiter: rate.NewLimiter(startRate, 1), first: make(chan struct{}, 1), rate: startRate, last: time.Now()}
}

func (p *pace) set(r float64) {
	p.rate = math.Max(r, lowestRate)
	p.limiter.SetLimit(rate.Limit(p.rate))
}

// wait returns when a call may be sent, which is now, or ctx's error. Calls one after another have the pace of their
// answers, so as long as no limit is known they are not spaced. A call that was sent has landed at its end.
func (p *pace) wait(ctx context.Context, slots chan struct{}) (sent time.Time, err error) {
	select {
	case p.first <- struct{}{}:
		defer func() { <-p.first }()
	case <-ctx.Done():
		return sent, ctx.Err()
	}
	for {
		if err := sleep(ctx, p.paused()); err != nil {
			return sent, err
		}
		select { // not before: a pause at one endpoint is none at another
		case slots <- struct{}{}:
		case <-ctx.Done():
			return sent, ctx.Err()
		}
		p.mu.Lock()
		if p.flying == 0 && p.met == 0 && ctx.Err() == nil {
			p.limiter.Allow() // those that come meanwhile are spaced from this one
			p.late = false
			p.flying++
			p.mu.Unlock()
			return time.Now(), nil
		}
		turn, judged := p.limiter.Reserve(), p.judged
		p.late = turn.Delay() > 0
		p.mu.Unlock()
		if err := sleep(ctx, turn.Delay()); err != nil {
			turn.Cancel()
			<-slots
			return sent, err
		}
		p.mu.Lock()
		ready := !p.judged.After(judged) && time.Until(p.pause) <= 0
		if ready {
			p.flying++
		}
		p.mu.Unlock()
		if ready {
			return time.Now(), nil
		}
		<-slots
	}
}

func (p *pace) landed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flying--
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

// succeeded raises the pace, if it was what held the calls back: a rate that nobody used says nothing.
func (p *pace) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := min(time.Since(p.last), idle)
	p.last = time.Now()
	p.passed++
	p.over += took
	if p.over > measured && p.passed > enough {
		p.passed, p.over = p.passed/2, p.over/2
	}
	r := p.rate
	switch {
	case !p.late:
	case p.met == 0:
		r += math.Min(steep, gradual*r)
	default:
		p.x += took.Seconds() * math.Cbrt(p.met) / stretch
		r = p.met * (1 + p.x*p.x*p.x)
		if r > gone*p.met {
			p.met = 0
		}
	}
	p.closed = 0
	p.set(r)
}

// throttled lowers the pace to what was let through lately, and pauses as the service asks. Calls sent before the last
// lowering say the same thing as the call that caused it and do not count again.
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
	if p.passed == 0 && !p.judged.IsZero() {
		// Nothing passes at all, as with a limit by the second until the second is over. How long that takes is not known,
		// so single calls ask, ever more rarely. When one passes the rate is taken up again; for now it may not rise.
		if p.closed == 0 {
			p.met, p.x = p.rate, 0
		}
		p.judged = now
		p.closed = min(max(2*p.closed, now.Sub(sent), time.Millisecond), idle)
		p.limiter.SetLimit(min(rate.Every(p.closed), rate.Limit(p.rate)))
		return
	}
	through := p.passed / math.Max(p.over.Seconds(), 0.001)
	r := math.Min(math.Max(through, plunge*p.rate), ease*p.rate)
	p.met = math.Max((p.rate+r)/2, lowestRate)
	p.x = math.Cbrt(math.Min(r/p.met-1, 0))
	p.passed, p.over, p.last, p.judged = 0, 0, now, now
	p.set(r)
}
