package events_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
)

func TestRequests(t *testing.T) {
	for _, c := range []struct {
		name, payload string
		want          []backup.Request
	}{
		{"names without regard to case", `{"dbclusterID":"` + orders + `","WAITFOR":"COMPLETED","regionid":"cn-beijing","action":"ensure"}`,
			requests(ensure(orders, now, completed, immediate, in("cn-beijing")))},
		{"null is absent", `{"DBClusterId":"` + orders + `","DBClusterIds":null,"RegionId":null,"Action":null,"WaitFor":null,"MaxAge":null,"NotBefore":null}`,
			requests(ensure(orders, now, immediate))},
		{"repeats count once", `{"DBClusterIds":["` + orders + `","` + shop + `","` + orders + `","\u0061mv-wz9or2xawpnc"]}`,
			requests(ensure(orders, now, immediate), ensure(shop, now, immediate))},
		{"DDLAllowed", `{"DBClusterId":"am-1","WaitFor":"DdlAllowed"}`, requests(ensure("am-1", now, immediate, ddlAllowed))},
		{"MaxAge", `{"DBClusterId":"am-1","MaxAge":"90m"}`, requests(ensure("am-1", now.Add(-90*time.Minute)))},
		{"MaxAge of nothing is given", `{"DBClusterId":"am-1","MaxAge":"0s"}`, requests(ensure("am-1", now))},
		{"longest MaxAge", `{"DBClusterId":"am-1","MaxAge":"2562047h47m16.854775807s"}`, requests(ensure("am-1", time.Unix(0, 0).UTC()))},
		{"NotBefore", `{"DBClusterId":"am-1","NotBefore":"2026-11-22T10:00:00.25+08:00"}`, requests(ensure("am-1", at("2026-11-22T02:00:00.25Z")))},
		{"WaitAtMost", `{"DBClusterId":"am-1","waitatmost":"3m","WaitFor":"Completed"}`, requests(ensure("am-1", now, immediate, completed, atMost(3*time.Minute)))},
		{"WaitAtMost of an instant", `{"DBClusterId":"am-1","WaitAtMost":"1ns"}`, requests(ensure("am-1", now, immediate, atMost(1)))},
		{"WaitAtMost goes with Verify", `{"Action":"Verify","DBClusterId":"am-1","MaxAge":"1h","WaitAtMost":"90s"}`,
			requests(ensure("am-1", now.Add(-time.Hour), verify, atMost(90*time.Second)))},
		{"null repeats nothing", `{"DBClusterId":null,"DBClusterId":"am-1","dbclusterid":null}`, requests(ensure("am-1", now, immediate))},
		{"NotBefore long ago", `{"DBClusterId":"am-1","NotBefore":"0000-01-01T00:00:00Z"}`, requests(ensure("am-1", time.Unix(0, 0).UTC()))},
		{"Verify with NotBefore", `{"Action":"Verify","DBClusterId":"am-1","NotBefore":"2026-11-22T02:00:00Z"}`, requests(ensure("am-1", now.Add(-24*time.Hour), verify))},
		{"Verify with MaxAge of nothing", `{"Action":"Verify","DBClusterId":"am-1","MaxAge":"0"}`, requests(ensure("am-1", now, verify))},
	} {
		t.Run(c.name, func(t *testing.T) {
			same(t, must(t, c.payload, invocation()).Requests, c.want)
		})
	}
}

// Every fault of a request, by its full text: a person reads it in an alarm.
func TestFaults(t *testing.T) {
	const none = "the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector"
	id := `"DBClusterId":"am-1"`
	for _, c := range []struct{ payload, want string }{
		{`{"DBClusterId":null}`, none},
		{`{` + id + `,"DBClusterIds":["am-2"]}`, "DBClusterId and DBClusterIds exclude each other: give one of them"},
		{`{` + id + `,"dbclusterid":"am-1","DBClusterID":"am-1"}`, "DBClusterId is given twice"},
		{`{"DBClusterId":""}`, `DBClusterId: "" is not a cluster id such as amv-wz9or2xawpnc`},
		{`{"DBClusterId":5}`, "DBClusterId must be a string, not a number"},
		{`{"DBClusterId":{}}`, "DBClusterId must be a string, not an object"},
		{`{"DBClusterId":true}`, "DBClusterId must be a string, not true"},
		{`{"DBClusterId":"` + strings.Repeat("x", 300) + `"}`, "DBClusterId: a string of 300 characters is not a cluster id such as amv-wz9or2xawpnc"},
		{`{"DBClusterIds":[]}`, "DBClusterIds is empty"},
		{`{"DBClusterIds":"am-1"}`, "DBClusterIds must be an array of strings, not a string"},
		{`{"DBClusterIds":["am-1",5,"AM-2","am-3",null]}`,
			`DBClusterIds, item 2: must be a string, not a number; DBClusterIds, item 3: "AM-2" is not a cluster id such as amv-wz9or2xawpnc; DBClusterIds, item 5: must be a string, not null`},
		{`{` + id + `,"RegionId":"x.example/"}`, `RegionId: "x.example/" is not a region such as cn-hangzhou`},
		{`{` + id + `,"Action":"Delete"}`, `Action: "Delete" is not Ensure, Verify or Drill`},
		{`{` + id + `,"Action":1}`, "Action must be a string, not a number"},
		{`{` + id + `,"WaitFor":"Complete"}`, "WaitFor: must be one of Requested, Completed, DDLAllowed"},
		{`{` + id + `,"WaitFor":false}`, "WaitFor must be a string, not false"},
		{`{` + id + `,"WaitAtMost":"0s"}`, `WaitAtMost: "0s" is not a duration such as 90m or 26h, or is too short`},
		{`{` + id + `,"WaitAtMost":"-1s"}`, `WaitAtMost: "-1s" is not a duration such as 90m or 26h, or is too short`},
		{`{` + id + `,"WaitAtMost":180}`, "WaitAtMost must be a string, not a number"},
		{`{` + id + `,"MaxAge":"-1s"}`, `MaxAge: "-1s" is not a duration such as 90m or 26h, or is too short`},
		{`{` + id + `,"MaxAge":"1d"}`, `MaxAge: "1d" is not a duration such as 90m or 26h, or is too short`},
		{`{` + id + `,"NotBefore":"yesterday"}`, `NotBefore: "yesterday" is not an RFC 3339 time such as 2026-11-23T02:00:00Z`},
		{`{` + id + `,"NotBefore":"2026-11-22T02:00:00Z","MaxAge":"0s"}`, "MaxAge and NotBefore exclude each other: give one of them"},
		{`{` + id + `,"Action":"Verify"}`, "Verify needs MaxAge or NotBefore"},
		{`{` + id + `,"Action":"Verify","MaxAge":"1h","WaitFor":"Requested"}`, "WaitFor goes with Ensure alone"},
		{`{` + id + `,"Action":"Verify","MaxAge":1}`, "MaxAge must be a string, not a number"}, // and not that Verify needs it
		{`{` + id + `,"RegionIds":["cn-a"]}`, `unknown field "RegionIds" (did you mean RegionId?)`},
		{`{` + id + `,"Region":"cn-beijing"}`, `unknown field "Region" (did you mean RegionId?)`},
		{`{"ClusterId":"am-1"}`, none + `; unknown field "ClusterId" (did you mean DBClusterId?)`},
		{`{` + id + `,"Timeout":"1h"}`, `unknown field "Timeout"`},
		{`{` + id + `,"tab\there ü":1}`, "unknown field a string with other than printable ASCII characters"},
		{`{` + id + `,"` + strings.Repeat("n", 65) + `":1}`, "unknown field a string of 65 characters"},
		{`{` + id + `,"Extra":null}`, `unknown field "Extra"`},
		// All at once, in an order that does not depend on that of the known fields.
		{`{"zzz":1,"NotBefore":"x","MaxAge":"y","WaitFor":"z","Action":"a","RegionId":"R","DBClusterId":"b","WaitAtMost":"c"}`,
			`DBClusterId: "b" is not a cluster id such as amv-wz9or2xawpnc; RegionId: "R" is not a region such as cn-hangzhou; ` +
				`Action: "a" is not Ensure, Verify or Drill; WaitFor: must be one of Requested, Completed, DDLAllowed; ` +
				`WaitAtMost: "c" is not a duration such as 90m or 26h, or is too short; MaxAge: "y" is not a duration such as 90m or 26h, or is too short; ` +
				`NotBefore: "x" is not an RFC 3339 time such as 2026-11-23T02:00:00Z; ` +
				`MaxAge and NotBefore exclude each other: give one of them; unknown field "zzz"`},
	} {
		if _, got := refused(t, c.payload, invocation()); got != c.want {
			t.Errorf("Decode(%s)\n got %s\nwant %s", c.payload, got, c.want)
		}
	}
}

func TestThousandClusters(t *testing.T) {
	fleet := func(n int) string {
		return `{"DBClusterIds":["amv-0"` + strings.Repeat(numbers(`,"amv-%d"`, 0, n), 2) + `]}`
	}
	if got := must(t, fleet(1000), invocation()).Requests; len(got) != 1000 || got[999].Cluster.ID != "amv-999" {
		t.Errorf("%d requests of 1000 clusters given twice", len(got))
	}
	refused(t, fleet(1001), invocation(), "DBClusterIds has more than 1000 different items")
}

// The first twenty faults of a request are told, and the rest are counted.
func TestManyFaultsAreCounted(t *testing.T) {
	for _, c := range []struct{ payload, last string }{
		{`{"DBClusterId":"am-1"` + numbers(`,"extra%d":1`, 1, 20) + `}`, `; unknown field "extra20"`},
		{`{"DBClusterId":"am-1"` + numbers(`,"extra%d":1`, 1, 21) + `}`, `; unknown field "extra20"; … and 1 more`},
		{`{"DBClusterIds":["x"` + strings.Repeat(`,7`, 30) + `],"MaxAge":"x","WaitFr":1}`, "DBClusterIds, item 20: must be a string, not a number; … and 13 more"},
	} {
		if _, got := refused(t, c.payload, invocation()); !strings.HasSuffix(got, c.last) {
			t.Errorf("%s, want an end of %q", got, c.last)
		}
	}
}

// numbers repeats a pattern with n numbers.
func numbers(pattern string, from, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, pattern, from+i)
	}
	return b.String()
}

// Neither an event nor a long or odd value of it may come out again: events may hold secrets.
func TestErrorsKeepSecrets(t *testing.T) {
	const secret = "LTAI-marked secret/of+the=sender"
	long := secret + strings.Repeat(".", 64)
	for _, payload := range []string{
		secret,
		`"` + secret + `"`,
		`"` + secret,
		`{"DBClusterId":"` + long + `"}`,
		`{"DBClusterId":"am-1","RegionId":"` + long + `","WaitFor":"` + long + `","MaxAge":"` + long + `","NotBefore":"` + long + `","Action":"` + long + `"}`,
		`{"DBClusterId":"am-1","x":"` + secret + `"}`,
		`{"DBClusterId":"am-1","WaitFor":{"password":"` + secret + `"}}`,
		`{"DBClusterId":"am-1","password":"` + secret + `"`,
		`{"triggerName":"` + secret + `","payload":"` + secret + `"}`,
		`{"specversion":"1.0","data":"` + secret + `"}`,
		`{"specversion":"1.0","data":{"password":"` + secret + `"}}`,
		`{"specversion":"1.0","data":{"body":"` + secret + `"}}`,
		`{"specversion":"1.0","type":"a:ActionTrail:b","data":{"requestParameters":"` + secret + `"}}`,
		`{"specversion":"1.0","time":"` + long + `","data":"am-1"}`,
		`["` + secret + `",{"x":"` + secret + `"}]`,
	} {
		event, err := events.Decode([]byte(payload), invocation())
		if all := fmt.Sprint(err, event); strings.Contains(all, "marked") {
			t.Errorf("Decode(%s) tells %s", payload, all)
		}
	}
}

// Every field is found although a letter is missing, whatever stands between the others.
func TestDidYouMean(t *testing.T) {
	for _, field := range []string{"DBClusterId", "DBClusterIds", "DBClusterSelector", "RegionId", "Action", "WaitFor", "WaitAtMost", "MaxAge", "NotBefore"} {
		spelt := strings.ToLower(field[:3]) + "_" + field[3:4] + "-" + field[5:]
		refused(t, fmt.Sprintf(`{"DBClusterId":"am-1",%q:"x"}`, spelt), invocation(), fmt.Sprintf("unknown field %q (did you mean %s?)", spelt, field))
	}
	for _, field := range []string{"Tags", "NotTags", "ResourceGroupId", "All"} {
		refused(t, fmt.Sprintf(`{"DBClusterSelector":{%q:"x"}}`, field+"x"), invocation(), fmt.Sprintf("unknown field DBClusterSelector.%q (did you mean %s?)", field+"x", field))
	}
	for name, want := range map[string]string{"WaitFor": "WaitFor", "Wai": "", "Waitxyz": "", strings.Repeat("-", 60) + "Tags": "Tags", strings.Repeat("-", 61) + "Tags": ""} {
		if got := events.Nearest(name, []string{"Tags", "WaitFor"}); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}
