package adb

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlotsAreShared: a region whose calls hang does not keep the others from calling.
func TestSlotsAreShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(4)
		hung, other := newPace(s), newPace(s)
		for range 4 {
			s.take(t.Context(), hung)
		}
		got := make(chan *pace, 9)
		for _, p := range []*pace{hung, other} {
			go func() {
				for range 2 {
					s.take(t.Context(), p)
					got <- p
				}
			}()
		}
		for i, want := range []*pace{other, other, hung, hung} {
			synctest.Wait()
			s.release(hung)
			if p := <-got; p != want {
				t.Errorf("slot %d went to the wrong region", i)
			}
		}
	})
}

// TestSlotGivenBack: who is cut off while it waits neither keeps a slot nor takes one.
func TestSlotGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		a, b := newPace(s), newPace(s)
		s.take(t.Context(), a)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.take(ctx, b); err != context.DeadlineExceeded {
			t.Errorf("error %v", err)
		}
		s.release(a)
		if waited, err := s.take(t.Context(), a); waited || err != nil {
			t.Errorf("waited %v, error %v", waited, err)
		}
		if a.share.taken != 1 || b.share.taken != 0 || s.free != 0 || b.share.waits != nil {
			t.Errorf("%d and %d taken, %d free, still waiting: %v", a.share.taken, b.share.taken, s.free, b.share.waits != nil)
		}
	})
}

// TestPauseWhileWaiting: a pause that comes while a call waits for a slot holds it up, and the slot is another region's.
func TestPauseWhileWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		p, other := newPace(s), newPace(s)
		before, _ := p.take(t.Context())
		start := time.Now()
		done := make(chan time.Duration)
		go func() {
			p.take(t.Context())
			done <- time.Since(start)
		}()
		time.Sleep(time.Second)
		p.end(before, asked(10*time.Second))
		synctest.Wait()
		turn, err := other.take(t.Context())
		if err != nil || time.Since(start) != time.Second {
			t.Errorf("the other region waited %v, error %v", time.Since(start), err)
		}
		other.end(turn, nil)
		if got := <-done; got < 11*time.Second || got > 11*time.Second+100*time.Millisecond {
			t.Errorf("sent after %v", got)
		}
	})
}

// TestSlotsBetweenCalls: what a region leaves free between two calls does not go to a region whose calls hang, unless it has
// ended.
func TestSlotsBetweenCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(4)
		hung, other := newPace(s), newPace(s)
		s.take(t.Context(), other)
		go func() {
			for range 4 {
				s.take(t.Context(), hung)
			}
		}()
		synctest.Wait()
		s.release(other)
		for range 10 {
			time.Sleep(active / 2)
			if waited, err := s.take(t.Context(), other); waited || err != nil || hung.share.taken != 2 {
				t.Fatalf("waited %v, error %v, %d hang", waited, err, hung.share.taken)
			}
			s.release(other)
		}
		time.Sleep(2 * active)
		synctest.Wait()
		if hung.share.taken != 4 {
			t.Errorf("%d of the last region's calls", hung.share.taken)
		}
	})
}

// TestSlotsOfManyRegions: nothing is kept of a region that does not call any more, and many that call get their turns in order.
func TestSlotsOfManyRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(2)
		turns := make(chan int, 3000)
		for i := range 1000 {
			go func() {
				p := newPace(s)
				for range 3 {
					s.take(t.Context(), p)
					time.Sleep(time.Millisecond)
					s.release(p)
					turns <- i
				}
			}()
		}
		rounds := map[int]int{}
		for n := range 3000 {
			i := <-turns
			if rounds[i]++; rounds[i] > n/1000+2 {
				t.Fatalf("region %d has had turn %d before others had one", i, rounds[i])
			}
		}
		time.Sleep(2 * active)
		p := newPace(s)
		s.take(t.Context(), p)
		if len(s.calling) != 1 {
			t.Errorf("%d regions are kept", len(s.calling))
		}
	})
}

// TestCallOutOfTime: a call whose time is up while it waits for a slot, or behind the one that does, gives nothing back and takes
// no turn.
func TestCallOutOfTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSlots(1)
		hung, p := newPace(s), newPace(s)
		hung.take(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		first := make(chan error)
		go func() {
			_, err := p.take(ctx)
			first <- err
		}()
		synctest.Wait()
		short, cancelShort := context.WithTimeout(t.Context(), time.Second/2)
		defer cancelShort()
		start := time.Now()
		if _, err := p.take(short); err != context.DeadlineExceeded || time.Since(start) != time.Second/2 {
			t.Errorf("the one behind: error %v after %v", err, time.Since(start))
		}
		if len(p.first) != 1 {
			t.Error("the one behind took the place of the one that waits")
		}
		if err := <-first; err != context.DeadlineExceeded {
			t.Errorf("the one that waits: error %v", err)
		}
		if s.free != 0 || hung.share.taken != 1 || p.share.taken != 0 || p.share.waits != nil || p.calls != 0 {
			t.Errorf("%d free, %d and %d taken, %d calls", s.free, hung.share.taken, p.share.taken, p.calls)
		}
	})
}
