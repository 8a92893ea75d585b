package adb

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"

	"golang.org/x/time/rate"
)

const inFlight = 16

// fleet makes calls of 100 ms through a limiter, each from a goroutine of its own and until it is allowed. A throttled one is
// repeated after half a second, then after ever longer pauses, as the caller does. It returns how long the calls took that are
// not stuck, and how many times they were throttled. All of it is virtual time.
func fleet(l *limiter, calls int, stuck func(int) bool, allow func() bool) (took time.Duration, throttled int64) {
	var denied atomic.Int64
	ctx, cancel := context.WithCancel(context.Background())
	start := time.Now()
	var good, bad sync.WaitGroup
	call := func(i int) {
		for pause := 500 * time.Millisecond; ; pause = min(2*pause, 15*time.Second) {
			alone, err := l.take(ctx)
			if err != nil {
				return
			}
			time.Sleep(50*time.Millisecond + time.Duration(i*997%1000)*time.Microsecond) // each arrives a little late
			ok := !stuck(i) && allow()
			time.Sleep(50 * time.Millisecond)
			l.learn(alone, !ok)
			l.release()
			if ok {
				return
			}
			if !stuck(i) {
				denied.Add(1)
			}
			time.Sleep(pause)
		}
	}
	for i := range calls {
		group := &good
		if stuck(i) {
			group = &bad
		}
		group.Go(func() { call(i) })
	}
	good.Wait()
	took = time.Since(start)
	cancel()
	bad.Wait()
	return took, denied.Load()
}

func none(int) bool { return false }

// TestLimiterFindsTheLimit: a thousand calls take little longer than the service needs at exactly its limit, however many it lets
// through at once. Which of two goroutines comes first is chance, so the median of five runs counts.
func TestLimiterFindsTheLimit(t *testing.T) {
	for _, c := range []struct {
		limit     rate.Limit
		burst     int
		ideal     float64 // times the ideal time, at most
		throttled int64
	}{
		{50, 50, 1.10, 100}, {50, 5, 1.10, 100}, {50, 1, 1.40, 250}, {10, 10, 1.10, 400}, {10, 5, 1.10, 400}, {100, 100, 1.3, 60}, {500, 500, 1.7, 0},
	} {
		t.Run(fmt.Sprintf("%v a second, burst %d", c.limit, c.burst), func(t *testing.T) {
			ideal := 1000 / min(float64(c.limit), inFlight/0.1)
			var took []float64 // times the ideal time
			var throttled []int64
			for range 5 {
				synctest.Test(t, func(t *testing.T) {
					d, n := fleet(newLimiter(inFlight), 1000, none, rate.NewLimiter(c.limit, c.burst).Allow)
					took, throttled = append(took, d.Seconds()/ideal), append(throttled, n)
				})
			}
			slices.Sort(took)
			slices.Sort(throttled)
			if took[2] > c.ideal || throttled[2] > c.throttled {
				t.Errorf("%.2f of the ideal time, %d throttled; want %.2f, %d at most", took, throttled, c.ideal, c.throttled)
			}
		})
	}
}

// TestFewClustersThrottled: a few clusters that are throttled for ever cost the others a twentieth of their time at most.
func TestFewClustersThrottled(t *testing.T) {
	for name, stuck := range map[string]func(int) bool{
		"spread":    func(i int) bool { return i == 0 || i == 400 || i == 800 },
		"the first": func(i int) bool { return i < 3 },
	} {
		var took [2]time.Duration
		for i, stuck := range []func(int) bool{none, stuck} {
			synctest.Test(t, func(t *testing.T) {
				took[i], _ = fleet(newLimiter(inFlight), 1000, stuck, rate.NewLimiter(50, 50).Allow)
			})
		}
		if took[1] > took[0]*21/20 {
			t.Errorf("%s: the others took %v, %v without them", name, took[1], took[0])
		}
	}
}

// TestAlone: a call that is alone in its region waits for nothing, and others are spaced.
func TestAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(inFlight)
		start := time.Now()
		for range 100 {
			if alone, err := l.take(t.Context()); !alone || err != nil {
				t.Fatal(alone, err)
			}
			l.release()
		}
		l.take(t.Context())
		for range 11 {
			if alone, err := l.take(t.Context()); alone || err != nil {
				t.Fatal(alone, err)
			}
		}
		if took := time.Since(start); took != 250*time.Millisecond { // ten gaps, since one call was saved up
			t.Errorf("took %v", took)
		}
	})
}

// TestTurnTooLate: whoever would get its turn only after its time does not wait for it, and gives its slot back.
func TestTurnTooLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(3)
		l.rate.SetLimit(1)
		l.take(t.Context())
		l.take(t.Context())
		ctx, cancel := context.WithTimeout(t.Context(), lastCall+time.Second/2)
		defer cancel()
		start := time.Now()
		for range 10 {
			if _, err := l.take(ctx); err != context.DeadlineExceeded || time.Since(start) != 0 {
				t.Errorf("error %v after %v", err, time.Since(start))
			}
		}
		if _, err := l.take(t.Context()); err != nil || time.Since(start) != time.Second || l.calls.Load() != 3 {
			t.Errorf("error %v after %v, %d calls", err, time.Since(start), l.calls.Load())
		}
	})
}

// TestLearn: what an answer does to the rate.
func TestLearn(t *testing.T) {
	for _, c := range []struct {
		rate             rate.Limit
		alone, throttled bool
		want             rate.Limit
	}{
		{40, false, false, 40.2}, {40, false, true, 36}, {40, true, false, 40}, {40, true, true, 40}, {1, false, true, 1}, {199.9, false, false, 200}, {200, false, false, 200},
	} {
		l := newLimiter(1)
		l.rate.SetLimit(c.rate)
		if l.learn(c.alone, c.throttled); l.rate.Limit() != c.want {
			t.Errorf("%+v: %v", c, l.rate.Limit())
		}
	}
}

// TestTogether: calls that are throttled together ease the rate once.
func TestTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter(1)
		for i, want := range []rate.Limit{36, 36, 32.4} {
			time.Sleep(time.Duration(i) * 50 * time.Millisecond)
			if l.learn(false, true); l.rate.Limit() != want {
				t.Errorf("%d: %v, want %v", i, l.rate.Limit(), want)
			}
		}
	})
}

// TestWhatIsLearnt: an answer that does not throttle raises the rate, be it a refusal. One that says nothing does not.
func TestWhatIsLearnt(t *testing.T) {
	for reply, want := range map[*canned]rate.Limit{
		{200, `{"RequestId":"R1"}`, nil}: 40.2, {400, `{"Code":"InvalidX"}`, nil}: 40.2, {404, `<html>`, nil}: 40.2, {302, ``, nil}: 40, {500, `{}`, nil}: 40,
		{429, `{}`, nil}: 36, {503, `{"Code":"Throttling.Api"}`, nil}: 36, {400, `{"Code":"Rejected.Throttling"}`, nil}: 36, nil: 40,
	} {
		synctest.Test(t, func(t *testing.T) {
			waiting := make(chan struct{})
			api := New(Options{Concurrency: 2, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				if r.URL.Query().Get("DBClusterId") == "amv-first" {
					<-waiting
				}
				if reply == nil {
					return nil, io.ErrUnexpectedEOF
				}
				return answer(r, reply.status, reply.body, http.Header{})
			})})
			s := api.With(roleKeys, "42")
			var all sync.WaitGroup
			all.Go(func() { s.CreateBackup(t.Context(), backup.Cluster{ID: "amv-first", Region: "cn-hangzhou"}) })
			synctest.Wait()
			s.CreateBackup(t.Context(), someCluster)
			close(waiting)
			all.Wait()
			kept, _ := api.limiters.Load("cn-hangzhou")
			if got := kept.(*limiter).rate.Limit(); got != want {
				t.Errorf("%+v: %v, want %v", reply, got, want)
			}
		})
	}
}
