package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/fakeadb"
)

// standIn is an emulator in the place of the real cloud, and the environment of a person who works with it.
func standIn(t *testing.T) (*service, []string) {
	t.Helper()
	const id, secret = "LTAI5tMarkedKeyId", "MarkedSecret"
	service, err := openService()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(service.close)
	service.Set(func(o *fakeadb.Options) { o.Credentials = map[string]fakeadb.Credential{id: {Secret: secret}} })
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", id)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", secret)
	t.Setenv("ALIBABA_CLOUD_SECURITY_TOKEN", "")
	return service, []string{"ADB_ENDPOINT=http://" + service.address, "ALIBABA_CLOUD_REGION_ID=cn-shenzhen"}
}

// The real cloud, with the emulator standing in for it: everything up to the answer is as it would be.
func TestTheRealCloud(t *testing.T) {
	service, environ := standIn(t)
	code, out := local(environ, "-cloud", "real", "-event", "events/bare-id.json")
	if code != exitUsage || service.Count(create) != 0 || !strings.Contains(out, "no terminal to ask") {
		t.Errorf("nobody was asked: exit code %d\n%s", code, out)
	}
	code, out = local(environ, "-cloud", "real", "-event", "events/bare-id.json", "-yes")
	if code != exitSuccess || service.Count(create) != 1 || !strings.Contains(out, "(cn-shenzhen)") || !strings.Contains(out, "LTAI5tMa…Id") || strings.Contains(out, "MarkedSecret") {
		t.Errorf("with -yes: exit code %d\n%s", code, out)
	}
	code, out = local(environ, "-cloud", "real", "-event", "events/verify.json")
	if code != exitSuccess || service.Count(create) != 1 || service.Count(look) == 0 {
		t.Errorf("a Verify asks nobody: exit code %d\n%s", code, out)
	}
	if code, out := local(nil, "-cloud", "real", "-event", "amv-a"); code != exitUsage || !strings.Contains(out, "in which region?") {
		t.Errorf("no region: exit code %d\n%s", code, out)
	}
	if code, out := local([]string{"ALIBABA_CLOUD_REGION_ID=evil.example/"}, "-cloud", "real", "-event", "amv-a"); code != exitUsage || !strings.Contains(out, "is not a region") {
		t.Errorf("a region that is none: exit code %d\n%s", code, out)
	}
}

func TestARefusedKeyIsTheCallersOwn(t *testing.T) {
	service, environ := standIn(t)
	service.Set(func(o *fakeadb.Options) { o.Denied = []fakeadb.Denial{{}} })
	code, out := local(environ, "-cloud", "real", "-event", "events/bare-id.json", "-yes")
	if code != exitFailure || !strings.Contains(out, "Your own credentials were refused") || strings.Contains(out, "The function's credentials") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestCtrlCLeavesTheBackupInTheCloud(t *testing.T) {
	service, environ := standIn(t)
	service.Set(func(o *fakeadb.Options) { o.Takes = time.Hour })
	ctx, interrupt := context.WithTimeout(t.Context(), time.Minute)
	var out safeBuffer
	code := make(chan int)
	go func() {
		code <- run(ctx, []string{"-binary", binary, "-cloud", "real", "-event", "events/request.json", "-yes"}, streams{out: &out, err: &out, environ: environ})
	}()
	for !strings.Contains(out.String(), "backup requested") && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	interrupt()
	if got := <-code; got != exitInterrupted || !strings.Contains(strings.Join(strings.Fields(out.String()), " "), "the backup that was requested goes on in the cloud") {
		t.Errorf("exit code %d\n%s", got, out.String())
	}
}

func TestNoCredentials(t *testing.T) {
	for _, name := range []string{"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_CREDENTIALS_URI", "ALIBABA_CLOUD_CREDENTIALS_FILE"} {
		t.Setenv(name, "")
	}
	t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
	config := filepath.Join(t.TempDir(), "config.json")
	t.Setenv("ALIBABA_CLOUD_CONFIG_FILE", config)
	// The chain's own error would quote this file.
	if err := os.WriteFile(config, []byte(`{"profiles":[{"access_key_secret":"MarkedSecret"`), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("HOME", filepath.Dir(config))
	code, out := local([]string{"ALIBABA_CLOUD_REGION_ID=cn-hangzhou"}, "-cloud", "real", "-event", "amv-a")
	if code != exitUsage || !strings.Contains(out, "no credentials for Alibaba Cloud") || strings.Contains(out, "MarkedSecret") {
		t.Errorf("exit code %d\n%s", code, out)
	}
}

func TestTheQuestion(t *testing.T) {
	for reply, yes := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false, "yeah\n": false} {
		var out bytes.Buffer
		s := &stage{std: streams{in: strings.NewReader(reply), out: &out}}
		if err := s.ask(); (err == nil) != yes || out.String() != "Go ahead? [y/N] " {
			t.Errorf("%q: %v", reply, err)
		}
	}
}

func TestTheEnvironmentOfTheFunction(t *testing.T) {
	env := strings.Join(realEnv([]string{"https_proxy=http://p", "ADB_NETWORK=vpc", "AWS_SECRET=x", "LOG_LEVEL=warn"}), " ")
	if env != "LOG_LEVEL=debug ADB_NETWORK=vpc LOG_LEVEL=warn https_proxy=http://p" {
		t.Errorf("the function's environment: %s", env)
	}
}
