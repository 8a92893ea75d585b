package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"adb-backup/events"
)

// filledIn is s.yaml as a user fills it in: name and value of each var, in turn.
func filledIn(t *testing.T, vars ...string) []byte {
	t.Helper()
	source := string(readSYAML(t))
	vars = append([]string{"region", "cn-beijing", "functionName", "backups", "clusters", `'"DBClusterIds": ["amv-1", "amv-2"]'`, "imageClusters", "amv-2,am-3"}, vars...)
	for i := 0; i < len(vars); i += 2 {
		before, rest, found := strings.Cut(source, "\n  "+vars[i]+": ")
		_, after, _ := strings.Cut(rest, "\n")
		if !found {
			t.Fatalf("s.yaml has no vars.%s", vars[i])
		}
		source = before + "\n  " + vars[i] + ": " + vars[i+1] + "\n" + after
	}
	return []byte(source)
}

func settingsOf(t *testing.T, source []byte) settings {
	t.Helper()
	s, err := parseSettings(source)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func documentOf(t *testing.T, s settings, name string) document {
	t.Helper()
	clusters, err := s.scope()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range policies(s, clusters) {
		if p.Name == name {
			return p.Document
		}
	}
	t.Fatalf("no policy %s", name)
	return document{}
}

// bySelector chooses in two regions.
const bySelector = `'"DBClusterSelector": {"All": true}, "RegionIds": ["cn-hangzhou", "cn-beijing"]'`

// The function may do what its code can call, and nothing else.
func TestPolicyMatchesTheCalls(t *testing.T) {
	var calls, granted []string
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
	for _, s := range documentOf(t, settingsOf(t, filledIn(t)), "wait").Statement {
		if slices.Contains(s.Action, listAction) {
			t.Error("the list of clusters is granted without a selector")
		}
	}
}

func TestPolicies(t *testing.T) {
	clusters := []string{"acs:adb:cn-beijing:*:dbcluster/amv-1", "acs:adb:cn-beijing:*:dbcluster/amv-2", "acs:adb:cn-beijing:*:dbcluster/am-3"}
	everything := []string{"acs:adb:cn-beijing:*:dbcluster/*", "acs:adb:cn-hangzhou:*:dbcluster/*"}
	trust := statement{Effect: "Allow", Action: []string{"sts:AssumeRole"}, Principal: &principal{[]string{"fc.aliyuncs.com"}}}
	list := allow([]string{"adb:DescribeDBClusters"}, everything)
	for _, c := range []struct {
		source []byte
		name   string
		want   []statement
	}{
		{filledIn(t), "trust", []statement{trust}},
		{filledIn(t), "wait", []statement{allow([]string{"adb:CreateBackup", "adb:DescribeBackups"}, clusters)}},
		{filledIn(t), "request", []statement{allow([]string{"adb:CreateBackup"}, clusters)}},
		{filledIn(t), "gate", []statement{allow([]string{"fc:InvokeFunction"}, []string{"acs:fc:cn-beijing:*:functions/backups", "acs:fc:cn-beijing:*:functions/backups/*"})}},
		{filledIn(t), "status", []statement{allow([]string{"adb:DescribeBackups"}, clusters)}},
		{uncommented(filledIn(t, "alarmTopic", "alarm")), "alarm", []statement{allow([]string{"mns:PublishMessage"}, []string{"acs:mns:cn-beijing:*:/topics/alarm/messages"})}},
		{filledIn(t, "clusters", bySelector), "wait", []statement{allow([]string{"adb:CreateBackup", "adb:DescribeBackups"}, everything), list}},
		{filledIn(t, "clusters", bySelector), "status", []statement{allow([]string{"adb:DescribeBackups"}, everything), list}},
	} {
		if diff := cmp.Diff(document{"1", c.want}, documentOf(t, settingsOf(t, c.source), c.name)); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

// A policy for many clusters must still be one that RAM takes, and say what it costs.
func TestPolicyFits(t *testing.T) {
	for _, c := range []struct {
		clusters int
		whole    bool
	}{{1, false}, {95, false}, {110, false}, {130, true}, {1000, true}} {
		var ids []string
		for i := range c.clusters {
			ids = append(ids, fmt.Sprintf(`"amv-bp1%013d"`, i))
		}
		s := settingsOf(t, filledIn(t, "clusters", `'"DBClusterIds": [`+strings.Join(ids, ", ")+`]'`, "imageClusters", `""`))
		clusters, err := s.scope()
		if err != nil {
			t.Fatal(err)
		}
		d, why := clusters.grant([]string{createAction, describeAction})
		whole := slices.Contains(d.Statement[0].Resource, "acs:adb:cn-beijing:*:dbcluster/*")
		if n := len(d.printed()); n > documentLimit {
			t.Errorf("%d clusters: what is printed has %d characters", c.clusters, n)
		}
		if whole != c.whole || (why != "") != whole || whole && !strings.Contains(why, fmt.Sprintf("%d clusters", c.clusters)) {
			t.Errorf("%d clusters: the whole region: %v, because %q; %d characters", c.clusters, whole, why, len(d.compact()))
		}
	}
}

// Of several regions the largest is granted as a whole, and the others are not.
func TestPolicyFitsInSeveralRegions(t *testing.T) {
	s := scope{ids: map[string][]string{"cn-beijing": {"amv-1"}}}
	for i := range 200 {
		s.ids["cn-hangzhou"] = append(s.ids["cn-hangzhou"], fmt.Sprintf("amv-bp1%013d", i))
	}
	d, _ := s.grant([]string{createAction})
	want := []string{"acs:adb:cn-beijing:*:dbcluster/amv-1", "acs:adb:cn-hangzhou:*:dbcluster/*"}
	if diff := cmp.Diff(want, d.Statement[0].Resource); diff != "" {
		t.Error(diff)
	}
}

func TestDestinationGrants(t *testing.T) {
	s := settings{Destinations: []string{
		"acs:mns:cn-beijing:${config('AccountID')}:/topics/alarm/messages", "acs:mns:cn-beijing:1234:/queues/q/messages",
		"acs:fc:cn-beijing:1234:functions/other", "acs:eventbridge:cn-beijing:1234:eventbus/default", "nonsense",
	}}
	want := []statement{
		allow([]string{"mns:PublishMessage"}, []string{"acs:mns:cn-beijing:*:/topics/alarm/messages"}),
		allow([]string{"mns:SendMessage"}, []string{"acs:mns:cn-beijing:*:/queues/q/messages"}),
		allow([]string{"fc:InvokeFunction"}, []string{"acs:fc:cn-beijing:*:functions/other"}),
		allow([]string{"eventbridge:PutEvents"}, []string{"acs:eventbridge:cn-beijing:*:eventbus/default"}),
	}
	if diff := cmp.Diff(want, s.destinationGrants()); diff != "" {
		t.Error(diff)
	}
}

func TestPolicyCommand(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	write := func(source []byte) {
		if err := os.WriteFile(file, source, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	policy := func(name ...string) (int, string, string) {
		var stdout, stderr bytes.Buffer
		code := run(context.Background(), append([]string{"policy", "-s", file}, name...), &stdout, &stderr)
		return code, stdout.String(), stderr.String()
	}
	write(readSYAML(t))
	if code, _, said := policy(); code != exitNotAsked || !strings.Contains(said, "placeholder") {
		t.Errorf("as it ships: exit code %d: %s", code, said)
	}
	if code, _, said := policy("trust"); code != exitDone {
		t.Errorf("as it ships, trust: exit code %d: %s", code, said)
	}
	write(filledIn(t))
	if code, _, said := policy("alarm"); code != exitWrong {
		t.Errorf("no alarm is set: exit code %d: %s", code, said)
	}
	write([]byte(readSource(t, "s.yaml")))
	if code, _, said := policy("wiat"); code != exitWrong || !strings.Contains(said, "there are trust, wait, ") {
		t.Errorf("a wrong name, before anything is filled in: exit code %d: %s", code, said)
	}
	write(uncommented(filledIn(t)))
	for _, name := range []string{"trust", "wait", "request", "gate", "status", "alarm"} {
		// Alone on standard output, for aliyun ram … --PolicyDocument "$(…)".
		if code, out, said := policy(name); code != exitDone || !json.Valid([]byte(out)) {
			t.Errorf("%s: exit code %d: %s%s", name, code, out, said)
		}
		if code, out, _ := policy(); code != exitDone || !strings.Contains(out, "# "+name+": ") {
			t.Errorf("%s is not in\n%s", name, out)
		}
	}
	write(filledIn(t, "clusters", bySelector))
	if _, out, _ := policy(); !strings.Contains(out, "# A selector chooses clusters that do not exist yet") {
		t.Errorf("it does not say why: %s", out)
	}
}
