package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc64"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
)

// inspectAccount compares what is in the account with s.yaml. It looks for credentials before it asks anything.
func (s settings) inspectAccount(ctx context.Context, c *checkup) {
	who, account, err := s.identify(ctx)
	if err != nil {
		c.say(stateUnread, "nothing online was read: %v", err)
		return
	}
	c.say(stateRight, "account %s, credentials from %s", account, who.From)
	s.compareRole(ctx, c, who)
	online, err := s.online(ctx, who)
	switch {
	case err != nil:
		c.say(stateUnread, "the function: %v", err)
	case online == nil:
		c.say(stateMissing, "the function %s is not deployed in %s: make deploy", s.FunctionName, s.Region)
	default:
		s.compareFunction(c, online, account)
		s.inspectAlarm(c, online)
	}
	if err := s.inspectBackups(ctx, c); err != nil {
		c.say(stateUnread, "the backups: %v", err)
	}
}

// inspectAlarm says whether a failure is told to anybody, and whether it gets out.
func (s settings) inspectAlarm(c *checkup, function mapping) {
	environment, _ := function["environmentVariables"].(mapping)
	webhook := scalar(environment["ADB_ALARM_WEBHOOK"])
	shut := s.props["vpcConfig"] != nil || s.props["internetAccess"] == false
	switch {
	case c.has(stateWrong): // it may be the alarm's
	case webhook != "" && shut:
		c.say(stateNote, "the alarm: the function is in a VPC or has no internetAccess, so the robot is reached only if the VPC has a way out. make drill tries it")
	case webhook != "":
		c.say(stateRight, "the alarm: failures are told to the robot of ADB_ALARM_WEBHOOK. make drill tries it")
	case strings.Contains(shown(function["asyncInvokeConfig"]), `"acs:`):
		c.say(stateRight, "the alarm: failures are told to a destination")
	default:
		c.say(stateNote, "no alarm is set, so nobody is told of a failure: set ADB_ALARM_WEBHOOK in the shell that deploys, or destinationConfig in s.yaml")
	}
}

// compareRole compares the role, its trust and its policy with what the command role would make. It reports whether the role
// is known to be missing.
func (s settings) compareRole(ctx context.Context, c *checkup, who credentials.Credentials) (missing bool) {
	want, err := s.wantedRole()
	if err != nil {
		c.say(stateMissing, "%v", err)
		return false
	}
	steps, err := want.plan(ctx, s.ram(who))
	if errors.Is(err, errForeign) {
		c.say(stateNote, "%v. Whether it may do what the function needs was not compared", err)
	} else if err != nil {
		c.say(stateUnread, "%v", err)
	}
	for _, step := range steps {
		if step.action == "" {
			c.say(stateRight, "the role %s: %s", want.name, step.what)
		} else {
			c.say(stateMissing, "the role %s: to do: %s. make role does it", want.name, step.what)
		}
	}
	return len(steps) > 0 && steps[0].action == "CreateRole"
}

// inspectBackups looks whether each cluster has the backup that was due.
func (s settings) inspectBackups(ctx context.Context, c *checkup) error {
	requests, err := s.clusterRequests()
	if err != nil {
		c.say(stateMissing, "%v", err)
		return nil
	}
	if host := os.Getenv("ADB_ENDPOINT"); host != "" {
		if s.cloud, err = parseEndpoint(host); err != nil {
			return err
		}
	}
	service, err := openADB(ctx, s.cloud, s)
	if err != nil {
		return err
	}
	o := &overview{Now: time.Now().In(s.zone())}
	o.read(ctx, service, requests, io.Discard)
	for _, err := range o.Failed {
		c.say(stateUnread, "%v", err)
	}
	if len(o.Rows)+len(o.Failed) == 0 {
		c.say(stateMissing, "no cluster is selected; is a tag missing?")
	}
	for _, skipped := range o.Skipped {
		c.say(stateNote, "cluster %s (%s) is left out: %s", skipped.Cluster.ID, skipped.Cluster.Region, skipped.Reason)
	}
	timers, _ := s.timers(o.Now) // inspect has told what is wrong with them
	for _, r := range o.Rows {
		s.inspectCluster(c, r, timers, o.Now)
	}
	return nil
}

// inspectCluster says whether a cluster has the backups that its timers make. One is due when the platform does not retry the
// timer's event any more.
func (s settings) inspectCluster(c *checkup, r row, timers []timer, now time.Time) {
	cluster := fmt.Sprintf("cluster %s (%s): ", r.Cluster.ID, r.Cluster.Region)
	switch {
	case r.Err != nil:
		c.say(stateUnread, "%s%v", cluster, r.Err)
		return
	case r.Last == nil:
		c.say(stateMissing, "%sno complete backup: make invoke backs up now", cluster)
		return
	}
	start := r.Last.Start.From
	last := fmt.Sprintf("%sthe last complete backup started %s, %s ago", cluster, start.In(now.Location()).Format("Mon 2 Jan 15:04 MST"), age(now.Sub(start)))
	state, rest := stateRight, ""
	timers = slices.DeleteFunc(slices.Clone(timers), func(t timer) bool { return !t.is(backup.ActionEnsure) || !t.covers(r.Cluster) })
	if len(timers) == 0 {
		state, rest = stateNote, "; no timer backs it up, so none is due"
		if now.Sub(start) > 26*time.Hour { // a night and a little more: whatever makes its backups, it is not protected
			state = stateMissing
		}
	}
	for _, t := range timers {
		due := t.unmet(start.Add(time.Minute + backup.ClockSkew)) // a listed start is cut to the minute, and clocks differ
		if !due.Add(s.AsyncInvokeConfig.life()).After(now) {
			state, rest = stateMissing, fmt.Sprintf("; the one of %s is missing: make logs shows why, make invoke backs up now", t.show(due))
			break
		}
	}
	c.say(state, "%s%s", last, rest)
}

// online returns the function as Function Compute has it, with its triggers by name; nil if it is not deployed.
func (s settings) online(ctx context.Context, who credentials.Credentials) (function mapping, err error) {
	at := deployed{Region: s.Region, Name: s.FunctionName, Endpoint: s.cloud}
	if err := at.check(); err != nil {
		return nil, err
	}
	var async mapping
	var listed struct {
		Triggers []struct{ TriggerName, TriggerType, TriggerConfig string }
	}
	get := func(action, path string, into any) error {
		err := at.get(ctx, who, action, path, into)
		if failed := new(apiError); errors.As(err, &failed) && failed.Status == http.StatusNotFound {
			return nil
		}
		return err
	}
	err = cmp.Or(get("GetFunction", "", &function), get("GetAsyncInvokeConfig", "/async-invoke-config", &async), get("ListTriggers", "/triggers", &listed))
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
	triggers, _ := online["trigger"].(mapping)
	for _, name := range slices.Sorted(maps.Keys(triggers)) {
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
	if inside, ok := want.(mapping); ok {
		online, _ := have.(mapping)
		if online == nil && len(inside) > 0 {
			return []string{place + " is missing"}
		}
		for _, key := range slices.Sorted(maps.Keys(inside)) {
			faults = append(faults, differ(strings.TrimSpace(place+" "+key), inside[key], online[key])...)
		}
		return faults
	}
	leftOut := want == nil || have == nil && reflect.ValueOf(want).IsZero()
	if leftOut || want == "auto" || open(scalar(want)) || reflect.DeepEqual(unpacked(want), unpacked(have)) {
		return nil
	}
	if strings.HasPrefix(place, "environmentVariables ") { // some are secrets
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
