package adb

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"

	"golang.org/x/time/rate"
)

const inFlight = 16

// fleet sends calls at the pace to a service that lets so many through, and says how long it took and how many were
// throttled. Each arrives a little late, by up to a millisecond. All of it is virtual time.
func fleet(p *pace, calls int, allow func() bool, latency, hint time.Duration) (took time.Duration, throttled int) {
	var denied atomic.Int64
	start := time.Now()
	var wg sync.WaitGroup
	for i := range calls {
		late := time.Duration(i*997%1000) * time.Microsecond
		wg.Go(func() {
			for {
				t, _ := p.take(context.Background())
				time.Sleep(latency/2 + late)
				ok := allow()
				time.Sleep(latency/2 - late)
				if ok {
					p.end(t, nil)
					return
				}
				p.end(t, &backup.CallError{Kind: backup.KindThrottled, RetryAfter: hint})
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
	case "sliding": // as many in any second
		var mu sync.Mutex
		var passed []time.Time
		return func() bool {
			mu.Lock()
			defer mu.Unlock()
			for len(passed) > 0 && time.Since(passed[0]) >= time.Second {
				passed = passed[1:]
			}
			if len(passed) == limit {
				return false
			}
			passed = append(passed, time.Now())
			return true
		}
	}
	panic(kind)
}

// The bounds are about the worst of some runs, because goroutines of one instant run in any order; slack is for the runs that
// were not seen. Half a second is lost if the very last call is throttled. Calls arrive up to a millisecond late, and a strict
// service throttles one that follows another too soon.
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
		{5, "bucket", bound{1.01, 43}, bound{1.01, 59}},
		{5, "tight", bound{1.01, 43}, bound{1.01, 59}},
		{5, "window", bound{1.03, 45}, bound{1.07, 58}},
		{5, "sliding", bound{1.06, 42}, bound{1.10, 61}},
		{5, "strict", bound{1.14, 35}, bound{1.16, 52}},
		{10, "bucket", bound{1.01, 35}, bound{1.01, 50}},
		{10, "tight", bound{1.01, 30}, bound{1.04, 43}},
		{10, "window", bound{1.03, 34}, bound{1.09, 31}},
		{10, "sliding", bound{1.06, 36}, bound{1.12, 33}},
		{10, "strict", bound{1.20, 32}, bound{1.40, 36}},
		{50, "bucket", bound{1.00, 36}, bound{0.99, 41}},
		{50, "tight", bound{1.04, 20}, bound{1.44, 21}},
		{50, "window", bound{1.07, 30}, bound{1.26, 29}},
		{50, "sliding", bound{1.09, 30}, bound{1.24, 24}},
		{50, "strict", bound{1.24, 35}, bound{1.40, 41}},
		{100, "bucket", bound{1.03, 29}, bound{1.03, 27}},
		{100, "tight", bound{1.03, 16}, bound{1.67, 18}},
		{100, "window", bound{1.19, 102}, bound{1.33, 99}},
		{100, "sliding", bound{1.17, 36}, bound{1.30, 18}},
		{100, "strict", bound{1.21, 26}, bound{1.58, 24}},
		{200, "bucket", bound{1.09, 32}, bound{1.09, 23}},
		{200, "tight", bound{1.09, 11}, bound{1.98, 12}},
		{200, "window", bound{1.31, 43}, bound{1.15, 30}},
		{200, "sliding", bound{1.53, 65}, bound{1.39, 25}},
		{200, "strict", bound{1.39, 13}, bound{2.08, 13}},
		{500, "bucket", bound{1.09, 0}, bound{1.09, 0}},
		{500, "window", bound{1.09, 0}, bound{1.09, 0}},
		{500, "sliding", bound{1.09, 0}, bound{1.09, 0}},
		{500, "strict", bound{1.09, 0}, bound{1.09, 0}},
	} {
		for _, latency := range []time.Duration{20 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
			if c.limit == 500 && latency < 100*time.Millisecond {
				continue // over within two seconds
			}
			for hint, most := range map[time.Duration]bound{0: c.free, 500 * time.Millisecond: c.hinted} {
				t.Run(fmt.Sprintf("%d %s %v hint %v", c.limit, c.kind, latency, hint), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						took, throttled := fleet(newPace(newSlots(inFlight)), 1000, service(c.kind, c.limit), latency, hint)
						ideal := 1000 / min(float64(c.limit), inFlight/latency.Seconds())
						if r := took.Seconds() / ideal; r > most.ideal+0.15 || throttled > slack(most.throttled) {
							t.Errorf("took %.2f of the ideal %.1f s, %d throttled; want %.2f, %d at most",
								r, ideal, throttled, most.ideal+0.15, slack(most.throttled))
						}
					})
				})
			}
		}
	}
}

// The account's limit falls to a fifth and comes back.
func TestPaceFollowsTheLimit(t *testing.T) {
	for burst, least := range map[int]float64{1: 0.5, 5: 0.85, 50: 0.85} {
		t.Run(fmt.Sprint("burst ", burst), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := rate.NewLimiter(50, burst)
				var passed atomic.Int64
				var done sync.WaitGroup
				var throttled int
				done.Go(func() {
					_, throttled = fleet(newPace(newSlots(inFlight)), 2200, func() bool {
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
				}{{50, 3 * time.Second, 7 * time.Second}, {10, 2 * time.Second, 18 * time.Second}, {50, 20 * time.Second, 10 * time.Second}} {
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
				if throttled > slack(95) {
					t.Errorf("%d throttled", throttled)
				}
			})
		})
	}
}

func slack(throttled int) int { return throttled*4/3 + 4 }

func TestPaceBegins(t *testing.T) {
	const latency = 100 * time.Millisecond
	for calls, most := range map[int]time.Duration{1: 0, 3: 100 * time.Millisecond, 5: 150 * time.Millisecond, 40: 700 * time.Millisecond} {
		t.Run(fmt.Sprint(calls), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				took, _ := fleet(newPace(newSlots(inFlight)), calls, func() bool { return true }, latency, 0)
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
		p := newPace(newSlots(inFlight))
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

// Once calls are throttled more than now and then each one lowers the rate, but what was sent before a plunge says nothing
// new. The service's pause is kept, and the calls after it are spaced.
func TestPaceThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPace(newSlots(inFlight))
		var sent [8]turn
		for i := range sent {
			sent[i], _ = p.take(t.Context())
		}
		time.Sleep(10 * time.Millisecond)
		for i, turn := range sent[1:] { // the first one was alone
			before := p.rate
			p.end(turn, asked(2*time.Second))
			if changed := p.rate != before; changed != (i+1 == few+1) {
				t.Errorf("rate %v after %d throttled calls, %v before", p.rate, i+1, before)
			}
		}
		p.end(sent[0], nil)
		if p.rate < ease*startRate/few {
			t.Errorf("rate %v, from %v", p.rate, startRate)
		}
		start := time.Now()
		p.take(t.Context())
		if got := time.Since(start); got < 2*time.Second || got > 2200*time.Millisecond {
			t.Errorf("sent after %v, the service asked for 2 s", got)
		}
		p.take(t.Context())
		if got := time.Since(start); got < 2*time.Second+time.Duration(0.9*float64(time.Second)/p.rate) {
			t.Errorf("the second was sent after %v, at once with the first", got)
		}
	})
}

// TestPaceLearnsAnew: single calls an hour apart in between change nothing: the next fleet is no slower than the first.
func TestPaceLearnsAnew(t *testing.T) {
	for _, kind := range []string{"bucket", "tight", "window", "strict"} {
		t.Run(kind, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p, allow := newPace(newSlots(inFlight)), service(kind, 50)
				first, _ := fleet(p, 1000, allow, 100*time.Millisecond, 0)
				for range 24 {
					time.Sleep(time.Hour)
					fleet(p, 1, allow, 100*time.Millisecond, 0)
				}
				took, throttled := fleet(p, 1000, allow, 100*time.Millisecond, 0)
				if took > first*11/10 || throttled > 100 {
					t.Errorf("took %v, %d throttled of 1,000; the first took %v", took, throttled, first)
				}
			})
		})
	}
}

// What single calls meet is not the pace's doing, and after a minute without calls the pace starts anew.
func TestPaceRecovers(t *testing.T) {
	free := func() bool { return true }
	fresh := func() (took time.Duration) {
		took, _ = fleet(newPace(newSlots(inFlight)), 200, free, 100*time.Millisecond, 0)
		return took
	}
	t.Run("after single calls, one in five throttled", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p, n := newPace(newSlots(inFlight)), 0
			for range 80 {
				fleet(p, 1, func() bool { n++; return n%5 != 0 }, 100*time.Millisecond, 0)
			}
			if took, _ := fleet(p, 200, free, 100*time.Millisecond, 0); took > 2*fresh() {
				t.Errorf("a fleet of 200 took %v, a fresh one %v", took, fresh())
			}
		})
	})
	t.Run("after a night with a low limit", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			p := newPace(newSlots(inFlight))
			fleet(p, 100, service("bucket", 5), 100*time.Millisecond, 0)
			time.Sleep(forget + time.Second)
			if took, _ := fleet(p, 200, free, 100*time.Millisecond, 0); took > 2*fresh() {
				t.Errorf("a fleet of 200 took %v, a fresh one %v", took, fresh())
			}
		})
	})
}

// Throttling that comes at random has no rate to find.
func TestPaceThrottledAtRandom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		chance := rand.New(rand.NewPCG(1, 1))
		var mu sync.Mutex
		allow := service("bucket", 50)
		took, _ := fleet(newPace(newSlots(inFlight)), 1000, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return chance.Float64() >= 0.05 && allow()
		}, 100*time.Millisecond, 0)
		if took > 60*time.Second {
			t.Errorf("took %v, of the ideal 20 s", took)
		}
	})
}

// While all is denied single calls ask, and the first that passes brings the rate back.
func TestPaceOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		down := func() bool { s := time.Since(start).Seconds(); return s < 5 || s > 35 }
		allow := service("bucket", 50)
		took, throttled := fleet(newPace(newSlots(inFlight)), 1000, func() bool { return down() && allow() }, 100*time.Millisecond, 0)
		if took > 53*time.Second || throttled > 100 {
			t.Errorf("took %v, %d throttled; want 53 s, 100 at most", took, throttled)
		}
	})
}

// TestRefusedCallsRaiseThePace: a refused call was not throttled, so a fleet of refused clusters is no slower than another one.
func TestRefusedCallsRaiseThePace(t *testing.T) {
	for status, rises := range map[int]bool{400: true, 404: true, 500: false, 0: false} {
		p := newPace(newSlots(inFlight))
		p.late = true
		p.calls, p.share.taken = 1, 1
		p.end(turn{}, &backup.CallError{Kind: backup.KindRefused, Status: status})
		if got := p.rate > startRate; got != rises {
			t.Errorf("%d: the rate is %v", status, p.rate)
		}
	}
}
