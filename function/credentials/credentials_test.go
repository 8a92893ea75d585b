package credentials

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// nothing empties every place where credentials could be found, and returns the folder that is home.
func nothing(t *testing.T) string {
	t.Helper()
	for _, name := range []string{
		"AccountID", "AccessKeyID", "AccessKeySecret", "SecurityToken", "DEBUG",
		"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN",
		"ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE", "ALIBABA_CLOUD_STS_REGION",
		"ALIBABA_CLOUD_CREDENTIALS_URI", "ALIBABA_CLOUD_CREDENTIALS_FILE", "ALIBABA_CLOUD_CONFIG_FILE", "ALIBABA_CLOUD_PROFILE",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
	home := t.TempDir()
	t.Setenv("HOME", home)
	if err := os.MkdirAll(filepath.Join(home, ".aliyun"), 0o700); err != nil {
		t.Fatal(err)
	}
	return home
}

func TestWhereCredentialsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		env  map[string]string
		cli  string
		want Credentials
	}{
		"environment": {
			env:  map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": "k", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s", "ALIBABA_CLOUD_SECURITY_TOKEN": "t"},
			want: Credentials{AccessKeyID: "k", AccessKeySecret: "s", SecurityToken: "t", From: "default/env"},
		},
		"Serverless Devs' variables come first": {
			env: map[string]string{"AccountID": "1234", "AccessKeyID": "k2", "AccessKeySecret": "s2",
				"ALIBABA_CLOUD_ACCESS_KEY_ID": "k", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"},
			want: Credentials{AccessKeyID: "k2", AccessKeySecret: "s2", Account: "1234", From: "the variables AccountID, AccessKeyID, AccessKeySecret"},
		},
		"Serverless Devs' temporary keys": {
			env:  map[string]string{"AccountID": "1234", "AccessKeyID": "k2", "AccessKeySecret": "s2", "SecurityToken": "t2"},
			want: Credentials{AccessKeyID: "k2", AccessKeySecret: "s2", SecurityToken: "t2", Account: "1234", From: "the variables AccountID, AccessKeyID, AccessKeySecret"},
		},
		"two of them do not count": {
			env:  map[string]string{"AccessKeyID": "k2", "AccessKeySecret": "s2", "ALIBABA_CLOUD_ACCESS_KEY_ID": "k", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "s"},
			want: Credentials{AccessKeyID: "k", AccessKeySecret: "s", From: "default/env"},
		},
		"Alibaba Cloud CLI": {
			cli:  `{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"k","access_key_secret":"s"}]}`,
			want: Credentials{AccessKeyID: "k", AccessKeySecret: "s", From: "default/cli_profile/static_ak"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			home := nothing(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if c.cli != "" {
				write(t, filepath.Join(home, ".aliyun", "config.json"), c.cli)
			}
			got, err := new(Source).Get(t.Context())
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%v (-want +got)\n%s", err, diff)
			}
		})
	}
}

// A chain that fails must say where it looked, and must not repeat what it read there.
func TestNoCredentials(t *testing.T) {
	const marked = "MarkedSecret"
	for name, c := range map[string]struct {
		env  map[string]string
		cli  string
		want []string
	}{
		"nothing at all":     {want: []string{"ALIBABA_CLOUD_ACCESS_KEY_ID, …_SECRET: not set", "config.json: no such file", "METADATA_DISABLED is set", `run "aliyun configure"`}},
		"half of a pair":     {env: map[string]string{"ALIBABA_CLOUD_ACCESS_KEY_ID": marked}, want: []string{"ALIBABA_CLOUD_ACCESS_KEY_SECRET is missing"}},
		"two of three":       {env: map[string]string{"AccessKeyID": "k", "AccessKeySecret": marked}, want: []string{"AccountID is missing; all of them must be set"}},
		"not JSON":           {cli: `{"profiles":[{"access_key_secret":"` + marked, want: []string{"config.json: it cannot be read, or is not JSON"}},
		"another profile":    {env: map[string]string{"ALIBABA_CLOUD_PROFILE": "b"}, cli: `{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_id":"k","access_key_secret":"` + marked + `"}]}`, want: []string{`it has no profile "b"`}},
		"a mode that is new": {cli: `{"current":"a","profiles":[{"name":"a","mode":"StsToken","sts_token":"` + marked + `"}]}`, want: []string{`its profile "a" has the mode "StsToken"`}},
		"an empty key":       {cli: `{"current":"a","profiles":[{"name":"a","mode":"AK","access_key_secret":"` + marked + `"}]}`, want: []string{`its profile "a" gave nothing`}},
		"OIDC without file":  {env: oidcEnv("/nowhere/" + marked), want: []string{"_TOKEN_FILE: the token file cannot be read"}},
	} {
		t.Run(name, func(t *testing.T) {
			home := nothing(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			if c.cli != "" {
				write(t, filepath.Join(home, ".aliyun", "config.json"), c.cli)
			}
			check(t, c.want, marked)
		})
	}
	t.Run("OIDC without a network", func(t *testing.T) {
		home := nothing(t)
		file := filepath.Join(home, "token")
		write(t, file, marked)
		for name, value := range oidcEnv(file) {
			t.Setenv(name, value)
		}
		t.Setenv("HTTPS_PROXY", "http://user:"+marked+"@127.0.0.1:1")
		check(t, []string{"_TOKEN_FILE: set, but no temporary credentials came of it"}, marked)
	})
	t.Run("a source that is given up", func(t *testing.T) {
		nothing(t)
		said := newError(errors.New(`Post "https://sts.aliyuncs.com/?SecurityToken=MarkedSecret": {"Code":"AuthenticationFail.OIDCToken.Expired","Token":"MarkedSecret"}`))
		if strings.Contains(said.Error(), marked) {
			t.Error(said)
		}
	})
}

func check(t *testing.T, want []string, marked string) {
	t.Helper()
	_, err := new(Source).Get(t.Context())
	var all *Error
	if !errors.As(err, &all) {
		t.Fatalf("%v", err)
	}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in\n%v", w, err)
		}
	}
	if strings.Contains(fmt.Sprintf("%v %+v", err, all), marked) {
		t.Errorf("a secret is in\n%v", err)
	}
}

func oidcEnv(file string) map[string]string {
	return map[string]string{
		"ALIBABA_CLOUD_ROLE_ARN": "acs:ram::1:role/r", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN": "acs:ram::1:oidc-provider/p", "ALIBABA_CLOUD_OIDC_TOKEN_FILE": file,
	}
}

// A service's code is shown, for it says what is wrong, and nothing else of what it said.
func TestTheCodeOfOIDC(t *testing.T) {
	home := nothing(t)
	file := filepath.Join(home, "token")
	write(t, file, "MarkedSecret")
	for name, value := range oidcEnv(file) {
		t.Setenv(name, value)
	}
	for said, want := range map[string]string{
		`get session token failed: {"RequestId":"1","Code":"AuthenticationFail.NoPermission","Message":"MarkedSecret"}`: "(the service said AuthenticationFail.NoPermission)",
		`Post "https://sts.aliyuncs.com/?Token=MarkedSecret": EOF`:                                                      "",
	} {
		got := newError(errors.New(said)).Error()
		if !strings.Contains(got, want) || want == "" && strings.Contains(got, "the service said") || strings.Contains(got, "MarkedSecret") {
			t.Errorf("of %s: %s", said, got)
		}
	}
}

func TestDebugIsRefused(t *testing.T) {
	nothing(t)
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_ID", "k")
	t.Setenv("ALIBABA_CLOUD_ACCESS_KEY_SECRET", "s")
	for value, refused := range map[string]bool{"dara": true, "x, tea": true, "other": false} {
		t.Setenv("DEBUG", value)
		if _, err := new(Source).Get(t.Context()); (err != nil) != refused {
			t.Errorf("DEBUG=%s: %v", value, err)
		}
	}
}

func TestRegion(t *testing.T) {
	home := nothing(t)
	path := filepath.Join(home, ".aliyun", "config.json")
	write(t, path, `{"current":"a","profiles":[{"name":"a","region_id":"cn-a"},{"name":"b","region_id":"cn-b"}]}`)
	for want, env := range map[string]map[string]string{
		"cn-a": {"HOME": home},
		"cn-b": {"HOME": home, "ALIBABA_CLOUD_PROFILE": "b"},
		"cn-c": {"HOME": home, "ALIBABA_CLOUD_REGION_ID": "cn-c"},
		"":     {"HOME": t.TempDir()},
	} {
		if got := Region(func(name string) string { return env[name] }); got != want {
			t.Errorf("%v: %q, want %q", env, got, want)
		}
	}
	named := map[string]string{"ALIBABA_CLOUD_CONFIG_FILE": path}
	if got := Region(func(name string) string { return named[name] }); got != "cn-a" {
		t.Errorf("named file: %q", got)
	}
}

func write(t *testing.T, path, content string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestHide: a key id can be recognized, and a short one shows nothing.
func TestHide(t *testing.T) {
	for id, want := range map[string]string{"": "…", "LTAI5tAbcde": "…", "LTAI5tAbcdef": "LTAI5tAb…ef", "LTAI5tAbcdefghijklmnopqr": "LTAI5tAb…qr"} {
		if got := Hide(id); got != want {
			t.Errorf("%q: %q, want %q", id, got, want)
		}
	}
}
