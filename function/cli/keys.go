package main

import (
	"maps"
	"slices"
	"strings"

	"adb-backup/events"
)

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
	"props.code":                                          "src ossBucketName ossObjectName",
	"props.asyncInvokeConfig":                             "maxAsyncRetryAttempts maxAsyncEventAgeInSeconds destinationConfig asyncTask qualifier",
	"props.asyncInvokeConfig.destinationConfig":           "onFailure onSuccess",
	"props.asyncInvokeConfig.destinationConfig.onFailure": "destination",
	"props.asyncInvokeConfig.destinationConfig.onSuccess": "destination",
	"props.logConfig":                                     "project logstore logBeginRule enableRequestMetrics enableInstanceMetrics enableLlmMetrics",
	"props.vpcConfig":                                     "vpcId vSwitchIds securityGroupId",
	"props.concurrencyConfig":                             "reservedConcurrency",
	"props.provisionConfig":                               "defaultTarget alwaysAllocateCPU alwaysAllocateGPU scheduledActions targetTrackingPolicies",
	"props.triggers":                                      "triggerName triggerType triggerConfig description qualifier invocationRole sourceArn",

	"timer": "cronExpression enable payload",

	"eventbridge":                   "triggerEnable asyncInvocationType eventRuleFilterPattern eventSourceConfig eventSinkConfig runOptions",
	"eventbridge.eventSourceConfig": "eventSourceType eventSourceParameters",
	"eventbridge.eventSourceConfig.eventSourceParameters": "sourceMNSParameters sourceRocketMQParameters sourceRabbitMQParameters " +
		"sourceKafkaParameters sourceMQTTParameters sourceDTSParameters",
	"eventbridge.eventSinkConfig":                "deliveryOption",
	"eventbridge.eventSinkConfig.deliveryOption": "eventSchema concurrency",
	"eventbridge.runOptions":                     "mode errorsTolerance retryStrategy deadLetterQueue batchWindow",
	"eventbridge.runOptions.retryStrategy":       "PushRetryStrategy",
	"eventbridge.runOptions.deadLetterQueue":     "Arn",
	"eventbridge.runOptions.batchWindow":         "CountBasedWindow TimeBasedWindow",
}

// unknownKeys names the keys of a value that are not known, and the nearest one of each. Of a list it looks at every item.
func (c *checkup) unknownKeys(place, kind string, value any) {
	if list, ok := value.([]any); ok {
		for _, item := range list {
			c.unknownKeys(place, kind, item)
		}
		return
	}
	inside, _ := value.(mapping)
	names, listed := knownKeys[kind]
	known := strings.Fields(names)
	for _, key := range slices.Sorted(maps.Keys(inside)) {
		if listed && !slices.Contains(known, key) {
			c.wrong("%s: the deploy tool passes over the key %s, which it does not know%s", place, key, nearestKey(key, known))
		} else if kind != "s.yaml" && kind != "resource" { // what lies below those is looked at by its own name
			c.unknownKeys(place+"."+key, kind+"."+key, inside[key])
		}
	}
}

// nearestKey asks whether a key is meant for another one: nearly the same, or its beginning, as code is of codeUri.
func nearestKey(key string, known []string) string {
	nearest := events.Nearest(key, known)
	for _, k := range known {
		if nearest == "" && strings.HasPrefix(strings.ToLower(key), strings.ToLower(k)) {
			nearest = k
		}
	}
	if nearest == "" {
		return ""
	}
	return ": did you mean " + nearest + "?"
}
