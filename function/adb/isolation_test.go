package adb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
)

// trouble answers a call in place of the service; nil: the call is answered as usual.
type trouble func(r *http.Request) (*http.Response, error)

func answer(r *http.Request, status int, body string, header http.Header) (*http.Response, error) {
	return &http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

func throttle(retryAfter string) trouble {
	return func(r *http.Request) (*http.Response, error) {
		header := http.Header{}
		if retryAfter != "" {
			header.Set("Retry-After", retryAfter)
		}
		return answer(r, 429, `{"Code":"Throttling.User","Message":"slow","RequestId":"R1"}`, header)
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
		inFlight, most := 0, 0
		api := New(Options{Endpoint: Endpoint{Host: "127.0.0.1:1", Plain: true}, Concurrency: 16, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			inFlight++
			most = max(most, inFlight)
			mu.Unlock()
			defer func() { mu.Lock(); inFlight--; mu.Unlock() }()
			q := r.URL.Query()
			if bad(backup.Cluster{ID: q.Get("DBClusterId"), Region: q.Get("RegionId")}) {
				if response, err := what(r); response != nil || err != nil {
					return response, err
				}
			}
			time.Sleep(100 * time.Millisecond)
			return answer(r, 200, `{"RequestId":"R1"}`, nil)
		})})
		s := api.With(Credentials{AccessKeyID: "STS.1", AccessKeySecret: "Secret", SecurityToken: "Token"}, "42")
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
		var good, all sync.WaitGroup
		start := time.Now()
		for _, c := range clusters {
			create := func() {
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
			}
			if bad(c) && what != nil {
				all.Go(create)
			} else {
				good.Go(create)
			}
		}
		good.Wait()
		took = time.Since(start)
		cancel()
		all.Wait()
		if most > 16 {
			t.Errorf("%d calls in flight", most)
		}
	})
	return took
}

// TestIsolation: a region or a few clusters that misbehave leave the others at no more than twice their time. One pause of a
// minute comes on top where the service asks for it before any call of the region got through.
func TestIsolation(t *testing.T) {
	var five, one []backup.Cluster
	for i := range 500 {
		five = append(five, backup.Cluster{ID: fmt.Sprintf("amv-%d", i), Region: fmt.Sprintf("cn-region-%d", i%5)})
	}
	for i := range 100 {
		one = append(one, backup.Cluster{ID: fmt.Sprintf("amv-%d", i), Region: "cn-hangzhou"})
	}
	region := func(c backup.Cluster) bool { return c.Region == "cn-region-0" }
	three := func(c backup.Cluster) bool { return c.ID == "amv-0" || c.ID == "amv-40" || c.ID == "amv-80" }
	first := func(c backup.Cluster) bool { return c.ID == "amv-0" || c.ID == "amv-1" || c.ID == "amv-2" }
	for name, c := range map[string]struct {
		clusters []backup.Cluster
		bad      func(backup.Cluster) bool
	}{
		"a region": {five, region}, "three clusters": {one, three}, "the first three clusters": {one, first},
	} {
		undisturbed := night(t, c.clusters, c.bad, func(*http.Request) (*http.Response, error) { return nil, nil })
		for trouble, what := range map[string]trouble{
			"throttled for ever":        throttle(""),
			"asked to wait for 30 s":    throttle("30"),
			"asked to wait for an hour": throttle("3600"),
			"never answered":            silence,
		} {
			if name == "the first three clusters" && strings.HasPrefix(trouble, "asked") {
				continue // nothing got through before, so each of the three pauses the region
			}
			t.Run(name+" "+trouble, func(t *testing.T) {
				most := 2 * undisturbed
				if strings.HasPrefix(trouble, "asked") && len(c.clusters) == len(one) {
					most += longestPause // the first call of all is believed; once calls get through a few are not
				}
				if took := night(t, c.clusters, c.bad, what); took > most {
					t.Errorf("the others took %v, %v undisturbed", took, undisturbed)
				}
			})
		}
	}
}

// TestHeldUp: a call that a pause of the service held up until the deadline says so, and one that its deadline is too near
// for is not sent.
func TestHeldUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		calls := 0
		s := sessionOn(func(int, *http.Request) (canned, error) {
			calls++
			return canned{429, `{"Code":"Throttling.User","Message":"slow","RequestId":"R1"}`, http.Header{"Retry-After": {"3600"}}}, nil
		})
		s.CreateBackup(t.Context(), someCluster)
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
		defer cancel()
		start := time.Now()
		_, _, err := s.CreateBackup(ctx, someCluster)
		const want = "CreateBackup was throttled: Throttling.User: the service asked for a pause of 1h0m0s in cn-hangzhou, which held this call up; it was not sent"
		if e, ok := callError(err); !ok || e.Kind != backup.KindThrottled || e.Cluster != someCluster || !errors.Is(e, context.DeadlineExceeded) || err.Error() != want {
			t.Errorf("error %v", err)
		}
		if got := time.Since(start); got != 30*time.Second-lastCall || calls != 1 {
			t.Errorf("after %v, %d calls", got, calls)
		}
		other := backup.Cluster{ID: "amv-2", Region: "cn-shanghai"} // of another region, which is not paused
		near, cancel := context.WithTimeout(t.Context(), lastCall)
		defer cancel()
		if _, _, err := s.CreateBackup(near, other); err != context.DeadlineExceeded || calls != 1 {
			t.Errorf("error %v, %d calls", err, calls)
		}
		if _, _, err := s.CreateBackup(t.Context(), other); calls != 2 {
			t.Errorf("error %v, %d calls", err, calls)
		}
	})
}

// TestCallTimeout: one call takes ten seconds at most, reply included.
func TestCallTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		api := New(Options{Concurrency: 1, Transport: transportFunc(silence)})
		start := time.Now()
		_, _, err := api.With(Credentials{AccessKeyID: "STS.1", AccessKeySecret: "Secret", SecurityToken: "Token"}, "42").CreateBackup(t.Context(), someCluster)
		if e, ok := callError(err); !ok || e.Kind != backup.KindUnanswered || e.Message != "no answer in time" || time.Since(start) != 10*time.Second {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}
