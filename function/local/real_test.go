package main

import (
	"bytes"
	"net/http/httptest"
	"strings"
	"testing"

	"adb-backup/function/local/fakeadb"
)

// standIn is an emulator in the place of the real cloud, and the environment of a person who works with it.
func standIn(t *testing.T, change func(*fakeadb.Options)) (*fakeadb.Service, []string) {
	t.Helper()
	const id, secret = "LTAI5tMarkedKeyId", "MarkedSecret"
	o := fakeadb.Options{Credentials: map[string]fakeadb.Credential{id: {Secret: secret}}}
	change(&o)
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
	adb, environ := standIn(t, func(*fakeadb.Options) {})
	for _, c := range []struct {
		variables, answer string
		code, creates     int
		want              string
	}{
		{"EVENT=events/bare-id.json", "n\n", exitNotAsked, 0, "Go ahead? [y/N] nothing was called"},
		{"EVENT=events/bare-id.json YES=no ADB_ALARM_SECRET=MarkedSecret", "", exitNotAsked, 0, "nothing was called"},
		{"EVENT=events/bare-id.json", "yes\n", exitDone, 1, "(cn-shenzhen)"},
		{"EVENT=events/bare-id.json YES=1", "", exitDone, 2, "LTAI5tMa…Id"},
		{"EVENT=events/verify.json", "", exitDone, 2, "Success: Completed."},
		{"EVENT=events/by-tag.json YES=1 DENIED=1", "", exitFailed, 2, "works with your own credentials"},
	} {
		if strings.Contains(c.variables, "DENIED") {
			adb.Set(func(o *fakeadb.Options) { o.Denied = []fakeadb.Denial{{}} })
		}
		var b bytes.Buffer
		code := start(t.Context(), []string{"-binary", binary}, streams{strings.NewReader(c.answer), &b, &b, append(environ, strings.Fields(c.variables)...)})
		if out := b.String(); code != c.code || adb.Count(create) != c.creates || !strings.Contains(out, c.want) || strings.Contains(out, "MarkedSecret") {
			t.Errorf("%s: exit code %d, %d creates\n%s", c.variables, code, adb.Count(create), out)
		}
	}
}
