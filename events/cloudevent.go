package events

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"adb-backup/function/backup"
)

// OwnCalls are all calls that the function can make. ActionTrail reports them to EventBridge, and a rule on those reports
// feeds them back to the function.
var OwnCalls = []string{"CreateBackup", "DescribeBackups", "DescribeDBClusters"}

// cloudEvent reads an event of EventBridge ("Event overview"). The request is looked for in one place after another, and the
// first place that holds one, or any text, counts. A report of the function's own work asks for nothing.
func (d *decoder) cloudEvent(o *object) ([]backup.Request, error) {
	value := o.get("data")
	data, isObject := value.(*object)
	if !isObject {
		data = new(object)
	}
	if slices.Contains(ownWork, o.text("type")) && slices.Contains(OwnCalls, data.text("eventName")) {
		return nil, nil
	}
	if _, isText := value.(string); !isText && !isRequest(data) {
		value = nil // many events have data of another kind
	}
	src := d.envelope("time", o)
	src.foreign = true
	region := cmp.Or(o.text("aliyunregionid"), src.region)
	var id any
	if arn := strings.SplitN(o.text("subject"), ":", 5); len(arn) == 5 && arn[0]+arn[1] == "acsadb" && strings.HasPrefix(arn[4], "dbcluster/") {
		region, id = cmp.Or(arn[2], region), arn[4][len("dbcluster/"):] // both are still to be checked
	}
	for _, place := range []struct {
		name   string
		value  any // a request, or a text that holds one or a cluster id; nil: there is none
		region string
	}{
		{"data", value, region},
		{"data.messageBody", message(data, "messageBody"), region}, // of SMQ
		{"data.body", message(data, "body"), region},               // of RocketMQ and RabbitMQ
		{"data.value", message(data, "value"), region},             // of Kafka
		{"data.requestParameters", reportedCall(o.text("type"), data), cmp.Or(data.text("acsRegion"), region)},
		{"the ARN in subject", id, region},
	} {
		if place.value != nil {
			src.place, src.region = place.name, place.region
			return d.read(src, place.value)
		}
	}
	return d.byDefault(src, o)
}

// ownWork are the types of ActionTrail's reports on AnalyticDB. Another product's CreateBackup is an event like any other.
var ownWork = []string{"ads:ActionTrail:ApiCall", "ads:ActionTrail:ConsoleOperation", "adb:ActionTrail:ApiCall", "adb:ActionTrail:ConsoleOperation"}

// message returns the message that an event carries. Some senders, the Java client of SMQ among them, encode it in base64.
func message(data *object, name string) any {
	value := data.get(name)
	if text, isText := value.(string); isText {
		if plain, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text)); err == nil && utf8.Valid(plain) {
			return string(plain)
		}
	}
	return value
}

// reportedParameters are read of the call that ActionTrail reports. The others were meant for the call.
var reportedParameters = []string{"DBClusterId", "DBClusterIds", "RegionId"}

// reportedCall returns the clusters of that call as a request; nil if it names none.
func reportedCall(eventType string, data *object) any {
	value := data.get("requestParameters")
	if text, isText := value.(string); isText {
		value, _ = readJSON("", text)
	}
	call, isObject := value.(*object)
	if !isObject || !strings.Contains(eventType, ":ActionTrail:") {
		return nil
	}
	call.fields = slices.DeleteFunc(call.fields, func(f field) bool {
		return !slices.ContainsFunc(reportedParameters, func(name string) bool { return strings.EqualFold(name, f.name) })
	})
	if !isRequest(call) {
		return nil
	}
	return call
}

// mention finds what says that somebody meant a cluster: a field whose name begins with DBCluster, also in JSON that a text
// holds, where its quotes are escaped; an id of usual length, also after an escape; or a cluster's ARN. An image named amber-api
// is no cluster. Few events come so far, so it is compiled when it is needed.
const mention = `(?i)(?:"|u0022)(DBCluster[^"\\]*)\\*(?:"|u0022)\s*:|` +
	`(?:\\[nrt]|\\u[0-9a-f]{4}|\b)(am[a-z]?-[a-z0-9]{10,})|(acs:adb:[a-z0-9:-]*:dbcluster/)`

// byDefault makes requests for ADB_DEFAULT_CLUSTERS, because the event, such as an image push, only says when. The clusters
// are the function's own, and so is their region. They never stand in for a cluster that somebody meant in another place.
func (d *decoder) byDefault(src source, o *object) ([]backup.Request, error) {
	if found := regexp.MustCompile(mention).FindStringSubmatch(string(o.source)); found != nil {
		return nil, fmt.Errorf("the CloudEvent mentions a cluster, %s, where no request is looked for: give it in data, as DBClusterId, DBClusterIds or "+
			"DBClusterSelector; if it is not a cluster, leave it out of the event by a TEMPLATE transform", backup.Quote(strings.Join(found[1:], "")))
	}
	if len(d.DefaultClusters) == 0 {
		return nil, errors.New("the CloudEvent names no cluster, neither in data nor by an ARN in subject, and ADB_DEFAULT_CLUSTERS is not set")
	}
	src.place = "ADB_DEFAULT_CLUSTERS"
	return d.read(src, `{"DBClusterIds":["`+strings.Join(d.DefaultClusters, `","`)+`"]}`)
}
