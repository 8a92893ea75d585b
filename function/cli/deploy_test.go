package main

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"adb-backup/function/credentials"
)

// standIn is the stand-in for s, Serverless Devs' command. It writes down its arguments and the credentials in its environment,
// and fails at the command that STAND_IN_FAILS names.
func standIn() (code int) {
	line := strings.Join(os.Args[1:], " ")
	for _, name := range append(slices.Clone(credentials.ServerlessDevs), handedOver, "serverless_devs_access_cicd_alias_name") {
		if value, ok := os.LookupEnv(name); ok {
			line += " " + name + "=" + value
		}
	}
	f, err := os.OpenFile(os.Getenv("STAND_IN"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = fmt.Fprintln(f, line)
	}
	if err != nil || os.Getenv("STAND_IN_FAILS") == os.Args[1] {
		return 101
	}
	return 0
}

// useStandIn makes the stand-in the only s there is, with a node. calls returns what it was started with, without the options and
// the credentials that every call has if it has them right.
func useStandIn(t *testing.T) (calls func(file string, key ...string) []string) {
	t.Helper()
	self, folder := must(os.Executable()), t.TempDir()
	for _, name := range []string{"s", "node"} {
		must(0, os.Symlink(self, filepath.Join(folder, name)))
	}
	log := filepath.Join(folder, "log")
	for name, value := range map[string]string{"PATH": folder, "STAND_IN": log, "HOME": folder, "serverless_devs_config_home": folder, "SecurityToken": ""} {
		t.Setenv(name, value)
	}
	return func(file string, key ...string) []string {
		if key == nil {
			key = []string{testKeyID, testSecret, testAccount, testToken}
		}
		always := fmt.Sprintf(` --template %s --access %s %s={"AccessKeyID":"%s","AccessKeySecret":"%s","AccountID":"%s","SecurityToken":"%s"}`+"\n",
			file, handedOver, handedOver, key[0], key[1], key[2], key[3])
		text, _ := os.ReadFile(log)
		return slices.DeleteFunc(strings.Split(string(text), always), func(line string) bool { return line == "" })
	}
}

// twoQueues is s.yaml with a trigger behind the first one of EventBridge.
func twoQueues(t *testing.T) string {
	before, queue, _ := strings.Cut(filledIn(t), "        #- triggerName: queue")
	return before + uncommented("        #- triggerName: queue"+queue)
}

func TestDeploy(t *testing.T) {
	all := []string{"verify", "deploy -y"}
	byName := []string{"verify", "deploy --trigger queue -y", "deploy -y"}
	const noFunction, alarm = `{}`, `{"environmentVariables": {"ADB_ALARM_WEBHOOK": "https://example.com/MarkedToken"}}`
	for name, c := range map[string]struct {
		source string
		online string // the function; empty: it is not deployed
		fails  string
		args   string
		code   int
		want   []string
		says   string
	}{
		"the first time":              {filledIn(t), "", "", "", exitDone, all, "credentials: default/env, account " + testAccount},
		"two eventbridge triggers":    {twoQueues(t), noFunction, "", "", exitDone, byName, ""},
		"both of them for the first":  {twoQueues(t), "", "", "", exitDone, all, ""},
		"without a role":              {filledIn(t, "role", "another"), "", "", "", exitNo, nil, "the role another does not exist: make role first"},
		"something is wrong":          {changed(t, "timeout:", "timeOut:"), "", "", "", exitWrong, nil, "did you mean timeout?"},
		"s finds something":           {filledIn(t), "", "verify", "", exitNotAsked, all[:1], "s verify failed"},
		"s fails":                     {filledIn(t), "", "deploy", "", exitNotAsked, all, "s deploy failed"},
		"one trigger cannot be":       {twoQueues(t), noFunction, "deploy", "", exitNotAsked, byName[:2], "s deploy failed"},
		"a role that lacks a cluster": {filledIn(t, "clusters", manyClusters(3)), noFunction, "", "", exitDone, all, "to do: renew the policy"},
		"an alarm is lost":            {filledIn(t), alarm, "", "", exitWrong, nil, "ADB_ALARM_WEBHOOK: online, and not in this shell"},
		"an alarm is given up":        {filledIn(t), alarm, "", "-yes", exitDone, all, "ADB_ALARM_WEBHOOK: online, and not in this shell"},
		"an alarm is kept":            {changed(t, "${env('ADB_ALARM_WEBHOOK', '')}", "${env('NOT_SET_HERE', 'https://example.com/other')}"), alarm, "", "", exitDone, all, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newCloud(t)
			makesRole(t, f, exitDone, "", filledIn(t), "-yes")
			f.function = map[string]string{"": c.online, "/triggers": "{}"}
			calls := useStandIn(t)
			t.Setenv("STAND_IN_FAILS", c.fails)
			file := write(t, c.source)
			expect(t, c.code, "", c.says, append([]string{"deploy", "-s", file, "-endpoint", f.url}, strings.Fields(c.args)...)...)
			if got := calls(file); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// s gets the credentials that this program works with, and nothing that it would misread. What cannot be done is told truly.
func TestHandOver(t *testing.T) {
	three := map[string]string{"AccountID": "1", "AccessKeyID": "k", "AccessKeySecret": "s"}
	two := map[string]string{"AccountID": "1", "AccessKeyID": "k", "serverless_devs_access_cicd_alias_name": "x"}
	noS := map[string]string{"PATH": t.TempDir()}
	const noKey, noTool = "no credentials", "no Node.js|no Serverless Devs"
	for _, c := range []struct {
		args      string
		env       map[string]string
		key       []string
		code      int
		got, says string
	}{
		{"logs --tail", two, nil, exitDone, "logs --tail", ""},
		{"remove -yes", three, []string{"k", "s", "1", ""}, exitDone, "remove -y", ""},
		{"remove", noS, nil, exitWrong, "", "nothing was changed: there is no terminal"},
		{"doctor", nil, nil, exitNotAsked, "", noKey}, {"deploy", nil, nil, exitNotAsked, "", noKey},
		{"logs", nil, nil, exitNotAsked, "", noKey}, {"remove -yes", nil, nil, exitNotAsked, "", noKey},
		{"doctor -offline", noS, nil, exitNo, "", noTool}, {"deploy", noS, nil, exitNotAsked, "", noTool},
		{"logs", noS, nil, exitNotAsked, "", noTool}, {"remove -yes", noS, nil, exitNotAsked, "", noTool},
	} {
		t.Run(c.args+" "+c.says, func(t *testing.T) {
			f, calls := newCloud(t), useStandIn(t)
			if c.says == noKey {
				noCredentials(t)
			}
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			file := write(t, changed(t, "\naccess: default", "\naccess: other"))
			out, errs := expect(t, c.code, "", "", append(strings.Fields(c.args), "-s", file, "-endpoint", f.url)...)
			has(t, out+errs, c.says)
			if got := strings.Join(calls(file, c.key...), "|"); got != c.got || strings.Contains(errs, "deployed?") {
				t.Errorf("%q: %s", got, errs)
			}
		})
	}
}

// The same binary gives the same package, whatever a careless checkout, umask or file system does to it.
func TestPackage(t *testing.T) {
	dir := t.TempDir()
	binary, out := filepath.Join(dir, "main"), filepath.Join(dir, "function.zip")
	expect(t, exitNotAsked, "", "run `make build` first", "package", "-binary", binary, "-o", out)
	source := bytes.Repeat([]byte("a function "), 1000)
	var packages [2][]byte
	for i, mode := range []os.FileMode{0o600, 0o755} {
		err := errors.Join(os.WriteFile(binary, source, 0o600), os.Chmod(binary, mode), os.Chtimes(binary, time.Time{}, time.Unix(int64(1e9*(i+1)), 0)))
		expect(t, exitDone, "", "", "package", "-binary", binary, "-o", out)
		if packages[i], _ = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	z, err := zip.NewReader(bytes.NewReader(packages[0]), int64(len(packages[0])))
	if err != nil || len(z.File) != 1 || !bytes.Equal(packages[0], packages[1]) {
		t.Fatal(err, z)
	}
	f := z.File[0]
	if content, err := fs.ReadFile(z, "main"); err != nil || !bytes.Equal(content, source) || f.Mode() != 0o755 || f.CompressedSize64 >= f.UncompressedSize64 {
		t.Errorf("%v: %s, %s, %d bytes of %d", err, f.Name, f.Mode(), f.CompressedSize64, f.UncompressedSize64)
	}
}
