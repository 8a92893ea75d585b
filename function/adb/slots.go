package adb

import (
	"context"
	"slices"
	"sync"
	"time"
)

// slots are for the API calls in flight, so many in the process. Regions that call at the same time have equal shares of them,
// so a region whose calls hang cannot keep the others from calling. A region that is alone may take all.
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

// active is for how long a region counts as calling after its last call: there are moments between two of its calls, and what is
// free in one of them must not go to a region whose calls hang.
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
	if n := len(s.calling); n > 0 {
		most := (s.all + n - 1) / n // rounded up, so that all are used
		if next >= 0 && s.calling[next].share.taken >= most {
			return -1
		}
	}
	return next
}
