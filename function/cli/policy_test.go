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
		if call == "DescribeDBClusters" { // granted only where a selector is used
			continue
		}
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
		change func(*settings)
		want   string
	}{
		{func(s *settings) {}, ""},
		{func(s *settings) { s.ImageClusters = "amv-2, amv-3" }, ""},
		{func(s *settings) { s.BackupCron = "0 0 18 * * *" }, ""},
		{func(s *settings) { s.BackupCron = "@every 24h" }, ""},
		{func(s *settings) { s.Clusters = "" }, "names no cluster"},
		{func(s *settings) { s.Clusters = `"amv-your-cluster"` }, "still the placeholder"},
		{func(s *settings) { s.Clusters = `"amv-1", "amv-2****"` }, "masked"},
		{func(s *settings) { s.Clusters = "amv-1" }, "double quotes"},
		{func(s *settings) { s.Clusters = "amv-1, amv-2" }, "double quotes"},
		{func(s *settings) { s.ImageClusters = "adb-2" }, "adb-2"},
		{func(s *settings) { s.ImageClusters = `"amv-2"` }, "without quotes"},
		{func(s *settings) { s.ImageClusters = "amv-2 amv-3" }, "with commas"},
		{func(s *settings) { s.Region = "x.example/" }, "region"},
		{func(s *settings) { s.BackupCron = "0 2 * * *" }, "backupCron"},
		{func(s *settings) { s.VerifyCron = "CRON_TZ=Asia/Shanghai 0 8 * * *" }, "verifyCron"},
		{func(s *settings) { s.VerifyMaxAge = "7" }, "verifyMaxAge"},
	} {
		set := settings{Region: "cn-beijing", Clusters: `"amv-1"`, BackupCron: "CRON_TZ=Asia/Shanghai 0 0 2 * * *", VerifyCron: "0 0 8 * * *", VerifyMaxAge: "7h"}
		c.change(&set)
		got := strings.Join(set.warnings(), "\n")
		if !strings.Contains(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%+v: %q, want %q", set, got, c.want)
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
