package main

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/config"
)

// inspect looks for all that is wrong with s.yaml: what the deploy tool passes over, and what the night would refuse.
func (s settings) inspect(now time.Time) *checkup {
	c := &checkup{about: "s.yaml"}
	c.unknownKeys("s.yaml", "s.yaml", s.document)
	c.unknownKeys("the resource", "resource", s.resource)
	c.unknownKeys("props", "props", s.props)
	for _, left := range placeholders.FindAllString(fmt.Sprint(s.props), -1) {
		if strings.Contains(left, "env(") {
			c.say(stateNote, "%s is not set in this shell, and the deploy tool needs it", left)
		} else {
			c.say(stateWrong, "%s is still there: vars does not have it, or it is a placeholder", left)
		}
	}
	s.inspectFunction(c)
	s.inspectEnvironment(c)
	names := map[string]bool{"": true}
	for _, t := range s.Triggers {
		c.must("triggerName", t.Name, !names[t.Name], "a name of its own: of two triggers with the same name one alone would exist")
		names[t.Name] = true
		c.unknownKeys("trigger "+t.Name, t.Type, t.Config)
		s.inspectTrigger(c, t)
	}
	s.inspectTimers(c, now.Truncate(time.Second)) // no message needs parts of a second
	return c
}

var (
	placeholders = regexp.MustCompile(reference.String() + `|\b(?:vpc|vsw|sg)-your-\w+`)
	arn          = regexp.MustCompile(`^acs:([a-z0-9-]+):([^:]*):[^:]*:(.+)$`) // service, region, what is there
)

// must says what a value must be, unless it is right or holds what only the deploy tool can fill in.
func (c *checkup) must(key string, value any, right bool, what string) {
	has := "missing"
	if value != nil {
		has = shown(value)
	}
	if !right && !open(has) {
		c.say(stateWrong, "%s is %s, and must be %s", key, has, what)
	}
}

// inspectFunction finds what the deploy tool or Function Compute refuses, a time that is too short for a backup, and whoever
// cannot be told how an invocation ended.
func (s settings) inspectFunction(c *checkup) {
	_, err := roleName(s.Role)
	c.each(stateWrong, errors.Join(backup.CheckRegion(s.Region), err))
	c.must("functionName", s.FunctionName, functionName.MatchString(s.FunctionName), "the name of a function")
	c.must("runtime", s.props["runtime"], s.props["runtime"] == "go1", "go1, which runs what make package packs")
	c.must("handler", s.props["handler"], s.props["handler"] == "main", "main, which make package packs")
	c.must("code", s.props["code"], scalar(s.props["code"]) != "", "./dist/function.zip, which make package writes")
	c.must("timeout", s.props["timeout"], s.Timeout != 0, "given: the deploy tool's default is 3 s. An hour, 3600, costs next to nothing")
	number := func(key string, value, least, most, step float64) {
		between := math.Abs(math.Remainder(value-least, step)) > 1e-6
		c.must(key, value, value == 0 || value >= least && value <= most && !between,
			fmt.Sprintf("at least %s and at most %s, in steps of %s", shown(least), shown(most), shown(step)))
	}
	number("timeout", s.Timeout, 60, 86400, 1)
	number("cpu", s.CPU, 0.05, 16, 0.05)
	number("memorySize", s.MemorySize, 128, 32768, 64)
	number("diskSize", s.DiskSize, 512, 10240, 9728)
	number("maxAsyncRetryAttempts", s.AsyncInvokeConfig.MaxAsyncRetryAttempts, 0, 8, 1)
	number("maxAsyncEventAgeInSeconds", s.AsyncInvokeConfig.MaxAsyncEventAgeInSeconds, 1, 2592000, 1)
	ratio, neither := s.MemorySize/1024/s.CPU, s.MemorySize == 0 && s.CPU == 0
	c.must("memorySize", s.MemorySize, neither || ratio >= 1 && ratio <= 4, "given with cpu: 1 to 4 GB for each cpu")
	for _, d := range s.AsyncInvokeConfig.destinations() {
		m := arn.FindStringSubmatch(d)
		c.must("destination", d, m != nil, "an ARN such as acs:mns:"+s.Region+":1234567890123456:/topics/NAME/messages")
		if m != nil && m[1] == "fc" && slices.Contains(regexp.MustCompile(`[/.]`).Split(m[3], -1), s.FunctionName) {
			c.say(stateWrong, "destination: %s is the function itself: each end would be its next event", d)
		}
	}
}

// inspectEnvironment checks the variables as the function does when it starts. It shows no value: some are secrets.
func (s settings) inspectEnvironment(c *checkup) {
	var environ []string
	bytes, most := 0, 4<<10
	for _, name := range slices.Sorted(maps.Keys(s.EnvironmentVariables)) {
		value := s.variable(name)
		bytes += len(name) + len(value)
		if _, text := s.EnvironmentVariables[name].(string); !text {
			c.say(stateWrong, "environmentVariables: %s must be a text: put it in quotes", name)
		}
		if name != "ADB_DEFAULT_CLUSTERS" && !open(value) { // readTimers reads those
			environ = append(environ, name+"="+value)
		}
	}
	if bytes > most {
		c.say(stateWrong, "environmentVariables: %d bytes, and Function Compute takes %d", bytes, most)
	}
	if _, err := config.Load(environ); err != nil {
		c.each(stateWrong, fmt.Errorf("environmentVariables: %w", err))
	}
}

// knownKeys are the keys that the deploy tool and its component fc3 read, by the mapping that they stand in. They pass over
// any other key without a word. A mapping that is not named here may hold any key, as environmentVariables does, or is not
// looked into, because this function has no use for it.
var knownKeys = map[string]string{
	"s.yaml":   "edition name access vars resources flow env extend template description version",
	"resource": "component props actions access extend",

	"props": "region functionName description role runtime handler code timeout cpu memorySize diskSize " +
		"environmentVariables internetAccess triggers asyncInvokeConfig concurrencyConfig instanceConcurrency provisionConfig " +
		"scalingConfig logConfig tracingConfig vpcConfig vpcBinding nasConfig ossMountConfig layers tags resourceGroupId " +
		"annotations customDNS customRuntimeConfig customContainerConfig gpuConfig instanceLifecycleConfig " +
		"instanceIsolationMode sessionAffinity sessionAffinityConfig enableLongLiving endpoint supplement",
	"props.asyncInvokeConfig":                   "maxAsyncRetryAttempts maxAsyncEventAgeInSeconds destinationConfig asyncTask qualifier",
	"props.asyncInvokeConfig.destinationConfig": "onFailure onSuccess",
	"props.logConfig":                           "project logstore logBeginRule enableRequestMetrics enableInstanceMetrics enableLlmMetrics",
	"props.vpcConfig":                           "vpcId vSwitchIds securityGroupId",
	"props.triggers":                            "triggerName triggerType triggerConfig description qualifier invocationRole sourceArn",

	"timer": "cronExpression enable payload",

	"eventbridge":                   "triggerEnable asyncInvocationType eventRuleFilterPattern eventSourceConfig eventSinkConfig runOptions",
	"eventbridge.eventSourceConfig": "eventSourceType eventSourceParameters",
	"eventbridge.eventSourceConfig.eventSourceParameters": "sourceMNSParameters sourceRocketMQParameters sourceRabbitMQParameters " +
		"sourceKafkaParameters sourceMQTTParameters sourceDTSParameters",
	"eventbridge.eventSinkConfig":                "deliveryOption",
	"eventbridge.eventSinkConfig.deliveryOption": "eventSchema concurrency",
	"eventbridge.runOptions":                     "mode errorsTolerance retryStrategy deadLetterQueue batchWindow",
	"eventbridge.runOptions.deadLetterQueue":     "Arn",
}

// unknownKeys names the keys of a value that are not known, and the nearest one of each. Of a list it looks at every item.
func (c *checkup) unknownKeys(place, kind string, value any) {
	switch value := value.(type) {
	case []any:
		for _, item := range value {
			c.unknownKeys(place, kind, item)
		}
	case mapping:
		names, listed := knownKeys[kind]
		known := strings.Fields(names)
		for _, key := range slices.Sorted(maps.Keys(value)) {
			if listed && !slices.Contains(known, key) {
				c.say(stateWrong, "%s: the deploy tool passes over the key %s, which it does not know%s", place, key, didYouMean("", key, known))
			}
			c.unknownKeys(place+"."+key, kind+"."+key, value[key])
		}
	}
}
