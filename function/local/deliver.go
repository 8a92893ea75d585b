package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"
)

// delivery is how the event reaches the function.
type delivery struct {
	requestID string        // empty: a new one
	retry     int           // how many attempts there were before
	timeout   time.Duration // the function's; 0: that of stage.invocation
	anonymous bool          // without credentials
}

// retryPause stands for the minute or more after which the platform tries again.
const retryPause = 500 * time.Millisecond

// grace is not zero in tests, which must not depend on how busy the machine is.
var grace time.Duration

// deliverOnce starts an instance and gives it the event.
func (s *stage) deliverOnce(ctx context.Context, d delivery) error {
	i, err := s.launch()
	if err != nil {
		return err
	}
	_, err = s.deliver(ctx, i, d)
	return err
}

// deliver gives the event to an instance, waits for the result, and keeps it.
func (s *stage) deliver(ctx context.Context, i *instance, d delivery) (*result, error) {
	inv := s.invocation
	inv.RequestID, inv.RetryCount, inv.Grace = d.requestID, d.retry, grace
	inv.Timeout = cmp.Or(d.timeout, inv.Timeout)
	if d.anonymous {
		inv.AccessKeyID, inv.AccessKeySecret, inv.SecurityToken = "", "", ""
	}
	r := &result{}
	s.mu.Lock()
	s.results = append(s.results, r)
	s.mu.Unlock()
	what := fmt.Sprintf("the event, timeout %v s", inv.Timeout.Seconds())
	if d.retry > 0 {
		what += fmt.Sprintf(", retry %d", d.retry)
	}
	s.screen.event(bold, "deliver", what+i.tag())
	answer, err := i.Invoke(ctx, inv)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	r.Result = answer
	s.mu.Unlock()
	if s.service != nil {
		r.untrue = untrue(r, s.service)
	}
	i.drain()
	colour, how := green, "success"
	if r.ErrorType != "" {
		colour, how = red, r.ErrorType
	}
	s.screen.event(colour, "answer", fmt.Sprintf("%s, after %.2f s%s", how, r.Took.Seconds(), i.tag()))
	return r, nil
}

// retried lets the function's time end too early, and delivers the same invocation again to the same process.
func retried(ctx context.Context, s *stage) error {
	return s.retry(ctx, s.takes/2, func(i *instance) (*instance, error) { return i, nil })
}

// reachableLater does the same, and before the second delivery AnalyticDB can be reached again.
func reachableLater(ctx context.Context, s *stage) error {
	return s.retry(ctx, s.takes/2, func(i *instance) (*instance, error) { return i, s.service.reopen() })
}

// retriedElsewhere delivers the same invocation again to a new process.
func retriedElsewhere(ctx context.Context, s *stage) error {
	return s.retry(ctx, 0, func(*instance) (*instance, error) { return s.launch() })
}

// retry delivers the event and, if that fails, delivers it once more, to the instance that next returns.
func (s *stage) retry(ctx context.Context, timeout time.Duration, next func(*instance) (*instance, error)) error {
	i, err := s.launch()
	if err != nil {
		return err
	}
	first, err := s.deliver(ctx, i, delivery{timeout: timeout})
	if err != nil || first.ErrorType == "" {
		return err
	}
	time.Sleep(retryPause)
	if i, err = next(i); err != nil {
		return err
	}
	_, err = s.deliver(ctx, i, delivery{requestID: first.RequestID, retry: 1})
	return err
}

// twice delivers the event to one process, and then again.
func twice(ctx context.Context, s *stage) error {
	i, err := s.launch()
	if err != nil {
		return err
	}
	if _, err := s.deliver(ctx, i, delivery{}); err != nil {
		return err
	}
	_, err = s.deliver(ctx, i, delivery{})
	return err
}

// twiceElsewhere delivers the event to one instance, and to a second one as soon as the first one's backup is there.
func twiceElsewhere(ctx context.Context, s *stage) error {
	first, err := s.launch()
	if err != nil {
		return err
	}
	second, err := s.launch()
	if err != nil {
		return err
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { _, err := s.deliver(ctx, first, delivery{}); return err })
	both.Go(func() error {
		for len(s.created()) == 0 && ctx.Err() == nil {
			time.Sleep(20 * time.Millisecond)
		}
		_, err := s.deliver(ctx, second, delivery{})
		return err
	})
	return both.Wait()
}

// atOnce delivers the event to one process twice at the same moment.
func atOnce(ctx context.Context, s *stage) error {
	i, err := s.launch()
	if err != nil {
		return err
	}
	both, ctx := errgroup.WithContext(ctx)
	for range 2 {
		both.Go(func() error { _, err := s.deliver(ctx, i, delivery{}); return err })
	}
	return both.Wait()
}
