package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // a machine without a time zone database can still check a schedule

	"adb-backup/events"
	"adb-backup/function/backup"
	"adb-backup/function/config"

	"github.com/robfig/cron/v3"
)

// inspectTrigger looks at one trigger: whether it can ever hand a request to the function, and whether it would feed on it.
func (s settings) inspectTrigger(c *checkup, t trigger) {
	for _, key := range []string{"enable", "triggerEnable"} {
		if _, is := t.Config[key].(bool); !is && t.Config[key] != nil {
			c.say(stateWrong, "trigger %s: %s must be true or false, without quotes", t.Name, key)
		}
	}
	source, _ := t.Config["eventSourceConfig"].(mapping)
	switch from := scalar(source["eventSourceType"]); {
	case t.Type == "timer": // its schedule and payload are read with the others
	case t.Type != "eventbridge":
		c.say(stateWrong, "trigger %s: nothing that the type %q sends holds a request: use timer or eventbridge", t.Name, t.Type)
	case !slices.Contains([]string{"Default", "MNS", "RocketMQ", "RabbitMQ", "Kafka"}, from):
		c.say(stateWrong, "trigger %s: no event of the source %q holds a request: use Default, MNS, RocketMQ, RabbitMQ or Kafka", t.Name, from)
	default:
		s.inspectFilter(c, t, from)
	}
}

// inspectFilter looks at which events an eventbridge trigger lets through.
func (s settings) inspectFilter(c *checkup, t trigger, from string) {
	text := scalar(t.Config["eventRuleFilterPattern"])
	var filter mapping
	err := json.Unmarshal([]byte(text), &filter)
	data, _ := filter["data"].(mapping)
	ofADB := allows(filter["source"], "acs.ads", "acs.adb") // no event of another cloud service names a cluster
	switch {
	case err != nil || filter == nil:
		c.say(stateWrong, "trigger %s: eventRuleFilterPattern is no JSON object; {} lets every event through", t.Name)
	case from != "Default" || t.Config["triggerEnable"] == false: // only the default bus has events of cloud services
	case strings.Contains(text, `"your-namespace"`) || strings.Contains(text, `"your-repository"`):
		c.say(stateNote, "trigger %s does nothing until vars.imageNamespace and vars.imageRepository are set", t.Name)
	case ofADB && allows(filter["type"], reports...) && allows(data["eventName"], events.OwnCalls...):
		c.say(stateWrong, "trigger %s: its filter lets the function's own calls through, which ActionTrail reports: each backup would be the next event. "+
			"Name the source, the types, or the data.eventName, that you mean", t.Name)
	case !ofADB && s.variable("ADB_DEFAULT_CLUSTERS") == "":
		c.say(stateWrong, "trigger %s: its events name no cluster: set ADB_DEFAULT_CLUSTERS (vars.imageClusters), too, or disable the trigger (triggerEnable: false)", t.Name)
	}
}

// reports are the types of ActionTrail's reports of AnalyticDB's calls.
var reports = []string{"ads:ActionTrail:ApiCall", "adb:ActionTrail:ApiCall", "ActionTrail:ApiCall",
	"ads:ActionTrail:ConsoleOperation", "adb:ActionTrail:ConsoleOperation", "ActionTrail:ConsoleOperation"}

// allows reports whether a part of a filter, in EventBridge's own form, lets one of these texts through.
func allows(part any, texts ...string) bool {
	return slices.ContainsFunc(texts, func(text string) bool {
		switch part := part.(type) {
		case nil:
			return true
		case []any:
			return slices.ContainsFunc(part, func(one any) bool { return one != nil && allows(one, text) })
		case mapping:
			if prefix, begins := part["prefix"].(string); begins {
				return strings.HasPrefix(text, prefix)
			}
			if but, except := part["anything-but"]; except {
				return !allows(but, text)
			}
			return part["exists"] != false // an operator that is not known here may let it through
		}
		return part == any(text)
	})
}

// timer is an enabled timer of s.yaml, with what it asks for. An @every counts from the deployment, which nobody knows: its next
// firing is the latest that it can be.
type timer struct {
	name string
	cron.Schedule
	zone     *time.Location
	requests []backup.Request // as the function would read them now; empty: a drill
	lookBack time.Duration    // how old a backup may be to serve
}

func (t timer) is(a backup.Action) bool { return len(t.requests) > 0 && t.requests[0].Action == a }

// unmet returns the first firing for which a backup that started at a moment is too old.
func (t timer) unmet(start time.Time) time.Time { return t.Next(start.Add(t.lookBack)) }

// show writes a moment in the timer's zone.
func (t timer) show(at time.Time) string { return at.In(t.zone).Format("Mon 2 Jan 2006 15:04 MST") }

// scheduleForm is Function Compute's dialect of cron: six fields with the seconds first, or @every and a duration.
var scheduleForm = regexp.MustCompile(`^\s*(?:CRON_TZ=(\S+)\s+)?(@every\s+\S+|(?:[^\s=@]+\s+){5}[^\s=@]+)\s*$`)

// parseSchedule reads a cron expression. Its zone is UTC unless CRON_TZ names another.
func parseSchedule(expression string) (t timer, err error) {
	m := scheduleForm.FindStringSubmatch(expression)
	if m == nil {
		return t, fmt.Errorf("%q needs six fields, seconds first, such as CRON_TZ=Asia/Shanghai 0 0 2 * * *", expression)
	}
	zone := cmp.Or(m[1], "UTC")
	parser := cron.NewParser(cron.Second | cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow | cron.Descriptor)
	if t.Schedule, err = parser.Parse("CRON_TZ=" + zone + " " + m[2]); err != nil {
		return t, fmt.Errorf("%q cannot be read: %w", expression, err)
	}
	t.zone, _ = time.LoadLocation(zone) // the parser has found it, too
	if t.Next(time.Now()).IsZero() {
		return t, errors.New("it never fires")
	}
	return t, nil
}

// errNoCluster is why no cluster is known, although nothing is wrong.
var errNoCluster = errors.New("no enabled timer and no vars.imageClusters names a cluster, so the function does nothing by itself")

// readTimers reads the timers, and the clusters of all that the function does by itself.
func (s *settings) readTimers(now time.Time) {
	var faults []error
	for _, t := range s.Triggers {
		if t.Type == "timer" {
			faults = append(faults, s.readTimer(t, now))
		}
	}
	for _, id := range config.Words(s.variable("ADB_DEFAULT_CLUSTERS")) {
		if err := backup.CheckClusterID(id); err != nil {
			faults = append(faults, fmt.Errorf("ADB_DEFAULT_CLUSTERS (vars.imageClusters): %w; write ids without quotes, with commas between: amv-1,amv-2", err))
		}
		s.scope = append(s.scope, backup.Request{Cluster: backup.Cluster{ID: id, Region: s.Region}, NotBefore: now})
	}
	for i := range s.scope {
		s.scope[i].Action = backup.ActionVerify // whatever the timers do: each cluster counts once
	}
	// s.yaml ships with this cluster. No cluster has that id, so a function that is deployed with it calls nothing.
	const placeholder = "amv-your-cluster"
	s.scope, s.unclear, s.zone = backup.Merge(s.scope), errors.Join(faults...), cmp.Or(s.zone, time.UTC)
	switch {
	case slices.ContainsFunc(s.Triggers, func(t trigger) bool { return strings.Contains(scalar(t.Config["payload"]), placeholder) }):
		s.scope, s.unclear = nil, errors.New("vars.clusters is still the placeholder "+placeholder+": put your own cluster's id there")
	case s.unclear == nil && len(s.scope) == 0:
		s.unclear = errNoCluster
	}
}

// readTimer reads one timer, with its payload as the function will read it when the timer fires.
func (s *settings) readTimer(t trigger, now time.Time) error {
	read, err := parseSchedule(scalar(t.Config["cronExpression"]))
	s.zone = cmp.Or(s.zone, read.zone)
	if t.Config["enable"] == false {
		return nil
	}
	payload := shown(mapping{"triggerTime": now.UTC(), "triggerName": t.Name, "payload": scalar(t.Config["payload"])})
	event, refused := events.Decode([]byte(payload), events.Invocation{Region: s.Region, Received: now, Timeout: time.Hour})
	if err != nil {
		err = fmt.Errorf("trigger %s: its schedule: %w", t.Name, err)
	}
	if refused != nil {
		refused = fmt.Errorf("trigger %s: the function would refuse it: %w", t.Name, refused)
	}
	if err != nil || refused != nil {
		return errors.Join(err, refused)
	}
	read.name, read.requests = t.Name, event.Requests
	if len(event.Requests) > 0 {
		read.lookBack = now.Sub(event.Requests[0].NotBefore)
	}
	s.timers, s.scope = append(s.timers, read), append(s.scope, event.Requests...)
	return nil
}

// inspectTimers says what will happen, and what is wrong with the timers.
func (s settings) inspectTimers(c *checkup, now time.Time) {
	state := stateWrong
	if errors.Is(s.unclear, errNoCluster) {
		state = stateNote
	}
	c.each(state, s.unclear)
	for _, t := range s.timers {
		at := t.Next(now)
		when := fmt.Sprintf("%s (in %s), trigger %s", t.show(at), short(at.Sub(now).Round(time.Minute)), t.name)
		switch {
		case t.is(backup.ActionVerify):
			c.say(stateRight, "next check %s, for a backup that started at %s or later", when, t.show(at.Add(-t.lookBack)))
			if slices.ContainsFunc(s.timers, func(b timer) bool { return b.is(backup.ActionEnsure) }) { // else events order the backups
				c.each(stateWrong, t.fault(s.timers, s.AsyncInvokeConfig.life(), now))
			}
		case t.is(backup.ActionEnsure):
			c.say(stateRight, "next backup %s", when)
		default:
			c.say(stateRight, "next drill %s", when)
		}
	}
	if len(s.scope) > 0 {
		c.say(stateRight, "clusters: %s", s.scope)
	}
}

// fault returns what is wrong with the next checks of a timer. It must find a backup that no retry can still make.
func (t timer) fault(all []timer, life time.Duration, now time.Time) error {
	if _, every := t.Schedule.(cron.ConstantDelaySchedule); every {
		return nil // when it fires nobody knows
	}
	at := now
	for range 8 { // a nightly check meets each day of the week
		at = t.Next(at)
		since, over := at.Add(-t.lookBack), at.Add(-life)
		if !slices.ContainsFunc(all, func(b timer) bool { return b.is(backup.ActionEnsure) && !b.unmet(since.Add(-time.Second)).After(over) }) {
			return fmt.Errorf("trigger %s comes too early or looks back too little: at %s it takes a backup that started at %s or later, "+
				"and none that a timer makes from then on is sure to be over, because its retries may take %s. Move the check to a later hour, or raise its MaxAge",
				t.name, t.show(at), t.show(since), short(life))
		}
	}
	return nil
}
