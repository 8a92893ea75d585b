package adb

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/time/rate"
)

const inFlight = 16

// fleet sends calls at the pace to a service that lets so many through, and says how long it took and how many were
// throttled. All of it is virtual time.
func fleet(p *pace, calls int, allow func() bool, latency, hint time.Duration) (took time.Duration, throttled int) {
	turns := make(chan struct{}, inFlight)
	var denied atomic.Int64
	start := time.Now()
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			for {
				sent, _ := p.wait(context.Background(), turns)
				time.Sleep(latency / 2)
				ok := allow()
				time.Sleep(latency / 2)
				p.landed()
				if ok {
					p.succeeded()
					<-turns
					return
				}
				p.throttled(sent, hint)
				<-turns
				denied.Add(1)
				time.Sleep(max(hint, 500*time.Millisecond)) // as the caller does, on average
			}
		})
	}
	wg.Wait()
	return time.Since(start), int(denied.Load())
}

// service lets so many calls a second through, each in its own way.
func service(kind string, limit int) func() bool {
	switch kind {
	case "strict": // none that is early
		return rate.NewLimiter(rate.Limit(limit), 1).Allow
	case "tight":
		return rate.NewLimiter(rate.Limit(limit), 5).Allow
	case "bucket": // a second's worth at once
		return rate.NewLimiter(rate.Limit(limit), limit).Allow
	case "window": // as many in each second of the clock
		var mu sync.Mutex
		var second int64
		n := 0
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			if s := time.Now().Unix(); s != second {
				second, n = s, 0
			}
			n++
			return n <= limit
		}
	}
	panic(kind)
}

// The bounds are what the pace does, and a little more. Half a second is lost if the very last call is throttled.
func TestPaceFindsTheLimit(t *testing.T) {
	type bound struct {
		ideal     float64 // times the ideal time
		throttled int
	}
	for _, c := range []struct {
		limit        int
		kind         string
		free, hinted bound // without a hint, and with one of 500 ms at each throttled answer
	}{
		{5, "bucket", bound{1.02, 50}, bound{1.02, 50}},
		{5, "tight", bound{1.02, 50}, bound{1.02, 50}},
		{5, "window", bound{1.07, 60}, bound{1.10, 58}},
		{5, "strict", bound{1.13, 48}, bound{1.18, 46}},
		{10, "bucket", bound{1.03, 50}, bound{1.03, 50}},
		{10, "tight", bound{1.03, 42}, bound{1.06, 42}},
		{10, "window", bound{1.09, 60}, bound{1.13, 48}},
		{10, "strict", bound{1.12, 52}, bound{1.28, 46}},
		{50, "bucket", bound{1.01, 32}, bound{1.03, 34}},
		{50, "tight", bound{1.08, 22}, bound{1.27, 18}},
		{50, "window", bound{1.10, 56}, bound{1.25, 46}},
		{50, "strict", bound{1.30, 36}, bound{1.35, 46}},
		{100, "bucket", bound{1.05, 26}, bound{1.05, 26}},
		{100, "tight", bound{1.20, 22}, bound{1.40, 18}},
		{100, "window", bound{1.17, 64}, bound{1.25, 55}},
		{100, "strict", bound{1.27, 26}, bound{1.40, 26}},
		{500, "bucket", bound{1.10, 0}, bound{1.10, 0}},
		{500, "window", bound{1.10, 0}, bound{1.10, 0}},
		{500, "strict", bound{1.10, 0}, bound{1.10, 0}},
	} {
		for _, latency := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
			if c.limit == 500 && latency < 100*time.Millisecond {
				continue // over within two seconds
			}
			for hint, most := range map[time.Duration]bound{0: c.free, 500 * time.Millisecond: c.hinted} {
				t.Run(fmt.Sprintf("%d %s %v hint %v", c.limit, c.kind, latency, hint), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						took, throttled := fleet(newPace(), 1000, service(c.kind, c.limit), latency, hint)
						ideal := 1000 / min(float64(c.limit), inFlight/latency.Seconds())
						if r := took.Seconds() / ideal; r > most.ideal || throttled > most.throttled {
							t.Errorf("took %.2f of the ideal %.1f s, %d throttled; want %.2f, %d at most",
								r, ideal, throttled, most.ideal, most.throttled)
						}
					})
				})
			}
		}
	}
}

// The account's limit falls to a fifth and comes back.
func TestPaceFollowsTheLimit(t *testing.T) {
	for burst, least := range map[int]float64{1: 0.75, 5: 0.9, 50: 0.9} {
		t.Run(fmt.Sprint("burst ", burst), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := rate.NewLimiter(50, burst)
				var passed atomic.Int64
				var done sync.WaitGroup
				var throttled int
				done.Go(func() {
					_, throttled = fleet(newPace(), 1700, func() bool {
						if !l.Allow() {
							return false
						}
						passed.Add(1)
						return true
					}, 100*time.Millisecond, 0)
				})
				for _, phase := range []struct {
					limit           rate.Limit
					learn, measured time.Duration
				}{{50, 3 * time.Second, 7 * time.Second}, {10, 2 * time.Second, 18 * time.Second}, {50, 10 * time.Second, 10 * time.Second}} {
					l.SetLimit(phase.limit)
					time.Sleep(phase.learn)
					before := passed.Load()
					time.Sleep(phase.measured)
					got := float64(passed.Load()-before) / phase.measured.Seconds()
					if got < least*float64(phase.limit) {
						t.Errorf("%.1f calls a second passed, of %v", got, phase.limit)
					}
				}
				done.Wait()
				if throttled > 75 {
					t.Errorf("%d throttled", throttled)
				}
			})
		})
	}
}

// What was learnt holds for the next night, whatever single calls came between.
func TestPaceRemembers(t *testing.T) {
	for kind, most := range map[string]int{"bucket": 30, "tight": 20, "window": 36, "strict": 24} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, allow := newPace(), service(kind, 50)
				fleet(p, 1000, allow, 100*time.Millisecond, 0)
				for range 100 {
					time.Sleep(time.Minute)
					fleet(p, 1, allow, 100*time.Millisecond, 0)
				}
				took, throttled := fleet(p, 1000, allow, 100*time.Millisecond, 0)
				if took > 26*time.Second || throttled > most {
					t.Errorf("took %v, %d throttled; want %d at most", took, throttled, most)
				}
			})
		})
	}
}

func TestPaceBegins(t *testing.T) {
	const latency = 100 * time.Millisecond
	for calls, most := range map[int]time.Duration{1: 0, 3: 100 * time.Millisecond, 5: 150 * time.Millisecond, 40: 700 * time.Millisecond} {
		t.Run(fmt.Sprint(calls), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, _ := fleet(newPace(), calls, func() bool { return true }, latency, 0)
				if took > latency+most {
					t.Errorf("waited %v, want %v at most", took-latency, most)
				}
			})
		})
	}
}

// A rate that nobody used was not tried: it must not rise.
func TestPaceRisesWithUseAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		for range 1000 {
			fleet(p, 1, func() bool { return true }, 100*time.Millisecond, 0)
		}
		if p.rate != startRate {
			t.Errorf("%v after calls one by one, want %v", p.rate, startRate)
		}
		fleet(p, 2000, func() bool { return true }, 100*time.Millisecond, 0)
		if p.rate > 2*inFlight/0.1 {
			t.Errorf("%v, far more than the calls in flight can use", p.rate)
		}
	})
}

func TestPaceThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		var sent [8]time.Time
		for i := range sent {
			sent[i], _ = p.wait(t.Context(), make(chan struct{}, inFlight))
		}
		time.Sleep(10 * time.Millisecond)
		p.throttled(sent[0], 2*time.Second)
		lowered := p.rate
		if lowered >= startRate {
			t.Errorf("rate %v after a throttled call", lowered)
		}
		for _, s := range sent[1:] {
			p.throttled(s, time.Second)
		}
		if p.rate != lowered {
			t.Errorf("rate %v, want %v: calls in flight together count once", p.rate, lowered)
		}
		start := time.Now()
		p.wait(t.Context(), make(chan struct{}, inFlight))
		if got := time.Since(start); got < 2*time.Second || got > 2200*time.Millisecond {
			t.Errorf("sent after %v, the service asked for 2 s", got)
		}
		p.wait(t.Context(), make(chan struct{}, inFlight))
		if got := time.Since(start); got < 2*time.Second+time.Duration(0.9*float64(time.Second)/lowered) {
			t.Errorf("the second was sent after %v, at once with the first", got)
		}
	})
}

// While all is denied single calls ask, and the first that passes brings the rate back.
func TestPaceOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		down := func() bool { s := time.Since(start).Seconds(); return s < 5 || s > 35 }
		allow := service("bucket", 50)
		took, throttled := fleet(newPace(), 1000, func() bool { return down() && allow() }, 100*time.Millisecond, 0)
		if took > 53*time.Second || throttled > 90 {
			t.Errorf("took %v, %d throttled; want 53 s, 90 at most", took, throttled)
		}
	})
}

// A call that is cut off while it waits neither uses up a turn
func TestPaceTurnGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		p.wait(t.Context(), make(chan struct{}, inFlight))
		start := time.Now()
		for range 10 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			p.wait(ctx, make(chan struct{}, inFlight))
			cancel()
		}
		p.wait(t.Context(), make(chan struct{}, inFlight))
		if got := time.Since(start); got > time.Second/startRate+time.Millisecond {
			t.Errorf("sent after %v", got)
		}
	})
}

// nor holds the others up.
func TestPaceCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		p.throttled(time.Now(), time.Minute)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				if _, err := p.wait(ctx, make(chan struct{}, inFlight)); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v", err)
				}
			})
		}
		wg.Wait()
		start := time.Now()
		if _, err := p.wait(t.Context(), make(chan struct{}, inFlight)); err != nil || time.Since(start) > 59*time.Second+100*time.Millisecond {
			t.Errorf("sent after %v, error %v", time.Since(start), err)
		}
	})
}

// Calls one after another are not spaced while no limit is known; with one known they are.
func TestPaceOneByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace()
		call := func() time.Time {
			sent, _ := p.wait(t.Context(), make(chan struct{}, inFlight))
			time.Sleep(time.Millisecond)
			p.landed()
			return sent
		}
		start := time.Now()
		var last time.Time
		for range 100 {
			last = call()
			p.succeeded()
		}
		if got := time.Since(start); got > 101*time.Millisecond {
			t.Errorf("a hundred calls of a millisecond took %v", got)
		}
		p.throttled(last, 0)
		start = time.Now()
		for range 10 {
			call()
		}
		if got := time.Since(start); got < time.Duration(8/p.rate*float64(time.Second)) {
			t.Errorf("ten calls took %v at %v a second", got, p.rate)
		}
	})
}
