package adb

import (
	"context"
	"slices"
	"sync"
	"time"
)

// A call gets its turn in two steps: the pace of its region allows it, then one of the process's slots is free.

// lastCall is how long before the deadline the last call may start: a create that is cut off leaves its outcome unknown.
const lastCall = 300 * time.Millisecond

// turn is when a call was sent, and at which rate.
type turn struct {
	at    time.Time
	rate  float64
	alone bool // no other call to the region waited or was on its way
}

// takeTurn waits for a call's turn, but not so long that the call would be cut off.
func takeTurn(ctx context.Context, p *pace) (turn, error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-lastCall))
		defer cancel()
	}
	return p.take(ctx)
}

// take waits until a call may be sent. It returns the turn, whose time is now, or ctx's error. Whoever takes a turn must end it.
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

// arrive counts a call. After a minute without any call the pace starts anew, because what was learnt may not hold any more.
func (p *pace) arrive() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.calls == 0 && time.Since(p.last.at) > forget {
		p.rate, p.since, p.excess, p.doubt, p.closed = startRate, quiet, 0, 0, 0
	}
	p.calls++
}

// await waits until the pace allows a call, and then for a slot. One call of the region does so at a time.
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
			if err := sleep(ctx, d, p.lifted); err != nil {
				return turn{}, err
			}
		}
		waited, err := p.slots.take(ctx, p) // not before: a pause of one region does not hold up another
		if err != nil {
			return turn{}, err
		}
		late = late && !waited
		if t, ok := p.start(ctx, late); ok {
			return t, nil
		}
		p.slots.release(p)
		if err := ctx.Err(); err != nil { // a select may overlook it
			return turn{}, err
		}
	}
}

// sleep waits for so long, or until wake receives something. An error is ctx's.
func sleep(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-wake:
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

// untilDue is due with p.mu held. A call that is alone waits for no other one, unless something was throttled lately: calls one
// after another are spaced by their answers.
func (p *pace) untilDue() time.Duration {
	d := time.Until(p.pause.until)
	if p.calls > 1 || p.since < quiet {
		gap := max(time.Duration(float64(time.Second)/p.rate), p.closed)
		d = max(d, gap-time.Since(p.last.at))
	}
	return d
}

// start begins the turn. It reports false if a new rate or pause came meanwhile, or if ctx has ended.
func (p *pace) start(ctx context.Context, late bool) (turn, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.untilDue() > 0 || ctx.Err() != nil {
		return turn{}, false
	}
	p.late, p.last = late, turn{time.Now(), p.rate, p.calls == 1}
	return p.last, true
}

// slots bound the API calls that are in flight in the process. Regions that call at the same time get equal shares of them, so a
// region whose calls hang cannot keep the others from calling. A region that is alone may take all slots.
type slots struct {
	mu      sync.Mutex
	all     int
	free    int
	calling []*pace // the regions that call now; the one that got a slot last stands at the end
}

// share is what slots keep of a region.
type share struct {
	taken    int
	returned time.Time     // when one was given back
	waits    chan struct{} // closed when the call that waits has a slot; nil: none waits
}

// active is how long a region counts as calling after its last call. Between two calls there may be a moment in which none
// of them waits, and a slot that is free then must not go to a region whose calls hang.
const active = time.Second

func newSlots(n int) *slots { return &slots{all: n, free: n} }

// take waits for a slot, and reports whether it had to. Its error is ctx's. Of each region one call at most may wait.
func (s *slots) take(ctx context.Context, p *pace) (waited bool, err error) {
	got := make(chan struct{})
	s.mu.Lock()
	if !slices.Contains(s.calling, p) {
		s.calling = append(s.calling, p)
	}
	p.share.waits = got
	s.hand()
	s.mu.Unlock()
	select {
	case <-got:
		return false, nil
	default:
	}
	shares := time.NewTicker(active) // a share grows when another region has ended
	defer shares.Stop()
	for {
		select {
		case <-got:
			return true, nil
		case <-shares.C:
			s.mu.Lock()
			s.hand()
			s.mu.Unlock()
		case <-ctx.Done():
			s.leave(p)
			return true, ctx.Err()
		}
	}
}

// leave ends the waiting of a region's call. It may have got a slot in the same moment.
func (s *slots) leave(p *pace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.share.waits == nil {
		s.giveBack(p)
	}
	p.share.waits = nil
}

// release gives a slot back.
func (s *slots) release(p *pace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveBack(p)
}

func (s *slots) giveBack(p *pace) {
	p.share.taken--
	p.share.returned = time.Now()
	s.free++
	s.hand()
}

// hand gives what is free to those that wait, the region with the fewest slots first, as long as it has less than its share.
func (s *slots) hand() {
	for s.free > 0 {
		next := s.next()
		if next < 0 {
			return
		}
		p := s.calling[next]
		s.calling = append(slices.Delete(s.calling, next, next+1), p)
		s.free--
		p.share.taken++
		close(p.share.waits)
		p.share.waits = nil
	}
}

// next returns the position of the region that gets the next slot; -1: none may have it.
func (s *slots) next() int {
	now := time.Now()
	s.calling = slices.DeleteFunc(s.calling, func(p *pace) bool {
		return p.share.taken == 0 && p.share.waits == nil && now.Sub(p.share.returned) >= active
	})
	next := -1
	for i, p := range s.calling {
		if p.share.waits != nil && (next < 0 || p.share.taken < s.calling[next].share.taken) {
			next = i
		}
	}
	if next < 0 {
		return -1
	}
	n := len(s.calling)
	if most := (s.all + n - 1) / n; s.calling[next].share.taken >= most { // rounded up, so that all are used
		return -1
	}
	return next
}
