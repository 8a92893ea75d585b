package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adb-backup/events"
)

var filledIn = settings{Region: "cn-beijing", FunctionName: "backups", Role: "r", Clusters: `"amv-1", "amv-2"`, ImageClusters: "amv-2,am-3", AlarmTopic: "alarm"}

func documentOf(t *testing.T, s settings, name string) document {
	t.Helper()
	for _, p := range policies(s) {
		if p.Name == name {
			return p.Document
		}
	}
	t.Fatalf("no policy %s", name)
	return document{}
}

// The function may do what its code can call, and nothing else.
func TestPolicyMatchesTheCalls(t *testing.T) {
	var calls []string
	for _, call := range events.OwnCalls {
		calls = append(calls, "adb:"+call)
	}
	granted := documentOf(t, filledIn, "wait").Statement[0].Action
	slices.Sort(calls)
	slices.Sort(granted)
	if diff := cmp.Diff(calls, granted); diff != "" {
		t.Errorf("the code's calls and the policy's actions differ (-calls +policy)\n%s", diff)
	}
	for _, action := range documentOf(t, filledIn, "request").Statement[0].Action {
		if !slices.Contains(calls, action) {
			t.Errorf("%s is not called", action)
		}
	}
}

func TestPolicies(t *testing.T) {
	clusters := []string{"acs:adb:cn-beijing:*:dbcluster/amv-1", "acs:adb:cn-beijing:*:dbcluster/amv-2", "acs:adb:cn-beijing:*:dbcluster/am-3"}
	withAlarm := filledIn
	withAlarm.AlarmInUse = true
	for name, want := range map[string]statement{
		"trust":   {Effect: "Allow", Action: []string{"sts:AssumeRole"}, Principal: &principal{[]string{"fc.aliyuncs.com"}}},
		"wait":    {Effect: "Allow", Action: []string{"adb:CreateBackup", "adb:DescribeBackups"}, Resource: clusters},
		"request": {Effect: "Allow", Action: []string{"adb:CreateBackup"}, Resource: clusters},
		"gate":    {Effect: "Allow", Action: []string{"fc:InvokeFunction"}, Resource: []string{"acs:fc:cn-beijing:*:functions/backups", "acs:fc:cn-beijing:*:functions/backups/*"}},
		"alarm":   {Effect: "Allow", Action: []string{"mns:PublishMessage"}, Resource: []string{"acs:mns:cn-beijing:*:/topics/alarm/messages"}},
	} {
		if diff := cmp.Diff(document{"1", []statement{want}}, documentOf(t, withAlarm, name)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
	if n := len(policies(filledIn)); n != 4 {
		t.Errorf("%d policies without a failure destination, want 4", n)
	}
}

func TestWarnings(t *testing.T) {
	for _, c := range []struct {
		s    settings
		want string
	}{
		{settings{Region: "cn-beijing", Clusters: `"amv-1"`}, ""},
		{settings{Region: "cn-beijing", Clusters: `"amv-1"`, ImageClusters: "amv-2, amv-3"}, ""},
		{settings{Region: "cn-beijing"}, "names no cluster"},
		{settings{Region: "cn-beijing", Clusters: `"amv-your-cluster"`}, "still the placeholder"},
		{settings{Region: "cn-beijing", Clusters: `"amv-1", "amv-2****"`}, "masked"},
		{settings{Region: "cn-beijing", Clusters: `"amv-1"`, ImageClusters: "adb-2"}, "adb-2"},
		{settings{Region: "x.example/", Clusters: `"amv-1"`}, "region"},
	} {
		got := strings.Join(c.s.warnings(), "\n")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%+v: %q, want %q", c.s, got, c.want)
		}
	}
}

func TestPolicyCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, uncommented(readSYAML(t)), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		file, name string
		code       int
	}{
		{"../../s.yaml", "wait", exitDone}, {"../../s.yaml", "trust", exitDone},
		{"../../s.yaml", "alarm", exitUsage}, {file, "alarm", exitDone}, {file, "nonsense", exitUsage},
	} {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), []string{"policy", "-s", c.file, c.name}, &stdout, &stderr)
		if code != c.code || !strings.Contains(stderr.String(), "warning: "+c.file) {
			t.Errorf("%s: exit code %d: %s", c.name, code, &stderr)
		}
		// Alone on standard output, for aliyun ram … --PolicyDocument "$(…)".
		if code == exitDone && !json.Valid(stdout.Bytes()) {
			t.Errorf("%s is not JSON: %s", c.name, &stdout)
		}
	}
	var stdout, stderr bytes.Buffer
	if code := run(context.Background(), []string{"policy", "-s", file}, &stdout, &stderr); code != exitDone {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
	for _, want := range []string{"# trust: ", "# wait: ", "# request: ", "# gate: ", "# alarm: "} {
		if !strings.Contains(stdout.String(), want) {
			t.Errorf("%q is not in\n%s", want, &stdout)
		}
	}
}
