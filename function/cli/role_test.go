package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"adb-backup/events"
	"adb-backup/function/local/acs3"

	"github.com/google/go-cmp/cmp"
)

// makesRole runs the command role on an s.yaml.
func makesRole(t *testing.T, url, source string, args ...string) (code int, said string) {
	t.Helper()
	code, stdout, stderr := does(t, append([]string{"role", "-s", write(t, source), "-endpoint", url}, args...)...)
	return code, stdout + stderr
}

func manyClusters(n int) string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf(`"amv-bp1%013d"`, i))
	}
	return `'"DBClusterIds": [` + strings.Join(ids, ", ") + `]'`
}

var everyChange = []string{"CreateRole", "CreatePolicy", "AttachPolicyToRole"}

// A role is made once, then left as it is, and follows s.yaml.
func TestRole(t *testing.T) {
	for name, c := range map[string]struct {
		source string
		policy []string // parts of it
		says   string
	}{
		"two clusters": {filledIn(t), []string{`"adb:CreateBackup","adb:DescribeBackups"`, "dbcluster/am-3"}, "Account " + testAccount + ", role adb-backup, policy adb-backup"},
		"an alarm":     {destination(t, "acs:mns:cn-beijing:${config('AccountID')}:/topics/alarm/messages"), []string{`"mns:PublishMessage"`, `acs:mns:cn-beijing:*:/topics/alarm/messages`}, ""},
		"a selector":   {filledIn(t, "clusters", bySelector), []string{`"adb:DescribeDBClusters"`, `acs:adb:cn-hangzhou:*:dbcluster/*`}, "A selector chooses"},
		"an ARN":       {filledIn(t, "role", "acs:ram::"+testAccount+":role/adb-backup"), []string{"amv-1"}, ""},
		"300 clusters": {filledIn(t, "clusters", manyClusters(300)), []string{`acs:adb:cn-beijing:*:dbcluster/*`}, "do not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newAccount(t)
			code, said := makesRole(t, url, c.source)
			if code != exitWrong || len(f.changes) > 0 || !strings.Contains(said, "no terminal to ask on") || !strings.Contains(said, "create the role") {
				t.Errorf("without a terminal: exit code %d, %s\n%s", code, f.changes, said)
			}
			code, said = makesRole(t, url, c.source, "-yes")
			if code != exitDone || !slices.Equal(f.changes, everyChange) || !strings.Contains(said, c.says) {
				t.Fatalf("exit code %d, %s\n%s", code, f.changes, said)
			}
			for _, want := range c.policy {
				if got := f.policies["adb-backup"].versions[0]; !strings.Contains(got, want) {
					t.Errorf("%s is not in %s", want, got)
				}
			}
			code, said = makesRole(t, url, c.source) // there is nothing to ask
			if code != exitDone || len(f.changes) > len(everyChange) || strings.Count(said, "right already") != 3 || !strings.Contains(said, "Nothing to do.") {
				t.Errorf("the second time: exit code %d, %s\n%s", code, f.changes, said)
			}
		})
	}
}

func TestRoleFollowsSYAML(t *testing.T) {
	f, url := newAccount(t)
	makesRole(t, url, filledIn(t, "role", "team.adb_backup"), "-yes") // RAM allows fewer characters in the name of a policy
	code, said := makesRole(t, url, filledIn(t, "role", "team.adb_backup", "clusters", `'"DBClusterIds": ["amv-1", "amv-9"]'`, "imageClusters", `""`), "-yes")
	if code != exitDone || f.changes[len(f.changes)-1] != "CreatePolicyVersion" || f.policies["team-adb-backup"] == nil ||
		!strings.Contains(said, "Does another function work as this role?") || !strings.Contains(said, "+ adb:CreateBackup on acs:adb:cn-beijing:*:dbcluster/amv-9") || strings.Contains(said, "- adb:CreateBackup on acs:adb:cn-beijing:*:dbcluster/amv-1\n") {
		t.Errorf("another cluster: exit code %d, %s\n%s", code, f.changes, said)
	}
	for i := range 8 {
		if code, said := makesRole(t, url, filledIn(t, "clusters", manyClusters(i+1)), "-yes"); code != exitDone {
			t.Fatal(said)
		}
	}
	if n := len(f.policies["adb-backup"].versions); n != 5 {
		t.Errorf("%d versions", n)
	}
}

// What somebody else made is left as it is, and said.
func TestRoleTouchesNothingForeign(t *testing.T) {
	const foreignTrust = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs.aliyuncs.com"}}]}`
	trusts := func(text string) func(*account) {
		return func(f *account) { f.roles["adb-backup"].AssumeRolePolicyDocument = text }
	}
	policy := func(text string) func(*account) {
		return func(f *account) { f.policies["adb-backup"].versions = []string{text} }
	}
	for name, c := range map[string]struct {
		change  func(f *account)
		code    int
		changes []string
		says    string
	}{
		"a role of that name":   {func(f *account) { f.roles["adb-backup"].Description = "mine" }, exitNotAsked, nil, "the role adb-backup exists, and this command did not make it"},
		"a policy of that name": {func(f *account) { f.policies["adb-backup"].description = "mine" }, exitNotAsked, nil, "the policy adb-backup exists, and this command did not make it"},
		"another policy on our role": {func(f *account) {
			f.attached["adb-backup"] = append(f.attached["adb-backup"], attached{"AliyunOSSFullAccess", "System"})
		}, exitDone, nil, "left alone: AliyunOSSFullAccess (System)"},
		"another trust beside ours":     {trusts(strings.Replace(foreignTrust, `"ecs.aliyuncs.com"`, `["ecs.aliyuncs.com", "fc.aliyuncs.com"]`, 1)), exitDone, nil, "Nothing to do."},
		"another trust instead of ours": {trusts(foreignTrust), exitDone, []string{"UpdateRole"}, "in addition to those who may already"},
		"our trust under a condition": {trusts(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"fc.aliyuncs.com"},"Condition":{"StringEquals":{"a":"b"}}}]}`),
			exitDone, []string{"UpdateRole"}, "let Function Compute work as the role"},
		"a trust that is not understood": {trusts(`{"Version":"1","Statement":[{"Effect":"Allow","Whatever":1}]}`), exitNotAsked, nil, "cannot be read"},
		"our policy, written another way": {policy(`{"Statement": [
			{"Effect": "Allow", "Action": "adb:DescribeBackups", "Resource": ["acs:adb:cn-beijing:*:dbcluster/am-3", "acs:adb:cn-beijing:*:dbcluster/amv-2", "acs:adb:cn-beijing:*:dbcluster/amv-1"]},
			{"Effect": "Allow", "Action": ["adb:CreateBackup"], "Resource": ["acs:adb:cn-beijing:*:dbcluster/amv-1", "acs:adb:cn-beijing:*:dbcluster/amv-2", "acs:adb:cn-beijing:*:dbcluster/am-3"]}], "Version": "1"}`),
			exitDone, nil, "Nothing to do."},
		"our policy with a grant of somebody's": {policy(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:GetObject","Resource":"*"}]}`), exitNotAsked, nil, "oss:GetObject on *"},
		"our policy with a condition":           {policy(`{"Version":"1","Statement":[{"Effect":"Allow","Action":"adb:CreateBackup","Resource":"*","Condition":{}}]}`), exitNotAsked, nil, "did not write"},
		"our policy, detached":                  {func(f *account) { f.attached["adb-backup"] = nil }, exitDone, []string{"AttachPolicyToRole"}, "done: give the role the policy"},
		"our role, deleted":                     {func(f *account) { delete(f.roles, "adb-backup"); delete(f.attached, "adb-backup") }, exitDone, []string{"CreateRole", "AttachPolicyToRole"}, "create the role"},
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newAccount(t)
			makesRole(t, url, filledIn(t), "-yes")
			f.changes = nil
			c.change(f)
			extra := slices.Clone(f.attached["adb-backup"])
			code, said := makesRole(t, url, filledIn(t), "-yes")
			if code != c.code || !slices.Equal(f.changes, c.changes) || !strings.Contains(said, c.says) {
				t.Errorf("exit code %d, %s\n%s", code, f.changes, said)
			}
			for _, a := range extra {
				if !slices.Contains(f.attached["adb-backup"], a) {
					t.Errorf("%v was taken away", a)
				}
			}
			if got := f.roles["adb-backup"].AssumeRolePolicyDocument; name == "another trust instead of ours" && (!strings.Contains(got, "ecs.aliyuncs.com") || !strings.Contains(got, "fc.aliyuncs.com")) {
				t.Errorf("trust policy %s", got)
			}
		})
	}
}

func TestRoleFails(t *testing.T) {
	denied := &acs3.Error{Status: http.StatusForbidden, Code: "NoPermission", Message: "You are not authorized to do this action: " + testToken}
	for name, c := range map[string]struct {
		action  string
		err     *acs3.Error
		source  string
		changes []string
		says    string
	}{
		"denied to look":    {"GetRole", denied, filledIn(t), nil, "may not manage RAM"},
		"denied half-way":   {"AttachPolicyToRole", denied, filledIn(t), everyChange[:2], "it goes on where it stopped"},
		"unknown to STS":    {"GetCallerIdentity", denied, filledIn(t), nil, "GetCallerIdentity was refused"},
		"another account":   {"", nil, filledIn(t, "role", "acs:ram::42:role/adb-backup"), nil, "is in account 42"},
		"made a moment ago": {"CreateRole", conflict("Role", "adb-backup"), filledIn(t), nil, "somebody else made it a moment ago"},
		"no role":           {"", nil, filledIn(t, "role", "auto"), nil, "auto does not work"},
	} {
		f, url := newAccount(t)
		f.refusals = map[string]*acs3.Error{c.action: c.err}
		code, said := makesRole(t, url, c.source, "-yes")
		if code == exitDone || !slices.Equal(f.changes, c.changes) || !strings.Contains(said, c.says) {
			t.Errorf("%s: exit code %d, %s\n%s", name, code, f.changes, said)
		}
	}
	f, url := newAccount(t)
	f.refusals = map[string]*acs3.Error{"AttachPolicyToRole": conflict("Role.Policy", "adb-backup")}
	if code, said := makesRole(t, url, filledIn(t), "-yes"); code != exitDone {
		t.Errorf("given a moment ago: exit code %d, %s", code, said)
	}
	if code, said := makesRole(t, "http://127.0.0.1:1", filledIn(t), "-yes"); code != exitNotAsked || !strings.Contains(said, "no answer from") {
		t.Errorf("no network: exit code %d, %s", code, said)
	}
}

func documentOf(t *testing.T, s settings, name string) document {
	t.Helper()
	clusters, err := s.scope()
	if err != nil {
		t.Fatal(err)
	}
	all := policies(s, clusters)
	return all[slices.IndexFunc(all, func(p policy) bool { return p.Name == name })].Document
}

// The function may do what its code can call, and nothing else. Each policy grants what it is for.
func TestPolicies(t *testing.T) {
	var calls, granted list
	for _, call := range events.OwnCalls {
		calls = append(calls, "adb:"+call)
	}
	for _, s := range documentOf(t, settingsOf(t, filledIn(t, "clusters", bySelector)), "wait").Statement {
		granted = append(granted, s.Action...)
	}
	slices.Sort(calls)
	slices.Sort(granted)
	if diff := cmp.Diff(calls, granted); diff != "" {
		t.Errorf("the code's calls and the policy's actions differ (-calls +policy)\n%s", diff)
	}
	clusters := list{"acs:adb:cn-beijing:*:dbcluster/amv-1", "acs:adb:cn-beijing:*:dbcluster/amv-2", "acs:adb:cn-beijing:*:dbcluster/am-3"}
	everything := list{"acs:adb:cn-beijing:*:dbcluster/*", "acs:adb:cn-hangzhou:*:dbcluster/*"}
	alarms := changed(t, "#destinationConfig:", "destinationConfig: {onSuccess: {destination: 'acs:mns:cn-beijing:1:/queues/q/messages'}, onFailure: {destination: 'acs:eventbridge:cn-beijing:1:eventbus/b'}}")
	for _, c := range []struct {
		source, name string
		want         []statement
	}{
		{filledIn(t), "trust", []statement{{Effect: "Allow", Action: list{"sts:AssumeRole"}, Principal: map[string]list{"Service": {"fc.aliyuncs.com"}}}}},
		{filledIn(t), "wait", []statement{allow(list{"adb:CreateBackup", "adb:DescribeBackups"}, clusters)}},
		{filledIn(t), "request", []statement{allow(list{"adb:CreateBackup"}, clusters)}},
		{filledIn(t), "gate", []statement{allow(list{"fc:InvokeFunction"}, list{"acs:fc:cn-beijing:*:functions/backups", "acs:fc:cn-beijing:*:functions/backups/*"})}},
		{filledIn(t), "status", []statement{allow(list{"adb:DescribeBackups"}, clusters)}},
		{alarms, "alarm", []statement{allow(list{"eventbridge:PutEvents"}, list{"acs:eventbridge:cn-beijing:*:eventbus/b"}), allow(list{"mns:SendMessage"}, list{"acs:mns:cn-beijing:*:/queues/q/messages"})}},
		{filledIn(t, "clusters", bySelector), "status", []statement{allow(list{"adb:DescribeBackups"}, everything), allow(list{"adb:DescribeDBClusters"}, everything)}},
	} {
		if diff := cmp.Diff(document{"1", c.want}, documentOf(t, settingsOf(t, c.source), c.name)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
		code, out, _ := does(t, "policy", "-s", write(t, c.source), c.name)
		if code != exitDone || !json.Valid([]byte(out)) { // alone, for aliyun ram … --PolicyDocument "$(…)"
			t.Errorf("%s: exit code %d: %s", c.name, code, out)
		}
	}
	for args, want := range map[string]int{"": exitDone, "wiat": exitWrong, "alarm": exitWrong} {
		if code, _, said := does(t, append([]string{"policy", "-s", write(t, filledIn(t))}, strings.Fields(args)...)...); code != want {
			t.Errorf("policy %s: exit code %d: %s", args, code, said)
		}
	}
}

// A policy for many clusters is one that RAM takes, and says what it covers. Of several regions the largest is granted as a
// whole, and the others are not.
func TestPolicyFits(t *testing.T) {
	for n, whole := range map[int]bool{1: false, 95: false, 130: true, 1000: true} {
		s := scope{ids: map[string][]string{"cn-beijing": {"amv-1"}}}
		for i := range n {
			s.ids["cn-hangzhou"] = append(s.ids["cn-hangzhou"], fmt.Sprintf("amv-bp1%013d", i))
		}
		d, why := s.grant(list{createAction, describeAction})
		if got := slices.Equal(d.Statement[0].Resource, list{"acs:adb:cn-beijing:*:dbcluster/amv-1", "acs:adb:cn-hangzhou:*:dbcluster/*"}); got != whole || (why != "") != whole || len(d.printed()) > documentLimit {
			t.Errorf("%d clusters: the whole region: %v, because %q; %d characters", n, got, why, len(d.printed()))
		}
	}
}
