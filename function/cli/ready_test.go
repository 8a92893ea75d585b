package main

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What the deploy tool would accept and the night would refuse is refused before anything is deployed.
func TestInspect(t *testing.T) {
	replace := func(source []byte, old, new string) []byte {
		if !bytes.Contains(source, []byte(old)) {
			t.Fatalf("s.yaml does not hold %q", old)
		}
		return bytes.Replace(source, []byte(old), []byte(new), 1)
	}
	for name, c := range map[string]struct {
		source []byte
		want   string // part of the faults; empty: none
	}{
		"filled in":                    {filledIn(t), ""},
		"a selector":                   {filledIn(t, "clusters", bySelector), ""},
		"several lists":                {filledIn(t, "imageClusters", `"amv-2, amv-3"`), ""},
		"an interval":                  {filledIn(t, "backupCron", `"@every 1h"`), ""},
		"as it ships":                  {readSYAML(t), "still the placeholder"},
		"no clusters":                  {filledIn(t, "clusters", `'"DBClusterIds": []'`), "DBClusterIds"},
		"an empty selector":            {filledIn(t, "clusters", `'"DBClusterSelector": {}'`), "DBClusterSelector"},
		"a masked id":                  {filledIn(t, "clusters", `'"DBClusterIds": ["amv-2****"]'`), "masked"},
		"ids without their field":      {filledIn(t, "clusters", `'"amv-1", "amv-2"'`), `vars.clusters holds a field of the request: '"DBClusterIds"`},
		"a bare id":                    {filledIn(t, "clusters", "amv-1"), "vars.clusters holds a field of the request"},
		"a misspelt selector":          {filledIn(t, "clusters", `'"DBClusterSelector": {"Tag": {"a": "b"}}'`), "did you mean Tags"},
		"image clusters":               {filledIn(t, "imageClusters", "adb-2"), "adb-2"},
		"image clusters in quotes":     {filledIn(t, "imageClusters", `'"amv-2"'`), "without quotes"},
		"image clusters with spaces":   {filledIn(t, "imageClusters", "amv-2 amv-3"), "with commas"},
		"a region that cannot be":      {filledIn(t, "region", "x.example/"), "vars.region"},
		"a misspelt region":            {filledIn(t, "region", "cn-hangzou"), "did you mean cn-hangzhou?"},
		"a selector's misspelt region": {filledIn(t, "clusters", `'"DBClusterSelector": {"All": true}, "RegionIds": ["cn-bejing"]'`), "did you mean cn-beijing?"},
		"five fields":                  {filledIn(t, "backupCron", "0 2 * * *"), "trigger nightly: its schedule"},
		"an unknown zone":              {filledIn(t, "verifyCron", "CRON_TZ=Asia/Peking 0 0 8 * * *"), "trigger verify: its schedule"},
		"no duration":                  {filledIn(t, "verifyMaxAge", "7"), "MaxAge"},
		"role auto":                    {filledIn(t, "role", "auto"), "make role"},
		"no role":                      {filledIn(t, "role", `""`), "make role"},
		"a wrong ARN":                  {filledIn(t, "role", "acs:ram::x:role/a"), "neither the name of a role"},
		"an ARN":                       {filledIn(t, "role", "acs:ram::1234567890123456:role/a"), ""},
		"an ARN with a variable":       {filledIn(t, "role", `"acs:ram::${config('AccountID')}:role/a"`), ""},
		"a setting of the environment": {replace(filledIn(t), "LOG_LEVEL: info", "LOG_LEVEL: ${config('Level')}"), ""},
		"a function's name":            {filledIn(t, "functionName", "my.function"), "functionName"},
		"an image without clusters":    {filledIn(t, "imageNamespace", "mine", "imageRepository", "app", "imageClusters", `""`), "set vars.imageClusters"},
		"an image with clusters":       {filledIn(t, "imageNamespace", "mine", "imageRepository", "app"), ""},
		"the VPC's placeholders":       {uncommented(filledIn(t)), "vpcConfig.vpcId is still a placeholder"},
		"vpc without a VPC":            {replace(filledIn(t), "#ADB_NETWORK", "ADB_NETWORK"), "vpcConfig is missing"},
		"a misspelt setting":           {replace(filledIn(t), "LOG_LEVEL: info", "ADB_POLL_INTERVL: 5s"), "did you mean ADB_POLL_INTERVAL?"},
		"a wrong setting":              {replace(filledIn(t), "LOG_LEVEL: info", "LOG_LEVEL: verbose"), "LOG_LEVEL must be"},
		"a setting that is a number":   {replace(filledIn(t), "LOG_LEVEL: info", "ADB_MAX_CONCURRENCY: 16"), ""},
	} {
		t.Run(name, func(t *testing.T) {
			s := settingsOf(t, c.source)
			found := s.inspect(at(t, "2026-11-26T10:00:00Z"))
			fault := ""
			if err := errors.Join(found.faults...); err != nil {
				fault = err.Error()
			}
			if !strings.Contains(fault, c.want) || c.want == "" && fault != "" {
				t.Errorf("%q, want %q", fault, c.want)
			}
		})
	}
}

// A new region must not be refused because this version is older than it.
func TestRegions(t *testing.T) {
	for region, want := range map[string]string{
		"cn-hangzhou": "", "cn-guangzhou": "", "me-east-1": "", "cn-chengdu": "",
		"us-west-2": "note", "ap-southeast-9": "note", "xx-nowhere-1": "note",
		"cn-hangzou": "fault", "cn-shangai": "fault", "cn_hangzhou": "fault", "cn-hongkonk": "fault", "CN-Hangzhou": "fault",
	} {
		note, err := checkRegion(region)
		got := ""
		if err != nil {
			got = "fault"
		} else if note != "" {
			got = "note"
		}
		if got != want {
			t.Errorf("%s: %q (%s, %v), want %q", region, got, note, err, want)
		}
	}
}

func TestReadySaysWhatWillHappen(t *testing.T) {
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, filledIn(t), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if _, err := ready(file, at(t, "2026-11-26T10:00:00Z"), &out); err != nil {
		t.Fatal(err)
	}
	const want = `clusters     amv-1, amv-2, am-3 in cn-beijing
next backup  Fri 27 Nov 2026 02:00 CST (in 8h), trigger nightly
next check   Fri 27 Nov 2026 08:00 CST, for a backup that started at Fri 27 Nov 2026 01:00 CST or later, trigger verify
note: trigger before-deployment does nothing until vars.imageNamespace and vars.imageRepository are set
`
	if out.String() != want {
		t.Errorf("%s", out.String())
	}
	out.Reset()
	if _, err := ready(file, at(t, "2026-11-26T20:00:00Z"), &out); err != nil || !strings.Contains(out.String(), "It comes before the first backup") {
		t.Errorf("%v %s", err, out.String())
	}
}
