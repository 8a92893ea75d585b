package fakeadb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
)

func TestFaults(t *testing.T) {
	for name, c := range map[string]struct {
		fault Fault
		want  string // in the error; empty: success
		code  string // in the call's note
	}{
		"refused":   {Refused(ErrClusterIDNotFound), "InvalidDBClusterId.NotFound 400", "InvalidDBClusterId.NotFound"},
		"throttled": {Throttled(1500 * time.Millisecond), "Throttling.User 400 for 1500", "Throttling.User"},
		"answered":  {Fault{Name: "a gateway", Answer: &Answer{Status: 502, Body: "<html>"}}, "invalid character '<'", "a gateway"},
		"empty":     {Fault{Name: "empty", Answer: &Answer{Status: 200, Body: "{}"}}, "", "empty"},
		"broken":    {Broken, "connection reset", "connection broken"},
		"slow":      {Slow(20 * time.Second), "context deadline exceeded", "caller gone"},
		"redirect":  {Fault{Name: "302", Answer: &Answer{Status: 302, Header: map[string]string{"Location": "/x"}}}, "", "302"},
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

// The same over a real connection: headers, broken connections and a caller that goes are as net/http has them.
func TestOverTheNetwork(t *testing.T) {
	calls := make(chan Call, 10)
	s := New(Options{Credentials: credentials(), OnCall: func(c Call) { calls <- c }, Faults: func(c Call) Fault {
		return []Fault{{}, Broken.AfterEffect(), Slow(time.Minute).AfterEffect()}[c.Nth-1]
	}})
	server := httptest.NewServer(s)
	defer server.Close()
	client := sdk(t, http.DefaultTransport, func(c *openapi.Config) {
		c.Protocol, c.Endpoint = dara.String("http"), dara.String(server.Listener.Addr().String())
	})
	for nth, want := range []struct{ refused, code string }{{"", ""}, {"EOF", "connection broken"}, {"context deadline exceeded", "caller gone"}} {
		patience := time.Minute
		if nth == 2 {
			patience = 100 * time.Millisecond
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		_, refused := create(ctx, client, one)
		cancel()
		if c := <-calls; !strings.Contains(refused, want.refused) || c.Code != want.code || len(s.Backups(one)) != nth+1 {
			t.Errorf("%d: %s, %+v", nth, refused, c)
		}
	}
}
