package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"adb-backup/function/local/acs3"
)

// makesRole runs the command on an s.yaml.
func makesRole(t *testing.T, url string, source []byte, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		t.Fatal(err)
	}
	return runs(t, append([]string{"role", "-s", file, "-endpoint", url}, args...)...)
}

var everyChange = []string{"CreateRole", "CreatePolicy", "AttachPolicyToRole"}

// A role is made once, and then left as it is.
func TestRole(t *testing.T) {
	f, url := newFakeRAM(t)
	code, out, said := makesRole(t, url, filledIn(t), "-yes")
	if code != exitDone || !slices.Equal(f.changes, everyChange) || !strings.Contains(out, "Account "+testAccount+", role adb-backup, policy adb-backup") {
		t.Fatalf("exit code %d, %s\n%s%s", code, f.changes, out, said)
	}
	s := settingsOf(t, filledIn(t))
	if got, want := f.policies["adb-backup"].versions[0], documentOf(t, s, "wait").compact(); got != want {
		t.Errorf("policy %s, want %s", got, want)
	}
	if got := f.roles["adb-backup"].AssumeRolePolicyDocument; got != trustPolicy().compact() {
		t.Errorf("trust policy %s", got)
	}
	f.changes = nil
	code, out, said = makesRole(t, url, filledIn(t)) // without a terminal: there is nothing to ask
	if code != exitDone || len(f.changes) > 0 || strings.Count(out, "right already") != 3 || !strings.Contains(out, "Nothing to do.") {
		t.Errorf("the second time: exit code %d, %s\n%s%s", code, f.changes, out, said)
	}
	// What s.yaml says now, and nothing else.
	code, out, said = makesRole(t, url, filledIn(t, "clusters", `'"DBClusterIds": ["amv-1", "amv-9"]'`, "imageClusters", `""`), "-yes")
	if code != exitDone || !slices.Equal(f.changes, []string{"CreatePolicyVersion"}) ||
		!strings.Contains(out, "Does another function work as this role?") || !strings.Contains(out, "+ adb:CreateBackup on acs:adb:cn-beijing:*:dbcluster/amv-9") || strings.Contains(out, "- adb:CreateBackup on acs:adb:cn-beijing:*:dbcluster/amv-1\n") {
		t.Errorf("another cluster: exit code %d, %s\n%s%s", code, f.changes, out, said)
	}
}

func TestRoleAsks(t *testing.T) {
	f, url := newFakeRAM(t)
	code, out, said := makesRole(t, url, filledIn(t))
	if code != exitWrong || len(f.changes) > 0 || !strings.Contains(said, "no terminal to ask on") || !strings.Contains(out, "to do          create the role") {
		t.Errorf("without a terminal: exit code %d, %s\n%s%s", code, f.changes, out, said)
	}
	for answer, want := range map[string]bool{"y\n": true, "Yes\n": true, "n\n": false, "\n": false, "": false, "yo\n": false} {
		if err := confirm(t.Context(), false, strings.NewReader(answer), true, new(strings.Builder)); (err == nil) != want {
			t.Errorf("%q: %v", answer, err)
		}
	}
}

// Ctrl-C at the question ends the command, although nobody answers.
func TestRoleStopsAtTheQuestion(t *testing.T) {
	stdin, _ := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := confirm(ctx, false, stdin, true, io.Discard); err == nil {
		t.Error("it goes on")
	}
}

// The grant of the destinations, a whole region, many versions.
func TestRoleOfAnyKind(t *testing.T) {
	for name, c := range map[string]struct {
		source []byte
		want   []string // in the policy, and said
		says   string
	}{
		"an alarm":     {uncommented(filledIn(t)), []string{`"mns:PublishMessage"`, `acs:mns:cn-beijing:*:/topics/adb-backup-failed/messages`}, ""},
		"a selector":   {filledIn(t, "clusters", bySelector), []string{`"adb:DescribeDBClusters"`, `acs:adb:cn-beijing:*:dbcluster/*`, `acs:adb:cn-hangzhou:*:dbcluster/*`}, "A selector chooses"},
		"an ARN":       {filledIn(t, "role", "acs:ram::"+testAccount+":role/adb-backup"), []string{"amv-1"}, ""},
		"300 clusters": {filledIn(t, "clusters", manyClusters(300)), []string{`acs:adb:cn-beijing:*:dbcluster/*`}, "do not fit"},
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newFakeRAM(t)
			code, out, said := makesRole(t, url, c.source, "-yes")
			if code != exitDone || !slices.Equal(f.changes, everyChange) || !strings.Contains(out, c.says) {
				t.Fatalf("exit code %d, %s\n%s%s", code, f.changes, out, said)
			}
			for _, want := range c.want {
				if got := f.policies["adb-backup"].versions[0]; !strings.Contains(got, want) {
					t.Errorf("%s is not in %s", want, got)
				}
			}
			if code, out, _ := makesRole(t, url, c.source); code != exitDone || !strings.Contains(out, "Nothing to do.") {
				t.Errorf("the second time: exit code %d\n%s", code, out)
			}
		})
	}
}

// RAM allows fewer characters in the name of a policy than in that of a role.
func TestRoleWithAName(t *testing.T) {
	f, url := newFakeRAM(t)
	code, out, said := makesRole(t, url, filledIn(t, "role", "team.adb_backup"), "-yes")
	if code != exitDone || f.roles["team.adb_backup"] == nil || f.policies["team-adb-backup"] == nil {
		t.Errorf("exit code %d\n%s%s", code, out, said)
	}
}

func manyClusters(n int) string {
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprintf(`"amv-bp1%013d"`, i))
	}
	return `'"DBClusterIds": [` + strings.Join(ids, ", ") + `]'`
}

func TestRoleRotatesVersions(t *testing.T) {
	f, url := newFakeRAM(t)
	for i := range 8 {
		if code, out, said := makesRole(t, url, filledIn(t, "clusters", manyClusters(i+1)), "-yes"); code != exitDone {
			t.Fatalf("exit code %d\n%s%s", code, out, said)
		}
	}
	if n := len(f.policies["adb-backup"].versions); n != 5 {
		t.Errorf("%d versions", n)
	}
}

// What somebody else made is left as it is, and said.
func TestRoleTouchesNothingForeign(t *testing.T) {
	foreignTrust := `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ecs.aliyuncs.com"}}]}`
	for name, c := range map[string]struct {
		change  func(f *fakeRAM)
		code    int
		changes []string
		says    string
	}{
		"a role of that name": {func(f *fakeRAM) { f.roles["adb-backup"] = &ramRole{Description: "mine"} }, exitNotAsked, nil, "the role adb-backup exists, and this command did not make it"},
		"a policy of that name": {func(f *fakeRAM) { f.policies["adb-backup"] = &fakePolicy{"mine", []string{`{}`}} },
			exitNotAsked, nil, "the policy adb-backup exists, and this command did not make it"},
		"another policy on our role": {func(f *fakeRAM) {
			f.attached["adb-backup"] = append(f.attached["adb-backup"], attached{"AliyunOSSFullAccess", "System"})
		},
			exitDone, nil, "left alone     AliyunOSSFullAccess (System), which the role has as well"},
		"another trust beside ours": {func(f *fakeRAM) {
			f.roles["adb-backup"].AssumeRolePolicyDocument = strings.Replace(foreignTrust, `"ecs.aliyuncs.com"`, `["ecs.aliyuncs.com", "fc.aliyuncs.com"]`, 1)
		}, exitDone, nil, "Nothing to do."},
		"another trust instead of ours": {func(f *fakeRAM) { f.roles["adb-backup"].AssumeRolePolicyDocument = foreignTrust },
			exitDone, []string{"UpdateRole"}, "in addition to those who may already"},
		"our trust under a condition": {func(f *fakeRAM) {
			f.roles["adb-backup"].AssumeRolePolicyDocument = `{"Version":"1","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"fc.aliyuncs.com"},"Condition":{"StringEquals":{"a":"b"}}}]}`
		}, exitDone, []string{"UpdateRole"}, "let Function Compute work as the role"},
		"our policy, written another way": {func(f *fakeRAM) {
			f.policies["adb-backup"].versions = []string{`{"Statement": [
				{"Effect": "Allow", "Action": "adb:DescribeBackups", "Resource": ["acs:adb:cn-beijing:*:dbcluster/am-3", "acs:adb:cn-beijing:*:dbcluster/amv-2", "acs:adb:cn-beijing:*:dbcluster/amv-1"]},
				{"Effect": "Allow", "Action": ["adb:CreateBackup"], "Resource": ["acs:adb:cn-beijing:*:dbcluster/amv-1", "acs:adb:cn-beijing:*:dbcluster/amv-2", "acs:adb:cn-beijing:*:dbcluster/am-3"]}
			], "Version": "1"}`}
		}, exitDone, nil, "Nothing to do."},
		"our policy with a grant of somebody's": {func(f *fakeRAM) {
			f.policies["adb-backup"].versions = []string{`{"Version":"1","Statement":[{"Effect":"Allow","Action":"oss:GetObject","Resource":"*"}]}`}
		}, exitNotAsked, nil, "oss:GetObject on *"},
		"our policy with a condition": {func(f *fakeRAM) {
			f.policies["adb-backup"].versions = []string{`{"Version":"1","Statement":[{"Effect":"Allow","Action":"adb:CreateBackup","Resource":"*","Condition":{}}]}`}
		}, exitNotAsked, nil, "did not write"},
		"our policy, detached": {func(f *fakeRAM) { f.attached["adb-backup"] = nil }, exitDone, []string{"AttachPolicyToRole"}, "gave the role the policy"},
		"our role, deleted": {func(f *fakeRAM) { delete(f.roles, "adb-backup"); delete(f.attached, "adb-backup") },
			exitDone, []string{"CreateRole", "AttachPolicyToRole"}, "created the role"},
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newFakeRAM(t)
			if code, _, said := makesRole(t, url, filledIn(t), "-yes"); code != exitDone {
				t.Fatal(said)
			}
			f.changes = nil
			c.change(f)
			extra := slices.Clone(f.attached["adb-backup"])
			code, out, said := makesRole(t, url, filledIn(t), "-yes")
			if code != c.code || !slices.Equal(f.changes, c.changes) || !strings.Contains(out+said, c.says) {
				t.Errorf("exit code %d, %s\n%s%s", code, f.changes, out, said)
			}
			for _, a := range extra {
				if !slices.Contains(f.attached["adb-backup"], a) {
					t.Errorf("%v was taken away", a)
				}
			}
			if name == "another trust instead of ours" {
				if got := f.roles["adb-backup"].AssumeRolePolicyDocument; !strings.Contains(got, "ecs.aliyuncs.com") || !strings.Contains(got, "fc.aliyuncs.com") {
					t.Errorf("trust policy %s", got)
				}
			}
		})
	}
}

func TestRoleFails(t *testing.T) {
	denied := &acs3.Error{Status: http.StatusForbidden, Code: "NoPermission", Message: "You are not authorized to do this action: " + testToken}
	on := func(action string, do func(f *fakeRAM) *acs3.Error) func(*fakeRAM, string) *acs3.Error {
		return func(f *fakeRAM, called string) *acs3.Error {
			if called != action {
				return nil
			}
			return do(f)
		}
	}
	deny := func(*fakeRAM) *acs3.Error { return denied }
	for name, c := range map[string]struct {
		before  func(*fakeRAM, string) *acs3.Error
		source  []byte
		changes []string
		says    string
	}{
		"denied to look":     {on("GetRole", deny), filledIn(t), nil, "may not manage RAM"},
		"denied to make":     {on("CreateRole", deny), filledIn(t), nil, "may not manage RAM"},
		"denied half-way":    {on("AttachPolicyToRole", deny), filledIn(t), []string{"CreateRole", "CreatePolicy"}, "it goes on where it stopped"},
		"unknown to STS":     {on("GetCallerIdentity", deny), filledIn(t), nil, "GetCallerIdentity was refused"},
		"another account":    {nil, filledIn(t, "role", "acs:ram::42:role/adb-backup"), nil, "is in account 42"},
		"made a moment ago":  {on("CreateRole", func(f *fakeRAM) *acs3.Error { return exists("Role", "adb-backup") }), filledIn(t), nil, "somebody else made it a moment ago"},
		"given a moment ago": {on("AttachPolicyToRole", func(f *fakeRAM) *acs3.Error { return exists("Role.Policy", "adb-backup") }), filledIn(t), []string{"CreateRole", "CreatePolicy"}, "gave the role the policy"},
		"a placeholder":      {nil, readSYAML(t), nil, "placeholder"},
		"no role":            {nil, filledIn(t, "role", "auto"), nil, "vars.role"},
	} {
		t.Run(name, func(t *testing.T) {
			f, url := newFakeRAM(t)
			f.before = c.before
			code, out, said := makesRole(t, url, c.source, "-yes")
			if (code != exitDone) != (name != "given a moment ago") || !slices.Equal(f.changes, c.changes) || !strings.Contains(out+said, c.says) {
				t.Errorf("exit code %d, %s\n%s%s", code, f.changes, out, said)
			}
			if strings.Contains(out+said, testToken) || strings.Contains(out+said, testSecret) {
				t.Error("a secret is shown")
			}
		})
	}
	useCredentials(t)
	code, _, said := makesRole(t, "http://127.0.0.1:1", filledIn(t), "-yes")
	if code != exitNotAsked || !strings.Contains(said, "no answer from") {
		t.Errorf("no network: exit code %d, %s", code, said)
	}
	if code, _, said := makesRole(t, "http://ram.aliyuncs.com", filledIn(t), "-yes"); code != exitWrong {
		t.Errorf("plain http: exit code %d, %s", code, said)
	}
}
