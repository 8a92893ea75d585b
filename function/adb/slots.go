package adb

import (
	"context"
	"slices"
	"sync"
	"time"
)

// slots are for the API calls in flight, so many in the process. Regions that call at the same time have equal shares of them, so
// a region whose calls hang cannot keep the others from calling. A region that is alone may take all.
type slots struct {
	mu      sync.Mutex
	all     int
	free    int
	regions []*pace   // those that ever took a slot
	waiting []*waiter // at most one of each region
}

type waiter struct {
	region *pace
	turn   chan struct{} // closed when it has a slot
}

// active is for how long a region counts as calling after its last call: there are moments between two of its calls, and what is
// free in one of them must not go to a region whose calls hang.
const active = time.Second

func newSlots(n int) *slots { return &slots{all: n, free: n} }

// take waits for a slot, and reports whether it had to. Its error is ctx's.
func (s *slots) take(ctx context.Context, p *pace) (waited bool, err error) {
	s.mu.Lock()
	if !slices.Contains(s.regions, p) {
		s.regions = append(s.regions, p)
	}
	w := &waiter{p, make(chan struct{})}
	s.waiting = append(s.waiting, w)
	s.hand()
	s.mu.Unlock()
	select {
	case <-w.turn:
		return false, nil
	default:
	}
	shares := time.NewTicker(active) // a share grows when another region has ended
	defer shares.Stop()
	for {
		select {
		case <-w.turn:
			return true, nil
		case <-shares.C:
			s.mu.Lock()
			s.hand()
			s.mu.Unlock()
		case <-ctx.Done():
			s.leave(w)
			return true, ctx.Err()
		}
	}
}

// leave ends w's waiting. It may have got a slot in the same moment.
func (s *slots) leave(w *waiter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := slices.Index(s.waiting, w); i >= 0 {
		s.waiting = slices.Delete(s.waiting, i, i+1)
		return
	}
	s.giveBack(w.region)
}

// release gives a slot back.
func (s *slots) release(p *pace) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.giveBack(p)
}

func (s *slots) giveBack(p *pace) {
	p.slotsTaken--
	p.lastSlot = time.Now()
	s.free++
	s.hand()
}

// hand gives what is free to those that wait, the region with the fewest slots first, as long as it has less than its share.
func (s *slots) hand() {
	for s.free > 0 && len(s.waiting) > 0 {
		next := slices.MinFunc(s.waiting, func(a, b *waiter) int { return a.region.slotsTaken - b.region.slotsTaken })
		if next.region.slotsTaken >= s.share() {
			return
		}
		s.waiting = slices.DeleteFunc(s.waiting, func(w *waiter) bool { return w == next })
		s.free--
		next.region.slotsTaken++
		close(next.turn)
	}
}

// share returns how many slots each region may have that is calling.
func (s *slots) share() int {
	calling := 0
	for _, p := range s.regions {
		waits := slices.ContainsFunc(s.waiting, func(w *waiter) bool { return w.region == p })
		if waits || p.slotsTaken > 0 || time.Since(p.lastSlot) < active {
			calling++
		}
	}
	return (s.all + calling - 1) / max(calling, 1) // rounded up, so that all are used
}
