package adb

import (
	"math"
	"sync"
	"time"

	"adb-backup/function/backup"
)

// AnalyticDB's limits are not documented and differ by account and region, so each region's pace is learnt from its answers.
//
// Kept for a region: the rate, the pause that the service asked for, and what was throttled lately. So a region that is throttled
// or paused holds up no other one. Kept for the process: the slots for calls in flight (turn.go), of which the regions that call
// have equal shares, because connections and memory belong to the process. Nothing is kept for a cluster: a few throttled calls
// among many that pass are taken for the trouble of their clusters, whose callers wait by themselves.
//
// The rate rises with every success that had to wait for its turn, and the more, the longer nothing was throttled. Each throttled
// call lowers it a little, but not far below what got through in the last second, because limits count by the second.
//
// The table of pace_test.go shows what each constant is worth.
const (
	// startRate is in calls per second. A handful of clusters is sent within a tenth of a second, and the sixteen calls that
	// are in flight before the first answers arrive do not exhaust a limit of that order.
	startRate = 40.0

	// lowestRate is in calls per second. Limits count by the second, so one call each second finds the end of an outage.
	lowestRate = 1.0

	// gain is how many calls per second a success adds as long as nothing is throttled. With two the rate outgrows any limit
	// within a few seconds, and passes it by no more than twice the calls in flight.
	gain = 2.0

	// quiet is how many successes after a throttled call the gain is whole again. Until then it is multiplied by the fourth
	// power of the share of them that has come. For the first hundred that is near nothing, so the rate stays below a limit
	// just found. After two hundred the pace has found out that a limit of 10 calls per second was raised to 50; that takes 20 s.
	quiet = 400

	// ease is what a throttled call leaves of the rate. Several of the calls in flight are throttled together, and each
	// lowers it: three leave five sixths.
	ease = 0.94

	// floor is the share of what got through in the last second below which the rate does not fall. If it were all of that, the
	// rate would never fall below the limit, and the calls that wait at a strict service would never catch up.
	floor = 0.97

	// few is how many throttled calls may be the fault of their clusters and not of the pace: two clusters in trouble must not
	// slow the others. Where so many more calls are throttled than succeed, nothing passes.
	few = 3

	// tolerated is the share of throttled calls that may be the fault of their clusters, if nothing else was throttled lately.
	// At a limit that is really exceeded the share is far larger: of calls at twice the limit it is half.
	tolerated = 0.05

	longestPause = time.Minute // for which the answer to one call holds up the others
	forget       = time.Minute // without any call: then the pace starts anew
)

// pace spaces the calls to one region.
type pace struct {
	slots  *slots
	share  share         // guarded by slots
	first  chan struct{} // held by the one call that has the next turn, so that a new rate holds for all the others
	lifted chan struct{} // wakes that call when a pause ends early

	mu      sync.Mutex
	rate    float64       // calls per second
	since   int           // successes since a throttled call lowered the rate; quiet at most, and at first
	limited time.Time     // since when calls are throttled more than now and then
	passed  []time.Time   // the successes of the last second
	excess  int           // how many more calls were throttled lately than passed
	doubt   float64       // how many more calls were throttled lately than are tolerated
	closed  time.Duration // between calls while nothing passes; 0: something does
	deepCut time.Time     // the last one; a call that was sent before says nothing new
	last    turn          // the last one
	late    bool          // the last turn had to wait for the pace, so the pace is what holds the calls back
	calls   int           // that wait or are on their way
	pause   pause
}

// pause is a pause that the service asked for.
type pause struct {
	until  time.Time         // nothing is sent before
	turn   turn              // of the call that was answered so
	answer *backup.CallError // to that call
}

func newPace(s *slots) *pace {
	return &pace{slots: s, first: make(chan struct{}, 1), lifted: make(chan struct{}, 1), rate: startRate, since: quiet}
}

// end ends a turn and learns from what came of it; failure is nil if the call succeeded. A call without an answer says nothing.
func (p *pace) end(t turn, failure *backup.CallError) {
	p.mu.Lock()
	p.calls--
	switch {
	case failure != nil && failure.Kind == backup.KindThrottled:
		p.throttled(t)
		p.pauseFor(t, failure)
	case failure == nil || failure.Status/100 == 4: // a refused call was not throttled, either
		p.succeeded(t)
	}
	p.mu.Unlock()
	p.slots.release(p)
}

// pauseFor pauses the region as the service asks. If other calls get through and only a few are throttled, the pause concerns
// only the cluster, whose caller waits by itself.
func (p *pace) pauseFor(t turn, answer *backup.CallError) {
	if p.through() > 0 && !p.believed() {
		return
	}
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

// liftPause ends a pause early if the call that got through was sent after the one that brought the pause: then the pause concerns
// only one cluster, or is over.
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

// through returns how many calls got through in the last second. It drops older ones.
func (p *pace) through() float64 {
	for len(p.passed) > 0 && time.Since(p.passed[0]) > time.Second {
		p.passed = p.passed[1:]
	}
	return float64(len(p.passed))
}

// succeeded raises the pace, if it was what held the calls back: a rate that was not used up says nothing.
func (p *pace) succeeded(t turn) {
	p.liftPause(t)
	p.passed = append(p.passed, time.Now())
	p.through()
	p.excess, p.closed = max(p.excess-1, 0), 0
	p.doubt = max(p.doubt-tolerated, 0)
	if p.late {
		p.since = min(p.since+1, quiet)
		p.rate += gain * math.Pow(float64(p.since)/quiet, 4)
	}
}

// throttled lowers the pace. A single call says nothing about it: the caller waits by itself before it repeats one.
func (p *pace) throttled(t turn) {
	now := time.Now()
	if t.at.Before(p.deepCut) || t.alone {
		return
	}
	p.excess++
	p.doubt++
	switch {
	case p.closed > 0:
		// Nothing passes at all, as with a limit by the second until the second is over. How long that takes is not known, so
		// single calls ask, ever more rarely.
		p.closed = min(2*p.closed, time.Duration(float64(time.Second)/lowestRate))
		p.deepCut = now
	case !p.believed():
	case p.excess >= few: // less than half gets through, or nothing; but a second that has just begun says little
		p.rate = max(ease*max(p.through(), p.rate/few), lowestRate)
		p.limit()
		p.closed = max(now.Sub(t.at), time.Millisecond)
		p.deepCut = now
	default:
		p.lower(t)
	}
}

// believed reports whether throttled calls are the pace's fault, and not that of a few clusters.
func (p *pace) believed() bool { return p.since < quiet || p.doubt > few }

// lower lowers the rate below that of t, which was throttled.
func (p *pace) lower(t turn) {
	p.limit()
	r := min(p.rate, t.rate)
	p.rate = max(ease*r, lowestRate)
	if time.Since(p.limited) > time.Second { // before, it got through what the account had saved
		p.rate = max(p.rate, min(floor*p.through(), r))
	}
}

// limit notes that the rate has met a limit.
func (p *pace) limit() {
	if p.since == quiet {
		p.limited = time.Now()
	}
	p.since = 0
}
