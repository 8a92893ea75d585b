package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"

	"github.com/google/go-cmp/cmp"
)

const (
	done      = `{"Action":"Ensure","Status":"Completed","Backups":[{"DBClusterId":"amv-1","RegionId":"cn-hangzhou","Status":"Completed","Created":true}]}`
	pending   = `{"errorMessage":"1 of 1 clusters failed: amv-1 (cn-hangzhou): not complete","errorType":"BackupPending"}`
	ignored   = `{"Status":"Ignored"}`
	delivered = `{"Action":"Drill","Status":"Delivered"}`
	unable    = "UnhandledInvocationError" // X-Fc-Error-Type of every failure that the function answers
)

// asks runs a command against a Function Compute that answers with these steps. Standard output is this line alone. It returns
// what was asked, and what was told.
func asks(t *testing.T, args string, steps []step, code int, line, words string) (asked []question, stderr string) {
	t.Helper()
	f, typed := newCloud(t, steps...), strings.Fields(args)
	stdout, stderr := expect(t, code, "", words, append([]string{typed[0], "-s", "../../s.yaml", "-endpoint", f.url}, typed[1:]...)...)
	if strings.TrimSuffix(stdout, "\n") != line || (stdout == "") != (line == "") {
		t.Errorf("standard output %q, want %q", stdout, line)
	}
	return f.asked, stderr
}

// One question, between the vendor's SDK and a service that checks its signature: which event goes to which function, and what
// its answer is worth. What Function Compute says itself is told apart from what the function says.
func TestQuestion(t *testing.T) {
	const nightly = `{"triggerTime":"2026-11-23T02:00:00Z","triggerName":"nightly","payload":"amv-1"}`
	const own, image = "../../events/actiontrail-own.json", "../../events/image-push.json" // neither names a cluster; the function may have some
	text := func(path string) string { return string(must(os.ReadFile(path))) }
	timer := "invoke -event " + write(t, nightly)
	marked := write(t, "\ufeff{\"DBClusterId\":\"amv-1\",\"WaitAtMost\":\"1s\"}")
	const bare, sent = "invoke amv-1 ", `{"DBClusterId":"amv-1","WaitAtMost":"1h4m45s"}`
	const away = "invoke amv-1 -s nowhere.yaml "
	const limit = `{"errorType":"BackupPending","errorMessage":"Function Compute ended the function at its time limit (timeout in s.yaml); asking again goes on with the same backup: `
	ended := func(what, why string) string {
		return `{"errorType":"` + what + `","errorMessage":"the function ended before it answered, and make logs shows why: ` + why + `"}`
	}
	const alarmFailed, drill = `{"errorType":"AlarmFailed","errorMessage":"no webhook is set"}`, `{"Action":"Drill"}`
	refusal := func(status int, code string) step { // which repeats what it was sent
		return step{Status: status, Body: `{"RequestId":"1-2","Code":"` + code + `","Message":"you sent MarkedToken%2fof%2bthe%3d%3dTest"}`}
	}
	silent := must(net.Listen("tcp", "127.0.0.1:0")) // it takes connections and never speaks TLS
	defer silent.Close()
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	for name, c := range map[string]struct {
		args           string
		step           step
		code           int
		stdout, stderr string
		sent           string // empty: nothing was asked
	}{
		"success":        {bare, step{Body: done}, exitDone, done, "asking adb-backup in cn-hangzhou", sent},
		"pretty-printed": {timer, step{Body: strings.ReplaceAll(done, ",", ",\n ") + "\n"}, exitDone, done, "", nightly},
		"own work":       {"invoke -event " + own, step{Body: ignored}, exitDone, ignored, "", text(own)},
		"not asked":      {timer, step{Body: ignored}, exitNotAsked, "", "this is not adb-backup's answer", nightly},
		"BOM":            {"invoke -event " + marked, step{Body: done}, exitDone, done, "", `{"DBClusterId":"amv-1","WaitAtMost":"1s"}`},
		"no cluster":     {"invoke -event " + image, step{Body: done}, exitDone, done, "", text(image)},
		"no backup":      {timer, step{Body: pending, Error: unable}, exitNo, pending, "\nBackupPending: 1 of 1 clusters failed", nightly},
		"wrong there":    {bare, step{Body: `{"errorType":"InvalidEvent","errorMessage":"why"}`}, exitWrong, `{"errorType":"InvalidEvent","errorMessage":"why"}`, "InvalidEvent: why", sent},
		"no event":       {"invoke", step{}, exitWrong, "", "Give a cluster id", ""},
		"wrong file":     {"invoke -event no-such-file.json", step{}, exitWrong, "", "no-such-file.json", ""},
		"masked id":      {"invoke amv-wz9or2xawpnc****", step{}, exitWrong, "", "masked example", ""},
		"wrong request":  {"invoke -event testdata/misspelt.json", step{}, exitWrong, "", "WaitFro", ""},

		"drill":                 {"drill", step{Body: delivered}, exitDone, delivered, "", drill},
		"drill, and no webhook": {"drill", step{Body: alarmFailed}, exitNo, alarmFailed, "no webhook is set", drill},
		"drill, ignored":        {"drill", step{Body: ignored}, exitNotAsked, "", "this is not", drill},
		"drill, made a backup":  {"drill", step{Body: done}, exitNotAsked, "", "this is not", drill},

		"flags alone":         {away + "-region cn-shanghai -function adb-backup", step{Body: done}, exitDone, done, "adb-backup in cn-shanghai", sent},
		"a flag before it":    {bare + "-region cn-shanghai", step{Body: done}, exitDone, done, "adb-backup in cn-shanghai", sent},
		"a qualifier":         {bare + "-qualifier prod", step{Body: done}, exitDone, done, "adb-backup (prod) in cn-hangzhou", sent},
		"no s.yaml":           {away + "-region cn-shanghai", step{}, exitWrong, "", "Give -region and -function", ""},
		"not a region":        {bare + "-region evil.example/", step{}, exitWrong, "", "is not a region", ""},
		"not a function":      {bare + "-function a/b", step{}, exitWrong, "", "is not the name of a function", ""},
		"plain http":          {bare + "-endpoint http://fc.example", step{}, exitWrong, "", "plain http", ""},
		"twice":               {bare + "-event amv-1", step{}, exitWrong, "", `give -event or the argument "amv-1", not both`, ""},
		"an unknown function": {bare + "-function other", step{}, exitNotAsked, "", "there is no function other in cn-hangzhou: deploy it with make deploy|(HTTP 404, ", ""},

		"time-out":        {bare, step{Error: "FunctionTimeout", Body: `{"errorMessage":"Function timed out after 3 seconds"}`}, exitNo, limit + `Function timed out after 3 seconds"}`, "BackupPending: ", sent},
		"another word":    {bare, step{Error: unable, Body: `{"errorMessage":"Invocation timed out"}`}, exitNo, limit + `Invocation timed out"}`, "", sent},
		"out of memory":   {bare, step{Error: "FunctionOOMError", Body: `{"errorMessage":"the process was killed"}`}, exitNo, ended("FunctionOOMError", "the process was killed"), "", sent},
		"crash":           {bare, step{Error: unable, Body: `{"errorMessage":"Process exited (duration: 12ms)"}`}, exitNo, ended(unable, "Process exited (duration: 12ms)"), "", sent},
		"no JSON":         {bare, step{Error: "CAExited", Body: "exited"}, exitNo, ended("CAExited", "exited"), "", sent},
		"a defect of its": {bare, step{Error: unable, Body: `{"errorType":"InternalError","errorMessage":"timed out"}`}, exitNo, `{"errorType":"InternalError","errorMessage":"timed out"}`, "InternalError: timed out", sent},
		"forbidden":       {bare, refusal(403, "AccessDenied"), exitNotAsked, "", "permission was denied: the credentials need fc:InvokeFunction on acs:fc:cn-hangzhou:*:functions/adb-backup|AccessDenied: you sent *** (HTTP 403, request id 1-2)", sent},
		"not activated":   {bare, refusal(403, "FcServiceNotEnabled"), exitNotAsked, "", "activate it", sent},
		"a wrong key":     {bare, refusal(403, "InvalidAccessKeyID"), exitNotAsked, "", "the credentials were refused", sent},
		"no alias":        {bare, refusal(404, "AliasNotFound"), exitNotAsked, "", "another with -function, -region and -qualifier: InvokeFunction was refused: AliasNotFound: you", sent},
		"too many calls":  {bare, refusal(429, "ResourceExhausted"), exitNotAsked, "", "\nthere is no answer now: InvokeFunction was refused: ResourceExhausted: you sent *** (HTTP 429", sent},
		"its own failure": {bare, refusal(500, "InternalServerError"), exitNotAsked, "", "\nthere is no answer now: InvokeFunction was refused: InternalServerError: you sent *** (HTTP 500", sent},
		"a proxy's page":  {bare, step{Status: 502, Body: "<html>", Header: map[string]string{"Content-Type": "text/html"}}, exitNotAsked, "", "\nthere is no answer now: InvokeFunction: 127.0.0.1:| answered HTTP 502: the reply cannot be read", sent},
		"a redirect":      {bare, step{Status: 307, Header: map[string]string{"Location": "http://127.0.0.1:1/"}}, exitNotAsked, "", "\nInvokeFunction: 127.0.0.1:| answered HTTP 307", sent},
		"not JSON":        {bare, step{Body: "hello"}, exitNotAsked, "", "this is not adb-backup's answer to the request: it is not the object that adb-backup answers with. Is it the right function (-function|It answered: hello", sent},
		"broken":          {bare, step{Broken: true}, exitNotAsked, "", "\nthere is no answer now: InvokeFunction: no answer from 127.0.0.1:|: EOF", sent},
		"endless":         {bare, step{Body: strings.Repeat(" ", maxAnswer) + "{}"}, exitNotAsked, "", "\nthere is no answer now: InvokeFunction: |: http: request body too large", sent},

		// A question that hangs is a backup that goes on. A host that cannot be reached is not, and what cannot be asked ends at once.
		"hung":          {"invoke amv-1 -timeout 1s", step{Takes: time.Minute}, exitNo, `{"errorType":"BackupPending","errorMessage":"the function has not answered yet; a backup that was requested goes on in AnalyticDB"}`, "", `{"DBClusterId":"amv-1","WaitAtMost":"500ms"}`},
		"a hung drill":  {"drill -timeout 1s", step{Takes: time.Minute}, exitNotAsked, "", "\nthere is no answer now: InvokeFunction: no answer from 127.0.0.1|: no answer in time\n", drill},
		"not listening": {"gate amv-1 -timeout 2s -endpoint " + nobody.URL, step{}, exitNotAsked, "", "there is no connection to Function Compute: |connection refused; there is no time for another question within 2s", ""},
		"no handshake":  {bare + "-timeout 1s -endpoint https://" + silent.Addr().String(), step{}, exitNotAsked, "", "\nthere is no connection to Function Compute: InvokeFunction: no answer from 127.0.0.1:|: no answer in time", ""},
		"an event":      {"gate -event ../../events/timer.json", step{}, exitWrong, "", "this is another event", ""},
		"in vain":       {"gate amv-1 -max-age 1", step{}, exitWrong, "", `MaxAge: "1" is not a duration such as 90m`, ""},
		"Verify alone":  {"gate -event testdata/verify-alone.json", step{}, exitWrong, "", "the function would refuse this", ""},
		"no time":       {"gate amv-1 -ask -1s", step{}, exitWrong, "", "a time is shorter than 1s", ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked, _ := asks(t, c.args, []step{c.step}, c.code, c.stdout, c.stderr)
			if len(asked) > 1 || len(asked) == 0 && c.sent != "" || len(asked) == 1 && (asked[0].Payload != c.sent || (asked[0].Qualifier == "prod") != (name == "a qualifier")) {
				t.Errorf("asked %q, want %s", asked, c.sent)
			}
		})
	}
	if got, want := (deployed{Region: "cn-hangzhou"}).call(credentials.Credentials{}, "", "", "").endpoint.Host, "fcv3.cn-hangzhou.aliyuncs.com"; got != want {
		t.Errorf("host %s, want %s", got, want)
	}
}

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
		"broken for ever":          {[]turn{broken}, "there is no answer now: why; there is no time for another question within 30m", 360, 30*time.Minute - pause},
		"broken, pending by turns": {[]turn{broken, pending, broken, pending, there}, "", 5, 4 * pause},
		// A question that is given up is no failure: the function goes on.
		"hung for ever":      {[]turn{hung}, silent.Error(), 9, 30 * time.Minute},
		"pending, then hung": {[]turn{pending, hung}, "BackupPending: why", 10, 30 * time.Minute},
		"hung, then pending": {[]turn{hung, pending, failed}, "BackupFailed: why", 3, ask + 2*pause},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begun, asked := time.Now(), 0
				g := gate{name: "gate", start: begun, timeout: 30 * time.Minute, ask: ask, progress: io.Discard}
				g.invoke = func(ctx context.Context, m message) (string, error) {
					now := c.script[min(asked, len(c.script)-1)]
					asked++
					deadline, _ := ctx.Deadline()
					if wait := time.Until(deadline); wait > ask || wait > 30*time.Minute-time.Since(begun) {
						t.Errorf("question %d may take %s", asked, wait)
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
		want := "gate:    0s  question 1\ngate:   20s  waiting for the answer\ngate:   40s  waiting for the answer\n" +
			"gate:  1m0s  waiting for the answer\ngate:  1m1s  BackupPending: why\n"
		if diff := cmp.Diff(want, progress.String()); diff != "" {
			t.Error(diff)
		}
	})
}

// The whole command gate, between a request's file and Function Compute's API. Its pauses are real, so the stories are short.
func TestGateCommand(t *testing.T) {
	ofRequest := strings.ReplaceAll(done, "amv-1", "amv-wz9or2xawpnc")
	for name, c := range map[string]struct {
		args           string
		steps          []step
		code           int
		stdout, stderr string
	}{
		"there at once": {"", []step{{Body: ofRequest}}, exitDone, ofRequest, "asking adb-backup in cn-hangzhou, 3m20s for each answer and 30m in all|gate: 0s question 1"},
		"time is up":    {"-timeout 3s", []step{{Body: pending, Error: unable}}, exitNo, pending, `no time for another question within 3s|"NotBefore": `},
		"a selector":    {"-event testdata/selector.json", []step{{Body: done}}, exitDone, done, ""},
	} {
		t.Run(name, func(t *testing.T) {
			before := time.Now()
			asked, told := asks(t, "gate -event ../../events/request.json "+c.args, c.steps, c.code, c.stdout, c.stderr)
			if len(asked) != len(c.steps) {
				t.Errorf("asked %q", asked)
			}
			for _, q := range asked {
				var sent struct {
					WaitFor   string
					NotBefore time.Time
				}
				if err := json.Unmarshal([]byte(q.Payload), &sent); err != nil || sent.WaitFor != "Completed" || sent.NotBefore.Sub(before).Abs() > 2*time.Second {
					t.Errorf("%v %s", err, q.Payload)
				}
				if again := sent.NotBefore.Add(-time.Minute).Format(time.RFC3339); c.code == exitNo && !strings.Contains(told, again) {
					t.Errorf("%s is not in %s", again, told)
				}
			}
		})
	}
}

// Nobody is asked without credentials that can be sent.
func TestNoCredentials(t *testing.T) {
	for key, says := range map[string]string{"": "ALIBABA_CLOUD_ACCESS_KEY_ID is missing", testKeyID + "\n": "question 1\nthe question cannot be sent: "} {
		f := newCloud(t)
		noCredentials(t)
		t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", key)
		t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", testSecret)
		expect(t, exitNotAsked, "", says, "gate", "amv-1", "-s", "../../s.yaml", "-endpoint", f.url)
	}
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
