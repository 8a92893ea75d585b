package main

import (
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adb-backup/function/credentials"
)

const (
	done    = `{"Action":"Ensure","Status":"Completed","Backups":[{"DBClusterId":"amv-1","RegionId":"cn-hangzhou","Status":"Completed","Created":true}]}`
	pending = `{"errorMessage":"1 of 1 clusters failed: amv-1 (cn-hangzhou): not complete","errorType":"BackupPending"}`
	unable  = "UnhandledInvocationError" // X-Fc-Error-Type of every failure that the function answers
)

// asks runs a command against a Function Compute that answers with these steps, and compares what comes of it. It returns what
// was asked.
func asks(t *testing.T, args []string, steps []step, code int, stdout string, stderr ...string) []question {
	t.Helper()
	service, url := newFakeFC(t, steps...)
	gotCode, gotOut, told := runs(t, append([]string{args[0], "-s", "../../s.yaml", "-endpoint", url}, args[1:]...)...)
	if gotCode != code || gotOut != stdout {
		t.Errorf("exit code %d, want %d, standard output %q, want %q\n%s", gotCode, code, gotOut, stdout, told)
	}
	for _, want := range stderr {
		if !strings.Contains(told, want) {
			t.Errorf("%q is not in\n%s", want, told)
		}
	}
	return service.questions()
}

// One question, between the vendor's SDK and a service that checks its signature.
func TestInvoke(t *testing.T) {
	event := filepath.Join(t.TempDir(), "event.json")
	if err := os.WriteFile(event, []byte(`{"triggerTime":"2026-11-23T02:00:00Z","triggerName":"nightly","payload":"amv-1"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	marked := filepath.Join(t.TempDir(), "marked.json")
	if err := os.WriteFile(marked, []byte("\ufeff{\"DBClusterId\":\"amv-1\",\"WaitAtMost\":\"1s\"}"), 0o600); err != nil {
		t.Fatal(err)
	}
	image := "../../events/image-push.json" // names no cluster: the function may have some of its own
	for name, c := range map[string]struct {
		step           step
		event          string
		code           int
		stdout, stderr string
		unasked        bool
	}{
		"success":        {step{Body: done}, event, exitDone, done + "\n", "asking adb-backup in cn-hangzhou", false},
		"pretty-printed": {step{Body: strings.ReplaceAll(done, ",", ",\n ") + "\n"}, event, exitDone, done + "\n", "", false},
		"own work":       {step{Body: `{"Status":"Ignored"}`}, "../../events/actiontrail-own.json", exitDone, `{"Status":"Ignored"}` + "\n", "", false},
		"not asked":      {step{Body: `{"Status":"Ignored"}`}, event, exitNotAsked, "", "this is not adb-backup's answer", false},
		"bare id":        {step{Body: done}, "amv-1", exitDone, done + "\n", "", false},
		"BOM":            {step{Body: done}, marked, exitDone, done + "\n", "", false},
		"no cluster":     {step{Body: done}, image, exitDone, done + "\n", "", false},
		"no backup":      {step{Body: pending, Error: unable}, event, exitNo, pending + "\n", "\nBackupPending: 1 of 1 clusters failed", false},
		"wrong there":    {step{Body: `{"errorType":"InvalidEvent","errorMessage":"why"}`, Error: unable}, event, exitWrong, `{"errorType":"InvalidEvent","errorMessage":"why"}` + "\n", "InvalidEvent: why", false},
		"no event":       {step{}, "", exitWrong, "", "Give a cluster id", true},
		"wrong file":     {step{}, "no-such-file.json", exitWrong, "", "no-such-file.json", true},
		"masked id":      {step{}, "amv-wz9or2xawpnc****", exitWrong, "", "masked example", true},
		"wrong request":  {step{}, "../../function/cli/testdata/misspelt.json", exitWrong, "", `WaitFro`, true},
	} {
		t.Run(name, func(t *testing.T) {
			asked := asks(t, []string{"invoke", "-event", c.event}, []step{c.step}, c.code, c.stdout, c.stderr)
			if len(asked) != 1 && !c.unasked || len(asked) > 0 && c.unasked {
				t.Fatalf("asked %q", asked)
			}
			if c.event == "amv-1" {
				if want := `{"DBClusterId":"amv-1","WaitAtMost":"1h4m45s"}`; asked[0].Payload != want {
					t.Errorf("sent %s, want %s", asked[0].Payload, want)
				}
			} else if !c.unasked && c.event != marked {
				if sent, _ := os.ReadFile(c.event); asked[0].Payload != string(sent) {
					t.Errorf("sent %q", asked[0].Payload)
				}
			}
		})
	}
}

// A drill is a success only if the robot took it.
func TestDrill(t *testing.T) {
	for body, code := range map[string]int{
		`{"Action":"Drill","Status":"Delivered"}`: exitDone, `{"errorType":"AlarmFailed","errorMessage":"no webhook is set"}`: exitNo,
		`{"Status":"Ignored"}`: exitNotAsked, done: exitNotAsked, "null": exitNotAsked,
	} {
		stdout := body + "\n"
		if code == exitNotAsked {
			stdout = ""
		}
		if asked := asks(t, []string{"drill"}, []step{{Body: body}}, code, stdout); len(asked) != 1 || asked[0].Payload != `{"Action":"Drill"}` {
			t.Errorf("%s: asked %q", body, asked)
		}
	}
}

func TestWhichFunction(t *testing.T) {
	for name, c := range map[string]struct {
		args []string
		code int
		want string
	}{
		"s.yaml":              {[]string{"-s", "../../s.yaml"}, exitDone, "adb-backup in cn-hangzhou"},
		"flags alone":         {[]string{"-s", "nowhere.yaml", "-region", "cn-shanghai", "-function", "adb-backup"}, exitDone, "adb-backup in cn-shanghai"},
		"a flag before it":    {[]string{"-s", "../../s.yaml", "-region", "cn-shanghai"}, exitDone, "adb-backup in cn-shanghai"},
		"a qualifier":         {[]string{"-s", "../../s.yaml", "-qualifier", "prod"}, exitDone, "adb-backup (prod) in cn-hangzhou"},
		"no s.yaml":           {[]string{"-s", "nowhere.yaml", "-region", "cn-shanghai"}, exitWrong, "Give -region and -function"},
		"not a region":        {[]string{"-region", "evil.example/", "-function", "f"}, exitWrong, "is not a region"},
		"not a function":      {[]string{"-region", "cn-hangzhou", "-function", "a/b"}, exitWrong, "is not the name of a function"},
		"plain http":          {[]string{"-region", "cn-hangzhou", "-function", "f", "-endpoint", "http://fc.example"}, exitWrong, "plain http"},
		"twice":               {[]string{"-s", "../../s.yaml", "amv-1"}, exitWrong, `give -event or the argument "amv-1", not both`},
		"an unknown function": {[]string{"-region", "cn-hangzhou", "-function", "other"}, exitNotAsked, "there is no function other in cn-hangzhou: deploy it with make deploy"},
	} {
		t.Run(name, func(t *testing.T) {
			stdout := map[int]string{exitDone: done + "\n"}[c.code]
			asked := asks(t, append([]string{"invoke", "-event", "amv-1"}, c.args...), []step{{Body: done}}, c.code, stdout, c.want)
			if name == "a qualifier" && (len(asked) != 1 || asked[0].Qualifier != "prod") {
				t.Errorf("asked %q", asked)
			}
		})
	}
	if got, want := (deployed{Region: "cn-hangzhou"}).caller(credentials.Credentials{}).endpoint.Host, "fcv3.cn-hangzhou.aliyuncs.com"; got != want {
		t.Errorf("host %s, want %s", got, want)
	}
}

// What Function Compute says itself is told apart from what the function says.
func TestWhatThePlatformSays(t *testing.T) {
	for name, c := range map[string]struct {
		step   step
		code   int
		stdout string
		stderr []string
	}{
		"time-out":        {step{Error: "FunctionTimeout", Body: `{"errorMessage":"Function timed out after 3 seconds"}`}, exitNo, `{"errorType":"BackupPending","errorMessage":"Function Compute ended the function at its time limit (timeout in s.yaml); asking again goes on with the same backup: Function timed out after 3 seconds"}`, []string{"BackupPending: "}},
		"another word":    {step{Error: unable, Body: `{"errorMessage":"Invocation timed out"}`}, exitNo, `{"errorType":"BackupPending","errorMessage":"Function Compute ended the function at its time limit (timeout in s.yaml); asking again goes on with the same backup: Invocation timed out"}`, nil},
		"out of memory":   {step{Error: "FunctionOOMError", Body: `{"errorMessage":"the process was killed"}`}, exitNo, `{"errorType":"FunctionOOMError","errorMessage":"the function ended before it answered, and make logs shows why: the process was killed"}`, nil},
		"crash":           {step{Error: unable, Body: `{"errorMessage":"Process exited unexpectedly before completing request (duration: 12ms)"}`}, exitNo, `{"errorType":"UnhandledInvocationError","errorMessage":"the function ended before it answered, and make logs shows why: Process exited unexpectedly before completing request (duration: 12ms)"}`, nil},
		"no JSON":         {step{Error: "CAExited", Body: "exited"}, exitNo, `{"errorType":"CAExited","errorMessage":"the function ended before it answered, and make logs shows why: exited"}`, nil},
		"a defect of its": {step{Error: unable, Body: `{"errorType":"InternalError","errorMessage":"timed out"}`}, exitNo, `{"errorType":"InternalError","errorMessage":"timed out"}`, []string{"InternalError: timed out"}},
		"forbidden":       {step{Status: 403, Body: `{"RequestId":"1-2","Code":"AccessDenied","Message":"no"}`}, exitNotAsked, "", []string{"permission was denied: the credentials need fc:InvokeFunction on acs:fc:cn-hangzhou:*:functions/adb-backup", "AccessDenied: no (HTTP 403, request id 1-2)"}},
		"not activated":   {step{Status: 403, Body: `{"Code":"FcServiceNotEnabled","Message":"no"}`}, exitNotAsked, "", []string{"activate it"}},
		"a wrong key":     {step{Status: 403, Body: `{"Code":"InvalidAccessKeyID","Message":"no"}`}, exitNotAsked, "", []string{"the credentials were refused"}},
		"no alias":        {step{Status: 404, Body: `{"Code":"AliasNotFound","Message":"no"}`}, exitNotAsked, "", []string{"does not know adb-backup in cn-hangzhou: check -qualifier"}},
		"too many calls":  {step{Status: 429, Body: `{"Code":"ResourceExhausted","Message":"no"}`}, exitNotAsked, "", []string{"Function Compute cannot answer now: InvokeFunction was refused: ResourceExhausted: no (HTTP 429"}},
		"its own failure": {step{Status: 500, Body: `{"Code":"InternalServerError","Message":"no"}`}, exitNotAsked, "", []string{"Function Compute cannot answer now: InvokeFunction was refused: InternalServerError: no (HTTP 500"}},
		"a proxy's page":  {step{Status: 502, Body: "<html>", Header: map[string]string{"Content-Type": "text/html"}}, exitNotAsked, "", []string{"Function Compute cannot answer now: InvokeFunction: 127.0.0.1:", " answered HTTP 502: the reply cannot be read"}},
		"a redirect":      {step{Status: 307, Header: map[string]string{"Location": "http://127.0.0.1:1/"}}, exitNotAsked, "", []string{"Function Compute refused the call: InvokeFunction: 127.0.0.1:", " answered HTTP 307"}},
		"not JSON":        {step{Body: "hello"}, exitNotAsked, "", []string{"this is not adb-backup's answer to the request: it is not the object that adb-backup answers with. Is it the right function (-function", "It answered: hello"}},
		"broken":          {step{Broken: true}, exitNotAsked, "", []string{"the connection broke before an answer"}},
		"endless":         {step{Body: strings.Repeat(" ", maxAnswer) + "{}"}, exitNotAsked, "", []string{"the connection broke before an answer: http: request body too large"}},
		"an echo":         {step{Status: 403, Body: `{"Code":"AccessDenied","Message":"you sent MarkedToken%2fof%2bthe%3d%3dTest"}`}, exitNotAsked, "", []string{"you sent ***"}},
	} {
		t.Run(name, func(t *testing.T) {
			if c.stdout != "" {
				c.stdout += "\n"
			}
			if asked := asks(t, []string{"invoke", "amv-1"}, []step{c.step}, c.code, c.stdout, c.stderr...); len(asked) != 1 {
				t.Errorf("asked %d times", len(asked))
			}
		})
	}
}

// A question that hangs is a backup that goes on. A host that cannot be reached is not, and what cannot be asked ends at once.
func TestSilence(t *testing.T) {
	_, url := newFakeFC(t, step{Takes: time.Minute})
	silent, err := net.Listen("tcp", "127.0.0.1:0") // it takes connections and never speaks TLS
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	nobody := httptest.NewServer(http.NotFoundHandler())
	nobody.Close()
	for name, c := range map[string]struct {
		endpoint, args, key string
		code                int
		stdout, stderr      string
	}{
		"hung":           {url, "invoke amv-1 -timeout 1s", testKeyID, exitNo, `{"errorType":"BackupPending","errorMessage":"the function has not answered yet; a backup that was requested goes on in AnalyticDB"}` + "\n", ""},
		"a hung drill":   {url, "drill -timeout 1s", testKeyID, exitNotAsked, "", "\nno answer in time\n"},
		"not listening":  {nobody.URL, "gate amv-1 -timeout 2s", testKeyID, exitNotAsked, "", "connection refused; there is no time for another question within 2s"},
		"no handshake":   {"https://" + silent.Addr().String(), "invoke amv-1 -timeout 1s", testKeyID, exitNotAsked, "", "cannot be reached: no answer in time"},
		"no credentials": {url, "gate amv-1", "", exitNotAsked, "", "ALIBABA_CLOUD_ACCESS_KEY_ID is missing"},
		"a broken key":   {url, "gate amv-1", testKeyID + "\n", exitNotAsked, "", "question 1\nthe question cannot be sent: "},
		"no time":        {url, "gate amv-1 -ask -1s", testKeyID, exitWrong, "", "a time is shorter than 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", c.key)
			t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
			t.Setenv("HOME", t.TempDir())
			code, stdout, stderr := runs(t, append(strings.Fields(c.args), "-s", "../../s.yaml", "-endpoint", c.endpoint)...)
			if code != c.code || stdout != c.stdout || !strings.Contains(stderr, c.stderr) {
				t.Errorf("exit code %d, standard output %q, standard error %q", code, stdout, stderr)
			}
		})
	}
}

func TestInvokeIsStopped(t *testing.T) {
	service, url := newFakeFC(t, step{Takes: time.Minute})
	var stdout, stderr strings.Builder
	c := program(t, "invoke", "-s", "../../s.yaml", "-endpoint", url, "-event", "amv-1")
	c.Stdout, c.Stderr = &stdout, &stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	for len(service.questions()) == 0 {
		time.Sleep(10 * time.Millisecond)
	}
	c.Process.Signal(os.Interrupt)
	c.Wait()
	if code := c.ProcessState.ExitCode(); code != exitInterrupted || stdout.Len() > 0 || !strings.Contains(stderr.String(), "goes on in AnalyticDB") {
		t.Errorf("exit code %d, standard output %q, standard error %q", code, &stdout, &stderr)
	}
}
