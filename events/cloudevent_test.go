package events_test

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"adb-backup/events"
	"adb-backup/function/backup"
)

const (
	arn      = `"subject":"acs:adb:cn-shanghai:1234567890123456:dbcluster/am-arn"`
	actioned = `"type":"ads:ActionTrail:ApiCall"`
)

// published is a CloudEvent with these further attributes.
func published(attributes ...string) string {
	return `{"specversion":"1.0","id":"1","source":"ci","time":"2026-11-23T02:00:00Z",` + strings.Join(attributes, ",") + `}`
}

func withDefaults() events.Invocation {
	inv := invocation()
	inv.DefaultClusters = []string{"am-default", "am-other"}
	return inv
}

// Where the request is found, each place ahead of those after it.
func TestCloudEventPlaces(t *testing.T) {
	defaults := requests(ensure("am-default", now), ensure("am-other", now))
	one := requests(ensure("am-1", now))
	for _, c := range []struct {
		name, event string
		want        []backup.Request
	}{
		{"data", published(`"data":{"DBClusterId":"am-1","WaitFor":"Completed"}`), requests(ensure("am-1", now, completed))},
		{"data's other fields are the sender's own", published(`"data":{"DBClusterId":"am-1","WaitFr":"Completed","password":"x","a":1,"A":2}`), one},
		{"data's string: a request", published(`"data":"{\"DBClusterId\":\"am-1\",\"run\":4}"`), one},
		{"data's string: an id", published(`"data":"am-1"`), one},
		{"data's string: a quoted id", published(`"data":" \"am-1\" "`), one},
		{"data's Action is the sender's own, and no string", published(`"data":{"DBClusterId":"am-1","Action":{"x":1}}`), one},
		{"data's Action is ours", published(`"data":{"DBClusterId":"am-1","Action":"verify","MaxAge":"0s"}`), requests(ensure("am-1", now, verify))},

		{"messageBody", published(`"data":{"messageBody":"am-1"}`), one},
		{"messageBody: an object", published(`"data":{"messageBody":{"DBClusterId":"am-1","Action":"x"}}`), one},
		{"value", published(`"data":{"value":"am-1"}`), one},
		{"data before the message", published(`"data":{"DBClusterId":"am-1","messageBody":"am-2","body":"x y"}`), one},
		{"messageBody before body before value", published(`"data":{"value":"am-3","body":"am-2","messageBody":"am-1"}`), one},
		{"body before value", published(`"data":{"value":"am-3","body":"am-1","messageBody":null}`), one},
		{"base64 of an id", published(`"data":{"body":"` + base64Of("am-1\n") + `"}`), one},
		{"base64 of a request", published(`"data":{"messageBody":" ` + base64Of(`{"DBClusterId":"am-1","WaitFor":"Completed"}`) + `\n"}`), requests(ensure("am-1", now, completed))},
		{"a null id names none", published(`"data":{"DBClusterId":null,"value":"am-1"}`), one},
		{"a null message is none", published(arn, `"data":{"messageBody":null,"body":null,"value":null}`), requests(ensure("am-arn", now, in("cn-shanghai")))},
		{"message before parameters", published(actioned, `"data":{"value":"am-1","requestParameters":{"DBClusterId":"am-2"}}`), one},
		{"message before the ARN", published(arn, `"data":{"value":"am-1"}`), requests(ensure("am-1", now, in("cn-shanghai")))},

		{"parameters", published(actioned, `"data":{"requestParameters":{"DBClusterId":"am-1"}}`), one},
		{"parameters of another product", published(`"type":"polardb:ActionTrail:ApiCall"`, `"data":{"eventName":"CreateBackup","requestParameters":{"DBClusterId":"am-1"}}`), one},
		{"parameters without regard to case", published(actioned, `"data":{"RequestParameters":{"dbClusterId":"am-1"}}`), one},
		{"parameters: a string", published(actioned, `"data":{"requestParameters":"{\"DBClusterId\":\"am-1\"}"}`), one},
		{"parameters: nothing else is read", published(actioned,
			`"data":{"requestParameters":{"DBClusterId":"am-1","Action":"Verify","WaitFor":"x","MaxAge":5,"NotBefore":"x"}}`), one},
		{"parameters before the ARN", published(actioned, arn, `"data":{"requestParameters":{"DBClusterId":"am-1"},"acsRegion":"cn-beijing"}`), requests(ensure("am-1", now, in("cn-beijing")))},
		{"parameters of other events are not read", published(`"type":"ci:Trail:ApiCall"`, arn, `"data":{"requestParameters":{"DBClusterId":"am-2"}}`), requests(ensure("am-arn", now, in("cn-shanghai")))},
		{"parameters that name none", published(actioned, arn, `"data":{"requestParameters":{"WaitFor":"x"}}`), requests(ensure("am-arn", now, in("cn-shanghai")))},
		{"parameters of no meaning", published(actioned, arn, `"data":{"requestParameters":5}`), requests(ensure("am-arn", now, in("cn-shanghai")))},
		{"parameters that are a text", published(actioned, arn, `"data":{"requestParameters":"am-1"}`), requests(ensure("am-arn", now, in("cn-shanghai")))},
		{"parameters that break off", published(actioned, arn, `"data":{"requestParameters":"{\"DBClusterId\":\"am-1\""}`), requests(ensure("am-arn", now, in("cn-shanghai")))},
		{"parameters choose nothing", published(actioned, `"data":{"requestParameters":{"DBClusterId":"am-1","DBClusterSelector":{"All":true},"RegionIds":["cn-a"]}}`), one},
		{"parameters that only choose", published(actioned, arn, `"data":{"requestParameters":{"DBClusterSelector":{"All":true}}}`), requests(ensure("am-arn", now, in("cn-shanghai")))},

		{"ARN", published(arn, `"data":{"x":1}`), requests(ensure("am-arn", now, in("cn-shanghai")))},
		{"ARN and a misspelt field", published(arn, `"data":{"DBCluster":"am-1"}`), requests(ensure("am-arn", now, in("cn-shanghai")))},
		{"less than an ARN", published(`"subject":"acs:adb:cn-shanghai:1234567890123456"`), defaults},
		{"attributes of no meaning", published(`"subject":5`, `"type":5`, `"aliyunregionid":7`), defaults},
		{"another product's ARN", published(`"subject":"acs:ecs:cn-shanghai:1:dbcluster/am-arn"`), defaults},
		{"another resource's ARN", published(`"subject":"acs:adb:cn-shanghai:1:backup/am-arn"`), defaults},

		{"default clusters", published(`"data":{"RepoName":"orders","RegionId":"cn-shanghai"}`, `"aliyunregionid":"cn-beijing"`), defaults},
		{"default clusters whatever else data is", published(`"data":["orders"]`), defaults},
		{"default clusters without data", published(`"subject":null,"data":null`), defaults},
	} {
		t.Run(c.name, func(t *testing.T) {
			event := must(t, c.event, withDefaults())
			same(t, event.Requests, c.want)
			if event.Trigger != "eventbridge" {
				t.Errorf("trigger %q", event.Trigger)
			}
		})
	}
}

// What is a wrong request: nothing later may stand in for it, neither the ARN nor the default clusters.
func TestCloudEventFaults(t *testing.T) {
	for _, c := range []struct{ event, want string }{
		{published(arn, `"data":"no id"`), "data must hold a request or a cluster id, as text"},
		{published(arn, `"data":"none"`), `data: "none" is not a cluster id`},
		{published(arn, `"data":""`), "data is empty: give a cluster id, or a request"},
		{published(arn, `"data":"{}"`), "data: the request names no cluster"},
		{published(arn, `"data":"{\"value\":\"am-1\"}"`), "data: the request names no cluster"},
		{published(arn, `"data":"{"`), "data is not JSON: unexpected end of JSON input"},
		{published(arn, `"data":"`+base64Of("am-1")+`"`), "data must hold a request or a cluster id, as text"},
		{published(arn, `"data":"amv-wz9or2xawpnc****"`), `data: "amv-wz9or2xawpnc****" is a masked example`},
		{published(arn, `"data":{"DBClusterId":""}`), `data: DBClusterId: "" is not a cluster id`},
		{published(arn, `"data":{"DBClusterId":"am-1","dbClusterId":"am-2"}`), "data: DBClusterId is given twice"},
		{published(arn, `"data":{"DBClusterId":"am-1","Action":"x","action":"Ensure"}`), "data: Action is given twice"},
		{published(arn, `"data":{"DBClusterId":"am-1","DBClusterIds":["am-2"]}`), "exclude each other"},
		{published(arn, `"data":{"DBClusterId":"am-1","WaitFor":"all","MaxAge":5}`), "data: WaitFor: must be one of Requested, Completed, DDLAllowed; MaxAge must be a string, not a number"},
		{published(arn, `"data":{"DBClusterId":"am-1","Action":"Verify"}`), "data: Verify needs MaxAge or NotBefore"},

		// An object with a request's words is a request, although it names no cluster.
		{published(arn, `"data":{"waitfor":"Completed","value":"am-1"}`), "data: the request names no cluster"},
		{published(arn, `"data":{"maxage":"1h"}`), "data: the request names no cluster"},
		{published(arn, `"data":{"NotBefore":"x","DBClusterId":null}`), "data: the request names no cluster"},
		{published(arn, `"data":{"WaitAtMost":"3m"}`), "data: the request names no cluster"},
		{published(arn, `"data":{"Action":"Verify"}`), "data: the request names no cluster"},

		// An event that carries a message means its message.
		{published(arn, `"data":{"messageBody":"hello"}`), `data.messageBody: "hello" is not a cluster id`},
		{published(arn, `"data":{"messageBody":"prod"}`), `data.messageBody: "prod" is not a cluster id`}, // nor is it base64 of a text
		{published(arn, `"data":{"messageBody":"","body":"am-1"}`), "data.messageBody is empty"},
		{published(arn, `"data":{"messageBody":{"x":1},"body":"am-1"}`), "data.messageBody: the request names no cluster"},
		{published(arn, `"data":{"messageBody":5,"value":"am-1"}`), "data.messageBody must hold a request or a cluster id, as text"},
		{published(arn, `"data":{"body":["am-2"]}`), "data.body must hold a request or a cluster id, as text"},
		{published(arn, `"data":{"body":"{\"x\":1}","value":"am-1"}`), "data.body: the request names no cluster"},
		{published(arn, `"data":{"body":"`+base64Of(`{"x":1}`)+`"}`), "data.body: the request names no cluster"},
		{published(arn, `"data":{"body":"`+base64Of("\xff\xfe\xff")+`"}`), `data.body must hold a request or a cluster id, as text`},
		{published(arn, `"data":{"body":"`+strings.TrimRight(base64Of("am-1"), "=")+`"}`), `data.body: "YW0tMQ" is not a cluster id`},
		{published(arn, `"data":{"value":false}`), "data.value must hold a request or a cluster id, as text"},
		{published(arn, `"data":{"value":"{\"DBClusterId\":\"am-1\",\"RegionId\":\"x/\"}"}`), `data.value: RegionId: "x/" is not a region`},

		{published(arn, actioned, `"data":{"requestParameters":{"DBClusterId":"x","RegionId":"y"}}`),
			`data.requestParameters: DBClusterId: "x" is not a cluster id such as amv-wz9or2xawpnc; RegionId: "y" is not a region such as cn-hangzhou`},
		{published(arn, actioned, `"data":{"requestParameters":{"DBClusterIds":"am-1,am-2"}}`), "DBClusterIds must be an array of strings, not a string"},
		{published(arn, `"type":"polardb:ActionTrail:ApiCall"`, `"data":{"eventName":"CreateBackup","requestParameters":{"DBClusterId":"pc-1"}}`), `"pc-1" is not a cluster id`},
		{published(`"subject":"acs:adb:cn-shanghai:1:dbcluster/AM-1"`), `the ARN in subject: "AM-1" is not a cluster id`},
		{published(`"subject":"acs:adb:cn-shanghai:1:dbcluster/"`), "the ARN in subject is empty"},
		{published(`"subject":"acs:adb:cn-shanghai:1:dbcluster/am-1/backup"`), "the ARN in subject must hold a request or a cluster id"},
		{published(`"subject":"acs:adb:cn-shanghai:1:dbcluster/am-1\nx"`), "the ARN in subject must hold a request or a cluster id"},
	} {
		refused(t, c.event, withDefaults(), c.want)
	}
	refused(t, published(`"data":{"RepoName":"orders"}`), invocation(),
		"the CloudEvent names no cluster, neither in data nor by an ARN in subject, and ADB_DEFAULT_CLUSTERS is not set")
}

// Where an event mentions a cluster in a place that is not read, the default clusters are not taken: somebody meant that cluster.
func TestMentionedClusters(t *testing.T) {
	for _, c := range []struct{ attribute, found string }{
		{`"data":{"DBClusterName":"prod"}`, "DBClusterName"},
		{`"data":{"DBClusterId":null}`, "DBClusterId"},
		{`"data":{"dbclusters" : ["prod"]}`, "dbclusters"},
		{`"data":[{"DBClusterId":"am-1"}]`, "DBClusterId"},
		{`"data":{"detail":{"DBClusterSelector":{"All":true}}}`, "DBClusterSelector"},
		{`"data":{"requestParameters":{"DBClusterId":"am-1"}}`, "DBClusterId"},
		{`"data":{"x":` + quote(`{"DBClusterId": "am-1"}`) + `}`, "DBClusterId"},
		{`"data":{"x":` + quote(quote(`{"DBClusterId":"am-1"}`)) + `}`, "DBClusterId"},
		{`"DBCluster":1`, "DBCluster"},
		{`"data":{"cluster":"am-1234567890"}`, "am-1234567890"},
		{`"data":{"x":"AMV-WZ9OR2XAWPNC"}`, "AMV-WZ9OR2XAWPNC"},
		{`"data":{"x":["please, back up\n` + orders + `."]}`, orders},
		{`"data":{"clusters":{"` + orders + `":{"size":5}}}`, orders},
		{`"data":{"x":` + quote(`["`+orders+`"]`) + `}`, orders},
		{`"text":"cluster\u003damv-wz9or2xawpnc"`, "amv-wz9or2xawpnc"}, // as Gson and Go escape
		{`"text":"\u96c6\u7fa4amv-wz9or2xawpnc"`, "amv-wz9or2xawpnc"},
		{`"text":"{\u0022DBClusterName\u0022:1}"`, "DBClusterName"},
		{`"id":"am-` + strings.Repeat("a", 62) + `"`, "a string of 65 characters"},
		{`"data":{"x":"acs:adb:cn-shanghai:1:dbcluster/am-1"}`, "acs:adb:cn-shanghai:1:dbcluster/"},
	} {
		found := c.found
		if !strings.Contains(found, " ") {
			found = quote(found)
		}
		want := "the CloudEvent mentions a cluster, " + found + ", where no request is looked for: give it in data, as DBClusterId, DBClusterIds or " +
			"DBClusterSelector; if it is not a cluster, leave it out of the event by a TEMPLATE transform"
		event := `{"specversion":"1.0","time":"2026-11-23T02:00:00Z",` + c.attribute + `}`
		refused(t, event, withDefaults(), want)
		refused(t, event, invocation(), want)
		array := must(t, "["+event+`,"am-2"]`, withDefaults())
		if same(t, array.Requests, requests(ensure("am-2", now, immediate))); len(array.Wrong) != 1 || !strings.Contains(array.Wrong[0].Err.Error(), want) {
			t.Errorf("in an array: %v", array.Wrong)
		}
	}
}

// What only looks like a cluster stands in nobody's way.
func TestNoClusters(t *testing.T) {
	for _, data := range []string{
		`{"image":"amber-api","other":"registry/amap-web:amd-64","x":"amazon-linux2023","y":"amber-application1"}`,
		`{"cluster":"am-1","clusters":["am-123456789"],"database":"rm-1234567890"}`,
		`{"x":"xam-1234567890","y":"am_1234567890","z":"am-12345-67890","w":"am1-1234567890"}`,
		`{"x":"DBClusterSelector","y":["DBClusterId"],"z":"\"DBClusterId\", ","w":"my DBClusterId: 5"}`,
		`{"MyDBClusterId":5,"DBName":"x","ClusterId":"c1","RegionIds":5,"Regions":[]}`,
		`{"x":"acs:adb:cn-shanghai:1:backup/am-1","y":"acs:ecs:cn-shanghai:1:dbcluster/am-1"}`,
		`{"Action":"push","WaitFor":null,"MaxAge":null,"NotBefore":null}`,
		strings.Repeat(`{"a":[`, 4900) + "1" + strings.Repeat("]}", 4900),
	} {
		same(t, must(t, published(`"data":`+data), withDefaults()).Requests, requests(ensure("am-default", now), ensure("am-other", now)))
	}
}

// The region of a request that names none, and that every source of one is checked.
func TestCloudEventRegions(t *testing.T) {
	one := `"data":{"DBClusterId":"am-1"}`
	beijing := `"aliyunregionid":"cn-beijing"`
	for _, c := range []struct{ name, event, want string }{
		{"the request's", published(arn, beijing, `"data":{"DBClusterId":"am-1","RegionId":"cn-qingdao"}`), "cn-qingdao"},
		{"the message's", published(arn, beijing, `"data":{"body":"{\"DBClusterId\":\"am-1\",\"RegionId\":\"cn-qingdao\"}"}`), "cn-qingdao"},
		{"the ARN's", published(arn, beijing, one), "cn-shanghai"},
		{"another ARN's is not read", published(`"subject":"acs:adb:cn-shanghai:1:backup/am-2"`, one), home},
		{"aliyunregionid", published(beijing, one), "cn-beijing"},
		{"aliyunregionid for a bare id", published(beijing, `"data":{"value":"am-1"}`), "cn-beijing"},
		{"the function's", published(one), home},
		{"null counts as none", published(`"aliyunregionid":null`, one), home},
		{"so does an empty text", published(`"subject":"acs:adb::1:dbcluster/am-2"`, `"aliyunregionid":""`, one), home},
		{"parameters' own", published(actioned, arn, beijing, `"data":{"acsRegion":"cn-chengdu","requestParameters":{"DBClusterId":"am-1","RegionId":"cn-qingdao"}}`), "cn-qingdao"},
		{"acsRegion", published(actioned, arn, beijing, `"data":{"acsRegion":"cn-chengdu","requestParameters":{"DBClusterId":"am-1"}}`), "cn-chengdu"},
		{"acsRegion is ActionTrail's", published(actioned, arn, beijing, `"data":{"acsRegion":"cn-chengdu","DBClusterId":"am-1"}`), "cn-shanghai"},
	} {
		t.Run(c.name, func(t *testing.T) {
			same(t, must(t, c.event, invocation()).Requests, requests(ensure("am-1", now, in(c.want))))
		})
	}

	const bad = "the region of the event or the function cannot be used: "
	refused(t, published(`"aliyunregionid":"x.example/"`, one), invocation(), `data: RegionId is not given, and `+bad+`"x.example/" is not a region`)
	refused(t, published(`"subject":"acs:adb:x/:1:dbcluster/am-2"`, beijing, one), invocation(), bad+`"x/" is not a region`)
	refused(t, published(`"subject":"acs:adb:x/:1:dbcluster/am-2"`), invocation(), `the ARN in subject: `, bad+`"x/" is not a region`)
	refused(t, published(actioned, `"data":{"acsRegion":"x/","requestParameters":{"DBClusterId":"am-1"}}`), invocation(), bad+`"x/" is not a region`)
	same(t, must(t, published(`"aliyunregionid":"x/"`, `"data":{"DBClusterId":"am-1","RegionId":"cn-qingdao"}`), invocation()).Requests,
		requests(ensure("am-1", now, in("cn-qingdao"))))

	nowhere := withDefaults()
	nowhere.Region = "x.example/"
	for _, payload := range []string{"am-1", `{"DBClusterId":"am-1"}`, fired(`"am-1"`), published(one), published(`"data":{}`)} {
		refused(t, payload, nowhere, bad+`"x.example/" is not a region`)
	}
	unchecked := invocation()
	unchecked.DefaultClusters = []string{"am-1", "x"}
	refused(t, published(`"data":{}`), unchecked, `ADB_DEFAULT_CLUSTERS: DBClusterIds, item 2: "x" is not a cluster id`)
}

// A report of the function's own work is passed over, or a rule on ActionTrail would feed it for ever.
func TestOwnWork(t *testing.T) {
	report := func(kind, name string) string {
		return fmt.Sprintf(`{"specversion":"1.0","type":%q,"data":{"eventName":%q,"requestParameters":{"DBClusterId":"am-1"}}}`, kind, name)
	}
	for _, call := range []string{"CreateBackup", "DescribeBackups", "DescribeDBClusters"} {
		for _, kind := range []string{"ads:ActionTrail:ApiCall", "ads:ActionTrail:ConsoleOperation", "adb:ActionTrail:ApiCall", "adb:ActionTrail:ConsoleOperation"} {
			if event := must(t, report(kind, call), withDefaults()); event.Requests != nil || event.Wrong != nil || event.Action() != "" {
				t.Errorf("%s %s: %+v", kind, call, event)
			}
		}
	}
	// Nothing else of the report is looked at.
	for _, rest := range []string{`"subject":5`, `"time":"x"`, `"aliyunregionid":"x/"`, arn} {
		event := must(t, `{"specversion":"1.0",`+actioned+`,"data":{"eventName":"CreateBackup","DBClusterId":5,"WaitFor":5},`+rest+`}`, withDefaults())
		if event.Requests != nil {
			t.Errorf("%s: %+v", rest, event)
		}
	}
	for _, other := range []string{
		report("ads:ActionTrail:ApiCall", "ModifyDBCluster"),
		report("ads:ActionTrail:ApiCall", "CreateBackupPolicy"),
		report("ads:ActionTrail:AliyunServiceEvent", "CreateBackup"),
		report("ads:ActionTrail:ApiCall:x", "CreateBackup"),
		report("polardb:ActionTrail:ApiCall", "CreateBackup"),
		report("xads:ActionTrail:ApiCall", "CreateBackup"),
	} {
		event, err := events.Decode([]byte(other), invocation())
		if err != nil || len(event.Requests) != 1 {
			t.Errorf("%s: %+v, %v", other, event, err)
		}
	}
}

func base64Of(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
