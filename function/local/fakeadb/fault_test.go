package fakeadb

import (
	"context"
	"strings"
	"testing"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
)

func TestFaults(t *testing.T) {
	answered := func(status int, body string) Fault {
		return Fault{Name: "a gateway", Answer: func(*Call) Answer { return Answer{status, map[string]string{"Location": "/x"}, body} }}
	}
	for name, c := range map[string]struct {
		fault Fault
		want  string // in the error; empty: success
		code  string // in the call's note
	}{
		"refused":   {Refused(ErrClusterIDNotFound), "InvalidDBClusterId.NotFound 400", "InvalidDBClusterId.NotFound"},
		"throttled": {Throttled(1500 * time.Millisecond), "Throttling.User 400 for 1500", "Throttling.User"},
		"answered":  {answered(502, "<html>"), "invalid character '<'", "a gateway"},
		"empty":     {answered(200, "{}"), "", "a gateway"},
		"broken":    {Broken, "connection reset", "connection broken"},
		"slow":      {Fault{Delay: 20 * time.Second}, "context deadline exceeded", "caller gone"},
		"redirect":  {answered(302, ""), "", "a gateway"},
	} {
		for _, after := range []bool{false, true} {
			fault := c.fault
			if after {
				fault = fault.AfterEffect()
			}
			var calls []Call
			bubble(t, Options{Faults: Strike("CreateBackup", fault, 1), OnCall: func(c Call) { calls = append(calls, c) }}, func(t *testing.T, s *Service, client *adb.Client) {
				ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
				defer cancel()
				id, refused := create(ctx, client, one)
				if (refused == "") != (c.want == "") || !strings.Contains(refused, c.want) {
					t.Errorf("%s, after %v: %q, %s, want %q", name, after, id, refused, c.want)
				}
				if got := len(s.Backups(one)) == 1; got != after || calls[0].Effect != after || calls[0].Code != c.code {
					t.Errorf("%s, after %v: %d backups, call %+v", name, after, len(s.Backups(one)), calls[0])
				}
				if id, refused := create(t.Context(), client, one); id == "" {
					t.Errorf("%s: the second call: %s", name, refused)
				}
			})
		}
	}
}

func TestLatencyAndWhoeverDoesNotWait(t *testing.T) {
	var last Call
	bubble(t, Options{Latency: 100 * time.Millisecond, OnCall: func(c Call) { last = c }}, func(t *testing.T, s *Service, client *adb.Client) {
		for patience, effect := range map[time.Duration]bool{40 * time.Millisecond: false, 60 * time.Millisecond: true, time.Second: true} {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			create(ctx, client, one)
			cancel()
			if served := patience > s.options.Latency; last.Effect != effect || (last.Status == 200) != served || last.Took != min(patience, s.options.Latency) {
				t.Errorf("patience %v: %+v", patience, last)
			}
		}
	})
}
