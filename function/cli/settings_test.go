package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"adb-backup/function/backup"
)

// What the deploy tool fills in is filled in, and what only it knows stays.
func TestSettingsAreFilledIn(t *testing.T) {
	t.Setenv("MY_LEVEL", "debug")
	t.Setenv("MY_REGION", "")
	const text = `
access: team
vars:
  base: cn
  region: ${vars.base}-beijing
  loop: ${vars.loop}
  log: {project: p, logstore: l}
  retries: 2
resources:
  anything:
    component: fc3
    props:
      region: ${env('MY_REGION', 'cn-shanghai')}
      functionName: f-${vars.region}-${vars.unknown}
      role: acs:ram::${config('AccountID')}:role/r
      logConfig: ${vars.log}
      timeout: 600
      asyncInvokeConfig:
        maxAsyncRetryAttempts: ${vars.retries}
        destinationConfig:
          onSuccess: {destination: a}
          onFailure: {destination: b}
      environmentVariables:
        LOG_LEVEL: ${env('MY_LEVEL', 'info')}
        ADB_MAX_CONCURRENCY: 8
        ADB_STATUS_FAILED: ${vars.loop}
  other:
    component: oss
`
	want := settings{
		Region: "cn-shanghai", FunctionName: "f-cn-beijing-${vars.unknown}", Role: "acs:ram::${config('AccountID')}:role/r", Access: "team",
		Environment:  map[string]string{"LOG_LEVEL": "debug", "ADB_MAX_CONCURRENCY": "8", "ADB_STATUS_FAILED": "${vars.loop}"},
		VPC:          map[string]string{},
		Destinations: []string{"b", "a"},
		Timeout:      10 * time.Minute, Attempts: 3, EventAge: 24 * time.Hour,
	}
	if diff := cmp.Diff(want, settingsOf(t, []byte(text))); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// A function that a pipeline only asks needs no more than a region and a name.
func TestSettingsThatCannotBe(t *testing.T) {
	const function = "resources:\n  a:\n    component: fc3\n    props: "
	for text, want := range map[string]string{
		function + "{region: cn-hangzhou, functionName: f}":                                   "",
		function + "{region: cn-hangzhou, functionName: f, vpcConfig: auto, logConfig: auto}": "",
		function + "{region: cn-hangzhou}":                                                    "needs region and functionName",
		function + "{region: cn-hangzhou, functionName: f, timeout: soon}":                    "Timeout must not be a string",
		"resources: {}": "one function (component fc3), not 0",
		function + "{region: r, functionName: f}\n  b:\n    component: fc3": "not 2",
		"a: [": "[1:",
		"- a":  "sequence",
		"":     "not 0",
	} {
		_, err := parseSettings([]byte(text))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}

// Timers that are switched off ask for nothing; each cluster and each selector is looked at once.
func TestClusters(t *testing.T) {
	for source, want := range map[string][]string{
		string(filledIn(t)): {"amv-1", "amv-2", "am-3"},
		strings.ReplaceAll(string(filledIn(t)), "enable: true", "enable: false"): {"amv-2", "am-3"},
		string(filledIn(t, "clusters", bySelector)):                              {"selector", "amv-2", "am-3"},
	} {
		requests, err := settingsOf(t, []byte(source)).clusterRequests()
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range requests {
			if r.Selector != nil {
				got = append(got, "selector")
				continue
			}
			got = append(got, r.Cluster.ID)
			if r.Cluster != (backup.Cluster{ID: r.Cluster.ID, Region: "cn-beijing"}) {
				t.Errorf("%+v", r)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}
