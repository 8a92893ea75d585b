package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc64"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"adb-backup/function/credentials"
)

// online returns the function as Function Compute has it, with its triggers by name; nil if it is not deployed.
func (s settings) online(ctx context.Context, who credentials.Credentials) (function mapping, err error) {
	at := deployed{Region: s.Region, Name: s.FunctionName, Endpoint: s.cloud}
	var async mapping
	var listed struct {
		Triggers []struct{ TriggerName, TriggerType, TriggerConfig string }
	}
	err = cmp.Or(at.get(ctx, who, "GetFunction", "", &function), at.get(ctx, who, "GetAsyncInvokeConfig", "/async-invoke-config", &async),
		at.get(ctx, who, "ListTriggers", "/triggers", &listed))
	if err != nil || function == nil {
		return nil, err
	}
	triggers := mapping{}
	for _, t := range listed.Triggers {
		var config any
		json.Unmarshal([]byte(t.TriggerConfig), &config) // what cannot be read differs
		triggers[t.TriggerName] = mapping{"type": t.TriggerType, "config": config}
	}
	function["asyncInvokeConfig"], function["trigger"] = async, triggers
	return function, nil
}

// takenAway returns the variables of the alarm that are online and that a deployment from this shell would empty.
func (s settings) takenAway(online mapping) []string {
	environment, _ := online["environmentVariables"].(mapping)
	return slices.DeleteFunc([]string{"ADB_ALARM_WEBHOOK", "ADB_ALARM_SECRET"}, func(name string) bool {
		return scalar(environment[name]) == "" || s.variable(name) != ""
	})
}

// compareFunction compares the function's code, settings and triggers with s.yaml.
func (s settings) compareFunction(c *checkup, online mapping, account string) {
	code := scalar(s.props["code"])
	content, err := os.ReadFile(filepath.Join(filepath.Dir(s.file), code))
	here := strconv.FormatUint(crc64.Checksum(content, crc64.MakeTable(crc64.ECMA)), 10)
	switch {
	case err != nil || !strings.HasSuffix(code, ".zip"):
		c.say(stateNote, "%s is not here, so the code that is online was not compared: make package makes it", code)
	case here == scalar(online["codeChecksum"]):
		c.say(stateRight, "the code that is online is that of %s", code)
	default:
		c.say(stateMissing, "the code that is online is another than that of %s: make deploy", code)
	}
	faults := differ("", s.wantedFunction(online, account), online)
	for _, fault := range faults {
		c.say(stateMissing, "online, %s: make deploy", fault)
	}
	if faults == nil {
		c.say(stateRight, "the function %s in %s has the settings and the triggers of s.yaml", s.FunctionName, s.Region)
	}
	for _, name := range slices.Sorted(maps.Keys(online["trigger"].(mapping))) {
		if !slices.ContainsFunc(s.Triggers, func(t trigger) bool { return t.Name == name }) {
			c.say(stateNote, "the trigger %s is online, and s.yaml does not name it: it goes on firing", name)
		}
	}
	for _, name := range s.takenAway(online) {
		c.say(stateNote, "%s is set online and not in this shell: a deployment from here would take it away", name)
	}
}

// wantedFunction returns what must be online, in the form of online.
func (s settings) wantedFunction(online mapping, account string) (want mapping) {
	triggers, environment := mapping{}, mapping{}
	maps.Copy(environment, s.EnvironmentVariables)
	for _, t := range s.Triggers {
		triggers[t.Name] = mapping{"type": t.Type, "config": t.Config}
	}
	has, _ := online["environmentVariables"].(mapping)
	for name := range has { // one that s.yaml does not have must not be there
		environment[name] = s.variable(name)
	}
	for _, name := range s.takenAway(online) { // this shell does not know the alarm's
		delete(environment, name)
	}
	want = mapping{"trigger": triggers, "environmentVariables": environment}
	for _, key := range []string{"runtime", "handler", "timeout", "cpu", "memorySize", "diskSize", "internetAccess", "vpcConfig", "logConfig", "asyncInvokeConfig"} {
		want[key] = s.props[key]
	}
	for key, id := range map[string]string{"vpcConfig": "vpcId", "logConfig": "project"} { // a deployment clears what s.yaml leaves out
		if s.props[key] == nil && online[key] != nil {
			want[key] = mapping{id: ""}
		}
	}
	// RAM writes an ARN in small letters, and s.yaml may have the name alone.
	role, _ := roleName(s.Role)
	if is, _ := roleName(scalar(online["role"])); !strings.EqualFold(role, is) {
		want["role"] = role
	}
	json.Unmarshal([]byte(strings.ReplaceAll(shown(want), "${config('AccountID')}", account)), &want)
	return want
}

// differ names what s.yaml wants and what is online does not have. What is online may hold more.
func differ(place string, want, have any) (faults []string) {
	inside, several := want.(mapping)
	online, _ := have.(mapping)
	switch {
	case several && online == nil && len(inside) > 0:
		return []string{place + " is missing"}
	case several:
		for _, key := range slices.Sorted(maps.Keys(inside)) {
			faults = append(faults, differ(strings.TrimSpace(place+" "+key), inside[key], online[key])...)
		}
		return faults
	case want == nil, want == "auto", open(scalar(want)), have == nil && reflect.ValueOf(want).IsZero(), reflect.DeepEqual(unpacked(want), unpacked(have)):
		return nil
	case strings.HasPrefix(place, "environmentVariables "): // some are secrets
		return []string{place + " has another value"}
	}
	return []string{fmt.Sprintf("%s is %s, not %s", place, shown(have), shown(want))}
}

// unpacked returns the value of a text that holds JSON, as a filter does, so that spaces in it make no difference.
func unpacked(value any) (inside any) {
	if text, ok := value.(string); ok && json.Unmarshal([]byte(text), &inside) == nil {
		return inside
	}
	return value
}

// shown writes a value on one line.
func shown(value any) string {
	text, _ := json.Marshal(value) // it comes from YAML or JSON
	return string(text)
}
