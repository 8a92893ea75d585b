package adb

import (
	"context"
	"slices"
	"sync"
)

// slots are for the API calls in flight, so many in the process. A free one goes to the region that has the fewest of those
// that wait for one, so a region whose calls hang cannot take the others' share.
type slots struct {
	mu      sync.Mutex
	free    int
	waiting []*waiter // at most one of each region; only if none is free
}

type waiter struct {
	region *pace
	turn   chan struct{} // closed when it has a slot
}

func newSlots(n int) *slots { return &slots{free: n} }

// take waits for a slot, and reports whether it had to. Its error is ctx's.
func (s *slots) take(ctx context.Context, p *pace) (waited bool, err error) {
	s.mu.Lock()
	if s.free > 0 {
		s.free--
		p.slotsTaken++
		s.mu.Unlock()
		return false, nil
	}
	w := &waiter{p, make(chan struct{})}
	s.waiting = append(s.waiting, w)
	s.mu.Unlock()
	select {
	case <-w.turn:
		return true, nil
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, w); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
	} else { // it came in the same moment
		s.pass(p)
	}
	return true, ctx.Err()
}

// release gives a slot back.
func (s *slots) release(p *pace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pass(p)
}

func (s *slots) pass(p *pace) {
	p.slotsTaken--
	if len(s.waiting) == 0 {
		s.free++
		return
	}
	next := slices.MinFunc(s.waiting, func(a, b *waiter) int { return a.region.slotsTaken - b.region.slotsTaken })
	s.waiting = slices.DeleteFunc(s.waiting, func(w *waiter) bool { return w == next })
	next.region.slotsTaken++
	close(next.turn)
}
