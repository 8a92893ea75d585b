package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/local/acs3"

	"github.com/google/go-cmp/cmp"
)

// makesRole runs the command role on an s.yaml, and compares what it says wherever it says it.
func makesRole(t *testing.T, f *cloud, code int, says, source string, args ...string) (said string) {
	t.Helper()
	out, errs := expect(t, code, "", "", append([]string{"role", "-s", write(t, source), "-endpoint", f.url}, args...)...)
	has(t, out+errs, says)
	return out + errs
}

func manyClusters(n int) string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf(`"amv-bp1%013d"`, i))
	}
	return `'"DBClusterIds": [` + strings.Join(ids, ", ") + `]'`
}

var everyChange = []string{"CreateRole", "CreatePolicy", "AttachPolicyToRole"}

// A role is made once, and then left as it is.
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
			f := newCloud(t)
			makesRole(t, f, exitWrong, "no terminal to ask on|create the role", c.source)
			if len(f.changes) > 0 {
				t.Errorf("without a terminal: %s", f.changes)
			}
			makesRole(t, f, exitDone, c.says, c.source, "-yes")
			if !slices.Equal(f.changes, everyChange) {
				t.Fatal(f.changes)
			}
			for _, want := range c.policy {
				if got := f.policies["adb-backup"].versions[0]; !strings.Contains(got, want) {
					t.Errorf("%s is not in %s", want, got)
				}
			}
			said := makesRole(t, f, exitDone, "Nothing to do.", c.source) // there is nothing to ask
			if len(f.changes) > len(everyChange) || strings.Count(said, "right already") != 3 {
				t.Errorf("the second time: %s\n%s", f.changes, said)
			}
		})
	}
}

// The policy follows s.yaml, as often as that changes. RAM allows fewer characters in its name than in a role's.
func TestRoleFollowsSYAML(t *testing.T) {
	f, says := newCloud(t), ""
	for i := range 8 {
		makesRole(t, f, exitDone, says, filledIn(t, "role", "team.adb_backup", "clusters", manyClusters(i+1)), "-yes")
		says = "renew the policy: back up amv-bp10000000000000 in cn-beijing"
	}
	if p := f.policies["team-adb-backup"]; len(p.versions) != 5 || !strings.Contains(p.versions[4], "0007") {
		t.Error(p.versions)
	}
}

// What somebody else made is left as it is, and said. So is what is refused, and it goes on from there.
func TestRoleTouchesNothingForeign(t *testing.T) {
	const foreignTrust = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs.aliyuncs.com"}}]}`
	trusts := func(text string) func(*cloud) {
		return func(f *cloud) { f.roles["adb-backup"].AssumeRolePolicyDocument = text }
	}
	policy := func(text string) func(*cloud) {
		return func(f *cloud) {
			f.policies["adb-backup"].versions = []string{`{"Version":"1","Statement":[` + text + `]}`}
		}
	}
	denied := func(action string, first bool) func(*cloud) {
		return func(f *cloud) {
			if first {
				f.roles, f.policies, f.attached = map[string]*ramRole{}, map[string]*fakePolicy{}, map[string][]attached{}
			}
			f.script[action] = []step{refused(&acs3.Error{Status: http.StatusForbidden, Code: "NoPermission", Message: "You may not: " + testToken})}
		}
	}
	for name, c := range map[string]struct {
		change  func(f *cloud)
		code    int
		changes []string
		says    string
	}{
		"a role of that name":           {func(f *cloud) { f.roles["adb-backup"].Description = "" }, exitNotAsked, nil, "did not make"},
		"a policy of that name":         {func(f *cloud) { f.policies["adb-backup"].description = "mine" }, exitNotAsked, nil, "did not make"},
		"another trust beside ours":     {trusts(strings.Replace(foreignTrust, `"ecs.aliyuncs.com"`, `["ecs.aliyuncs.com", "fc.aliyuncs.com"]`, 1)), exitDone, nil, "Nothing to do."},
		"another trust instead of ours": {trusts(foreignTrust), exitDone, []string{"UpdateRole"}, "in addition to those who may already"},
		"our trust under a condition": {trusts(strings.Replace(foreignTrust, `"ecs.aliyuncs.com"}`, `"fc.aliyuncs.com"},"Condition":{"StringEquals":{"a":"b"}}`, 1)),
			exitDone, []string{"UpdateRole"}, "let Function Compute work as the role"},
		"a trust that is not understood": {trusts(`{"Version":"1","Statement":7}`), exitNotAsked, nil, "cannot be read"},
		"our policy, written another way": {policy(`
			{"Resource": ["acs:adb:cn-beijing:*:dbcluster/amv-1", "acs:adb:cn-beijing:*:dbcluster/amv-2", "acs:adb:cn-beijing:*:dbcluster/am-3"],
			"Action": ["adb:CreateBackup", "adb:DescribeBackups"], "Effect": "Allow"}`), exitDone, nil, "Nothing to do."},
		"our policy, with plain values":         {policy(`{"Effect":"Allow","Action":"adb:CreateBackup","Resource":"acs:adb:cn-beijing:*:dbcluster/amv-1"}`), exitDone, []string{"CreatePolicyVersion"}, "renew the policy"},
		"our policy with a grant of somebody's": {policy(`{"Effect":"Allow","Action":["oss:GetObject"],"Resource":["*"]}`), exitNotAsked, nil, "Allow of oss:GetObject"},
		"our policy with a prohibition":         {policy(`{"Effect":"Deny","Action":["adb:CreateBackup"],"Resource":["*"]}`), exitNotAsked, nil, "Deny of adb:CreateBackup"},
		"our policy with a condition":           {policy(`{"Effect":"Allow","Action":"adb:CreateBackup","Resource":"*","Condition":{}}`), exitNotAsked, nil, "did not write"},
		"our policy, detached":                  {func(f *cloud) { f.attached["adb-backup"] = []attached{{"AliyunOSSFullAccess", "System"}} }, exitDone, []string{"AttachPolicyToRole"}, "done: give the role the policy"},
		"RAM is refused":                        {denied("GetRole", false), exitNotAsked, nil, "may not manage RAM"},
		"STS is refused":                        {denied("GetCallerIdentity", false), exitNotAsked, nil, "GetCallerIdentity was refused"},
		"the end is refused":                    {denied("AttachPolicyToRole", true), exitNotAsked, everyChange[:2], "it goes on where it stopped"},
		"our role, deleted":                     {func(f *cloud) { delete(f.roles, "adb-backup"); delete(f.attached, "adb-backup") }, exitDone, []string{"CreateRole", "AttachPolicyToRole"}, "create the role"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newCloud(t)
			makesRole(t, f, exitDone, "", filledIn(t), "-yes")
			f.changes = nil
			c.change(f)
			if makesRole(t, f, c.code, c.says, filledIn(t), "-yes"); !slices.Equal(f.changes, c.changes) {
				t.Error(f.changes)
			}
			if got := f.roles["adb-backup"].AssumeRolePolicyDocument; name == "another trust instead of ours" && (!strings.Contains(got, "ecs.aliyuncs.com") || !strings.Contains(got, "fc.aliyuncs.com")) {
				t.Errorf("trust policy %s", got)
			}
		})
	}
}

// printed returns the policy that the command prints alone, for aliyun ram … --PolicyDocument "$(…)".
func printed(t *testing.T, source, name string) (d document) {
	t.Helper()
	out, _ := expect(t, exitDone, "", "", "policy", "-s", write(t, source), name)
	if err := json.Unmarshal([]byte(out), &d); err != nil {
		t.Errorf("%s: %v: %s", name, err, out)
	}
	return d
}

// The function may do what its code can call, and nothing else. Each policy grants what it is for.
func TestPolicies(t *testing.T) {
	var calls, granted []string
	for _, call := range events.OwnCalls {
		calls = append(calls, "adb:"+call)
	}
	for _, s := range printed(t, filledIn(t, "clusters", bySelector), "wait").Statement {
		granted = append(granted, s.Action...)
	}
	if diff := cmp.Diff(calls, granted); diff != "" {
		t.Errorf("the code's calls and the policy's actions differ (-calls +policy)\n%s", diff)
	}
	const arn = "acs:adb:cn-beijing:*:dbcluster/"
	clusters := []string{arn + "amv-1", arn + "amv-2", arn + "am-3"}
	chosen := []string{arn + "*", "acs:adb:cn-hangzhou:*:dbcluster/*", arn + "amv-2", arn + "am-3"}
	alarms := changed(t, "#destinationConfig:", "destinationConfig: {onSuccess: {destination: 'acs:mns:cn-beijing:1:/queues/q/messages'}, onFailure: {destination: 'acs:eventbridge:cn-beijing:1:eventbus/b'}}")
	for _, c := range []struct {
		source, name string
		want         []statement
	}{
		{filledIn(t), "trust", []statement{{Effect: "Allow", Action: []string{"sts:AssumeRole"}, Principal: map[string]list{"Service": {"fc.aliyuncs.com"}}}}},
		{filledIn(t), "wait", []statement{{Effect: "Allow", Action: []string{"adb:CreateBackup", "adb:DescribeBackups"}, Resource: clusters}}},
		{filledIn(t), "gate", []statement{allow("fc:InvokeFunction", "acs:fc:cn-beijing:*:functions/backups", "acs:fc:cn-beijing:*:functions/backups/*")}},
		{filledIn(t), "status", []statement{allow("adb:DescribeBackups", clusters...)}},
		{alarms, "alarm", []statement{allow("eventbridge:PutEvents", "acs:eventbridge:cn-beijing:*:eventbus/b"), allow("mns:SendMessage", "acs:mns:cn-beijing:*:/queues/q/messages")}},
		{filledIn(t, "clusters", bySelector), "status", []statement{allow("adb:DescribeBackups", chosen...), allow("adb:DescribeDBClusters", chosen[:2]...)}},
	} {
		if diff := cmp.Diff(document{"1", c.want}, printed(t, c.source, c.name)); diff != "" {
			t.Errorf("%s: -want +got\n%s", c.name, diff)
		}
	}
	many := write(t, filledIn(t, "clusters", manyClusters(100))) // which leave no room for spaces
	if out, _ := expect(t, exitDone, `dbcluster/am-3"`, "", "policy", "-s", many, "wait"); len(strings.TrimSpace(out)) > documentLimit {
		t.Errorf("%d characters", len(out))
	}
	for args, want := range map[string]int{"": exitDone, "wiat": exitWrong, "alarm": exitWrong} {
		expect(t, want, "", "", append([]string{"policy", "-s", write(t, filledIn(t))}, strings.Fields(args)...)...)
	}
}

// A policy for many clusters is one that RAM takes, and says what it covers.
func TestPolicyFits(t *testing.T) {
	for n, whole := range map[int]bool{1: false, 95: false, 130: true, 1000: true} {
		s := scope{{Cluster: backup.Cluster{ID: "amv-1", Region: "cn-beijing"}}}
		for i := range n {
			s = append(s, backup.Request{Cluster: backup.Cluster{ID: fmt.Sprintf("amv-bp1%013d", i), Region: "cn-hangzhou"}})
		}
		d, why := s.grant([]string{createAction, describeAction})
		if got := slices.Equal(d.Statement[0].Resource, []string{"acs:adb:cn-beijing:*:dbcluster/*", "acs:adb:cn-hangzhou:*:dbcluster/*"}); got != whole || (why != "") != whole || len(shown(d)) > documentLimit {
			t.Errorf("%d clusters: the whole region: %v, because %q; %d characters", n, got, why, len(shown(d)))
		}
	}
}
