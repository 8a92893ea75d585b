package events

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"adb-backup/function/backup"
)

// OwnCalls are all calls that the function can make. ActionTrail reports them to EventBridge, and a rule on those reports
// feeds them back to the function.
var OwnCalls = []string{"CreateBackup", "DescribeBackups", "DescribeDBClusters"}

// cloudEvent is one event of EventBridge, with those attributes that count here (EventBridge, "Event overview").
type cloudEvent struct {
	raw                                                                json.RawMessage
	SpecVersion, Type, Subject, Time, Data, DataBase64, AliyunRegionID value
}

// cloudEventData is what is read of a CloudEvent's data, beside a request.
type cloudEventData struct {
	EventName, ACSRegion, RequestParameters value // of ActionTrail
	MessageBody, Body, Value                value // the message of SMQ, of RocketMQ and RabbitMQ, of Kafka
}

// readData reads data if it is an object.
func (e *cloudEvent) readData() (data cloudEventData) {
	if isObject(e.Data.raw) {
		readFields(e.Data.raw, wanted{"eventName", &data.EventName}, wanted{"acsRegion", &data.ACSRegion},
			wanted{"requestParameters", &data.RequestParameters},
			wanted{"messageBody", &data.MessageBody}, wanted{"body", &data.Body}, wanted{"value", &data.Value})
	}
	return data
}

// cloudEvent reads an event of EventBridge. The request is looked for in one place after another, and the first place that
// holds one counts. A report of the function's own work asks for nothing.
func (d *decoder) cloudEvent(e *cloudEvent) ([]backup.Request, error) {
	eventType, err := e.Type.asString("type")
	if err != nil {
		return nil, fault("the CloudEvent: %v", err)
	}
	if e.Data.repeated {
		return nil, fault("the CloudEvent: data is given twice")
	}
	data := e.readData()
	if own, err := data.isOwnWork(eventType); own || err != nil {
		return nil, err
	}
	subject, err := e.Subject.asString("subject")
	if err != nil {
		return nil, fault("the CloudEvent: %v", err)
	}
	arn, isARN := parseARN(subject)
	src := d.envelope("time", e.Time)
	src.foreign = true
	if arn.Region != "" {
		src.setRegion("the ARN in subject", arn.Region)
	} else {
		src.setRegionOf("aliyunregionid", e.AliyunRegionID)
	}

	places := []field{{"data", e.Data}, {"data.messageBody", data.MessageBody}, {"data.body", data.Body}, {"data.value", data.Value}}
	for _, p := range places {
		if requests, err := d.lookIn(src, p); requests != nil || err != nil {
			return requests, err
		}
	}
	if strings.Contains(eventType, ":ActionTrail:") {
		if requests, err := d.inParameters(src, &data); requests != nil || err != nil {
			return requests, err
		}
	}
	if isARN {
		return src.named("the ARN in subject", arn.ID)
	}
	return d.byDefault(src, e, places)
}

// setRegionOf sets the region of requests that name none, if the field is given.
func (s *source) setRegionOf(place string, v value) {
	region, err := v.asString(place)
	switch {
	case err != nil:
		s.badRegion = err
	case region != "":
		s.setRegion(place, region)
	}
}

// isOwnWork reports whether ActionTrail reports a call that the function makes itself.
func (data *cloudEventData) isOwnWork(eventType string) (bool, error) {
	if !strings.HasSuffix(eventType, ":ActionTrail:ApiCall") && !strings.HasSuffix(eventType, ":ActionTrail:ConsoleOperation") {
		return false, nil
	}
	name, err := data.EventName.asString("eventName")
	if err != nil {
		return false, fault("data: %v", err)
	}
	return slices.Contains(OwnCalls, name), nil
}

// lookIn reads one place in which a request may stand. A string there has to hold a request or a cluster id. An object is a
// request if it names a cluster.
func (d *decoder) lookIn(src source, p field) ([]backup.Request, error) {
	src.place = p.name
	switch {
	case p.repeated:
		return nil, fault("%s is given twice", p.name)
	case p.isString:
		return d.text(src, p.name, p.text)
	case !isObject(p.raw):
		return nil, nil
	}
	r := readRequest(p.raw)
	if r.namesCluster() {
		return d.request(src, r)
	}
	return nil, r.wordsWithoutCluster(p.name)
}

// wordsWithoutCluster returns an error if a request names no cluster but has other fields of a request. The cluster must not be
// taken from another place then, because what these fields ask for would be lost.
func (r *request) wordsWithoutCluster(place string) error {
	for _, word := range []field{{"WaitFor", r.WaitFor}, {"MaxAge", r.MaxAge}, {"NotBefore", r.NotBefore}} {
		if word.given {
			return fault("%s has %s but %s", place, word.name, missingCluster)
		}
	}
	if action, err := backup.ParseAction(string(r.Action.text)); err == nil {
		return fault("%s has the Action %s but %s", place, action, missingCluster)
	}
	return nil
}

// inParameters reads the parameters of the call that ActionTrail reports: the cluster of that call is backed up. The other
// parameters were meant for the call.
func (d *decoder) inParameters(src source, data *cloudEventData) ([]backup.Request, error) {
	src.place = "data.requestParameters"
	raw := data.RequestParameters.raw
	if data.RequestParameters.repeated {
		return nil, fault("%s is given twice", src.place)
	}
	if data.RequestParameters.isString {
		raw = bytes.TrimSpace(data.RequestParameters.text)
		switch {
		case len(raw) == 0:
			return nil, nil
		case raw[0] != '{':
			return nil, fault("%s must hold an object, not %s", src.place, described(string(raw)))
		}
		if err := checkJSON(src.place, raw); err != nil {
			return nil, err
		}
	}
	if !isObject(raw) {
		return nil, nil
	}
	all := readRequest(raw)
	r := request{DBClusterID: all.DBClusterID, DBClusterIDs: all.DBClusterIDs, RegionID: all.RegionID}
	if !r.namesCluster() {
		return nil, nil
	}
	src.setRegionOf("data.acsRegion", data.ACSRegion)
	return d.request(src, r)
}

// parseARN reads acs:adb:<region>:<account>:dbcluster/<id>. It does not check the region and the id.
func parseARN(s string) (backup.Cluster, bool) {
	parts := strings.SplitN(s, ":", 5)
	if len(parts) < 5 || parts[0] != "acs" || parts[1] != "adb" {
		return backup.Cluster{}, false
	}
	id, isCluster := strings.CutPrefix(parts[4], "dbcluster/")
	if !isCluster {
		return backup.Cluster{}, false
	}
	return backup.Cluster{ID: id, Region: parts[2]}, true
}
