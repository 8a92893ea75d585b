package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
)

func TestGate(t *testing.T) {
	const ask = 200 * time.Second
	type turn struct {
		err   error // nil: the backup is there
		takes time.Duration
	}
	fails := func(kind backup.ErrorType) turn { return turn{err: &failure{ErrorType: kind, ErrorMessage: "why"}} }
	there, pending, unknown, failed := turn{}, fails("BackupPending"), fails("OutcomeUnknown"), fails("BackupFailed")
	away, broken, hung := turn{err: fmt.Errorf("%w: why", errUnreached)}, turn{err: fmt.Errorf("%w: why", errNotNow)}, turn{silent, ask}
	for name, c := range map[string]struct {
		script []turn // the last is repeated
		want   string // in the error; empty: the backup is there
		asked  int
		after  time.Duration
	}{
		"at once":               {[]turn{{takes: time.Second}}, "", 1, time.Second},
		"pending, then there":   {[]turn{{pending.err, time.Minute}, there}, "", 2, time.Minute + pause},
		"throttled, then there": {[]turn{fails("Throttled"), there}, "", 2, longPause},
		"unknown for ever":      {[]turn{unknown}, "OutcomeUnknown: why", 3, 2 * longPause},
		"unknown in between":    {[]turn{unknown, pending, unknown, pending, unknown}, "OutcomeUnknown: why", 5, 2*longPause + 2*pause},
		"pending for ever":      {[]turn{{pending.err, 3*time.Minute - pause}}, "BackupPending: why", 10, 30*time.Minute - pause},
		"failed":                {[]turn{failed}, "BackupFailed: why", 1, 0},
		// Forbidden, or no such function: asking again says the same.
		"refused":                {[]turn{{err: io.EOF}}, "EOF", 1, 0},
		"pending, then refused":  {[]turn{pending, {err: io.EOF}}, "EOF", 2, pause},
		"out of reach":           {[]turn{away}, "no connection to Function Compute: why", 13, time.Minute},
		"out of reach, dialling": {[]turn{{away.err, ask}}, "no connection to Function Compute: why", 1, ask},
		// A question that reached the function before is a backup that goes on.
		"pending, then away":       {[]turn{pending, away}, "BackupPending: why", 360, 30*time.Minute - pause},
		"hung, then away":          {[]turn{hung, away, there}, "", 3, ask + 2*pause},
		"broken for ever":          {[]turn{broken}, "this may pass: why; there is no time for another question within 30m", 360, 30*time.Minute - pause},
		"broken, pending by turns": {[]turn{broken, pending, broken, pending, there}, "", 5, 4 * pause},
		// A question that is given up is no failure: the function goes on.
		"hung for ever":      {[]turn{hung}, silent.Error(), 9, 30 * time.Minute},
		"pending, then hung": {[]turn{pending, hung}, "BackupPending: why", 10, 30 * time.Minute},
		"hung, then pending": {[]turn{hung, pending, failed}, "BackupFailed: why", 3, ask + 2*pause},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, asked := time.Now(), 0
				again := begun.UTC().Add(-backup.ClockSkew).Format(time.RFC3339)
				g := gate{name: "gate", start: begun, timeout: 30 * time.Minute, ask: ask, progress: io.Discard}
				g.invoke = func(ctx context.Context, m message) (string, error) {
					now := c.script[min(asked, len(c.script)-1)]
					asked++
					deadline, _ := ctx.Deadline()
					if wait := time.Until(deadline); wait > ask || wait > 30*time.Minute-time.Since(begun) || (m.request.NotBefore == again) != (asked > 1) {
						t.Errorf("question %d may take %s: %s", asked, wait, m.payload)
					}
					select {
					case <-ctx.Done():
					case <-time.After(now.takes):
					}
					return done, now.err
				}
				answer, err := g.pass(t.Context(), request("amv-1"))
				if (err == nil) != (c.want == "") || err != nil && !strings.HasSuffix(err.Error(), c.want) || err == nil && answer != done {
					t.Errorf("%s, %v", answer, err)
				}
				if took := time.Since(begun); asked != c.asked || took != c.after {
					t.Errorf("asked %d times in %s, want %d in %s", asked, took, c.asked, c.after)
				}
			})
		})
	}
}

// While a question hangs the gate says so, again and again. Ctrl-C ends a pause, too.
func TestGateIsStopped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begun, progress := time.Now(), new(strings.Builder)
		ctx, cancel := context.WithTimeout(t.Context(), 63*time.Second)
		defer cancel()
		g := gate{name: "gate", start: begun, timeout: time.Hour, ask: time.Hour, progress: progress}
		g.invoke = func(context.Context, message) (string, error) {
			time.Sleep(61 * time.Second)
			return "", &failure{ErrorType: "BackupPending", ErrorMessage: "why"}
		}
		_, err := g.pass(ctx, request("amv-1"))
		if took := time.Since(begun); err != errAskInterrupted || took != 63*time.Second {
			t.Errorf("%v after %s", err, took)
		}
		want := "gate:    0s  question 1\ngate:        waiting for the answer, after 20s\ngate:        waiting for the answer, after 40s\n" +
			"gate:        waiting for the answer, after 1m0s\ngate:  1m1s  BackupPending: why\n"
		if progress.String() != want {
			t.Errorf("told\n%s", progress)
		}
	})
}

// The whole command gate, between a request's file and Function Compute's API: it asks for a backup that starts after itself, and
// tells how another gate goes on with the same one.
func TestGateCommand(t *testing.T) {
	before := time.Now()
	asked, told := asks(t, "gate -event ../../events/request.json -timeout 3s", []step{{Body: pending, Error: unable}}, exitNo, pending,
		`no time for another question within 3s|"NotBefore": `)
	var sent struct {
		WaitFor   string
		NotBefore time.Time
	}
	if err := json.Unmarshal([]byte(asked[0].Payload), &sent); err != nil || sent.WaitFor != "Completed" || sent.NotBefore.Sub(before).Abs() > 2*time.Second {
		t.Errorf("%v %q", err, asked)
	}
	has(t, told, sent.NotBefore.Add(-time.Minute).Format(time.RFC3339))
}

func TestInvokeIsStopped(t *testing.T) {
	f := newCloud(t, step{Takes: time.Minute})
	c, stdout, stderr := program(t, "invoke", "-s", "../../s.yaml", "-endpoint", f.url, "-event", "amv-1")
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for asked := 0; asked == 0; time.Sleep(10 * time.Millisecond) {
		clouds.Lock()
		asked = len(f.asked)
		clouds.Unlock()
	}
	c.Process.Signal(os.Interrupt)
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitInterrupted || stdout.Len() > 0 || !strings.Contains(stderr.String(), "goes on in AnalyticDB") {
		t.Errorf("exit code %d, standard output %q, standard error %q", code, stdout, stderr)
	}
}

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
					got := strings.Replace(string(m.fixed(again).within(time.Hour).payload), `"WaitAtMost":"59m45s",`, "", 1)
					if got != want {
						t.Errorf("again %v: %s, want %s", again, got, want)
					}
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
		sent           string
		patience, want time.Duration
	}{
		{"amv-1", 200 * time.Second, 185 * time.Second}, {"amv-1", 20 * time.Second, 10 * time.Second}, {"amv-1", time.Second, time.Second / 2},
		{`{"DBClusterId":"amv-1","waitatmost":"1m"}`, 200 * time.Second, time.Minute},
		{`{"DBClusterId":"amv-1","waitatmost":"10m"}`, 200 * time.Second, 185 * time.Second},
		{`{"DBClusterSelector":{"All":true},"WaitAtMost":null}`, time.Hour, time.Hour - 15*time.Second},
	} {
		sent := string(request(c.sent).within(c.patience).payload)
		if got := request(sent).event.Requests[0].WaitAtMost; got != c.want {
			t.Errorf("%v: %s in %s", c, got, sent)
		}
	}
}

// Only the object that adb-backup answers with, about what was asked, lets a gate pass.
func TestProof(t *testing.T) {
	const (
		one      = `"amv-1"`
		complete = `{"DBClusterId":"amv-1","WaitFor":"Completed"}`
		ddl      = `{"DBClusterId":"amv-1","WaitFor":"ddlallowed"}`
		two      = `{"DBClusterIds":["amv-1","amv-2"]}`
		tagged   = `{"DBClusterSelector":{"Tags":{"a":"b"}},"WaitFor":"Completed"}`
		verify   = `{"Action":"verify","DBClusterId":"amv-1","MaxAge":"1h"}`
		image    = `{"specversion":"1.0","type":"cr:Artifact:PushCompleted","time":"2026-11-23T02:00:00Z","data":{"RepoName":"r"}}`
		own      = `{"specversion":"1.0","type":"adb:ActionTrail:ApiCall","time":"2026-11-23T02:00:00Z","data":{"eventName":"CreateBackup"}}`
		both     = `["amv-1",` + tagged + `]`
		wrong    = `["amv-1",7]`
		drill    = `{"Action":"Drill"}`
		mixed    = `[{"DBClusterId":"amv-1","WaitFor":"Completed"},{"Action":"Verify","DBClusterId":"amv-1","MaxAge":"1h"},"amv-2"]`
	)
	// answered is an answer about clusters, each written id:Status.
	answered := func(action, status string, clusters ...string) string {
		for i, c := range clusters {
			id, status, _ := strings.Cut(c, ":")
			clusters[i] = `{"DBClusterId":"` + id + `","RegionId":"cn-hangzhou","Status":"` + status + `","Created":true}`
		}
		return `{"Action":"` + action + `","Status":"` + status + `","Backups":[` + strings.Join(clusters, ",") + `]}`
	}
	for name, c := range map[string]struct {
		asked, answer string
		want          string // of the error; empty: it is the proof
	}{
		"requested":               {one, answered("Ensure", "Requested", "amv-1:Requested"), ""},
		"both of two":             {two, answered("Ensure", "Requested", "amv-2:Requested", "amv-1:Completed"), ""},
		"chosen":                  {tagged, answered("Ensure", "Completed", "amv-9:Completed"), ""},
		"verified":                {verify, answered("Verify", "Completed", "amv-1:Completed"), ""},
		"the function's own":      {image, answered("Ensure", "Requested", "amv-9:Requested"), ""},
		"several of an array":     {both, answered("Ensure", "Requested", "amv-1:Requested", "amv-9:Completed"), ""},
		"not so far":              {complete, answered("Ensure", "Requested", "amv-1:Requested"), "amv-1 is as far as was asked"},
		"not so far, running":     {ddl, answered("Ensure", "Running", "amv-1:Running"), "amv-1 is as far"},
		"another cluster":         {one, answered("Ensure", "Completed", "amv-2:Completed"), "amv-1 is as far"},
		"another, not so far":     {complete, answered("Ensure", "Requested", "amv-1:Completed", "amv-2:Requested"), "more was asked"},
		"each action's":           {mixed, answered("Ensure", "Requested", "amv-1:Completed", "amv-1:Completed", "amv-2:Requested"), ""},
		"one action's alone":      {mixed, answered("Ensure", "Requested", "amv-1:Completed", "amv-2:Requested"), "amv-1 is as far"},
		"one action's not so far": {mixed, answered("Ensure", "Requested", "amv-1:Requested", "amv-1:Completed", "amv-2:Requested"), "amv-1 is as far"},
		"a failed one":            {two, answered("Ensure", "Failed", "amv-1:Requested", "amv-2:Failed"), `"amv-2" is "Failed"`},
		"chosen, not so far":      {tagged, answered("Ensure", "Requested", "amv-9:Requested"), "more was asked"},
		"nothing chosen":          {tagged, answered("Ensure", "Completed"), "names no backup"},
		"another action":          {verify, answered("Ensure", "Completed", "amv-1:Completed"), `Action is "Ensure", not Verify`},
		"a status that disagrees": {one, answered("Ensure", "Completed", "amv-1:Requested"), "not that of the cluster least far along"},
		"ignored":                 {one, `{"Status":"Ignored"}`, `Action is ""`},
		"carried out, not asked":  {own, answered("Ensure", "Requested", "amv-1:Requested"), `not "" and "Ignored"`},
		"ignored, and done":       {own, `{"Status":"Ignored",` + answered("", "Ignored", "amv-1:Requested")[1:], `not "" and "Ignored"`},
		"verified, not complete":  {verify, answered("Verify", "Running", "amv-1:Running"), "amv-1 is as far"},
		"a wrong item":            {wrong, answered("Ensure", "Requested", "amv-1:Requested"), "1 of the event's items are wrong"},
		"a success that failed":   {one, `{"errorMessage":"no",` + answered("Ensure", "Requested", "amv-1:Requested")[1:], "without an errorType"},
		"no type of failure":      {one, `{"errorType":null,` + answered("Ensure", "Requested", "amv-1:Requested")[1:], "without an errorType"},
		"a drill, not delivered":  {drill, `{"Action":"Drill"}`, `not "Drill" and "Delivered"`},
		"not a drill":             {drill, `{"Status":"Delivered"}`, `not "Drill" and "Delivered"`},
		"null":                    {one, "null", "not the object"},
		"nothing":                 {one, "", "not the object"},
		"a list":                  {one, "[" + answered("Ensure", "Requested", "amv-1:Requested") + "]", "not the object"},
		"other types":             {one, `{"Action":"Ensure","Status":7,"Backups":"amv-1"}`, "not the object"},
	} {
		t.Run(name, func(t *testing.T) {
			m := request(c.asked)
			err := proves(m.event, c.answer)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
