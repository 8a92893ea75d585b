package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 11, 23, 2, 0, 20, 500e6, time.UTC)

func TestGateRequest(t *testing.T) {
	for name, c := range map[string]struct{ in, first, again string }{
		"bare id":        {"amv-1\n", `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:20Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"id as JSON":     {`"amv-1"`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:20Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"request":        {`{"dbclusterid":"amv-1","WaitFor":"Completed"}`, `{"NotBefore":"2026-11-23T02:00:20Z","WaitFor":"Completed","dbclusterid":"amv-1"}`, `{"NotBefore":"2026-11-23T01:59:20Z","WaitFor":"Completed","dbclusterid":"amv-1"}`},
		"its NotBefore":  {`{"notBefore":"2026-11-23T09:00:00+08:00"}`, `{"NotBefore":"2026-11-23T01:00:00Z"}`, `{"NotBefore":"2026-11-23T00:59:00Z"}`},
		"its MaxAge":     {`{"maxage":"90m"}`, `{"NotBefore":"2026-11-23T00:30:20Z"}`, `{"NotBefore":"2026-11-23T00:29:20Z"}`},
		"Verify, MaxAge": {`{"Action":"Verify","MaxAge":"1h"}`, `{"Action":"Verify","NotBefore":"2026-11-23T01:00:20Z"}`, `{"Action":"Verify","NotBefore":"2026-11-23T00:59:20Z"}`},
		// For the function to name the fault.
		"Verify alone":    {`{"Action":"verify"}`, `{"Action":"verify"}`, `{"Action":"verify"}`},
		"both":            {`{"MaxAge":"1h","NotBefore":"2026-11-23T01:00:00Z"}`, `{"MaxAge":"1h","NotBefore":"2026-11-23T01:00:00Z"}`, `{"MaxAge":"1h","NotBefore":"2026-11-23T01:00:00Z"}`},
		"wrong MaxAge":    {`{"MaxAge":"a day"}`, `{"MaxAge":"a day"}`, `{"MaxAge":"a day"}`},
		"wrong NotBefore": {`{"NotBefore":7}`, `{"NotBefore":7}`, `{"NotBefore":7}`},
		"unknown fields":  {`{"WaitFro":"<Completed>","MaxAge":"1h"}`, `{"NotBefore":"2026-11-23T01:00:20Z","WaitFro":"<Completed>"}`, `{"NotBefore":"2026-11-23T00:59:20Z","WaitFro":"<Completed>"}`},
	} {
		t.Run(name, func(t *testing.T) {
			g, err := readRequest([]byte(c.in), start)
			if err != nil {
				t.Fatal(err)
			}
			// In any order: each payload is made anew from the request.
			for again, want := range map[bool]string{false: c.first, true: c.again} {
				if got := strings.TrimSpace(string(g.payload(again))); got != want {
					t.Errorf("again %v: %s, want %s", again, got, want)
				}
			}
		})
	}
	for _, wrong := range []string{"", "[]", "null", "amv-wz9or2xawpnc****", `{"DBClusterId":`, `{"triggerName":"n","payload":"amv-1"}`, `{"specversion":"1.0","data":{"DBClusterId":"amv-1"}}`} {
		if g, err := readRequest([]byte(wrong), start); err == nil {
			t.Errorf("%s is taken for %v", wrong, g.fields)
		}
	}
}

func failed(errorType string) reply {
	return reply{Answer: []byte("{}"), Failed: true, ErrorType: errorType, ErrorMessage: "why"}
}

func TestGate(t *testing.T) {
	ok, broken := reply{Answer: []byte(done)}, errors.New("exit status 101")
	silent := reply{Failed: true, ErrorType: "BackupPending", ErrorMessage: "the function has not answered yet, and goes on"}
	type question struct {
		reply reply
		err   error
		takes time.Duration
	}
	for name, c := range map[string]struct {
		script []question // the last is repeated
		want   reply
		err    string
		asked  int
		after  time.Duration
	}{
		"at once":                 {[]question{{reply: ok, takes: time.Second}}, ok, "", 1, time.Second},
		"pending, then there":     {[]question{{reply: failed("BackupPending"), takes: time.Minute}, {reply: ok}}, ok, "", 2, time.Minute + pause},
		"throttled, then there":   {[]question{{reply: failed("Throttled")}, {reply: ok}}, ok, "", 2, longPause},
		"unknown, then there":     {[]question{{reply: failed("OutcomeUnknown")}, {reply: ok}}, ok, "", 2, longPause},
		"unknown for ever":        {[]question{{reply: failed("OutcomeUnknown")}}, failed("OutcomeUnknown"), "", 3, 2 * longPause},
		"pending for ever":        {[]question{{reply: failed("BackupPending"), takes: 3*time.Minute - pause}}, failed("BackupPending"), "", 10, 30*time.Minute - pause},
		"failed":                  {[]question{{reply: failed("BackupFailed")}}, failed("BackupFailed"), "", 1, 0},
		"missing":                 {[]question{{reply: failed("BackupMissing")}}, failed("BackupMissing"), "", 1, 0},
		"several reasons":         {[]question{{reply: failed("Mixed")}}, failed("Mixed"), "", 1, 0},
		"an unknown reason":       {[]question{{reply: failed("FunctionTimeout")}}, failed("FunctionTimeout"), "", 1, 0},
		"not reached":             {[]question{{err: broken}}, reply{}, "3 times in a row: exit status 101", 3, 2 * pause},
		"not reached, then there": {[]question{{err: broken}, {err: broken}, {reply: ok}}, ok, "", 3, 2 * pause},
		"not reached by turns":    {[]question{{err: broken}, {err: broken}, {reply: failed("BackupPending")}, {err: broken}, {err: broken}, {reply: ok}}, ok, "", 6, 5 * pause},
		// A question that is given up is no failure: the function goes on.
		"silent for long":      {[]question{{err: broken, takes: 200 * time.Second}, {err: broken, takes: 200 * time.Second}, {err: broken, takes: 200 * time.Second}, {reply: ok}}, ok, "", 4, 3 * (200*time.Second + pause)},
		"silent in between":    {[]question{{err: broken}, {err: broken}, {err: broken, takes: 200 * time.Second}, {err: broken}, {err: broken}, {reply: ok}}, ok, "", 6, 200*time.Second + 5*pause},
		"silent for ever":      {[]question{{err: broken, takes: 200 * time.Second}}, silent, "", 9, 30 * time.Minute},
		"silent, then broken":  {[]question{{err: broken, takes: 200 * time.Second}, {err: broken}}, reply{}, "3 times in a row: exit status 101", 4, 200*time.Second + 3*pause},
		"pending, then silent": {[]question{{reply: failed("BackupPending")}, {err: broken, takes: 200 * time.Second}}, failed("BackupPending"), "", 10, 30 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var payloads []string
				g := gate{timeout: 30 * time.Minute, ask: 200 * time.Second, progress: io.Discard}
				g.invoke = func(_ context.Context, payload []byte, wait time.Duration) (reply, error) {
					payloads = append(payloads, string(payload))
					q := c.script[min(len(payloads), len(c.script))-1]
					if wait > 200*time.Second || wait > 30*time.Minute-time.Since(begun) {
						t.Errorf("question %d may take %s", len(payloads), wait)
					}
					time.Sleep(min(q.takes, wait)) // `s` gives up by itself
					return q.reply, q.err
				}
				request, err := readRequest([]byte("amv-1"), start)
				if err != nil {
					t.Fatal(err)
				}
				got, err := g.pass(t.Context(), request)
				if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v (-want +got)\n%s", err, diff)
				}
				if took := time.Since(begun); len(payloads) != c.asked || took != c.after {
					t.Errorf("asked %d times in %s, want %d in %s", len(payloads), took, c.asked, c.after)
				}
				for i, p := range payloads {
					if want := string(request.payload(i > 0)); p != want {
						t.Errorf("question %d is %s, want %s", i+1, p, want)
					}
				}
			})
		})
	}
}

func TestGateIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		g := gate{timeout: time.Hour, ask: time.Minute, progress: io.Discard}
		g.invoke = func(context.Context, []byte, time.Duration) (reply, error) { return failed("BackupPending"), nil }
		begun := time.Now()
		if _, err := g.pass(ctx, gateRequest{}); err == nil || !strings.Contains(err.Error(), "may still go on in the cloud") {
			t.Error(err)
		}
		if took := time.Since(begun); took != 7*time.Second {
			t.Errorf("stopped after %s", took)
		}
	})
}

// The whole command, between a request's file and the stand-in.
func TestGateCommand(t *testing.T) {
	for name, c := range map[string]struct {
		steps  []step
		args   []string
		code   int
		stdout string
		stderr []string
		asked  int
	}{
		"there in the end": {[]step{{Body: pending, Error: "UnhandledInvocationError"}, {Refused: "socket hang up"}, {Body: done}}, nil, exitDone, done + "\n", []string{"gate:    0s  question 1", "BackupPending: 1 of 1", "socket hang up", "question 3"}, 3},
		"not there":        {[]step{{Body: `{"errorType":"BackupFailed","errorMessage":"why"}`, Error: "UnhandledInvocationError"}}, nil, exitNoBackup, `{"errorType":"BackupFailed","errorMessage":"why"}` + "\n", []string{"BackupFailed: why"}, 1},
		"time is up":       {[]step{{Body: pending, Error: "UnhandledInvocationError"}}, []string{"-timeout", "12s"}, exitNoBackup, pending + "\n", []string{"no time for another question within 12s", `"NotBefore": "1999-12-31T23:59:00Z"`}, 3},
		"not asked":        {[]step{{Refused: "code: 403, no permission"}}, nil, exitNotAsked, "", []string{"code: 403", "could not ask the function, 3 times in a row"}, 3},
		"an event":         {nil, []string{"-event", "../../events/timer.json"}, exitUsage, "", []string{"put the request in it into a file"}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			saw := useStandIn(t, c.steps...)
			synctest.Test(t, func(t *testing.T) { // the pauses take no time; `s` takes its own
				var stdout, stderr bytes.Buffer
				code := run(context.Background(), append([]string{"gate", "-event", "../../events/request.json"}, c.args...), &stdout, &stderr)
				if code != c.code || stdout.String() != c.stdout {
					t.Errorf("exit code %d, standard output %q", code, &stdout)
				}
				for _, want := range c.stderr {
					if !strings.Contains(stderr.String(), want) {
						t.Errorf("%q is not in\n%s", want, &stderr)
					}
				}
			})
			asked := saw()
			if len(asked) != c.asked {
				t.Errorf("asked %d times, want %d", len(asked), c.asked)
			}
			for _, s := range asked {
				var sent struct {
					DBClusterId, WaitFor string
					NotBefore            time.Time
				}
				if err := json.Unmarshal([]byte(s.Payload), &sent); err != nil || sent.NotBefore.IsZero() || sent.WaitFor != "Completed" || s.Mode != "-rw-------" {
					t.Errorf("%v %+v", err, s)
				}
				if !strings.Contains(strings.Join(s.Args, " "), "--invocation-type Sync") || !strings.Contains(strings.Join(s.Args, " "), "--timeout ") {
					t.Errorf("%q", s.Args)
				}
			}
		})
	}
}
