package adb

import (
	"adb-backup/function/backup"
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func asked(pause time.Duration) *backup.CallError {
	return &backup.CallError{Kind: backup.KindThrottled, RetryAfter: pause}
}

// A pause holds the region's calls up for a minute at most, and ends when a call that was sent later gets through.
func TestPauses(t *testing.T) {
	for name, c := range map[string]struct {
		asked    time.Duration
		later    bool // another call was sent later, and gets through
		earlier  bool // or earlier
		min, max time.Duration
	}{
		"a short one":                {5 * time.Second, false, false, 5 * time.Second, 5 * time.Second},
		"a long one":                 {time.Hour, false, false, time.Minute, time.Minute},
		"of one cluster":             {time.Hour, true, false, 0, 100 * time.Millisecond},
		"a call that was on its way": {time.Hour, false, true, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newPace(newSlots(inFlight))
				before, _ := p.take(t.Context())
				throttled, _ := p.take(t.Context())
				after, _ := p.take(t.Context())
				start := time.Now()
				p.end(throttled, asked(c.asked))
				if e := p.paused(); e == nil || e.RetryAfter != c.asked {
					t.Errorf("paused for %v", e)
				}
				go func() {
					time.Sleep(50 * time.Millisecond)
					if c.earlier {
						p.end(before, nil)
					}
					if c.later {
						p.end(after, nil)
					}
				}()
				p.take(t.Context())
				if got := time.Since(start); got < c.min || got > c.max+100*time.Millisecond {
					t.Errorf("sent after %v", got)
				}
				if p.paused() != nil {
					t.Error("still paused")
				}
			})
		})
	}
}

// TestPauseOfAFew: while calls get through, a pause that a few of them are answered with is for their clusters. One more, and it
// is for the region.
func TestPauseOfAFew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(newSlots(inFlight))
		var sent [few + 2]turn
		for i := range sent {
			sent[i], _ = p.take(t.Context())
		}
		time.Sleep(10 * time.Millisecond)
		p.end(sent[0], nil)
		for i, turn := range sent[1:] {
			p.end(turn, asked(time.Hour))
			if paused := p.paused() != nil; paused != (i+1 == few+1) {
				t.Errorf("after %d: paused %v", i+1, paused)
			}
		}
	})
}

// A call that is cut off while it waits neither uses up a turn
func TestPaceTurnGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(newSlots(inFlight))
		p.take(t.Context())
		start := time.Now()
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			p.take(ctx)
			cancel()
		}
		p.take(t.Context())
		if got := time.Since(start); got > time.Second/startRate+time.Millisecond {
			t.Errorf("sent after %v", got)
		}
	})
}

// nor holds the others up.
func TestPaceCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(newSlots(inFlight))
		p.pauseFor(turn{}, asked(time.Minute))
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := p.take(ctx); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
			})
		}
		wg.Wait()
		start := time.Now()
		if _, err := p.take(t.Context()); err != nil || time.Since(start) > 59*time.Second+100*time.Millisecond {
			t.Errorf("sent after %v, error %v", time.Since(start), err)
		}
	})
}

// Calls one after another are not spaced while no limit is known; with one known they are.
func TestPaceOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(newSlots(inFlight))
		call := func() turn {
			sent, _ := p.take(t.Context())
			time.Sleep(time.Millisecond)
			p.end(sent, nil)
			return sent
		}
		start := time.Now()
		var last turn
		for range 100 {
			last = call()
		}
		if got := time.Since(start); got > 101*time.Millisecond {
			t.Errorf("a hundred calls of a millisecond took %v", got)
		}
		p.lower(last)
		start = time.Now()
		for range 10 {
			call()
		}
		if got := time.Since(start); got < time.Duration(8/p.rate*float64(time.Second)) {
			t.Errorf("ten calls took %v at %v a second", got, p.rate)
		}
	})
}
