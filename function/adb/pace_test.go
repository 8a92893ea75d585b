package adb

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sync/semaphore"
	"golang.org/x/time/rate"
)

// fleet sends calls at the learnt pace to a service that lets so many through, and says how long it took and how many
// were throttled. All of it is virtual time.
func fleet(calls int, allow func() bool, latency, hint time.Duration) (took time.Duration, throttled int) {
	p := newPace()
	inFlight := semaphore.NewWeighted(16)
	var mu sync.Mutex
	start := time.Now()
	var wg sync.WaitGroup
	for range calls {
		wg.Go(func() {
			for {
				inFlight.Acquire(context.Background(), 1)
				sent, _ := p.wait(context.Background())
				time.Sleep(latency / 2)
				ok := allow()
				time.Sleep(latency / 2)
				if ok {
					p.succeeded()
					inFlight.Release(1)
					return
				}
				p.throttled(sent, hint)
				inFlight.Release(1)
				mu.Lock()
				throttled++
				mu.Unlock()
				time.Sleep(500 * time.Millisecond)
			}
		})
	}
	wg.Wait()
	return time.Since(start), throttled
}

// window lets so many calls through in each second of the clock.
func window(limit int) func() bool {
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

func TestPaceFindsTheLimit(t *testing.T) {
	for _, limit := range []int{5, 10, 50, 100, 500} {
		for name, service := range map[string]func() func() bool{
			"strict":    func() func() bool { return rate.NewLimiter(rate.Limit(limit), 1).Allow },
			"bucket/10": func() func() bool { return rate.NewLimiter(rate.Limit(limit), 1+limit/10).Allow },
			"bucket":    func() func() bool { return rate.NewLimiter(rate.Limit(limit), limit).Allow },
			"window":    func() func() bool { return window(limit) },
		} {
			for _, latency := range []time.Duration{10 * time.Millisecond, 100 * time.Millisecond, 300 * time.Millisecond} {
				for _, hint := range []time.Duration{0, 500 * time.Millisecond} {
					t.Run(fmt.Sprintf("%v a second, %s, latency %v, hint %v", limit, name, latency, hint), func(t *testing.T) {
						synctest.Test(t, func(t *testing.T) {
							took, throttled := fleet(1000, service(), latency, hint)
							most := min(float64(limit), 16/latency.Seconds())
							ideal := 1000 / most
							t.Logf("R %v %s %v %v: %.2f of the ideal %.1f s, %d throttled", limit, name, latency, hint, took.Seconds()/ideal, ideal, throttled)
						})
					})
				}
			}
		}
	}
}
