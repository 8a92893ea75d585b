package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"adb-backup/function/credentials"
)

// standIn is the stand-in for s, Serverless Devs' command. It writes down its arguments and its credentials, and fails at
// the command that STAND_IN_FAILS names.
func standIn() (code int) {
	call := standInCall{Args: os.Args[1:], Env: map[string]string{}}
	for _, name := range append(slices.Clone(credentials.ServerlessDevs), handedOver, "serverless_devs_access_cicd_alias_name") {
		if value, ok := os.LookupEnv(name); ok {
			call.Env[name] = value
		}
	}
	line, _ := json.Marshal(call)
	f, err := os.OpenFile(os.Getenv("STAND_IN"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		fmt.Fprintf(f, "%s\n", line)
		err = f.Close()
	}
	if err != nil || os.Getenv("STAND_IN_FAILS") == os.Args[1] {
		return 101
	}
	return 0
}

// standInCall is what the stand-in was started with.
type standInCall struct {
	Args []string
	Env  map[string]string
}

// useStandIn makes the stand-in the only s there is, with a node. calls returns what it was started with.
func useStandIn(t *testing.T) (calls func() []standInCall) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, name := range []string{"s", "node"} {
		if err := os.Symlink(self, filepath.Join(folder, name)); err != nil {
			t.Fatal(err)
		}
	}
	log := filepath.Join(folder, "log")
	for name, value := range map[string]string{"PATH": folder, "STAND_IN": log, "HOME": folder, "serverless_devs_config_home": folder, "SecurityToken": ""} {
		t.Setenv(name, value)
	}
	return func() []standInCall {
		var all []standInCall
		text, _ := os.ReadFile(log)
		for line := range strings.Lines(string(text)) {
			var c standInCall
			if err := json.Unmarshal([]byte(line), &c); err != nil {
				t.Fatal(err)
			}
			all = append(all, c)
		}
		return all
	}
}

// said are the commands of s without the options that are always the same.
func said(calls []standInCall, file string) []string {
	var lines []string
	for _, c := range calls {
		line := strings.Replace(strings.Join(c.Args, " "), " --template "+file, "", 1)
		lines = append(lines, strings.Replace(line, " --access "+handedOver, " HANDED", 1))
	}
	return lines
}

// twoQueues is s.yaml with a trigger behind the first one of EventBridge.
func twoQueues(t *testing.T) []byte {
	text := string(filledIn(t))
	before, queue, found := strings.Cut(text, "        #- triggerName: queue")
	if !found {
		t.Fatal("s.yaml has no trigger queue")
	}
	return append([]byte(before), uncommented([]byte("        #- triggerName: queue"+queue))...)
}

func TestDeploy(t *testing.T) {
	all := []string{"verify HANDED", "deploy -y HANDED"}
	byName := []string{"verify HANDED", "deploy --trigger queue -y HANDED", "deploy -y HANDED"}
	for name, c := range map[string]struct {
		source   []byte
		role     bool // make role first
		deployed bool // the function exists already
		fails    string
		want     []string
		says     string
	}{
		"the first time":              {filledIn(t), true, false, "", all, "credentials  default/env, account " + testAccount},
		"again":                       {filledIn(t), true, true, "", all, "next backup"},
		"two eventbridge triggers":    {twoQueues(t), true, true, "", byName, ""},
		"both of them for the first":  {twoQueues(t), true, false, "", all, ""},
		"without a role":              {filledIn(t), false, false, "", nil, "the role adb-backup does not exist: run make role first"},
		"nothing but invocations":     {[]byte(strings.ReplaceAll(string(filledIn(t, "imageClusters", `""`)), "enable: true", "enable: false")), true, true, "", all, "does nothing by itself"},
		"something is wrong":          {readSYAML(t), true, false, "", nil, "placeholder"},
		"s finds something":           {filledIn(t), true, false, "verify", all[:1], "s verify failed"},
		"s fails":                     {filledIn(t), true, false, "deploy", all, "s deploy failed"},
		"one trigger cannot be":       {twoQueues(t), true, true, "deploy", byName[:2], "s deploy failed"},
		"a role that lacks a cluster": {filledIn(t, "clusters", manyClusters(3)), true, true, "", all, "does not have all that s.yaml needs now: run make role"},
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newFakeRAM(t)
			if c.role {
				if code, _, said := makesRole(t, url, filledIn(t), "-yes"); code != exitDone {
					t.Fatal(said)
				}
			}
			f.deployed = c.deployed
			calls := useStandIn(t)
			t.Setenv("STAND_IN_FAILS", c.fails)
			file := filepath.Join(t.TempDir(), "s.yaml")
			if err := os.WriteFile(file, c.source, 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, errs := runs(t, "deploy", "-s", file, "-endpoint", url)
			if got := said(calls(), file); !slices.Equal(got, c.want) || !strings.Contains(errs, c.says) {
				t.Errorf("%q, want %q\n%s", got, c.want, errs)
			}
			if (code == exitDone) != (len(c.want) > 1 && c.fails == "") {
				t.Errorf("exit code %d: %s", code, errs)
			}
			for _, call := range calls() {
				key := call.Env[handedOver]
				if want := `{"AccessKeyID":"` + testKeyID + `","AccessKeySecret":"` + testSecret + `","AccountID":"` + testAccount + `","SecurityToken":"` + testToken + `"}`; key != want {
					t.Errorf("handed over: %s", key)
				}
			}
			if strings.Contains(out+errs, testSecret) || strings.Contains(out+errs, testToken) {
				t.Error("a secret is shown")
			}
		})
	}
}

// Whatever credentials s has of its own count; what it would misread is taken out of its way.
func TestHandOver(t *testing.T) {
	_, url := newFakeRAM(t)
	three := map[string]string{"AccountID": "1", "AccessKeyID": "k", "AccessKeySecret": "s"}
	for name, c := range map[string]struct {
		env    map[string]string
		files  map[string]string // in the folder of s.yaml, which is home, too
		access string
		handed bool
		from   string
		fails  string
	}{
		"the default chain":                   {handed: true, from: "default/env, account " + testAccount},
		"three variables":                     {env: three, from: "the variables AccountID"},
		"three, and others":                   {env: map[string]string{"AccountID": "1", "AccessKeyID": "k"}, handed: true, from: "default/env"},
		"three with a token":                  {env: map[string]string{"AccountID": "1", "AccessKeyID": "k", "AccessKeySecret": "s", "SecurityToken": "t"}, handed: true, from: "account 1"},
		"s config":                            {files: map[string]string{".s/access.yaml": "default:\n  AccessKeyID: x\n"}, from: "s config, under the alias default"},
		"s config, another alias":             {files: map[string]string{".s/access.yaml": "other:\n  AccessKeyID: x\n"}, handed: true, from: "default/env"},
		"s config, the alias of s.yaml":       {files: map[string]string{".s/access.yaml": "other:\n  AccessKeyID: x\n"}, access: "other", from: "s config, under the alias other"},
		"an alias that is not there":          {access: "other", fails: "access: other names credentials that s config add has not stored"},
		"an alias, but three variables":       {env: three, access: "other", from: "the variables AccountID"},
		"the file .env":                       {files: map[string]string{".env": "AccountID=1\nexport AccessKeyID=k\nAccessKeySecret = s\n"}, from: "the file .env"},
		"half of it in .env":                  {files: map[string]string{".env": "AccountID=1\nAccessKeyID=\nAccessKeySecret=s\n"}, handed: true, from: "default/env"},
		"a pipeline that names another alias": {env: map[string]string{"serverless_devs_access_cicd_alias_name": "x"}, handed: true, from: "default/env"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := useStandIn(t)
			home := os.Getenv("HOME")
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			for name, text := range c.files {
				path := filepath.Join(home, name)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			source := filledIn(t)
			if c.access != "" {
				source = []byte(strings.Replace(string(source), "\naccess: default", "\naccess: "+c.access, 1))
			}
			file := filepath.Join(home, "s.yaml")
			if err := os.WriteFile(file, source, 0o600); err != nil {
				t.Fatal(err)
			}
			code, _, errs := runs(t, "remove", "-s", file, "-endpoint", url)
			if c.fails != "" {
				if code != exitNotAsked || !strings.Contains(errs, c.fails) || len(calls()) > 0 {
					t.Errorf("exit code %d: %s", code, errs)
				}
				return
			}
			if code != exitDone || len(calls()) != 1 {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			call := calls()[0]
			if _, handed := call.Env[handedOver]; handed != c.handed || handed != slices.Contains(call.Args, handedOver) {
				t.Errorf("handed over: %v, %+v", handed, call)
			}
			if _, misled := call.Env["serverless_devs_access_cicd_alias_name"]; misled {
				t.Error("s would take another alias")
			}
			// s takes the three variables before an alias as soon as they exist, even empty.
			three := 0
			for _, name := range credentials.ServerlessDevs {
				if _, ok := call.Env[name]; ok {
					three++
				}
			}
			if want := strings.HasPrefix(c.from, "the variables"); (three == 3) != want || three != 0 && three != 3 {
				t.Errorf("%d of the three variables reach s: %v", three, call.Env)
			}
			readsAs(t, url, file, c.from)
		})
	}
}

// readsAs holds what is said of the credentials' origin.
func readsAs(t *testing.T, url, file, from string) {
	t.Helper()
	s, err := readSettings(file)
	if err != nil {
		t.Fatal(err)
	}
	e, err := parseEndpoint(url)
	if err != nil {
		t.Fatal(err)
	}
	made, err := newTool(t.Context(), s, filepath.Dir(file), e, os.Stdout, os.Stderr)
	if err != nil || !strings.Contains(made.from, from) {
		t.Errorf("from %q, want %q: %v", made.from, from, err)
	}
}

func TestToolsThatAreMissing(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for _, command := range []string{"doctor", "deploy", "logs", "remove"} {
		code, _, errs := runs(t, command, "-s", "../../s.yaml")
		if code != exitNotAsked || !strings.Contains(errs, "no Node.js") || !strings.Contains(errs, "no Serverless Devs") {
			t.Errorf("%s: exit code %d: %s", command, code, errs)
		}
	}
}

// getFunction answers GetFunction of Function Compute's API.
func (f *fakeRAM) getFunction(w http.ResponseWriter, r *http.Request) {
	if !f.deployed || r.URL.Path != "/2023-03-30/functions/backups" {
		refuse(w, http.StatusNotFound, "FunctionNotFound", "function does not exist")
		return
	}
	fmt.Fprint(w, `{"functionName":"backups"}`)
}
