package main

import (
	"cmp"
	"encoding/json"
	"fmt"
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
func twoQueues(t *testing.T) string {
	before, queue, _ := strings.Cut(filledIn(t), "        #- triggerName: queue")
	return before + uncommented("        #- triggerName: queue"+queue)
}

func TestDeploy(t *testing.T) {
	all := []string{"verify HANDED", "deploy -y HANDED"}
	byName := []string{"verify HANDED", "deploy --trigger queue -y HANDED", "deploy -y HANDED"}
	const noRole, noFunction, alarm = "no role", `{}`, `{"environmentVariables": {"ADB_ALARM_WEBHOOK": "https://example.com/secret-hook"}}`
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
		"again":                       {filledIn(t), noFunction, "", "", exitDone, all, "next backup"},
		"two eventbridge triggers":    {twoQueues(t), noFunction, "", "", exitDone, byName, ""},
		"both of them for the first":  {twoQueues(t), "", "", "", exitDone, all, ""},
		"without a role":              {filledIn(t, "role", "another"), "", "", "", exitNo, nil, "the role another does not exist: make role first"},
		"nothing but invocations":     {strings.ReplaceAll(filledIn(t, "imageClusters", `""`), "enable: true", "enable: false"), noFunction, "", "", exitDone, all, "does nothing by itself"},
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
			f, url := newAccount(t)
			makesRole(t, url, filledIn(t), "-yes")
			f.function = map[string]string{"": c.online, "/triggers": "{}"}
			calls := useStandIn(t)
			t.Setenv("STAND_IN_FAILS", c.fails)
			file := write(t, c.source)
			code, out, errs := does(t, append([]string{"deploy", "-s", file, "-endpoint", url}, strings.Fields(c.args)...)...)
			if got := said(calls(), file); code != c.code || !slices.Equal(got, c.want) || !strings.Contains(errs, c.says) || strings.Contains(out+errs, "secret-hook") {
				t.Errorf("exit code %d, %q, want %q\n%s", code, got, c.want, errs)
			}
			for _, call := range calls() {
				if want := `{"AccessKeyID":"` + testKeyID + `","AccessKeySecret":"` + testSecret + `","AccountID":"` + testAccount + `","SecurityToken":"` + testToken + `"}`; call.Env[handedOver] != want {
					t.Errorf("handed over: %s", call.Env[handedOver])
				}
			}
		})
	}
}

// s gets the credentials that this program works with, and nothing that it would misread.
func TestHandOver(t *testing.T) {
	_, url := newAccount(t)
	three := map[string]string{"AccountID": "1", "AccessKeyID": "k", "AccessKeySecret": "s"}
	for name, c := range map[string]struct {
		env    map[string]string
		access string
		handed bool
		says   string
	}{
		"the default chain":                   {handed: true, says: "default/env, account " + testAccount},
		"three variables":                     {env: three, says: "the variables AccountID"},
		"two of three":                        {env: map[string]string{"AccountID": "1", "AccessKeyID": "k"}, handed: true, says: "default/env"},
		"three with a token":                  {env: map[string]string{"AccountID": "1", "AccessKeyID": "k", "AccessKeySecret": "s", "SecurityToken": "t"}, handed: true, says: "account 1"},
		"an alias of s":                       {access: "other", says: "s config, under the alias other"},
		"an alias, but three variables":       {env: three, access: "other", says: "the variables AccountID"},
		"a pipeline that names another alias": {env: map[string]string{"serverless_devs_access_cicd_alias_name": "x"}, handed: true, says: "default/env"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := useStandIn(t)
			for name, value := range c.env {
				t.Setenv(name, value)
			}
			file := write(t, changed(t, "\naccess: default", "\naccess: "+cmp.Or(c.access, "default")))
			code, _, errs := does(t, "remove", "-s", file, "-endpoint", url, "-yes")
			if code != exitDone || len(calls()) != 1 || !strings.Contains(errs, "credentials: "+c.says) && !strings.Contains(errs, c.says) {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			call := calls()[0]
			if _, handed := call.Env[handedOver]; handed != c.handed || handed != slices.Contains(call.Args, handedOver) {
				t.Errorf("handed over: %v, %+v", handed, call)
			}
			_, misled := call.Env["serverless_devs_access_cicd_alias_name"]
			if _, three := call.Env["AccessKeySecret"]; misled || three != strings.HasPrefix(c.says, "the variables") {
				t.Errorf("s would take others: %v", call.Env)
			}
		})
	}
}

// Messages at the end of a failure are true.
func TestRemoveAndLogs(t *testing.T) {
	_, url := newAccount(t)
	calls := useStandIn(t)
	file := write(t, filledIn(t))
	if code, _, errs := does(t, "remove", "-s", file, "-endpoint", url); code != exitWrong || !strings.Contains(errs, "nothing was changed: there is no terminal") || len(calls()) > 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	if code, _, errs := does(t, "logs", "--tail", "-s", file, "-endpoint", url); code != exitDone || !slices.Equal(said(calls(), file), []string{"logs --tail HANDED"}) {
		t.Errorf("exit code %d: %s", code, errs)
	}
	for _, name := range []string{"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED", "true")
	for _, command := range []string{"deploy", "logs", "remove -yes", "doctor"} {
		code, _, errs := does(t, append(strings.Fields(command), "-s", file, "-endpoint", url)...)
		if code != exitNotAsked || !strings.Contains(errs, "no credentials") && command != "doctor" || strings.Contains(errs, "deployed?") || len(calls()) > 1 {
			t.Errorf("%s without credentials: exit code %d: %s", command, code, errs)
		}
	}
	t.Setenv("PATH", t.TempDir())
	for command, want := range map[string]int{"doctor -offline": exitNo, "deploy": exitNotAsked, "logs": exitNotAsked, "remove -yes": exitNotAsked} {
		code, out, errs := does(t, append(strings.Fields(command), "-s", file)...)
		if code != want || !strings.Contains(out+errs, "no Node.js") || !strings.Contains(out+errs, "no Serverless Devs") {
			t.Errorf("%s: exit code %d: %s%s", command, code, out, errs)
		}
	}
}
