package events_test

import (
	"strings"
	"testing"
)

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
