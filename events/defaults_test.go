package events_test

import (
	"fmt"
	"strings"
	"testing"

	"adb-backup/events"
)

// Where an event names a cluster in a place that is not read, the default clusters are not taken: somebody meant that cluster.
func TestClustersInOtherPlaces(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 9000) + `"am-1"` + strings.Repeat("}", 9000)
	inText := `{"detail":{"cluster":"am-1"}}`
	for _, c := range []struct{ attribute, path string }{
		{`"data":{"cluster":"am-1"}`, "data.cluster"},
		{`"data":{"x":{"y":[1,{"z":"am-1"}]}}`, "data.x.y[1].z"},
		{`"data":{"x":[[],{},[0,null,"am-1"]]}`, "data.x[2][2]"},
		{`"data":{"x":[{"a":1,"b":2},{"a":3,"b":"am-1"}]}`, "data.x[1].b"},
		{`"data":{"a":{"b":{}},"c":"am-1"}`, "data.c"},
		{`"data":["x","y","am-1"]`, "data[2]"},
		{`"data":{"a":["x"],"b":{"c":"y"},"d":"am-1"}`, "data.d"},
		{`"data":[["x"],{"y":"z"},"am-1"]`, "data[2]"},
		{`"data":["am-1"]`, "data[0]"},
		{`"data":[{"DBClusterId":"am-1"}]`, "data[0].DBClusterId"},
		{`"data":{"messageBody":["am-1"]}`, "data.messageBody[0]"},
		{`"data":{"detail":{"DBClusterId":"am-1"}}`, "data.detail.DBClusterId"},
		{`"data":{"detail":{"DBClusterSelector":{"All":true}}}`, "data.detail.DBClusterSelector"},
		{`"data":{"detail":{"dbclusterselector":{"All":true}}}`, "data.detail.dbclusterselector"},
		{`"data":{"requestParameters":{"DBClusterId":"am-1"}}`, "data.requestParameters.DBClusterId"},
		{`"data":{"clusters":{"am-1":{"size":5}}}`, "data.clusters.am-1"},
		{`"data":{"am-1" :5}`, "data.am-1"},
		{`"data":{},"cluster":"am-1"`, "cluster"},
		{`"data":{},"id":"am-1"`, "id"},
		{`"data":{"x":" am-1\n"}`, "data.x"},
		{`"data":{"x":"\u0061m-1"}`, "data.x"},
		{`"data":{"x":"AMV-WZ9OR2XAWPNC"}`, "data.x"},
		{`"data":{"x":"amv-wz9or2xawpnc****"}`, "data.x"},
		{`"data":{"x":"am-1,am-2"}`, "data.x"},
		{`"data":{"x":"am-1 , am-2"}`, "data.x"},
		{`"data":{"x":"am-` + strings.Repeat("a", 61) + `"}`, "data.x"},
		{`"data":{"x":"acs:adb:cn-shanghai:1:dbcluster/am-1"}`, "data.x"},
		{`"data":{"x":["on acs:adb:cn-shanghai:1:dbcluster/am-1"]}`, "data.x[0]"},
		{`"subject":"on acs:adb:cn-shanghai:1:dbcluster/am-1"`, "subject"},
		{`"subject":"ACS:ADB:cn-shanghai:1:DBCluster/am-1"`, "subject"},
		{`"data":{"x":` + quote(inText) + `}`, "data.x.detail.cluster"},
		{`"data":{"x":` + quote("["+quote(inText)+"]") + `}`, "data.x[0].detail.cluster"},
		{`"data":{"x":` + quote(quote("am-1")) + `}`, "data.x"},
		{`"data":{"x":` + quote(`["am-1"]`) + `}`, "data.x[0]"},
		{`"data":{"a b":{"ü":"am-1"}}`, `data."a b"."\u00fc"`},
		{`"data":` + deep, "data" + strings.Repeat(".a", 98) + "…"},
	} {
		want := " in " + c.path + ", where no request is looked for: give it in data, as DBClusterId, DBClusterIds or DBClusterSelector"
		event := `{"specversion":"1.0","time":"2026-11-23T02:00:00Z",` + c.attribute + `}`
		refused(t, event, withDefaults(), want)
		refused(t, event, invocation(), want)
		array := must(t, "["+event+`,"am-2"]`, withDefaults())
		if same(t, array.Requests, requests(ensure("am-2", now, immediate))); len(array.Wrong) != 1 || !strings.Contains(array.Wrong[0].Err.Error(), want) {
			t.Errorf("in an array: %v", array.Wrong)
		}
	}
}

// Any word may have the form of a cluster id. So the message shows the word, and says what to do if it is not a cluster.
func TestWordsInTheFormOfAnID(t *testing.T) {
	const way = "; if it is not a cluster, leave it out of the event by a TEMPLATE transform"
	refused(t, published(`"data":{"Tag":"amd-64"}`), withDefaults(), `the CloudEvent names the cluster "amd-64" in data.Tag, where`, way)
	refused(t, published(`"data":{"x":"[\"AMAZON-LINUX , y\"]"}`), withDefaults(), `the CloudEvent names the cluster "AMAZON-LINUX" in data.x[0], where`, way)
	for _, other := range []string{`"x":"acs:adb:cn-shanghai:1:dbcluster/am-1"`, `"x":{"DBClusterSelector":5}`} {
		if _, err := events.Decode([]byte(published(other)), withDefaults()); err == nil || !strings.HasPrefix(err.Error(), "the CloudEvent names a cluster in x") || strings.HasSuffix(err.Error(), way) {
			t.Errorf("%s: %v", other, err)
		}
	}
}

// The message about an ARN says once where it stands.
func TestWrongARN(t *testing.T) {
	for subject, want := range map[string]string{
		"acs:adb:x/:1:dbcluster/am-1":        `the ARN in subject: "x/" is not a region such as cn-hangzhou`,
		"acs:adb:cn-hangzhou:1:dbcluster/x1": `the ARN in subject: "x1" is not a cluster id such as amv-wz9or2xawpnc`,
	} {
		if _, err := events.Decode([]byte(published(`"subject":"`+subject+`"`)), invocation()); err == nil || err.Error() != want {
			t.Errorf("%s: %v", subject, err)
		}
	}
}

// A request may be in data_base64, which is not read. The default clusters do not stand in for it.
func TestBinaryData(t *testing.T) {
	const want = "the CloudEvent has data_base64, which is not read: send data"
	refused(t, published(`"data_base64":"eyJEQkNsdXN0ZXJJZCI6ImFtLTEifQ=="`), withDefaults(), want)
	refused(t, published(`"Data_Base64":5`), invocation(), want)
	same(t, must(t, published(`"data_base64":null`), withDefaults()).Requests, requests(ensure("am-default", now), ensure("am-other", now)))
	same(t, must(t, published(`"data_base64":"x","data":"am-1"`), withDefaults()).Requests, requests(ensure("am-1", now)))
}

// What only looks like a cluster stands in nobody's way.
func TestNoClusters(t *testing.T) {
	defaults := requests(ensure("am-default", now), ensure("am-other", now))
	for _, data := range []string{
		`{"cluster":"prod","clusters":["prod"],"database":"rm-1","n":5,"x":null,"y":true}`,
		`{"x":"am","y":"am-","z":"a m-1","v":"xam-1","w":"am_1"}`,
		`{"x":"am-1-2","y":"am-1/2","z":"I am-1 of many","w":"am-1: text"}`,
		`{"x":"am-` + strings.Repeat("a", 62) + `"}`,
		`{"x":"acs:adb:cn-shanghai:1:backup/am-1","y":"acs:ecs:cn-shanghai:1:dbcluster/am-1","z":":dbcluster/x acs:adb:y"}`,
		`{"x":"{\"cluster\":\"prod\"}","y":"[]","z":"[am-1","w":"\"prod\"","v":"{am-1}"}`,
		`{"x":"DBClusterSelector","y":["DBClusterSelector"]}`,
		`{"":"","x":" ","y":"\n"}`,
		`{"amount":5,"amended":"at-1"}`,
	} {
		same(t, must(t, published(`"data":`+data), withDefaults()).Requests, defaults)
	}
	for _, depth := range []int{1, 9000} {
		data := strings.Repeat(`{"a":[`, depth/2+1) + strings.Repeat("]}", depth/2+1)
		same(t, must(t, published(fmt.Sprintf(`"data":{"x":%s}`, data)), withDefaults()).Requests, defaults)
	}
}

// A field whose name is nearly a request's own, or a request's words without a cluster, are a request gone wrong.
func TestNearlyRequests(t *testing.T) {
	for _, c := range []struct{ data, want string }{
		{`{"DBClusterName":"prod"}`, `data has a field "DBClusterName" but names no cluster`},
		{`{"DBClusters":["prod"]}`, `data has a field "DBClusters" but names no cluster`},
		{`{"DBClustrId":"x"}`, `data has a field "DBClustrId" but names no cluster`},
		{`{"DB-Clustr_Ids":"x"}`, `data has a field "DB-Clustr_Ids" but names no cluster`},
		{`{"DBClustrSelector":{"All":true}}`, `data has a field "DBClustrSelector" but names no cluster`},
		{`{"x":1,"db_cluster_selector":{"All":true}}`, `data has a field "db_cluster_selector" but names no cluster`},
		{`{"DBClusterId":null}`, `data has a field "DBClusterId" but names no cluster`},
		{`{"messageBody":{"DBCluster":1}}`, `data.messageBody has a field "DBCluster" but names no cluster`},
		{`{"body":{"DBCluster":1}}`, `data.body has a field "DBCluster" but names no cluster`},
		{`{"value":{"DBCluster":1}}`, `data.value has a field "DBCluster" but names no cluster`},
		{`{"WaitFor":"Completed"}`, `data has WaitFor but names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector`},
		{`{"value":{"MaxAge":"1h"}}`, `data.value has MaxAge but names no cluster`},
		{`{"value":{"NotBefore":"x"}}`, `data.value has NotBefore but names no cluster`},
		{`{"body":{"Action":"ensure"}}`, `data.body has the Action Ensure but names no cluster`},
	} {
		refused(t, published(`"data":`+c.data), withDefaults(), c.want)
	}
	for _, data := range []string{
		`{"Action":"push","DBName":"x","DBId":"y","ClusterId":"c1","RegionIds":5,"Wait_For":"x","Regions":[]}`,
		`{"value":{"Action":5}}`,
		`{"WaitFor":null,"MaxAge":null,"NotBefore":null,"Action":null}`,
	} {
		same(t, must(t, published(`"data":`+data), withDefaults()).Requests, requests(ensure("am-default", now), ensure("am-other", now)))
	}
}
