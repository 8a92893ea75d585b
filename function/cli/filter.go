package main

import (
	"encoding/json"
	"slices"
	"strings"

	"adb-backup/events"
)

// inspectTrigger looks at one trigger: whether it can ever hand a request to the function, and whether it would feed on it.
func (s settings) inspectTrigger(c *checkup, t trigger) {
	same := slices.DeleteFunc(slices.Clone(s.Triggers), func(other trigger) bool { return other.Name != t.Name })
	if t.Name == "" || len(same) > 1 {
		c.wrong("trigger %s: each trigger needs a name of its own: of two with the same, one alone would exist", t.Name)
	}
	for _, key := range []string{"enable", "triggerEnable"} {
		if _, is := t.Config[key].(bool); t.Config[key] != nil && !is {
			c.wrong("trigger %s: %s must be true or false, without quotes", t.Name, key)
		}
	}
	source, _ := t.Config["eventSourceConfig"].(mapping)
	switch from := scalar(source["eventSourceType"]); {
	case t.Type == "timer": // its schedule and payload are read with the others
	case t.Type != "eventbridge":
		c.wrong("trigger %s: nothing that the type %q sends holds a request: use timer or eventbridge", t.Name, t.Type)
	case !slices.Contains([]string{"Default", "MNS", "RocketMQ", "RabbitMQ", "Kafka"}, from):
		c.wrong("trigger %s: no event of the source %q holds a request: use Default, MNS, RocketMQ, RabbitMQ or Kafka", t.Name, from)
	default:
		s.inspectFilter(c, t, from)
	}
}

// inspectFilter looks at which events an eventbridge trigger lets through.
func (s settings) inspectFilter(c *checkup, t trigger, from string) {
	text := t.get("eventRuleFilterPattern")
	var filter mapping
	if err := json.Unmarshal([]byte(text), &filter); err != nil || filter == nil {
		c.wrong("trigger %s: eventRuleFilterPattern is no JSON object; {} lets every event through", t.Name)
		return
	}
	if from != "Default" || !t.enabled() {
		return
	}
	if strings.Contains(text, `"your-namespace"`) || strings.Contains(text, `"your-repository"`) {
		c.note("trigger %s does nothing until vars.imageNamespace and vars.imageRepository are set", t.Name)
		return
	}
	for _, call := range events.OwnCalls {
		reported := mapping{"eventName": oneOf{call}, "requestParameters": anything, "acsRegion": anything, "serviceName": anything, "eventSource": anything}
		if passes(filter, ofADB(reported)) {
			c.wrong("trigger %s: its filter lets the function's own calls through, which ActionTrail reports (%s): each backup would be the next event. "+
				"Name the types, or the data.eventName, that you mean", t.Name, call)
			return
		}
	}
	if len(s.defaultClusters()) == 0 && !passes(filter, ofADB(anything)) {
		c.wrong("trigger %s: its events name no cluster: set ADB_DEFAULT_CLUSTERS (vars.imageClusters), too, or disable the trigger (triggerEnable: false)", t.Name)
	}
}

// What is known of an event's field: it is one of several texts, or may hold anything. A missing field is nil.
type oneOf []string

const anything = "anything"

// ofADB is an event of AnalyticDB's own. No event of another cloud service names a cluster of it.
func ofADB(data any) mapping {
	event := mapping{"source": oneOf{"acs.ads", "acs.adb"}, "data": data}
	for _, field := range []string{"id", "subject", "time", "specversion", "aliyunregionid", "aliyunaccountid", "aliyuneventbusname"} {
		event[field] = anything
	}
	types := oneOf{"ActionTrail:ApiCall", "ActionTrail:ConsoleOperation"}
	if data == anything {
		types = append(types, "ActionTrail:AliyunServiceEvent", "CloudMonitor:InsertFailureRate", "CloudMonitor:SelectFailureRate", "CloudMonitor:StorageUsage")
	}
	for _, name := range types {
		types = append(types, "ads:"+name, "adb:"+name)
	}
	event["type"] = types
	return event
}

// passes reports whether a filter, in EventBridge's own form, may let an event through.
func passes(filter, event any) bool {
	switch f := filter.(type) {
	case mapping:
		for key, inside := range f {
			field := event
			if known, ok := event.(mapping); ok {
				field = known[key]
			}
			if !passes(inside, field) {
				return false
			}
		}
		return true
	case []any: // alternatives
		return slices.ContainsFunc(f, func(one any) bool { return fits(one, event) })
	}
	return fits(filter, event)
}

// fits reports whether one alternative of a filter may fit a field.
func fits(one, field any) bool {
	if field == anything {
		return true
	}
	texts, _ := field.(oneOf)
	operator, _ := one.(mapping)
	if exists, ok := operator["exists"].(bool); ok {
		return exists == (field != nil)
	}
	return slices.ContainsFunc(texts, func(text string) bool {
		prefix, begins := operator["prefix"].(string)
		suffix, ends := operator["suffix"].(string)
		switch but, except := operator["anything-but"]; {
		case begins:
			return strings.HasPrefix(text, prefix)
		case ends:
			return strings.HasSuffix(text, suffix)
		case except:
			if _, several := but.([]any); !several {
				but = []any{but}
			}
			return !passes(but, oneOf{text})
		}
		return one == any(text)
	})
}
