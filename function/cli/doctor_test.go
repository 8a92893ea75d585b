package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"adb-backup/function/local/acs3"
	"adb-backup/function/local/fakeadb"
)

// deployedAs returns Function Compute's replies about the function that a source describes, with this package.
func deployedAs(source, code string) map[string]string {
	s := settingsOf(source)
	function := maps.Clone(s.props)
	delete(function, "code")
	function["role"] = "acs:ram::" + testAccount + ":role/" + strings.ToLower(s.Role) // as RAM writes it
	function["codeChecksum"] = fmt.Sprint(crc64.Checksum([]byte(code), crc64.MakeTable(crc64.ECMA)))
	var triggers []object
	for _, trigger := range s.Triggers {
		config, _ := json.Marshal(trigger.Config)
		triggers = append(triggers, object{"triggerName": trigger.Name, "triggerType": trigger.Type, "triggerConfig": string(config)})
	}
	replies := map[string]string{}
	for path, value := range map[string]any{"": function, "/triggers": object{"triggers": triggers}, "/async-invoke-config": s.props["asyncInvokeConfig"]} {
		replies[path] = strings.ReplaceAll(string(must(json.Marshal(value))), "${config('AccountID')}", testAccount)
	}
	return replies
}

// Each thing that doctor looks at online has its line, and the verdict counts it.
func TestDoctor(t *testing.T) {
	const webhook = "https://oapi.dingtalk.com/robot/send?access_token=MarkedToken"
	set := func(path, old, new string) func(*cloud) {
		return func(f *cloud) {
			has(t, f.function[path], old)
			f.function[path] = strings.Replace(f.function[path], old, new, 1)
		}
	}
	denied := func(action string) func(*cloud) {
		return func(f *cloud) {
			f.script[action] = []step{refused(&acs3.Error{Status: http.StatusForbidden, Code: "NoPermission", Message: "not authorized"})}
		}
	}
	topic := destination(t, "acs:mns:cn-hangzhou:${config('AccountID')}:/topics/alarm/messages")
	shut := changed(t, "      cpu: 0.05", "      internetAccess: false\n      cpu: 0.05")
	for name, c := range map[string]struct {
		source string
		change func(f *cloud)
		code   int
		says   string
	}{
		"all is right":              {"", nil, exitDone, "this machine|the account|Protected: |note     no alarm is set|right    the code that is online is that of ./dist/function.zip|right    cluster amv-1 (cn-hangzhou): the last"},
		"a destination":             {topic, nil, exitDone, "right    the alarm: failures are told to a destination"},
		"a robot":                   {"", set("", `"ADB_ALARM_WEBHOOK":""`, `"ADB_ALARM_WEBHOOK":"`+webhook+`"`), exitDone, "right    the alarm: failures are told to the robot|a deployment from here would take it away"},
		"a robot out of reach":      {shut, set("", `"ADB_ALARM_WEBHOOK":""`, `"ADB_ALARM_WEBHOOK":"`+webhook+`"`), exitDone, "has no internetAccess, so the robot"},
		"s.yaml is wrong":           {changed(t, "timeout:", "timeOut:"), nil, exitWrong, "s.yaml is wrong, as said above"},
		"no role":                   {"", func(f *cloud) { f.roles = nil }, exitNo, "missing  the role adb-backup: to do: create the role"},
		"a policy that lacks":       {filledIn(t, "imageClusters", "amv-2,am-3,amv-1,am-3"), func(f *cloud) { f.policies["adb-backup"].versions[0] = `{"Version":"1","Statement":[]}` }, exitNo, "to do: renew the policy"},
		"a role of somebody's":      {"", func(f *cloud) { f.roles["adb-backup"].Description = "mine" }, exitDone, "was not compared"},
		"a role that is not seen":   {"", denied("GetRole"), exitNotAsked, "unread   GetRole was refused"},
		"a caller that is not seen": {"", denied("GetCallerIdentity"), exitNotAsked, "unread   nothing online was read: GetCallerIdentity was refused"},
		"no function":               {"", func(f *cloud) { f.function = nil }, exitNo, "missing  the function backups is not deployed in cn-hangzhou: make deploy"},
		"a function not seen":       {"", denied("GetFunction"), exitNotAsked, "unread   the function: GetFunction was refused"},
		"other code":                {"", set("", `"codeChecksum":"`, `"codeChecksum":"1`), exitNo, "the code that is online is another"},
		"another timeout":           {"", set("", `"timeout":3600`, `"timeout":60`), exitNo, "missing  online, timeout is 60, not 3600: make deploy"},
		"another role":              {"", set("", "role/adb-backup", "role/other"), exitNo, `not "adb-backup": make deploy`},
		"another variable":          {"", set("", `"LOG_LEVEL":"info"`, `"LOG_LEVEL":"MarkedToken"`), exitNo, "environmentVariables LOG_LEVEL has another value"},
		"a variable too many":       {"", set("", `"LOG_LEVEL":`, `"OTHER":"x","LOG_LEVEL":`), exitNo, "environmentVariables OTHER has another value"},
		"a VPC left out":            {"", set("", `"cpu":`, `"vpcConfig":{"vpcId":"vpc-1"},"cpu":`), exitNo, `online, vpcConfig vpcId is "vpc-1", not ""`},
		"no retries":                {"", func(f *cloud) { delete(f.function, "/async-invoke-config") }, exitNo, "asyncInvokeConfig is missing"},
		"a lost destination":        {topic, set("/async-invoke-config", "topics/alarm", "topics/old"), exitNo, "destinationConfig onFailure destination is"},
		"no trigger":                {"", set("/triggers", `"nightly"`, `"nightly-old"`), exitNo, "trigger nightly is missing"},
		"a trigger too many":        {"", set("/triggers", `[{`, `[{"triggerName":"old","triggerType":"timer","triggerConfig":"{}"},{`), exitDone, "the trigger old is online, and s.yaml does not name it"},
		"a trigger of null":         {"", set("/triggers", `[{`, `[null,{`), exitDone, "has the settings and the triggers of s.yaml"},
		"a trigger that is off":     {"", set("/triggers", `\"enable\":true`, `\"enable\":false`), exitNo, "trigger nightly config enable is false, not true"},
		"a filter, laid out":        {"", set("/triggers", `{\\\"source\\\": [`, `{  \\\"source\\\": [`), exitDone, "has the settings and the triggers of s.yaml"},
		"an empty one left out":     {"", set("/triggers", `\"eventSourceParameters\":{},`, ""), exitDone, "has the settings and the triggers of s.yaml"},
		"triggers not seen":         {"", denied("ListTriggers"), exitNotAsked, "unread   the function: ListTriggers was refused"},
		"an old backup":             {filledIn(t, "clusters", `'"DBClusterIds": ["amv-1", "amv-old"]'`), nil, exitNo, "missing  cluster amv-old|02:00 CST is missing"},
		"an old one, no timer":      {filledIn(t, "imageClusters", "amv-old"), nil, exitNo, "missing  cluster amv-old"},
		"no backup":                 {filledIn(t, "clusters", `'"DBClusterIds": ["amv-none"]'`), nil, exitNo, "cluster amv-none (cn-hangzhou): no complete backup"},
		"nothing selected":          {filledIn(t, "clusters", `'"DBClusterSelector": {"Tags": {"backup": "never"}}'`, "imageClusters", `""`), nil, exitNo, "missing  no cluster is selected"},
		"backups not seen":          {filledIn(t, "clusters", `'"DBClusterIds": ["amv-denied"]'`), nil, exitNotAsked, "unread   cluster amv-denied"},
	} {
		t.Run(name, func(t *testing.T) {
			service := newFakeADB(t, fakeadb.Options{Denied: []fakeadb.Denial{{Cluster: "amv-denied"}}})
			for _, cluster := range []string{"amv-1", "amv-2", "am-3"} {
				nights(service, cluster, time.Hour, 3)
			}
			nights(service, "amv-old", 50*time.Hour, 3)
			f := newCloud(t)
			useStandIn(t)
			source := strings.ReplaceAll(cmp.Or(c.source, filledIn(t)), "cn-beijing", "cn-hangzhou") // where the emulated AnalyticDB has its clusters
			makesRole(t, f, exitDone, "", source, "-yes")
			file := write(t, source)
			os.MkdirAll(filepath.Join(filepath.Dir(file), "dist"), 0o700)
			if err := os.WriteFile(filepath.Join(filepath.Dir(file), "dist", "function.zip"), []byte("code"), 0o600); err != nil {
				t.Fatal(err)
			}
			f.function = deployedAs(source, "code")
			if c.change != nil {
				c.change(f)
			}
			f.changes = nil
			out, errs := expect(t, c.code, "", "", "doctor", "-s", file, "-endpoint", f.url)
			if has(t, out+errs, c.says); len(f.changes) > 0 {
				t.Error(f.changes)
			}
			if name == "all is right" {
				out, _ := expect(t, exitDone, `{"Protected":true,"Verdict":"Protected: `, "", "doctor", "-json", "-s", file, "-endpoint", f.url)
				has(t, out, `"Findings":[{"About":"s.yaml","State":"note","Text":"`)
			}
		})
	}
}

func TestDoctorOffline(t *testing.T) {
	useStandIn(t)
	for want, c := range map[int]struct{ source, verdict string }{
		exitDone:  {filledIn(t), "s.yaml is right. What is online was not looked at."},
		exitWrong: {changed(t, "handler: main", "handler: maim"), "s.yaml is wrong, as said above: correct that first"},
	} {
		file, verdict := write(t, c.source), c.verdict
		out, errs := expect(t, want, "", "", "doctor", "-offline", "-s", file)
		has(t, out+errs, verdict)
		if strings.Contains(out, "credentials") || strings.Contains(out, "no alarm is set") == (want == exitWrong) {
			t.Error(out, errs)
		}
		var answer checkup
		out, _ = expect(t, want, "", "", "doctor", "--json", "-offline", "-s", file)
		if err := json.Unmarshal([]byte(out), &answer); err != nil || answer.Verdict != verdict || answer.Protected || len(answer.Findings) < 4 {
			t.Errorf("%s %v", out, err)
		}
	}
}
