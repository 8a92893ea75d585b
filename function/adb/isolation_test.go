package adb

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
)

// trouble answers a call in place of the service; nil: the call is answered as usual.
type trouble func(r *http.Request) (*http.Response, error)

func throttle(retryAfter string) trouble {
	return func(r *http.Request) (*http.Response, error) {
		return answer(r, 429, `{"Code":"Throttling.User","Message":"slow","RequestId":"R1"}`, http.Header{"Retry-After": {retryAfter}})
	}
}

func silence(r *http.Request) (*http.Response, error) {
	<-r.Context().Done()
	return nil, r.Context().Err()
}

// night creates a backup of each cluster, as often as it takes, at one host for all regions where each call takes 100 ms.
// It returns how long the clusters took that had no trouble of their own.
func night(t *testing.T, clusters []backup.Cluster, bad func(backup.Cluster) bool, what trouble) (took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		flying := map[string]int{} // by region
		api := New(Options{Endpoint: Endpoint{Host: "127.0.0.1:1", Plain: true}, Concurrency: 16, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			q := r.URL.Query()
			region := q.Get("RegionId")
			mu.Lock()
			flying[region]++
			if flying[region] > 16 {
				t.Errorf("%d calls in flight in %s", flying[region], region)
			}
			mu.Unlock()
			defer func() { mu.Lock(); flying[region]--; mu.Unlock() }()
			if what != nil && bad(backup.Cluster{ID: q.Get("DBClusterId"), Region: region}) {
				return what(r)
			}
			time.Sleep(100 * time.Millisecond)
			return answer(r, 200, `{"RequestId":"R1"}`, nil)
		})})
		s := api.With(roleKeys, "42")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		var good, all sync.WaitGroup
		start := time.Now()
		for _, c := range clusters {
			group := &good
			if bad(c) {
				group = &all
			}
			group.Go(func() {
				for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
					_, _, err := s.CreateBackup(ctx, c)
					if err == nil || ctx.Err() != nil {
						return
					}
					if e, ok := callError(err); ok {
						pause = max(pause, e.RetryAfter)
					}
					select {
					case <-time.After(pause):
					case <-ctx.Done():
					}
				}
			})
		}
		good.Wait()
		took = time.Since(start)
		cancel()
		all.Wait()
	})
	return took
}

// TestIsolation: a region or a few clusters that misbehave leave the others at no more than twice their time. A pause that the
// service asks for binds only the call that got it.
func TestIsolation(t *testing.T) {
	var five, one []backup.Cluster
	for i := range 500 {
		five = append(five, backup.Cluster{ID: fmt.Sprintf("amv-%d", i), Region: fmt.Sprintf("cn-region-%d", i%5)})
	}
	for i := range 100 {
		one = append(one, backup.Cluster{ID: fmt.Sprintf("amv-%d", i), Region: "cn-hangzhou"})
	}
	for name, c := range map[string]struct {
		clusters []backup.Cluster
		bad      func(backup.Cluster) bool
	}{
		"a region":                 {five, func(c backup.Cluster) bool { return c.Region == "cn-region-0" }},
		"three clusters":           {one, func(c backup.Cluster) bool { return c.ID == "amv-0" || c.ID == "amv-40" || c.ID == "amv-80" }},
		"the first three clusters": {one, func(c backup.Cluster) bool { return c.ID == "amv-0" || c.ID == "amv-1" || c.ID == "amv-2" }},
	} {
		undisturbed := night(t, c.clusters, c.bad, nil)
		for trouble, what := range map[string]trouble{
			"throttled for ever":        throttle(""),
			"asked to wait for 30 s":    throttle("30"),
			"asked to wait for an hour": throttle("3600"),
			"never answered":            silence,
		} {
			t.Run(name+" "+trouble, func(t *testing.T) {
				if took := night(t, c.clusters, c.bad, what); took > 2*undisturbed {
					t.Errorf("the others took %v, %v undisturbed", took, undisturbed)
				}
			})
		}
	}
}

// TestNoTurn: a call that gets no turn before its time is up is not sent, and leaves nothing behind for the next one.
func TestNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hung, calls := make(chan struct{}), 0
		api := New(Options{Concurrency: 1, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			calls++
			if r.URL.Query().Get("DBClusterId") == "amv-hung" {
				<-hung
			}
			return answer(r, 200, `{"RequestId":"R1"}`, nil)
		})})
		s := api.With(roleKeys, "42")
		var all sync.WaitGroup
		all.Go(func() { s.CreateBackup(t.Context(), backup.Cluster{ID: "amv-hung", Region: "cn-hangzhou"}) })
		synctest.Wait()
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		near, cancel := context.WithTimeout(t.Context(), lastCall)
		defer cancel()
		short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		for ctx, want := range map[context.Context]error{gone: context.Canceled, near: context.DeadlineExceeded, short: context.DeadlineExceeded} {
			start := time.Now()
			if sent, _, err := s.CreateBackup(ctx, someCluster); err != want || calls != 1 || sent.IsZero() {
				t.Errorf("error %v, %d calls, sent %v", err, calls, sent)
			}
			if took := time.Since(start); took != 0 && took != 2*time.Second-lastCall {
				t.Errorf("after %v", took)
			}
		}
		asked := time.Now()
		time.AfterFunc(3*time.Second, func() { close(hung) })
		if sent, _, err := s.CreateBackup(t.Context(), someCluster); err != nil || sent.Sub(asked) != 3*time.Second { // not before its turn
			t.Errorf("sent after %v, error %v", sent.Sub(asked), err)
		}
		all.Wait()
		for range 50 { // where a slot is free, too, chance decides what is seen first
			if _, _, err := s.CreateBackup(gone, someCluster); err != context.Canceled {
				t.Fatal(err)
			}
		}
		if _, id, err := s.CreateBackup(t.Context(), someCluster); id != "R1" || err != nil || calls != 3 {
			t.Errorf("%q, %v after %d calls", id, err, calls)
		}
		kept, _ := api.limiters.Load("cn-hangzhou")
		if l := kept.(*limiter); l.calls.Load() != 0 || !l.slots.TryAcquire(1) {
			t.Errorf("%d calls are left, or a slot", l.calls.Load())
		}
	})
}

// TestCallTimeout: one call takes ten seconds at most, reply included.
func TestCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := New(Options{Concurrency: 1, Transport: transportFunc(silence)})
		start := time.Now()
		_, _, err := api.With(roleKeys, "42").CreateBackup(t.Context(), someCluster)
		if e, ok := callError(err); !ok || e.Kind != backup.KindUnanswered || e.Message != "no answer in time" || time.Since(start) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// TestManyRegions: the calls of all regions together are bounded, too, because memory is.
func TestManyRegions(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var flying atomic.Int64
		api := New(Options{Endpoint: Endpoint{Host: "127.0.0.1:1", Plain: true}, Concurrency: 16, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			flying.Add(1)
			return silence(r)
		})})
		ctx, cancel := context.WithTimeout(t.Context(), 9*time.Second)
		defer cancel()
		var all sync.WaitGroup
		for i := range 800 {
			all.Go(func() {
				_, _, err := api.With(roleKeys, "42").CreateBackup(ctx, backup.Cluster{ID: "amv-1", Region: fmt.Sprintf("cn-%d", i%50)})
				if _, sent := callError(err); !sent && err != context.DeadlineExceeded {
					t.Error(err)
				}
			})
		}
		if all.Wait(); flying.Load() != maxInFlight {
			t.Errorf("%d calls in flight", flying.Load())
		}
	})
}
