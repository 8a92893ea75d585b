package fakeadb

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
)

func TestFaults(t *testing.T) {
	follow := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer follow.Close()
	for name, c := range map[string]struct {
		fault Fault
		want  string // in the error; empty: success
	}{
		"refused":   {Refused(ErrClusterIDNotFound), "InvalidDBClusterId.NotFound"},
		"throttled": {Throttled(1500 * time.Millisecond), "Throttling.User"},
		"500":       {Refused(ErrInternal), "InternalError"},
		"503":       {Refused(ErrUnavailable), "ServiceUnavailable"},
		"502":       {BadGateway, "invalid character '<'"},
		"408":       {RequestTimeout, "code: 408"},
		"garbage":   {Garbage, "unexpected EOF"},
		"empty":     {Empty, ""},
		"object":    {EmptyObject, ""},
		"broken":    {Broken, "connection reset"},
		"slow":      {Slow(20 * time.Second), "context deadline exceeded"},
		"redirect":  {Redirect(follow.URL), ""},
	} {
		for _, after := range []bool{false, true} {
			fault := c.fault
			if after {
				fault = fault.AfterEffect()
			}
			var calls []Call
			bubble(t, Options{Faults: Script(Step{Action: "CreateBackup", Nth: 1, Fault: fault}), OnCall: func(c Call) { calls = append(calls, c) }}, func(t *testing.T, s *Service, client *adb.Client) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				id, err := create(ctx, client, one)
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error()+code(err), c.want) {
					t.Errorf("%s, after %v: %q, %v, want %q", name, after, id, err, c.want)
				}
				if got := len(s.Backups(one)) == 1; got != after || calls[0].Effect != after {
					t.Errorf("%s, after %v: %d backups, call %+v", name, after, len(s.Backups(one)), calls[0])
				}
				var throttled *openapi.ThrottlingError
				if errors.As(err, &throttled) && *throttled.RetryAfter != 1500 {
					t.Errorf("hint %v", *throttled.RetryAfter)
				}
				if id, err := create(t.Context(), client, one); err != nil || id == "" {
					t.Errorf("%s: the second call: %q, %v", name, id, err)
				}
			})
		}
	}
}

func TestTheRateIsLimited(t *testing.T) {
	bubble(t, Options{Rate: 2, Burst: 3}, func(t *testing.T, s *Service, client *adb.Client) {
		var served, refused int
		for range 100 {
			_, err := create(t.Context(), client, one)
			var throttled *openapi.ThrottlingError
			switch {
			case err == nil:
				served++
			case errors.As(err, &throttled) && *throttled.RetryAfter > 0 && *throttled.RetryAfter <= 500:
				refused++
			default:
				t.Fatal(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
		if served != 3+19 || refused != 78 || s.Count("CreateBackup") != 100 {
			t.Errorf("%d served, %d refused", served, refused)
		}
	})
}

func TestLatencyAndWhoeverDoesNotWait(t *testing.T) {
	var calls []Call
	bubble(t, Options{Latency: 100 * time.Millisecond, OnCall: func(c Call) { calls = append(calls, c) }}, func(t *testing.T, s *Service, client *adb.Client) {
		for patience, effect := range map[time.Duration]bool{40 * time.Millisecond: false, 60 * time.Millisecond: true} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			_, err := create(ctx, client, one)
			cancel()
			last := calls[len(calls)-1]
			if !errors.Is(err, context.DeadlineExceeded) || last.Effect != effect || last.Status != 0 || last.Took != patience {
				t.Errorf("patience %v: %v, %+v", patience, err, last)
			}
		}
		if _, err := create(t.Context(), client, one); err != nil || calls[2].Took != 100*time.Millisecond || calls[2].Status != 200 || calls[2].Nth != 3 {
			t.Errorf("%v, %+v", err, calls[2])
		}
	})
}
