package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// standIn is an emulator in the place of the real cloud, and the environment of a person who works with it.
func standIn(t *testing.T, o fakeadb.Options) (*fakeadb.Service, []string) {
	t.Helper()
	const id, secret = "LTAI5tMarkedKeyId", "MarkedSecret"
	o.Credentials = map[string]fakeadb.Credential{id: {Secret: secret}}
	adb := fakeadb.New(o)
	server := httptest.NewServer(adb)
	t.Cleanup(server.Close)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", id)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret)
	t.Setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "")
	return adb, []string{"ADB_ENDPOINT=" + server.URL, "ALIBABA_CLOUD_REGION_ID=cn-shenzhen", "CLOUD=real"}
}

// The real cloud, with the emulator standing in for it: everything up to the answer is as it would be.
func TestTheRealCloud(t *testing.T) {
	adb, environ := standIn(t, fakeadb.Options{})
	type run struct {
		words, typed  string
		code, creates int
		want          string
	}
	const bare = "EVENT=events/bare-id.json"
	runs := []run{
		{bare, "n\n", exitNotAsked, 0, "Go ahead? [y/N] nothing was called"},
		{bare + " ADB_ALARM_SECRET=MarkedSecret", "", exitNotAsked, 0, "nothing was called"},
		{bare, "yes\n", exitDone, 1, "(cn-shenzhen)"},
		{"EVENT=events/verify.json", "", exitDone, 0, "Success: Completed."},
	}
	for _, yes := range []string{"1", "y", "yes", "true", "Y", "TRUE"} {
		runs = append(runs, run{bare + " YES=" + yes, "", exitDone, 1, "LTAI5tMa…Id"})
	}
	for _, no := range []string{"0", "n", "no", "on", "false", "11", "yes!"} {
		runs = append(runs, run{bare + " YES=" + no, "", exitNotAsked, 0, "nothing was called"})
	}
	for _, c := range append(runs, run{"EVENT=events/by-tag.json YES=1", "", exitFailed, 0, "works with your own credentials"}) {
		if c.code == exitFailed {
			adb.Set(func(o *fakeadb.Options) { o.Denied = []fakeadb.Denial{{}} })
		}
		before := adb.Count(create)
		code, out := local(c.words, c.typed, environ...)
		if n := adb.Count(create) - before; code != c.code || n != c.creates || !strings.Contains(out, c.want) || strings.Contains(out, "MarkedSecret") {
			t.Errorf("%s: exit code %d, %d creates\n%s", c.words, code, n, out)
		}
	}
}

// watched is an output that interrupts the command when it says something. The screen writes one line at a time.
type watched struct {
	bytes.Buffer
	when      string
	interrupt func()
}

func (w *watched) Write(p []byte) (int, error) {
	n, err := w.Buffer.Write(p)
	if strings.Contains(w.String(), w.when) {
		w.interrupt()
	}
	return n, err
}

// Ctrl-C ends the process here, and says what goes on in the cloud.
func TestCtrlC(t *testing.T) {
	_, environ := standIn(t, fakeadb.Options{Takes: time.Hour})
	for when, c := range map[string]struct {
		environ []string
		want    string
	}{
		"accepted":         {[]string{"TAKES=1h"}, "nothing else is left behind."},
		"backup requested": {append(environ, "EVENT=events/request.json", "YES=1"), "it goes on in the cloud"},
	} {
		ctx, interrupt := context.WithCancel(t.Context())
		w := &watched{when: when, interrupt: interrupt}
		code := start(ctx, []string{"-binary", binary}, streams{out: w, err: w, environ: c.environ})
		out := w.String()
		if words := strings.Join(strings.Fields(out), " "); code != exitInterrupted || !strings.Contains(words, "Interrupted. ") || !strings.Contains(words, c.want) {
			t.Errorf("%s: exit code %d\n%s", when, code, out)
		}
		var pid int
		_, after, _ := strings.Cut(out, "process ")
		fmt.Sscan(after, &pid)
		if pid == 0 || syscall.Kill(pid, 0) == nil {
			t.Errorf("process %d is still there", pid)
		}
	}
}
