package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

func TestFreshen(t *testing.T) {
	now := time.Date(2027, 1, 2, 3, 4, 5, 678_000_000, time.FixedZone("", 8*3600))
	for payload, want := range map[string]string{
		`{"triggerTime":"2026-11-22T18:00:00Z","payload":"amv-a"}`:             `{"payload":"amv-a","triggerTime":"2027-01-01T19:04:05Z"} 2026-11-22T18:00:00Z`,
		`{"specversion":"1.0","time":"2026Asia/Shanghai","data":{"time":"x"}}`: `{"data":{"time":"x"},"specversion":"1.0","time":"2027-01-01T19:04:05Z"} 2026Asia/Shanghai`,
		`{"DBClusterId":"amv-a","time":"2026"}`:                                `{"DBClusterId":"amv-a","time":"2026"} `,
		`amv-a`:                                                                `amv-a `,
		`"amv-a"`:                                                              `"amv-a" `,
		`[]`:                                                                   `[] `,
		`["x", 1]`:                                                             `["x", 1] `,
		`{"triggerTime":7}`:                                                    `{"triggerTime":7} `,
		`[{"specversion":"1.0","time":"a"},"{\"specversion\":\"1.0\",\"time\":\"b\"}"]`: `[{"specversion":"1.0","time":"2027-01-01T19:04:05Z"},"{\"specversion\":\"1.0\",\"time\":\"2027-01-01T19:04:05Z\"}"] a`,
	} {
		fresh, replaced := freshen([]byte(payload), now)
		if got := string(fresh) + " " + replaced; got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", payload, got, want)
		}
	}
}

func TestFoldLog(t *testing.T) {
	for line, want := range map[string]string{
		`{"time":"2026-11-23T02:00:00Z","level":"INFO","msg":"backup requested","requestId":"x","apiRequestId":"421794A3-72A5-5D27-9E8B-A75A4C50AAAA","attempt":1,"duration":0.048}`: `INFO backup requested  apiRequestId=421794A3 attempt=1 duration=0.048`,
		`{"level":"WARN","msg":"x","error":"two words","at":"` + time.Now().UTC().Format("2006-01-02T") + `00:00:00Z"}`:                                                              `WARN x  error="two words" at=`,
		`{"level":"WARN","msg":"x","error":"` + strings.Repeat("é ", 100) + `"}`:                                                                                                     `WARN x  error="` + strings.TrimSpace(strings.Repeat("é ", 50)) + `…"`,
		`{"level":"INFO"}`:    "",
		`{"level":"INFO",`:    "",
		`["a"]`:               "",
		`panic: something`:    "",
		``:                    "",
		`{"msg":"only this"}`: ` only this`,
	} {
		level, text, ok := foldLog(line, "time", "requestId")
		if got := level + " " + text; ok != (want != "") || ok && !strings.HasPrefix(got, want) {
			t.Errorf("%s\nbecame %q, %v\nwant   %q", line, got, ok, want)
		}
	}
}

func TestTheSDKsOwnLinesAreLeftOut(t *testing.T) {
	var n sdkNoise
	var kept []string
	for line := range strings.SplitSeq(`FC Invoke Start RequestId: 1-2
2026/11/23 02:00:00.123456  1-2 [ERROR] {
 "errorMessage": "x",
 "errorType": "y"
}
panic: at the disco
2026/11/23 02:00:00.123456 failed to get invoke request due to x
FC Invoke End RequestId: 1-2, Error: Unhandled function error`, "\n") {
		if !n.is(line) {
			kept = append(kept, line)
		}
	}
	if got := strings.Join(kept, "|"); got != "panic: at the disco|2026/11/23 02:00:00.123456 failed to get invoke request due to x" {
		t.Error(got)
	}
}

func TestWrap(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "",
		"one two three":          "one two|three",
		"one\ntwo":               "one|two",
		"atverylongwordindeed a": "atverylongwordindeed|a",
		"éé éé éé éé":            "éé éé éé|éé",
		"  one two three":        "  one|two|three",
	} {
		if got := strings.Join(wrap(text, 8), "|"); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
}

func TestTheBarStaysBelow(t *testing.T) {
	var out bytes.Buffer
	s := &screen{w: &out, terminal: true, colour: true, width: func() int { return columns }, began: time.Now()}
	s.setBar("[#-]")
	s.setBar("[#-]")
	s.event(red, "api", "a call")
	s.setBar("")
	const bar = "[#-]"
	want := "\r\x1b[K" + bar + "\r\x1b[K" + "\x1b[2m   0.00s  api      \x1b[0m\x1b[31ma call\x1b[0m\n" + bar + "\r\x1b[K"
	if out.String() != want {
		t.Errorf("%q\nwant %q", out.String(), want)
	}
	out.Reset()
	s = &screen{w: &out, width: func() int { return columns }, began: time.Now()}
	s.setBar("[#-]")
	s.event(red, "api", strings.Repeat("long ", 40))
	if got := out.String(); strings.ContainsAny(got, "\x1b\r[") || strings.Count(got, "\n") != 1 {
		t.Errorf("in a file: %q", got)
	}
}

func TestWhereColoursAre(t *testing.T) {
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if s := newScreen(null, nil); s.terminal || s.colour {
		t.Error("the null device is no terminal")
	}
	if s := newScreen(&bytes.Buffer{}, nil); s.terminal || s.colour {
		t.Error("a buffer is no terminal")
	}
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skip(err)
	}
	defer tty.Close()
	for environ, want := range map[string]string{"": "true true", "NO_COLOR=1": "true false", "TERM=dumb": "false false"} {
		s := newScreen(tty, []string{environ})
		if got := fmt.Sprint(s.terminal, s.colour); got != want {
			t.Errorf("%s: %s, want %s", environ, got, want)
		}
	}
}

func TestTheBarFitsTheWidth(t *testing.T) {
	for width, want := range map[int]string{
		120: strings.Repeat(" ", 19) + "[############------------] backup 32732089 runs",
		60:  strings.Repeat(" ", 19) + "[########---------] backup 32732089 runs",
		46:  strings.Repeat(" ", 19) + "[###---] backup 32732089 r",
	} {
		if got := bar(0.5, "backup 32732089 runs", width); got != want || len(got) >= width {
			t.Errorf("%d: %q, want %q", width, got, want)
		}
	}
}

func TestLinesBreakAtWords(t *testing.T) {
	for width, want := range map[int]string{
		70: "   0.00s  api      one two three four five six seven eight nine ten\n                   eleven\n",
		40: "   0.00s  api      one two three four\n                   five six seven eight\n                   nine ten eleven\n",
	} {
		var out bytes.Buffer
		s := &screen{w: &out, terminal: true, width: func() int { return width }, began: time.Now()}
		s.event(plain, "api", "one two three four five six seven eight nine ten eleven")
		if got := out.String(); got != want {
			t.Errorf("%d:\n%swant\n%s", width, got, want)
		}
	}
}

func TestTheAnswerIsLaidOut(t *testing.T) {
	cluster := `{"DBClusterId":"amv-a","Status":"Completed","Reason":"two words"}`
	for raw, want := range map[string]string{
		`{"Action":"Ensure","Status":"Completed","Backups":[` + cluster + `],"Skipped":[` + cluster + `]}`: `{ "Action": "Ensure",
  "Status": "Completed",
  "Backups": [
  { "DBClusterId": "amv-a",
    "Status": "Completed",
    "Reason": "two words" }
], "Skipped": [
  { "DBClusterId": "amv-a",
    "Status": "Completed",
    "Reason": "two words" }
] }`,
		`{"Backups":[` + strings.Repeat(`{"A":1},`, 4) + `{"A":1}]}`: "{ \"Backups\": [\n  { \"A\": 1 },\n  { \"A\": 1 },\n  { \"A\": 1 },\n  … and 2 more\n] }",
		`{"Status":"Ignored"}`: `{ "Status": "Ignored" }`,
		`"text"`:               `"text"`,
		"not\nJSON":            "not\nJSON",
	} {
		if got := strings.Join(layOut([]byte(raw), 36), "\n"); got != want {
			t.Errorf("%s became\n%s\nwant\n%s", raw, got, want)
		}
	}
}
