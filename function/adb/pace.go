package adb

import (
	"context"
	"math"
	"sync"
	"time"

	"adb-backup/function/backup"
)

// AnalyticDB's limits are not documented and differ by account, so each endpoint's pace is learnt. It doubles several times a
// second until a call is throttled: there is the ceiling. Each throttled call lowers the rate a little, but not far below what
// got through in the last second, since limits count by the second. From below the rate approaches the ceiling ever more
// slowly, and beyond it grows ever faster, until it meets the next one.
const (
	startRate  = 40.0        // calls per second at first: a few calls are not delayed, a low limit is not run over by many
	lowestRate = 0.5         // calls per second; below, a fleet would hardly move
	steep      = 3.0         // gain per success while no ceiling is known: doubles about four times a second,
	gradual    = 0.1         // but from a low rate by no more than this share of it
	ease       = 0.94        // what a throttled call leaves of the rate,
	least      = 0.97        // but at least so much of what got through
	toward     = 0.01        // share of the way to the ceiling that a success covers, at 50 calls per second
	beyond     = 0.03        // share of the way since the ceiling that a success adds
	probe      = 0.0001      // share of the ceiling that a success adds in any case
	gone       = 1.15        // a ceiling outdone by so much is no longer there
	refused    = 4           // so many more throttled than passed: less than half gets through, or nothing
	plunge     = 1.0 / 3     // what is left of the rate then, at least: a second that has just begun says little
	idle       = time.Second // an outage is asked about as often at least

	longestPause = time.Minute // that a call of somebody else is held up by
)

// pace spaces the calls to one endpoint.
type pace struct {
	first chan struct{} // held by the one call that has the next turn, so that a new rate holds for all the others

	mu      sync.Mutex
	rate    float64           // calls per second
	ceiling float64           // the rate at which a call was throttled last; 0: not known
	found   time.Time         // when the first one was met
	passed  []time.Time       // the successes of the last second
	excess  float64           // how many more calls were throttled lately than passed
	closed  time.Duration     // between calls while nothing passes; 0: something does
	cut     time.Time         // what was sent before the last plunge says nothing new
	pause   time.Time         // nothing is sent before, because the service asked for it,
	asked   *backup.CallError // in this answer
	last    turn              // the last one
	late    bool              // it came when the pace allowed it: the pace is what holds the fleet back
	flying  int               // calls on their way

	slots      *slots
	slotsTaken int // guarded by slots
}

// turn is when a call was sent, and at which rate.
type turn struct {
	at   time.Time
	rate float64
}

func newPace(s *slots) *pace {
	return &pace{first: make(chan struct{}, 1), rate: startRate, slots: s}
}

// take waits until a call may be sent, and returns when that was, which is now, or ctx's error. Each turn taken must end.
func (p *pace) take(ctx context.Context) (turn, error) {
	select {
	case p.first <- struct{}{}:
		defer func() { <-p.first }()
	case <-ctx.Done():
		return turn{}, ctx.Err()
	}
	late := false
	for {
		for d := p.due(); d > 0; d = p.due() { // a new rate or pause may have come meanwhile
			late = true
			if err := sleep(ctx, d); err != nil {
				return turn{}, err
			}
		}
		waited, err := p.slots.take(ctx, p) // not before: a pause of one region does not hold up another
		if err != nil {
			return turn{}, err
		}
		if waited {
			late = false
		}
		if t, ok := p.leave(ctx, late); ok {
			return t, nil
		}
		p.slots.release(p)
		if err := ctx.Err(); err != nil { // a select may overlook it
			return turn{}, err
		}
	}
}

// end ends a turn and learns from what came of it; nil: the call succeeded.
func (p *pace) end(t turn, failure *backup.CallError) {
	p.landed()
	switch {
	case failure == nil:
		p.succeeded()
	case failure.Kind == backup.KindThrottled:
		p.throttled(t, failure)
	}
	p.slots.release(p)
}

// paused returns the answer in which the service asked for a pause, if that is not over.
func (p *pace) paused() *backup.CallError {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Until(p.pause) <= 0 {
		return nil
	}
	return p.asked
}

// due is how long it is until the next call may be sent. Calls one after another have the pace of their answers, so as long
// as no ceiling is known they are not spaced.
func (p *pace) due() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.untilDue()
}

func (p *pace) untilDue() time.Duration {
	d := time.Until(p.pause)
	if p.flying > 0 || p.ceiling > 0 {
		gap := max(time.Duration(float64(time.Second)/p.rate), p.closed)
		d = max(d, gap-time.Since(p.last.at))
	}
	return d
}

// leave takes the turn, unless it is due no longer, or too late.
func (p *pace) leave(ctx context.Context, late bool) (turn, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.untilDue() > 0 || ctx.Err() != nil {
		return turn{}, false
	}
	p.late, p.last = late, turn{time.Now(), p.rate}
	p.flying++
	return p.last, true
}

func (p *pace) landed() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.flying--
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// through is how many calls a second get through: those of the last one.
func (p *pace) through() float64 {
	for len(p.passed) > 0 && time.Since(p.passed[0]) > time.Second {
		p.passed = p.passed[1:]
	}
	return float64(len(p.passed))
}

// succeeded raises the pace, if it was what held the calls back: a rate that nobody used says nothing.
func (p *pace) succeeded() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed = append(p.passed, time.Now())
	p.through()
	p.excess, p.closed = max(p.excess-1, 0), 0
	switch way := p.ceiling - p.rate; {
	case !p.late:
	case p.ceiling == 0:
		p.rate += min(steep, gradual*p.rate)
	case p.rate > gone*p.ceiling:
		p.ceiling = 0
	default:
		// At a low rate each success counts for more, or a limit that is raised would be found out after minutes.
		p.rate += math.Cbrt(50/p.ceiling) * (max(toward*way, -beyond*way) + probe*p.ceiling)
	}
}

// throttled lowers the pace and pauses as the service asks.
func (p *pace) throttled(t turn, failure *backup.CallError) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	if until := now.Add(min(failure.RetryAfter, longestPause)); until.After(p.pause) {
		p.pause, p.asked = until, failure
	}
	if t.at.Before(p.cut) {
		return
	}
	p.excess++
	switch {
	case p.closed > 0:
		// Nothing passes at all, as with a limit by the second until the second is over. How long that takes is not known, so
		// single calls ask, ever more rarely.
		p.closed = min(2*p.closed, idle)
		p.cut = now
	case p.excess >= refused:
		p.ceiling = max(p.through(), plunge*p.rate, lowestRate)
		p.rate = ease * p.ceiling
		p.closed = max(now.Sub(t.at), time.Millisecond)
		p.cut = now
	default:
		if p.ceiling == 0 {
			p.found = now
		}
		p.ceiling = t.rate
		r := min(p.rate, t.rate)
		p.rate = max(ease*r, lowestRate)
		if now.Sub(p.found) > time.Second { // before, it got through what the account had saved
			p.rate = max(p.rate, min(least*p.through(), r))
		}
	}
}
