package events

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"adb-backup/function/backup"
)

// OwnCalls are all calls that the function can make. ActionTrail reports them to EventBridge, and a rule on those
// reports feeds them back to the function.
var OwnCalls = []string{"CreateBackup", "DescribeBackups"}

// cloudEvent is one event of EventBridge, with the attributes of its documentation ("Event overview") that count here.
type cloudEvent struct {
	envelope
	kind     string          // the attribute type
	data     json.RawMessage // the sender's; nil when there is none
	fields   object          // data's, when it is an object
	misspelt error           // something that was surely meant to name a cluster
}

// cloudEvent reads an event of EventBridge. The request is looked for in one place after another: the more a place
// is meant for it, the sooner. Nothing at all is asked by a report of the function's own work.
func (d *decoder) cloudEvent(o object) ([]backup.Request, error) {
	c := cloudEvent{}
	var err error
	if c.kind, _, err = o.text("type"); err != nil {
		return nil, fmt.Errorf("the CloudEvent: %w", err)
	}
	if c.data, err = o.get("data"); err != nil {
		return nil, fmt.Errorf("the CloudEvent: %w", err)
	}
	if isObject(c.data) {
		if c.fields, err = readObject(c.data); err != nil {
			return nil, fmt.Errorf("data is not JSON: %w", err)
		}
	}
	if own, err := c.reportsOwnWork(); own || err != nil {
		return nil, err
	}

	subject, _, err := o.text("subject")
	if err != nil {
		return nil, fmt.Errorf("the CloudEvent: %w", err)
	}
	c.envelope = d.envelope(o, "time")
	c.open = true
	cluster, isARN := parseARN(subject)
	if isARN && cluster.Region != "" {
		c.region = origin{name: "the ARN in subject", value: cluster.Region}
	} else if text, _, err := o.text("aliyunregionid"); text != "" || err != nil {
		c.region = origin{name: "aliyunregionid", value: text, err: err}
	}

	for _, look := range []func() ([]backup.Request, error){c.inData, c.inMessage, c.inParameters} {
		if requests, err := look(); err != nil || requests != nil {
			return requests, err
		}
	}
	if isARN {
		return c.plain("the ARN in subject", []string{cluster.ID}, c.region)
	}
	return c.byDefault()
}

// reportsOwnWork recognises ActionTrail's report of a call that the function makes itself.
func (c *cloudEvent) reportsOwnWork() (bool, error) {
	if !strings.HasSuffix(c.kind, ":ActionTrail:ApiCall") && !strings.HasSuffix(c.kind, ":ActionTrail:ConsoleOperation") {
		return false, nil
	}
	name, _, err := c.fields.text("eventName")
	if err != nil {
		return false, fmt.Errorf("data: %w", err)
	}
	return slices.Contains(OwnCalls, name), nil
}

// inData reads data itself, if it is a request, or text.
func (c *cloudEvent) inData() ([]backup.Request, error) {
	if text, isText := readString(c.data); isText {
		return c.readText("data", text)
	}
	c.suspectArray("data", c.data)
	return c.inObject("data", c.fields)
}

// inMessage reads the message that data carries: SMQ's messageBody, RocketMQ's and RabbitMQ's body, Kafka's value.
func (c *cloudEvent) inMessage() ([]backup.Request, error) {
	for _, name := range []string{"messageBody", "body", "value"} {
		where := "data." + name
		raw, err := c.fields.get(name)
		if err != nil {
			return nil, fmt.Errorf("data: %w", err)
		}
		var requests []backup.Request
		if text, isText := readString(raw); isText {
			requests, err = c.readText(where, text)
		} else if isObject(raw) {
			var message object
			if message, err = readObject(raw); err != nil {
				return nil, fmt.Errorf("%s: %w", where, err)
			}
			requests, err = c.inObject(where, message)
		}
		c.suspectArray(where, raw)
		if err != nil || requests != nil {
			return requests, err
		}
	}
	return nil, nil
}

// inObject reads an object that is a request if it names a cluster. One that uses a request's words and names none is a
// request gone wrong: what stands in for it would silently not wait.
func (c *cloudEvent) inObject(where string, o object) ([]backup.Request, error) {
	if o.has("DBClusterId") || o.has("DBClusterIds") {
		return c.request(where, o, c.region)
	}
	const missing = "but names no cluster: give DBClusterId or DBClusterIds"
	for _, word := range []string{"WaitFor", "MaxAge", "NotBefore"} {
		if o.has(word) {
			return nil, fmt.Errorf("%s has %s %s", where, word, missing)
		}
	}
	text, _, _ := o.text("Action")
	if action, err := backup.ParseAction(text); err == nil {
		return nil, fmt.Errorf("%s has the Action %s %s", where, action, missing)
	}
	for _, field := range o {
		if meansCluster(field) {
			c.suspect("%s has a field %s %s", where, shownName(field.name), missing)
		}
	}
	return nil, nil
}

// meansCluster: the field's name is nearly ours, or speaks of a cluster and has the id of one. Others have clusters, too.
func meansCluster(f field) bool {
	name := folded(f.name)
	if strings.HasPrefix(name, "db") && strings.HasPrefix(nearest(f.name), "DBClusterId") || strings.HasPrefix(name, "dbcluster") {
		return true
	}
	id, _ := readString(f.value)
	return strings.Contains(name, "cluster") && (backup.CheckClusterID(id) == nil || holdsCluster(f.value))
}

// holdsCluster: an array of cluster ids, or of requests, is no request.
func holdsCluster(raw json.RawMessage) bool {
	var items []json.RawMessage
	return json.Unmarshal(raw, &items) == nil && slices.ContainsFunc(items, func(item json.RawMessage) bool {
		id, _ := readString(item)
		o, _ := readObject(item)
		return backup.CheckClusterID(id) == nil || o.has("DBClusterId") || o.has("DBClusterIds")
	})
}

func (c *cloudEvent) suspectArray(where string, raw json.RawMessage) {
	if holdsCluster(raw) {
		c.suspect("%s is an array: for several clusters, give an object with DBClusterIds", where)
	}
}

// suspect remembers the first thing that was surely meant to name a cluster, for the case that nothing else does.
func (c *cloudEvent) suspect(format string, args ...any) {
	if c.misspelt == nil {
		c.misspelt = fmt.Errorf(format, args...)
	}
}

// inParameters reads the parameters of the call that ActionTrail reports: the cluster that was called for is backed up.
// What else they hold was meant for that call.
func (c *cloudEvent) inParameters() ([]backup.Request, error) {
	const where = "data.requestParameters"
	if !strings.Contains(c.kind, ":ActionTrail:") {
		return nil, nil
	}
	raw, err := c.fields.get("requestParameters")
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	if text, isText := readString(raw); isText {
		if raw = json.RawMessage(strings.TrimSpace(text)); len(raw) == 0 {
			return nil, nil
		}
		if !isObject(raw) {
			return nil, fmt.Errorf("%s must hold an object, not %s", where, shownText(string(raw)))
		}
	}
	if !isObject(raw) {
		return nil, nil
	}
	all, err := readObject(raw)
	if err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", where, err)
	}
	var parameters object
	for _, field := range all {
		switch strings.ToLower(field.name) {
		case "dbclusterid", "dbclusterids", "regionid":
			parameters = append(parameters, field)
		}
	}
	if !parameters.has("DBClusterId") && !parameters.has("DBClusterIds") {
		return nil, nil
	}
	region := c.region
	if text, _, err := c.fields.text("acsRegion"); text != "" || err != nil {
		region = origin{name: "data.acsRegion", value: text, err: err}
	}
	return c.request(where, parameters, region)
}

// byDefault makes requests for ADB_DEFAULT_CLUSTERS: the event, such as an image's push, only says when. They are
// the function's own, and so is their region. They must not stand in for a cluster whose field is misspelt or null.
func (c *cloudEvent) byDefault() ([]backup.Request, error) {
	if c.misspelt != nil {
		return nil, c.misspelt
	}
	if len(c.DefaultClusters) == 0 {
		return nil, errors.New("the CloudEvent names no cluster, neither in data nor by an ARN in subject, and ADB_DEFAULT_CLUSTERS is not set")
	}
	return c.plain("ADB_DEFAULT_CLUSTERS", c.DefaultClusters, c.direct().region)
}

// parseARN reads acs:adb:<region>:<account>:dbcluster/<id>. The region and the id are still to be checked.
func parseARN(s string) (backup.Cluster, bool) {
	parts := strings.SplitN(s, ":", 5)
	if len(parts) < 5 || parts[0] != "acs" || parts[1] != "adb" {
		return backup.Cluster{}, false
	}
	id, found := strings.CutPrefix(parts[4], "dbcluster/")
	return backup.Cluster{ID: id, Region: parts[2]}, found
}
