package adb

import (
	"context"
	"math"
	"sync"
	"time"

	"adb-backup/function/backup"
)

// AnalyticDB's limits are not documented and differ by account, so each region's pace is learnt. It doubles several times a
// second until calls are throttled: there is the ceiling. From then on each throttled call lowers the rate a little, but not
// far below what got through in the last second, since limits count by the second. From below the rate approaches the ceiling
// ever more slowly, and beyond it grows ever faster, until it meets the next one.
//
// Every constant was chosen by the table of pace_test.go.
const (
	startRate  = 40.0   // calls per second at first: a few calls are not delayed, a low limit is not run over by many
	lowestRate = 1.0    // calls per second; an outage is probed as often at least
	steep      = 3.0    // gain per success while no ceiling is known: doubles about four times a second,
	gradual    = 0.1    // but from a low rate by no more than this share of it
	ease       = 0.9    // what a throttled call leaves of the rate; a ceiling outdone by as much is no longer there
	least      = 0.97   // but at least so much of what got through
	approach   = 0.02   // share of the distance to the ceiling that a success adds, at 50 calls per second
	probe      = 0.0003 // share of the ceiling that a success adds at least
	few        = 4      // throttled calls that are believed: fewer may be the fault of single clusters, not of the pace
	tolerated  = 0.05   // share of throttled calls that is not believed while no ceiling is known

	longestPause = time.Minute // that the service's word to one call holds up the others
	forget       = time.Minute // without calls, after which the pace starts anew
)

// pace spaces the calls to one region.
type pace struct {
	slots  *slots
	share  share         // guarded by slots
	first  chan struct{} // held by the one call that has the next turn, so that a new rate holds for all the others
	lifted chan struct{} // wakes that call when a pause ends early

	mu      sync.Mutex
	rate    float64       // calls per second
	ceiling float64       // the rate at which a call was throttled last; 0: not known
	found   time.Time     // when the first one was met
	passed  []time.Time   // the successes of the last second
	excess  float64       // how many more calls were throttled lately than passed
	doubt   float64       // how many more calls were throttled lately than are tolerated
	closed  time.Duration // between calls while nothing passes; 0: something does
	cut     time.Time     // what was sent before the last plunge says nothing new
	last    turn          // the last one
	late    bool          // it came when the pace allowed it: the pace is what holds the fleet back
	calls   int           // that wait or are on their way
	pause   pause
}

// pause is one that the service asked for.
type pause struct {
	until  time.Time         // nothing is sent before
	turn   turn              // of the call that was answered so
	answer *backup.CallError // to that call
}

// turn is when a call was sent, and at which rate.
type turn struct {
	at    time.Time
	rate  float64
	alone bool // no other call to the region waited or was on its way
}

func newPace(s *slots) *pace {
	return &pace{slots: s, first: make(chan struct{}, 1), lifted: make(chan struct{}, 1), rate: startRate}
}

// take waits until a call may be sent, and returns when that was, which is now, or ctx's error. Each turn taken must end.
func (p *pace) take(ctx context.Context) (turn, error) {
	p.arrive()
	t, err := p.await(ctx)
	if err != nil {
		p.mu.Lock()
		p.calls--
		p.mu.Unlock()
	}
	return t, err
}

// arrive counts a call. After a long time without one nothing that was learnt need hold.
func (p *pace) arrive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == 0 && time.Since(p.last.at) > forget {
		p.rate, p.ceiling, p.found, p.excess, p.doubt, p.closed = startRate, 0, time.Time{}, 0, 0, 0
	}
	p.calls++
}

func (p *pace) await(ctx context.Context) (turn, error) {
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
			if err := p.sleep(ctx, d); err != nil {
				return turn{}, err
			}
		}
		waited, err := p.slots.take(ctx, p) // not before: a pause of one region does not hold up another
		if err != nil {
			return turn{}, err
		}
		if t, ok := p.leave(ctx, late && !waited); ok {
			return t, nil
		}
		p.slots.release(p)
		late = late && !waited
		if err := ctx.Err(); err != nil { // a select may overlook it
			return turn{}, err
		}
	}
}

// sleep waits for so long at most: a pause may be lifted.
func (p *pace) sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-p.lifted:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// due returns how long it is until the next call may be sent.
func (p *pace) due() time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.untilDue()
}

// untilDue is due with p.mu held. Calls one after another have the pace of their answers, so as long as no ceiling is known
// they are not spaced.
func (p *pace) untilDue() time.Duration {
	d := time.Until(p.pause.until)
	if p.calls > 1 || p.ceiling > 0 {
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
	p.late, p.last = late, turn{time.Now(), p.rate, p.calls == 1}
	return p.last, true
}

// end ends a turn and learns from what came of it; failure is nil if the call succeeded.
func (p *pace) end(t turn, failure *backup.CallError) {
	p.mu.Lock()
	p.calls--
	switch {
	case failure == nil:
		p.succeeded(t)
	case failure.Kind == backup.KindThrottled:
		p.pauseFor(t, failure)
		p.throttled(t)
	}
	p.mu.Unlock()
	p.slots.release(p)
}

// pauseFor pauses as the service asks.
func (p *pace) pauseFor(t turn, answer *backup.CallError) {
	if until := time.Now().Add(min(answer.RetryAfter, longestPause)); until.After(p.pause.until) {
		p.pause = pause{until, t, answer}
	}
}

// paused returns the answer in which the service asked for a pause, if that is not over.
func (p *pace) paused() *backup.CallError {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Until(p.pause.until) <= 0 {
		return nil
	}
	return p.pause.answer
}

// liftPause ends a pause early, because a call that was sent after the one that was answered so got through: the pause is
// that cluster's alone, or over.
func (p *pace) liftPause(t turn) {
	if time.Until(p.pause.until) <= 0 || !t.at.After(p.pause.turn.at) {
		return
	}
	p.pause = pause{}
	select {
	case p.lifted <- struct{}{}:
	default:
	}
}

// through returns how many calls a second get through: those of the last one.
func (p *pace) through() float64 {
	for len(p.passed) > 0 && time.Since(p.passed[0]) > time.Second {
		p.passed = p.passed[1:]
	}
	return float64(len(p.passed))
}

// succeeded raises the pace, if it was what held the calls back: a rate that nobody used says nothing.
func (p *pace) succeeded(t turn) {
	p.liftPause(t)
	p.passed = append(p.passed, time.Now())
	p.through()
	p.excess, p.closed = max(p.excess-1, 0), 0
	p.doubt = max(p.doubt-tolerated, 0)
	switch {
	case !p.late:
	case p.ceiling == 0:
		p.rate += min(steep, gradual*p.rate)
	case p.rate > p.ceiling/ease:
		p.ceiling = 0
	default:
		// At a low rate each success counts for more, or a limit that is raised would be found out after minutes.
		p.rate += math.Cbrt(50/p.ceiling) * max(approach*math.Abs(p.ceiling-p.rate), probe*p.ceiling)
	}
}

// throttled lowers the pace. A single call says nothing about it: the caller waits by itself before it repeats one.
func (p *pace) throttled(t turn) {
	now := time.Now()
	if t.at.Before(p.cut) || t.alone {
		return
	}
	p.excess++
	p.doubt++
	switch {
	case p.closed > 0:
		// Nothing passes at all, as with a limit by the second until the second is over. How long that takes is not known, so
		// single calls ask, ever more rarely.
		p.closed = min(2*p.closed, time.Duration(float64(time.Second)/lowestRate))
		p.cut = now
	case p.excess >= few: // less than half gets through, or nothing; but a second that has just begun says little
		p.meet(max(p.through(), p.rate/few, lowestRate))
		p.rate = ease * p.ceiling
		p.closed = max(now.Sub(t.at), time.Millisecond)
		p.cut = now
	case p.found.IsZero() && p.doubt < few:
	default:
		p.lower(t)
	}
}

// lower takes the rate of t for the ceiling.
func (p *pace) lower(t turn) {
	p.meet(t.rate)
	r := min(p.rate, t.rate)
	p.rate = max(ease*r, lowestRate)
	if time.Since(p.found) > time.Second { // before, it got through what the account had saved
		p.rate = max(p.rate, min(least*p.through(), r))
	}
}

// meet sets the ceiling.
func (p *pace) meet(rate float64) {
	if p.ceiling == 0 {
		p.found = time.Now()
	}
	p.ceiling = rate
}
