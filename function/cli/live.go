package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"adb-backup/function/adb"
	"adb-backup/function/credentials"
)

// live is the function as Function Compute has it.
type live struct {
	at       deployed
	with     credentials.Credentials
	function mapping // nil if it is not deployed
	async    mapping // its settings for asynchronous invocations; nil if there are none
	triggers []liveTrigger
}

type liveTrigger struct{ TriggerName, TriggerType, TriggerConfig string }

// online reads the function with its settings.
func (s settings) online(ctx context.Context, c credentials.Credentials, e adb.Endpoint) (*live, error) {
	l := &live{at: deployed{Region: s.Region, Name: s.FunctionName, Endpoint: e}, with: c}
	if err := l.at.check(); err != nil {
		return l, err
	}
	return l, l.get(ctx, "GetFunction", "", &l.function)
}

// more reads what stands beside the function.
func (l *live) more(ctx context.Context) error {
	if err := l.get(ctx, "GetAsyncInvokeConfig", "/async-invoke-config", &l.async); err != nil {
		return err
	}
	var reply struct{ Triggers []liveTrigger }
	err := l.get(ctx, "ListTriggers", "/triggers", &reply)
	l.triggers = reply.Triggers
	return err
}

// get reads something that need not be there.
func (l *live) get(ctx context.Context, action, path string, into any) error {
	err := l.at.get(ctx, l.with, action, path, into)
	if failed := new(apiError); errors.As(err, &failed) && failed.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// environment returns the environment variables that are online.
func (l *live) environment() mapping {
	environment, _ := l.function["environmentVariables"].(mapping)
	return environment
}

// alarmVariables come from the shell that deploys.
var alarmVariables = []string{"ADB_ALARM_WEBHOOK", "ADB_ALARM_SECRET"}

// takenAway returns the variables of the alarm that are online and that a deployment from this shell would empty.
func (s settings) takenAway(l *live) []string {
	return slices.DeleteFunc(slices.Clone(alarmVariables), func(name string) bool {
		return scalar(l.environment()[name]) == "" || s.variable(name) != ""
	})
}

// compareFunction compares the function's code and settings with s.yaml, in whose folder the code is.
func (s settings) compareFunction(c *checkup, l *live, account, folder string) {
	code := scalar(s.Code)
	content, err := os.ReadFile(filepath.Join(folder, code))
	switch here := strconv.FormatUint(crc64.Checksum(content, crc64.MakeTable(crc64.ECMA)), 10); {
	case err != nil || !strings.HasSuffix(code, ".zip"):
		c.note("%s is not here, so the code that is online was not compared: make package makes it", code)
	case here == scalar(l.function["codeChecksum"]):
		c.right("the code that is online is that of %s", code)
	default:
		c.missing("the code that is online is another than that of %s: make deploy", code)
	}
	want := mapping{}
	for _, key := range []string{"runtime", "handler", "timeout", "cpu", "memorySize", "diskSize", "internetAccess", "vpcConfig", "logConfig"} {
		if value := s.props[key]; value != "auto" {
			want[key] = value
		}
	}
	faults := append(differences(account, want, l.function), differences(account, s.props["asyncInvokeConfig"], l.async)...)
	has, _, _ := roleName(scalar(l.function["role"]))
	if name, _, _ := roleName(s.Role); !strings.EqualFold(has, name) { // RAM writes ARNs in small letters
		faults = append(faults, fmt.Sprintf("role is %q, not %q", has, name))
	}
	faults = append(faults, s.compareEnvironment(c, l)...)
	for _, fault := range faults {
		c.missing("online, %s: make deploy", fault)
	}
	if len(faults) == 0 {
		c.right("the function %s in %s has the settings of s.yaml", s.FunctionName, s.Region)
	}
}

// compareEnvironment compares the environment variables. It shows no value: some are secrets.
func (s settings) compareEnvironment(c *checkup, l *live) (faults []string) {
	online, lost := l.environment(), s.takenAway(l)
	for _, name := range lost {
		c.note("%s is set online and not in this shell: a deployment from here would take it away", name)
	}
	names := slices.AppendSeq(slices.Collect(maps.Keys(s.EnvironmentVariables)), maps.Keys(online))
	slices.Sort(names)
	for _, name := range slices.Compact(names) {
		if value := s.variable(name); value != scalar(online[name]) && !open(value) && !slices.Contains(lost, name) {
			faults = append(faults, fmt.Sprintf("the environment variable %s has another value", name))
		}
	}
	return faults
}

// compareTriggers compares the live triggers with those of s.yaml.
func (s settings) compareTriggers(c *checkup, l *live, account string) {
	for _, want := range s.Triggers {
		i := slices.IndexFunc(l.triggers, func(t liveTrigger) bool { return t.TriggerName == want.Name })
		if i < 0 {
			c.missing("the trigger %s is not deployed: make deploy", want.Name)
			continue
		}
		has := l.triggers[i]
		var config mapping
		json.Unmarshal([]byte(has.TriggerConfig), &config) // what cannot be read differs
		faults := differences(account, mapping{"type": want.Type, "config": want.Config}, mapping{"type": has.TriggerType, "config": config})
		if len(faults) > 0 {
			c.missing("the trigger %s: online, %s: make deploy", want.Name, strings.Join(faults, "; "))
		} else {
			c.right("the trigger %s is as s.yaml says", want.Name)
		}
	}
	for _, has := range l.triggers {
		if !slices.ContainsFunc(s.Triggers, func(t trigger) bool { return t.Name == has.TriggerName }) {
			c.note("the trigger %s is online, and s.yaml does not name it", has.TriggerName)
		}
	}
}

// differences names what s.yaml wants and what is online does not have. What is online may hold more.
func differences(account string, want, have any) []string {
	text, _ := json.Marshal(want) // it comes from YAML
	var filled any
	json.Unmarshal([]byte(strings.ReplaceAll(string(text), "${config('AccountID')}", account)), &filled)
	return differ("", filled, have)
}

func differ(place string, want, have any) (all []string) {
	if inside, ok := want.(mapping); ok {
		online, _ := have.(mapping)
		for _, key := range slices.Sorted(maps.Keys(inside)) {
			value := online[key]
			for name := range online {
				if strings.EqualFold(name, key) { // the service writes some names in its own way
					value = online[name]
				}
			}
			all = append(all, differ(strings.TrimPrefix(place+"."+key, "."), inside[key], value)...)
		}
		return all
	}
	if want == nil || open(scalar(want)) || reflect.DeepEqual(unpacked(want), unpacked(have)) {
		return nil
	}
	if have == nil && reflect.ValueOf(want).IsZero() { // it is left out where it is nothing
		return nil
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
