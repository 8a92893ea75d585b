package main

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 11, 23, 2, 0, 20, 500e6, time.UTC)

// What goes out first, and what goes out when an earlier question may have made the backup.
func TestGateRequest(t *testing.T) {
	for name, c := range map[string]struct{ in, first, again string }{
		"bare id":       {"amv-1\n", `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:20Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"id as JSON":    {`"amv-1"`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:20Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"request":       {`{"dbclusterid":"amv-1","WaitFor":"Completed","MaxAge":null}`, `{"DBClusterId":"amv-1","WaitFor":"Completed","NotBefore":"2026-11-23T02:00:20Z"}`, `{"DBClusterId":"amv-1","WaitFor":"Completed","NotBefore":"2026-11-23T01:59:20Z"}`},
		"its NotBefore": {`{"DBClusterId":"amv-1","notBefore":"2026-11-23T09:00:00+08:00"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T09:00:00+08:00"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:00:00Z"}`},
		"just before":   {`{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:00Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:00Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"its MaxAge":    {`{"DBClusterId":"amv-1","maxage":"90m"}`, `{"DBClusterId":"amv-1","MaxAge":"90m"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T00:30:20Z"}`},
		"a short one":   {`{"DBClusterId":"amv-1","MaxAge":"10s"}`, `{"DBClusterId":"amv-1","MaxAge":"10s"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"a selector":    {`{"DBClusterSelector":{"Tags":{"a":"<b>"}},"RegionIds":["cn-beijing"],"Action":"ensure"}`, `{"Action":"ensure","DBClusterSelector":{"Tags":{"a":"\u003cb\u003e"}},"RegionIds":["cn-beijing"],"NotBefore":"2026-11-23T02:00:20Z"}`, `{"Action":"ensure","DBClusterSelector":{"Tags":{"a":"\u003cb\u003e"}},"RegionIds":["cn-beijing"],"NotBefore":"2026-11-23T01:59:20Z"}`},
		"several":       {`{"DBClusterIds":["amv-1","amv-2"],"RegionId":"cn-beijing","NotBefore":"2026-11-23T01:00:00Z"}`, `{"DBClusterIds":["amv-1","amv-2"],"RegionId":"cn-beijing","NotBefore":"2026-11-23T01:00:00Z"}`, `{"DBClusterIds":["amv-1","amv-2"],"RegionId":"cn-beijing","NotBefore":"2026-11-23T01:00:00Z"}`},
		"Verify":        {`{"Action":"Verify","DBClusterId":"amv-1","MaxAge":"1h"}`, `{"Action":"Verify","DBClusterId":"amv-1","MaxAge":"1h"}`, `{"Action":"Verify","DBClusterId":"amv-1","NotBefore":"2026-11-23T01:00:20Z"}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(start))
				m := request(c.in)
				time.Sleep(time.Hour) // the window does not move
				for again, want := range map[bool]string{false: c.first, true: c.again} {
					got := strings.Replace(string(m.fixed(again).within(time.Hour)), `"WaitAtMost":"59m45s",`, "", 1)
					if got != want {
						t.Errorf("again %v: %s, want %s", again, got, want)
					}
				}
			})
		})
	}
}

// The flags stand for fields of the request, and may not repeat one.
func TestGateFlags(t *testing.T) {
	for in, want := range map[string]string{
		"amv-1": `{"MaxAge":"26h","DBClusterId":"amv-1"}`,
		`{"Action":"Verify","DBClusterId":"amv-1"}`:                  `{"MaxAge":"26h","Action":"Verify","DBClusterId":"amv-1"}`,
		`{"DBClusterId":"amv-1","maxage":"1h"}`:                      "MaxAge is given twice",
		`{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:00Z"}`: "NotBefore",
		"{}": "the function would refuse this",
	} {
		m, err := readMessage(in, "cn-hangzhou", map[string]string{"MaxAge": "26h", "WaitFor": ""})
		if err == nil && string(m.payload) != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v", in, m.payload, err)
		}
	}
}

func failed(t backup.ErrorType) reply { return failure(t, "why") }

func TestGate(t *testing.T) {
	const ask = 200 * time.Second
	ok := reply{Answer: []byte(done)}
	late := &askError{noAnswerHung, "hung"}
	broken := &askError{noAnswerBroken, "broken"}
	away := &askError{noAnswerUnreachable, "away"}
	refused := &askError{noAnswerRefused, "refused"}
	silent := failure("BackupPending", "the function has not answered yet; a backup that was requested goes on in AnalyticDB")
	type question struct {
		reply reply
		err   error
		takes time.Duration
	}
	pendingNow, hungNow := question{reply: failed("BackupPending")}, question{err: late, takes: ask}
	for name, c := range map[string]struct {
		script []question // the last is repeated
		want   reply
		err    string
		asked  int
		after  time.Duration
	}{
		"at once":               {[]question{{reply: ok, takes: time.Second}}, ok, "", 1, time.Second},
		"pending, then there":   {[]question{{reply: failed("BackupPending"), takes: time.Minute}, {reply: ok}}, ok, "", 2, time.Minute + pause},
		"throttled, then there": {[]question{{reply: failed("Throttled")}, {reply: ok}}, ok, "", 2, longPause},
		"unknown for ever":      {[]question{{reply: failed("OutcomeUnknown")}}, failed("OutcomeUnknown"), "", 3, 2 * longPause},
		"unknown in between":    {[]question{{reply: failed("OutcomeUnknown")}, pendingNow, {reply: failed("OutcomeUnknown")}, pendingNow, {reply: failed("OutcomeUnknown")}}, failed("OutcomeUnknown"), "", 5, 2*longPause + 2*pause},
		"pending for ever":      {[]question{{reply: failed("BackupPending"), takes: 3*time.Minute - pause}}, failed("BackupPending"), "", 10, 30*time.Minute - pause},
		"failed":                {[]question{{reply: failed("BackupFailed")}}, failed("BackupFailed"), "", 1, 0},
		"several reasons":       {[]question{{reply: failed("Mixed")}}, failed("Mixed"), "", 1, 0},
		// Forbidden, or no such function: asking again says the same.
		"refused":                {[]question{{err: refused}}, reply{}, "refused", 1, 0},
		"pending, then refused":  {[]question{pendingNow, {err: refused}}, reply{}, "refused", 2, pause},
		"out of reach":           {[]question{{err: away}}, reply{}, "away", 13, time.Minute},
		"out of reach, dialling": {[]question{{err: away, takes: ask}}, reply{}, "away", 1, ask},
		// A question that reached the function before is a backup that goes on.
		"pending, then away":       {[]question{pendingNow, {err: away}}, failed("BackupPending"), "", 360, 30*time.Minute - pause},
		"hung, then away":          {[]question{hungNow, {err: away}, {reply: ok}}, ok, "", 3, ask + 2*pause},
		"broken for ever":          {[]question{{err: broken}}, reply{}, "broken; there is no time for another question within 30m", 360, 30*time.Minute - pause},
		"broken, pending by turns": {[]question{{err: broken}, pendingNow, {err: broken}, pendingNow, {reply: ok}}, ok, "", 5, 4 * pause},
		// A question that is given up is no failure: the function goes on.
		"hung for ever":       {[]question{hungNow}, silent, "", 9, 30 * time.Minute},
		"pending, then hung":  {[]question{pendingNow, hungNow}, failed("BackupPending"), "", 10, 30 * time.Minute},
		"hung, then pending":  {[]question{hungNow, pendingNow, {reply: failed("BackupFailed")}}, failed("BackupFailed"), "", 3, ask + 2*pause},
		"another kind of err": {[]question{{err: errors.New("defect")}}, reply{}, "defect", 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun := time.Now()
				var payloads []string
				g := gate{name: "gate", timeout: 30 * time.Minute, ask: ask, progress: io.Discard}
				g.invoke = func(ctx context.Context, payload []byte) (reply, error) {
					payloads = append(payloads, string(payload))
					q := c.script[min(len(payloads), len(c.script))-1]
					deadline, _ := ctx.Deadline()
					if wait := time.Until(deadline); wait > ask || wait > 30*time.Minute-time.Since(begun) {
						t.Errorf("question %d may take %s", len(payloads), wait)
					}
					select {
					case <-ctx.Done():
					case <-time.After(q.takes):
					}
					return q.reply, q.err
				}
				got, err := g.pass(t.Context(), request("amv-1"))
				if diff := cmp.Diff(c.want, got); diff != "" || (err == nil) != (c.err == "") || err != nil && err.Error() != c.err {
					t.Errorf("%v (-want +got)\n%s", err, diff)
				}
				if took := time.Since(begun); len(payloads) != c.asked || took != c.after {
					t.Errorf("asked %d times in %s, want %d in %s", len(payloads), took, c.asked, c.after)
				}
			})
		})
	}
}

// request is a message as readMessage makes it.
func request(text string) message { return must(readMessage(text, "cn-hangzhou", nil)) }

// The function is told to answer before the gate gives up, however short the last question is. Its own earlier end is kept.
func TestWaitAtMost(t *testing.T) {
	for _, c := range []struct {
		sent     string
		patience time.Duration
		want     time.Duration
	}{
		{"amv-1", 200 * time.Second, 185 * time.Second}, {"amv-1", 20 * time.Second, 10 * time.Second}, {"amv-1", time.Second, time.Second / 2},
		{`{"DBClusterId":"amv-1","waitatmost":"1m"}`, 200 * time.Second, time.Minute},
		{`{"DBClusterId":"amv-1","waitatmost":"10m"}`, 200 * time.Second, 185 * time.Second},
		{`{"DBClusterSelector":{"All":true},"WaitAtMost":null}`, time.Hour, time.Hour - 15*time.Second},
	} {
		for _, again := range []bool{false, true} {
			sent := string(request(c.sent).fixed(again).within(c.patience))
			if got := request(sent).event.Requests[0].WaitAtMost; got != c.want {
				t.Errorf("%v: %s in %s", c, got, sent)
			}
		}
	}
	for _, asItIs := range []string{`{"Action":"Drill"}`, `{"triggerTime":"2026-11-23T02:00:00Z","triggerName":"nightly","payload":"amv-1"}`} {
		if got := string(request(asItIs).within(time.Minute)); got != asItIs {
			t.Errorf("sent %s", got)
		}
	}
}

// While a question hangs the gate says so, again and again. Ctrl-C ends a pause, too.
func TestGateIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, progress := time.Now(), new(strings.Builder)
		ctx, cancel := context.WithTimeout(t.Context(), 63*time.Second)
		defer cancel()
		g := gate{name: "gate", timeout: time.Hour, ask: time.Hour, progress: progress}
		g.invoke = func(context.Context, []byte) (reply, error) {
			time.Sleep(61 * time.Second)
			return failed("BackupPending"), nil
		}
		_, err := g.pass(ctx, request("amv-1"))
		if took := time.Since(begun); err != errAskInterrupted || took != 63*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		want := "gate:    0s  question 1\ngate:   20s  waiting for the answer\ngate:   40s  waiting for the answer\n" +
			"gate:  1m0s  waiting for the answer\ngate:  1m1s  BackupPending: why\n"
		if diff := cmp.Diff(want, progress.String()); diff != "" {
			t.Error(diff)
		}
	})
}
