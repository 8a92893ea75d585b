package credentials

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const marked = "MarkedSecret"

// home empties every place where credentials could be found, sets env, and writes Alibaba Cloud CLI's configuration into the
// folder that it returns, which is home.
func home(t *testing.T, env map[string]string, cli string) string {
	t.Helper()
	for _, entry := range os.Environ() {
		if name, _, _ := strings.Cut(entry, "="); strings.HasPrefix(name, "ALIBABA_CLOUD_") || strings.HasPrefix(name, "Acc") || name == "SecurityToken" || name == "DEBUG" {
			t.Setenv(name, "")
		}
	}
	folder := t.TempDir()
	t.Setenv("HOME", folder)
	t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
	for name, value := range env {
		t.Setenv(name, value)
	}
	if cli != "" {
		if err := os.MkdirAll(filepath.Join(folder, ".aliyun"), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(folder, ".aliyun", "config.json"), []byte(cli), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestWhereCredentialsAreFound(t *testing.T) {
	keys := map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "k\n", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s\n", "ALIBABA_CLOUD_SECURITY_TOKEN": "t\n"}
	three := map[string]string{"AccountID": "1234\n", "AccessKeyID": "k2\n", "AccessKeySecret": "s2\n", "SecurityToken": "t2\n", "ALIBABA_CLOUD_ACCESS_KEY_ID": "k", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"}
	two := map[string]string{"AccessKeyID": "k2", "AccessKeySecret": "s2", "ALIBABA_CLOUD_ACCESS_KEY_ID": "k", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"}
	for name, c := range map[string]struct {
		env  map[string]string
		cli  string
		want Credentials
	}{
		"environment": {keys, "", Credentials{AccessKeyID: "k", AccessKeySecret: "s", SecurityToken: "t", From: "default/env"}},
		"Serverless Devs' variables come first": {three, "", Credentials{AccessKeyID: "k2", AccessKeySecret: "s2", SecurityToken: "t2", Account: "1234",
			From: "the variables AccountID, AccessKeyID, AccessKeySecret"}},
		"two of them do not count": {two, "", Credentials{AccessKeyID: "k", AccessKeySecret: "s", From: "default/env"}},
		"Alibaba Cloud CLI": {nil, `{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"k","access_key_secret":"s"}]}`,
			Credentials{AccessKeyID: "k", AccessKeySecret: "s", From: "default/cli_profile/static_ak"}},
	} {
		t.Run(name, func(t *testing.T) {
			home(t, c.env, c.cli)
			got, err := new(Source).Get(t.Context())
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

// A search in vain says what was there all the same, and does not repeat what was read.
func TestNoCredentials(t *testing.T) {
	oidc := func(file string) map[string]string {
		return map[string]string{"ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/r", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/p",
			"ALIBABA_CLOUD_OIDC_TOKEN_FILE": file, "HTTPS_PROXY": "http://user:" + marked + "@127.0.0.1:1"}
	}
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte(marked), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		cli  string
		want string
	}{
		"nothing at all":     {nil, "", `or run "aliyun configure"`},
		"half of a pair":     {map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": marked}, "", "ALIBABA_CLOUD_ACCESS_KEY_SECRET is missing"},
		"two of three":       {map[string]string{"AccessKeyID": "k", "AccessKeySecret": marked}, "", "AccountID is missing; all of them must be set"},
		"not JSON":           {nil, `{"profiles":[{"access_key_secret":"` + marked, "config.json cannot be read, or is not JSON"},
		"another profile":    {map[string]string{"ALIBABA_CLOUD_PROFILE": "b"}, `{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"k","access_key_secret":"` + marked + `"}]}`, `config.json has no profile "b"`},
		"a mode that is new": {nil, `{"current":"a","profiles":[{"name":"a","mode":"StsToken","sts_token":"` + marked + `"}]}`, `has the mode "StsToken"; what can be used is AK,`},
		"an empty key":       {nil, `{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_secret":"` + marked + `"}]}`, `the profile "a" in`},
		"OIDC without file":  {oidc("/nowhere/" + marked), "", "are set, but no credentials came of them"},
		"OIDC, no network":   {oidc(token), "", "are set, but no credentials came of them"},
		"DEBUG":              {map[string]string{"DEBUG": "x, tea", "ALIBABA_CLOUD_ACCESS_KEY_ID": "k", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": marked}, "", "the variable DEBUG must not"},
	} {
		t.Run(name, func(t *testing.T) {
			home(t, c.env, c.cli)
			_, err := new(Source).Get(t.Context())
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), marked) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

func TestRegion(t *testing.T) {
	folder := home(t, nil, `{"current":"a","profiles":[{"name":"a","region_id":"cn-a"},{"name":"b","region_id":"cn-b"}]}`)
	for want, env := range map[string]map[string]string{
		"cn-a": {"HOME": folder}, "cn-b": {"HOME": folder, "ALIBABA_CLOUD_PROFILE": "b"}, "": {"HOME": t.TempDir()},
		"cn-c": {"HOME": folder, "ALIBABA_CLOUD_REGION_ID": "cn-c"},
	} {
		if got := Region(func(name string) string { return env[name] }); got != want {
			t.Errorf("%v: %q, want %q", env, got, want)
		}
	}
	if Hide("LTAI5tAbcdef") != "LTAI5tAb…ef" || Hide("LTAI5tAbcde") != "…" {
		t.Error("a key id that is shown")
	}
}
