package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/config"

	"github.com/agnivade/levenshtein"
	sdk "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
)

// inspect looks for all that is wrong with s.yaml: what the deploy tool passes over, and what the night would refuse.
func (s settings) inspect(now time.Time) *checkup {
	now = now.Truncate(time.Second) // an @every counts from now; no message needs parts of a second
	c := &checkup{about: "s.yaml"}
	c.unknownKeys("s.yaml", "s.yaml", s.document)
	c.unknownKeys("the resource", "resource", s.resource)
	c.unknownKeys("props", "props", s.props)
	text, _ := json.Marshal(s.props) // it comes from YAML
	for _, name := range placeholders.FindAllString(string(text), -1) {
		c.wrong("%s is still there: vars does not have it, or it is a placeholder", name)
	}
	for _, name := range s.unset {
		c.note("the variable %s is not set in this shell, and the deploy tool needs it", name)
	}
	s.inspectFunction(c)
	s.inspectNumbers(c)
	s.inspectEnvironment(c)
	s.inspectDestinations(c)
	for _, t := range s.Triggers {
		c.unknownKeys("trigger "+t.Name, t.Type, t.Config)
		s.inspectTrigger(c, t)
	}
	if s.literalSecret {
		c.note("ADB_ALARM_WEBHOOK and ADB_ALARM_SECRET are secrets: let s.yaml take them from the shell, ${env('ADB_ALARM_WEBHOOK', '')}")
	}
	if s.hasPlaceholder() {
		c.faults(errPlaceholder)
	} else {
		s.inspectTimers(c, now)
	}
	return c
}

// inspectTimers reads the timers and the clusters as the function will, and says what will happen.
func (s settings) inspectTimers(c *checkup, now time.Time) {
	timers, faults := s.timers(now)
	requests, more := s.requests(timers, now)
	faults = append(append(faults, more...), s.disagreements(timers, now)...)
	c.faults(faults...)
	if len(faults) == 0 && len(requests) == 0 {
		c.note("no timer is enabled, and no cluster is named: the function does nothing by itself")
	} else if len(faults) == 0 {
		c.right("clusters: %s", scopeOf(requests))
	}
	for _, region := range scopeOf(requests).regions() {
		c.faults(checkRegion(region))
	}
	for _, t := range timers {
		c.right("%s", t.coming(now))
	}
}

// open reports whether a value holds something that only the deploy tool can fill in.
func open(value string) bool { return strings.Contains(value, "${") }

var placeholders = regexp.MustCompile(`\$\{\s*vars\.[\w.-]+\s*\}|\b(?:vpc|vsw|sg)-your-\w+`)

// inspectFunction looks at what every function needs.
func (s settings) inspectFunction(c *checkup) {
	if !functionName.MatchString(s.FunctionName) && !open(s.FunctionName) {
		c.wrong("functionName: %s is not the name of a function", backup.Quote(s.FunctionName))
	}
	if _, _, err := roleName(s.Role); err != nil && !open(s.Role) {
		c.wrong("role: %v", err)
	}
	for _, fixed := range []struct{ key, value string }{{"runtime", "go1"}, {"handler", "main"}} {
		if has := scalar(s.props[fixed.key]); has != fixed.value && !open(has) {
			c.wrong("%s: %s does not run what make package packs: %s", fixed.key, backup.Quote(has), fixed.value)
		}
	}
	if s.Code == nil {
		c.wrong("code is missing: make package writes ./dist/function.zip")
	}
	if s.VpcConfig == nil && s.variable("ADB_NETWORK") == "vpc" {
		c.wrong("environmentVariables: ADB_NETWORK is vpc, but vpcConfig is missing: AnalyticDB cannot be reached")
	}
}

// inspectNumbers finds the numbers that the deploy tool or Function Compute refuses.
func (s settings) inspectNumbers(c *checkup) {
	async, _ := s.props["asyncInvokeConfig"].(mapping)
	for _, n := range []struct {
		in                mapping
		key               string
		least, most, step float64
	}{
		{s.props, "timeout", 1, 86400, 1}, {s.props, "cpu", 0.05, 16, 0.05}, {s.props, "memorySize", 128, 32768, 64}, {s.props, "diskSize", 512, 10240, 9728},
		{async, "maxAsyncRetryAttempts", 0, 8, 1}, {async, "maxAsyncEventAgeInSeconds", 1, 2592000, 1},
	} {
		value, is := number(n.in[n.key])
		steps := (value - n.least) / n.step
		if n.in[n.key] != nil && (!is || value < n.least || value > n.most || math.Abs(steps-math.Round(steps)) > 1e-6) {
			c.wrong("%s: %s cannot be: a number from %v to %v, in steps of %v", n.key, scalar(n.in[n.key]), n.least, n.most, n.step)
		}
	}
	s.inspectSizes(c)
}

// inspectSizes looks at the time and the memory that the function gets.
func (s settings) inspectSizes(c *checkup) {
	if s.props["timeout"] == nil {
		c.wrong("timeout is missing, and the deploy tool's default is 3 s. An hour, 3600, costs next to nothing")
	} else if s.Timeout < 60 {
		c.wrong("timeout: %d s is not enough to request a backup and to see it: at least 60", s.Timeout)
	}
	cpu, hasCPU := number(s.props["cpu"])
	memory, hasMemory := number(s.props["memorySize"])
	if ratio := memory / 1024 / cpu; hasCPU != hasMemory || hasCPU && (ratio < 1 || ratio > 4) {
		c.wrong("cpu and memorySize go together: 1 to 4 GB for each cpu")
	}
}

func number(value any) (n float64, is bool) {
	text, err := json.Marshal(value)
	return n, value != nil && err == nil && json.Unmarshal(text, &n) == nil
}

// inspectEnvironment checks the variables as the function does when it starts. It shows no value: some are secrets.
func (s settings) inspectEnvironment(c *checkup) {
	const most = 4 << 10
	bytes := 0
	var environ []string
	for _, name := range slices.Sorted(maps.Keys(s.EnvironmentVariables)) {
		value := s.variable(name)
		bytes += len(name) + len(value)
		if _, text := s.EnvironmentVariables[name].(string); !text {
			c.wrong("environmentVariables: %s must be a text: put it in quotes", name)
		}
		if name != "ADB_DEFAULT_CLUSTERS" && !open(value) { // requests reads those
			environ = append(environ, name+"="+value)
		}
	}
	if bytes > most {
		c.wrong("environmentVariables: %d bytes, and Function Compute takes %d", bytes, most)
	}
	if _, err := config.Load(environ); err != nil {
		c.faults(fmt.Errorf("environmentVariables: %w", err))
	}
}

var (
	arn    = regexp.MustCompile(`^acs:([a-z0-9-]+):[^:]*:[^:]*:(.+)$`)
	inPath = regexp.MustCompile(`[^/.]+`)
)

// inspectDestinations looks at those who are told how an invocation ended.
func (s settings) inspectDestinations(c *checkup) {
	for _, d := range s.AsyncInvokeConfig.destinations() {
		if m := arn.FindStringSubmatch(d); m == nil {
			c.wrong("destination: %s is no ARN, such as acs:mns:%s:1234567890123456:/topics/NAME/messages", backup.Quote(d), s.Region)
		} else if m[1] == "fc" && slices.Contains(inPath.FindAllString(m[2], -1), s.FunctionName) {
			c.wrong("destination: %s is the function itself: each end would be its next event", d)
		}
	}
}

// checkRegion finds a malformed region, and one that differs in one letter from a region that the SDK knows. Any other may be
// a new one.
func checkRegion(region string) error {
	if err := backup.CheckRegion(region); err != nil {
		return err
	}
	client, err := sdk.NewClient(&openapi.Config{RegionId: dara.String(region)})
	if err != nil || client.EndpointMap[region] != nil {
		return nil
	}
	name := func(region string) string { return strings.TrimRight(region, "-0123456789") } // us-west-2 is no misspelt us-west-1
	for _, known := range slices.Sorted(maps.Keys(client.EndpointMap)) {
		if levenshtein.ComputeDistance(name(region), name(known)) == 1 {
			return fmt.Errorf("%q is not a region: did you mean %s?", region, known)
		}
	}
	return nil
}
