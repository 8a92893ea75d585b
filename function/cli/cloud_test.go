package main

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/credentials"
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
	quoted, blank := write(t, ` " {\"DBClusterId\":\"amv-1\"} " `), write(t, "\n { \"DBClusterId\": \"amv-1\" }\n")
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
		"wrong file":     {"invoke -event no-such-file.json", step{}, exitWrong, "", "nor a file that can be read: open no-such-file.json", ""},
		"wrong request":  {`invoke {"DBClusterId":"amv-1","WaitFro":"Completed"}`, step{}, exitWrong, "", "did you mean WaitFor", ""},
		"masked id":      {"invoke amv-wz9or2xawpnc****", step{}, exitWrong, "", "masked example", ""},

		"drill":                 {"drill", step{Body: delivered}, exitDone, delivered, "", drill},
		"drill, and no webhook": {"drill", step{Body: alarmFailed}, exitNo, alarmFailed, "no webhook is set", drill},

		"flags alone":         {away + "-region cn-shanghai -function adb-backup", step{Body: done}, exitDone, done, "adb-backup in cn-shanghai", sent},
		"a flag before it":    {bare + "-region cn-shanghai", step{Body: done}, exitDone, done, "adb-backup in cn-shanghai", sent},
		"no s.yaml":           {away + "-region cn-shanghai", step{}, exitWrong, "", "Give -region and -function", ""},
		"not a region":        {bare + "-region evil.example/", step{}, exitWrong, "", "is not a region", ""},
		"not a function":      {bare + "-function a/b", step{}, exitWrong, "", "is not the name of a function", ""},
		"plain http":          {bare + "-endpoint http://fc.example", step{}, exitWrong, "", "plain http", ""},
		"twice":               {bare + "-event amv-1", step{}, exitWrong, "", `give -event or the argument "amv-1", not both`, ""},
		"an unknown function": {bare + "-function other", step{}, exitNotAsked, "", "there is no function other in cn-hangzhou: deploy it with make deploy|(HTTP 404, ", ""},

		"time-out":        {bare, step{Error: "FunctionTimeout", Body: `{"errorMessage":"Function timed out after 3 seconds"}`}, exitNo, limit + `Function timed out after 3 seconds"}`, "BackupPending: ", sent},
		"out of memory":   {bare, step{Error: "FunctionOOMError", Body: `{"errorMessage":"the process was killed"}`}, exitNo, ended("FunctionOOMError", "the process was killed"), "", sent},
		"no JSON":         {bare, step{Error: "CAExited", Body: "exited"}, exitNo, ended("CAExited", "exited"), "", sent},
		"a defect of its": {bare, step{Error: unable, Body: `{"errorType":"InternalError","errorMessage":"timed out"}`}, exitNo, `{"errorType":"InternalError","errorMessage":"timed out"}`, "InternalError: timed out", sent},
		"forbidden":       {bare, refusal(403, "AccessDenied"), exitNotAsked, "", "permission was denied: the credentials need fc:InvokeFunction on acs:fc:cn-hangzhou:*:functions/adb-backup|AccessDenied: you sent *** (HTTP 403, request id 1-2)", sent},
		"not activated":   {bare, refusal(403, "FcServiceNotEnabled"), exitNotAsked, "", "activate it", sent},
		"a wrong key":     {bare, refusal(403, "InvalidAccessKeyID"), exitNotAsked, "", "the credentials were refused", sent},
		"an unknown key":  {bare, refusal(404, "InvalidAccessKeyId.NotFound"), exitNotAsked, "", "the credentials were refused", sent},
		"no alias":        {bare, refusal(404, "AliasNotFound"), exitNotAsked, "", "another with -function, -region and -qualifier: InvokeFunction was refused: AliasNotFound: you", sent},
		"too many calls":  {bare, refusal(429, "ResourceExhausted"), exitNotAsked, "", "\nthis may pass: InvokeFunction was refused: ResourceExhausted: you sent *** (HTTP 429", sent},
		"its own failure": {bare, refusal(500, "InternalServerError"), exitNotAsked, "", "\nthis may pass: InvokeFunction was refused: InternalServerError: you sent *** (HTTP 500", sent},
		"a proxy's page":  {bare, step{Status: 502, Body: "<html>", Header: map[string]string{"Content-Type": "text/html"}}, exitNotAsked, "", "\nthis may pass: InvokeFunction: 127.0.0.1:| answered HTTP 502: the reply cannot be read", sent},
		"a redirect":      {bare, step{Status: 307, Header: map[string]string{"Location": "http://127.0.0.1:1/"}}, exitNotAsked, "", "\nInvokeFunction: 127.0.0.1:| answered HTTP 307", sent},
		"not JSON":        {bare, step{Body: "hello"}, exitNotAsked, "", "this is not adb-backup's answer to the request: it is not the object that adb-backup answers with. Is it the right function (-function|It answered: hello", sent},
		"broken":          {bare, step{Broken: true}, exitNotAsked, "", "\nthis may pass: InvokeFunction: no answer from 127.0.0.1:|: EOF", sent},
		"endless":         {bare, step{Body: strings.Repeat(" ", maxAnswer) + "{}"}, exitNotAsked, "", "\nthis may pass: InvokeFunction: |: http: request body too large", sent},

		// A question that hangs is a backup that goes on. A host that cannot be reached is not, and what cannot be asked ends at once.
		"hung":          {"invoke amv-1 -timeout 1s", step{Takes: time.Minute}, exitNo, `{"errorType":"BackupPending","errorMessage":"the function has not answered yet; a backup that was requested goes on in AnalyticDB"}`, "", `{"DBClusterId":"amv-1","WaitAtMost":"500ms"}`},
		"a hung drill":  {"drill -timeout 1s", step{Takes: time.Minute}, exitNotAsked, "", "\nthis may pass: InvokeFunction: no answer from 127.0.0.1|: no answer in time\n", drill},
		"not listening": {"gate amv-1 -timeout 2s -endpoint http://127.0.0.1:1", step{}, exitNotAsked, "", "there is no connection to Function Compute: |connection refused; there is no time for another question within 2s", ""},
		"no handshake":  {bare + "-timeout 1s -endpoint https://" + silent.Addr().String(), step{}, exitNotAsked, "", "\nthere is no connection to Function Compute: InvokeFunction: no answer from 127.0.0.1:|: no answer in time", ""},
		// The gate's flags stand for fields of the request, and may not repeat one.
		"gate":          {`gate "amv-1" -wait Completed -max-age 26h -qualifier prod`, step{Body: done}, exitDone, done, "asking adb-backup (prod) in cn-hangzhou, 3m20s for each answer and 30m in all|\ngate: 0s question 1\n", `{"DBClusterId":"amv-1","WaitFor":"Completed","WaitAtMost":"3m5s","MaxAge":"26h"}`},
		"Verify":        {`gate {"Action":"Verify","DBClusterId":"amv-1"} -max-age 26h`, step{Body: strings.Replace(done, "Ensure", "Verify", 1)}, exitDone, strings.Replace(done, "Ensure", "Verify", 1), "", `{"Action":"Verify","DBClusterId":"amv-1","WaitAtMost":"3m5s","MaxAge":"26h"}`},
		"Verify alone":  {`gate {"Action":"Verify","DBClusterId":"amv-1"}`, step{}, exitWrong, "", "the function would refuse this", ""},
		"a field twice": {`gate {"DBClusterId":"amv-1","maxage":"1h"} -max-age 26h`, step{}, exitWrong, "", "MaxAge is given twice", ""},
		"two times":     {`gate {"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:00Z"} -max-age 26h`, step{}, exitWrong, "", "NotBefore", ""},
		"a flag alone":  {`gate {} -max-age 26h`, step{}, exitWrong, "", "the function would refuse this: the request names no cluster", ""},
		"in quotes":     {"gate -max-age 26h -event " + quoted, step{Body: done}, exitDone, done, "", `{"DBClusterId":"amv-1","WaitAtMost":"3m5s","MaxAge":"26h"}`},
		"a quoted list": {`invoke "[7]"`, step{}, exitWrong, "", "the event must hold a request or a cluster id, as text", ""},
		"with blanks":   {"gate -max-age 26h -event " + blank, step{Body: done}, exitDone, done, "", `{"DBClusterId":"amv-1","WaitAtMost":"3m5s","MaxAge":"26h"}`},
		"an event":      {"gate -event ../../events/timer.json", step{}, exitWrong, "", "this is another event", ""},
		"no time":       {"gate amv-1 -ask -1s", step{}, exitWrong, "", "a time is shorter than 1s", ""},
	} {
		t.Run(name, func(t *testing.T) {
			asked, _ := asks(t, c.args, []step{c.step}, c.code, c.stdout, c.stderr)
			if len(asked) > 1 || len(asked) == 0 && c.sent != "" || len(asked) == 1 && (asked[0].Payload != c.sent || (asked[0].Qualifier == "prod") != (name == "gate")) {
				t.Errorf("asked %q, want %s", asked, c.sent)
			}
		})
	}
	if got, want := (deployed{Region: "cn-hangzhou"}).call(credentials.Credentials{}, "", "", "").endpoint.Host, "fcv3.cn-hangzhou.aliyuncs.com"; got != want {
		t.Errorf("host %s, want %s", got, want)
	}
}

// Nobody is asked without credentials that can be sent.
func TestNoCredentials(t *testing.T) {
	for key, says := range map[string]string{"": "ALIBABA_CLOUD_ACCESS_KEY_ID is missing", "two\nlines": "question 1\nthe question cannot be sent: "} {
		f := newCloud(t)
		noCredentials(t)
		t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", key)
		t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", testSecret)
		expect(t, exitNotAsked, "", says, "gate", "amv-1", "-s", "../../s.yaml", "-endpoint", f.url)
	}
}

func TestWhoseCredentials(t *testing.T) {
	for name, c := range map[string]struct {
		reply step
		env   string // a variable that has another value
		in    string
		want  string
		err   string
	}{
		"known":    {step{}, "", "cn-hangzhou", testAccount, ""},
		"named":    {step{Broken: true}, "AccountID=42", "", "42", ""},
		"no place": {step{}, "", "evil.example/", "", "region"},
		"another":  {step{}, "ALIBABA_CLOUD_ACCESS_KEY_SECRET=another", "cn-hangzhou", "", "(HTTP 400, request id 1-67420000-test)"},
		"nothing":  {step{Body: `{}`}, "", "cn-hangzhou", "", "the reply has no account id"},
		"a page":   {step{Body: `<html>`}, "", "cn-hangzhou", "", "answered HTTP 200: the reply cannot be read"},
		"denied":   {step{Status: 403, Body: `{"Code":"NoPermission","Message":"you are ` + testToken + `"}`}, "", "cn-hangzhou", "", "GetCallerIdentity was refused: NoPermission: you are ***"},
		"endless":  {step{Body: strings.Repeat(" ", maxReply+1)}, "", "cn-hangzhou", "", "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newCloud(t)
			if name != "known" && name != "another" {
				f.script["GetCallerIdentity"] = []step{c.reply}
			}
			if name, value, set := strings.Cut(c.env, "="); set {
				t.Setenv("AccessKeyID", testKeyID) // they count only if all three are set
				t.Setenv("AccessKeySecret", testSecret)
				t.Setenv(name, value)
			}
			_, got, err := settings{Region: c.in, cloud: must(adb.ParseEndpoint(f.url))}.identify(t.Context())
			if got != c.want || (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), testToken)) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}
