package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"adb-backup/events"
	"adb-backup/function/backup"
)

func TestRequests(t *testing.T) {
	long := "am-" + strings.Repeat("x", 61)
	for _, c := range []struct {
		name, payload string
		want          []backup.Request
	}{
		{"names without regard to case", `{"dbclusterID":"` + orders + `","WAITFOR":"COMPLETED","regionid":"cn-beijing","action":"ensure"}`,
			requests(ensure(orders, now, completed, immediate, in("cn-beijing")))},
		{"null is absent", `{"DBClusterId":"` + orders + `","DBClusterIds":null,"RegionId":null,"Action":null,"WaitFor":null,"MaxAge":null,"NotBefore":null}`,
			requests(ensure(orders, now, immediate))},
		{"several clusters", `{"DBClusterIds":["` + orders + `","` + shop + `"]}`,
			requests(ensure(orders, now, immediate), ensure(shop, now, immediate))},
		{"repeats count once", `{"DBClusterIds":["` + orders + `","` + shop + `","` + orders + `","\u0061mv-wz9or2xawpnc"]}`,
			requests(ensure(orders, now, immediate), ensure(shop, now, immediate))},
		{"64 characters", `{"DBClusterId":"` + long + `"}`, requests(ensure(long, now, immediate))},
		{"32 characters of region", `{"DBClusterId":"am-1","RegionId":"cn-abcdefghijklmnopqrstuvwxyz-12"}`,
			requests(ensure("am-1", now, immediate, in("cn-abcdefghijklmnopqrstuvwxyz-12")))},
		{"Requested", `{"DBClusterId":"am-1","WaitFor":"requested"}`, requests(ensure("am-1", now, immediate))},
		{"DDLAllowed", `{"DBClusterId":"am-1","WaitFor":"DdlAllowed"}`, requests(ensure("am-1", now, immediate, ddlAllowed))},
		{"MaxAge", `{"DBClusterId":"am-1","MaxAge":"90m"}`, requests(ensure("am-1", now.Add(-90*time.Minute)))},
		{"MaxAge of nothing is given", `{"DBClusterId":"am-1","MaxAge":"0s"}`, requests(ensure("am-1", now))},
		{"longest MaxAge", `{"DBClusterId":"am-1","MaxAge":"2562047h47m16.854775807s"}`, requests(ensure("am-1", time.Unix(0, 0).UTC()))},
		{"NotBefore", `{"DBClusterId":"am-1","NotBefore":"2026-11-22T10:00:00.25+08:00"}`, requests(ensure("am-1", at("2026-11-22T02:00:00.25Z")))},
		{"NotBefore now", `{"DBClusterId":"am-1","NotBefore":"2026-11-23T02:00:00Z"}`, requests(ensure("am-1", now))},
		{"NotBefore in EventBridge's form", `{"DBClusterId":"am-1","NotBefore":"2026-11-22T10:00:00PRC"}`, requests(ensure("am-1", at("2026-11-22T02:00:00Z")))},
		{"NotBefore long ago", `{"DBClusterId":"am-1","NotBefore":"0000-01-01T00:00:00Z"}`, requests(ensure("am-1", time.Unix(0, 0).UTC()))},
		{"Verify with MaxAge", `{"Action":"verify","DBClusterId":"am-1","MaxAge":"26h"}`, requests(ensure("am-1", now.Add(-26*time.Hour), verify))},
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
	id := `"DBClusterId":"am-1"`
	for _, c := range []struct{ payload, want string }{
		{`{"DBClusterId":null}`, "the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector"},
		{`{` + id + `,"DBClusterIds":["am-2"]}`, "DBClusterId and DBClusterIds exclude each other: give one of them"},
		{`{` + id + `,"dbclusterid":"am-1"}`, "DBClusterId is given twice"},
		{`{` + id + `,"DBClusterId":null}`, "DBClusterId is given twice"},
		{`{` + id + `,"WaitFor":"Completed","waitFor":"Completed"}`, "WaitFor is given twice"},
		{`{` + id + `,"Action":"Verify","MaxAge":"1h","ACTION":"Ensure"}`, "Action is given twice"},
		{`{` + id + `,"RegionId":"cn-beijing","regionId":"cn-beijing"}`, "RegionId is given twice"},
		{`{"DBClusterId":""}`, `DBClusterId: "" is not a cluster id such as amv-wz9or2xawpnc`},
		{`{"DBClusterId":5}`, "DBClusterId must be a string, not a number"},
		{`{"DBClusterId":["am-1"]}`, "DBClusterId must be a string, not an array"},
		{`{"DBClusterId":{}}`, "DBClusterId must be a string, not an object"},
		{`{"DBClusterId":true}`, "DBClusterId must be a string, not true"},
		{`{"DBClusterId":"amv-wz9or2xawpnc****"}`, `DBClusterId: "amv-wz9or2xawpnc****" is a masked example: give the whole cluster id`},
		{`{"DBClusterId":"` + strings.Repeat("x", 300) + `"}`, "DBClusterId: a string of 300 characters is not a cluster id such as amv-wz9or2xawpnc"},
		{`{"DBClusterId":"amv-ü"}`, "DBClusterId: a string with other than printable ASCII characters is not a cluster id such as amv-wz9or2xawpnc"},
		{`{"DBClusterIds":[]}`, "DBClusterIds is empty"},
		{`{"DBClusterIds":"am-1"}`, "DBClusterIds must be an array of strings, not a string"},
		{`{"DBClusterIds":{}}`, "DBClusterIds must be an array of strings, not an object"},
		{`{"DBClusterIds":["am-1",5,"AM-2","am-3",null]}`,
			`DBClusterIds, item 2: must be a string, not a number; DBClusterIds, item 3: "AM-2" is not a cluster id such as amv-wz9or2xawpnc; DBClusterIds, item 5: must be a string, not null`},
		{`{` + id + `,"RegionId":""}`, `RegionId: "" is not a region such as cn-hangzhou`},
		{`{` + id + `,"RegionId":7}`, "RegionId must be a string, not a number"},
		{`{` + id + `,"RegionId":"x.example/"}`, `RegionId: "x.example/" is not a region such as cn-hangzhou`},
		{`{` + id + `,"Action":"Delete"}`, `Action must be Ensure or Verify, not "Delete"`},
		{`{` + id + `,"Action":""}`, `Action must be Ensure or Verify, not ""`},
		{`{` + id + `,"Action":1}`, "Action must be a string, not a number"},
		{`{` + id + `,"WaitFor":"Complete"}`, `WaitFor must be one of Requested, Completed, DDLAllowed, not "Complete"`},
		{`{` + id + `,"WaitFor":false}`, "WaitFor must be a string, not false"},
		{`{` + id + `,"MaxAge":"-1s"}`, `MaxAge must be a duration such as 90m or 26h, and not negative, not "-1s"`},
		{`{` + id + `,"MaxAge":"1d"}`, `MaxAge must be a duration such as 90m or 26h, and not negative, not "1d"`},
		{`{` + id + `,"MaxAge":""}`, `MaxAge must be a duration such as 90m or 26h, and not negative, not ""`},
		{`{` + id + `,"MaxAge":"9999999h"}`, `MaxAge must be a duration such as 90m or 26h, and not negative, not "9999999h"`},
		{`{` + id + `,"MaxAge":3600}`, "MaxAge must be a string, not a number"},
		{`{` + id + `,"NotBefore":"yesterday"}`, `NotBefore must be an RFC 3339 time such as 2026-11-23T02:00:00Z, not "yesterday"`},
		{`{` + id + `,"NotBefore":""}`, `NotBefore must be an RFC 3339 time such as 2026-11-23T02:00:00Z, not ""`},
		{`{` + id + `,"NotBefore":"2026-11-22T02:00Z"}`, `NotBefore must be an RFC 3339 time such as 2026-11-23T02:00:00Z, not "2026-11-22T02:00Z"`},
		{`{` + id + `,"NotBefore":1795356361}`, "NotBefore must be a string, not a number"},
		{`{` + id + `,"NotBefore":"2026-11-22T02:00:00Z","MaxAge":"0s"}`, "MaxAge and NotBefore exclude each other: give one of them"},
		{`{` + id + `,"Action":"Verify"}`, "Verify needs MaxAge or NotBefore"},
		{`{` + id + `,"Action":"Verify","MaxAge":"1h","WaitFor":"Requested"}`, "WaitFor goes with Ensure alone"},
		{`{` + id + `,"Action":"Verify","MaxAge":1}`, "MaxAge must be a string, not a number"}, // and not that Verify needs it
		{`{` + id + `,"Wait_For":"Completed"}`, `unknown field "Wait_For" (did you mean WaitFor?)`},
		{`{` + id + `,"WaitFro":"Completed"}`, `unknown field "WaitFro" (did you mean WaitFor?)`},
		{`{` + id + `,"Region":"cn-beijing"}`, `unknown field "Region" (did you mean RegionId?)`},
		{`{"ClusterId":"am-1"}`, `the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector; unknown field "ClusterId" (did you mean DBClusterId?)`},
		{`{` + id + `,"Timeout":"1h"}`, `unknown field "Timeout"`},
		{`{` + id + `,"":1}`, `unknown field ""`},
		{`{` + id + `,"tab\there ü":1}`, `unknown field "tab\there \u00fc"`},
		{`{` + id + `,"` + strings.Repeat("n", 63) + `üü":1}`, `unknown field "` + strings.Repeat("n", 63) + `"…`},
		{`{` + id + `,"Extra":null}`, `unknown field "Extra"`},
		// All at once, in the order of the contract's table, whatever the order in the request.
		{`{"zzz":1,"NotBefore":"x","MaxAge":"y","WaitFor":"z","Action":"a","RegionId":"R","DBClusterId":"b"}`,
			`DBClusterId: "b" is not a cluster id such as amv-wz9or2xawpnc; RegionId: "R" is not a region such as cn-hangzhou; ` +
				`Action must be Ensure or Verify, not "a"; WaitFor must be one of Requested, Completed, DDLAllowed, not "z"; ` +
				`MaxAge must be a duration such as 90m or 26h, and not negative, not "y"; ` +
				`NotBefore must be an RFC 3339 time such as 2026-11-23T02:00:00Z, not "x"; ` +
				`MaxAge and NotBefore exclude each other: give one of them; unknown field "zzz"`},
	} {
		event, err := events.Decode([]byte(c.payload), invocation())
		if err == nil {
			t.Errorf("Decode(%s) accepts %+v", c.payload, event)
		} else if err.Error() != c.want {
			t.Errorf("Decode(%s)\n got %s\nwant %s", c.payload, err, c.want)
		}
	}
}

func TestThousandClusters(t *testing.T) {
	fleet := func(n, repeats int) string {
		var ids []string
		for range repeats {
			for i := range n {
				ids = append(ids, fmt.Sprintf("amv-%d", i))
			}
		}
		payload, err := json.Marshal(map[string]any{"DBClusterIds": ids})
		if err != nil {
			t.Fatal(err)
		}
		return string(payload)
	}
	if got := must(t, fleet(1000, 2), invocation()).Requests; len(got) != 1000 || got[999].Cluster.ID != "amv-999" {
		t.Errorf("%d requests of 1000 clusters given twice", len(got))
	}
	refused(t, fleet(1001, 1), invocation(), "DBClusterIds has more than 1000 different items")
}

func TestManyFaultsAreCounted(t *testing.T) {
	refused(t, `{"DBClusterIds":["x0"`+many(`,"x%d"`, 25)+`]}`, invocation(),
		"DBClusterIds, item 20: ", "; and 6 more items of DBClusterIds are wrong")
	refused(t, `{"DBClusterId":"am-1"`+many(`,"extra%d":1`, 11)+`}`, invocation(),
		`unknown field "extra10"; and 1 more unknown fields`)
	both := `{"DBClusterIds":["x0"` + many(`,"x%d"`, 25) + `],"MaxAge":"1h","NotBefore":"x","Action":"x","WaitFor":"x"`
	refused(t, both+many(`,"extra%d":1`, 5)+"}", invocation(), `unknown field "extra5"`)
	tags := `{"t0":0` + many(`,"t%d":0`, 19) + `}`
	refused(t, `{"DBClusterSelector":{"Tags":`+tags+`,"NotTags":`+tags+`},"RegionId":"x","MaxAge":"x"}`, invocation(), "; … and 2 more")
	if event, err := events.Decode([]byte(`{"DBClusterId":"am-1"`+many(`,"extra%d":1`, 10)+`}`), invocation()); err == nil || strings.Contains(err.Error(), "more") {
		t.Errorf("ten unknown fields: %v, %+v", err, event)
	}
}

// The longest errors there are: as many faults as are told, each with the longest value that is shown.
func TestErrorsAreBounded(t *testing.T) {
	quoted := quote(strings.Repeat(`"`, 64))
	payload := `{"RegionId":` + quoted
	tags := "{"
	for i := range 20 {
		if i > 0 {
			tags += ","
		}
		tags += quote(strings.Repeat("\x00", 64)+fmt.Sprint(i)) + ":1"
	}
	tags += "}"
	payload += `,"DBClusterSelector":{"Tags":` + tags + `,"NotTags":` + tags
	for i := range 20 {
		payload += "," + quote(strings.Repeat("\x00", 62)+fmt.Sprint(10+i)) + ":1"
	}
	payload += "}}"
	_, err := events.Decode([]byte(payload), invocation())
	if err == nil {
		t.Fatal("accepted")
	}
	checkSentence(t, err.Error(), nil)
	if n := len(err.Error()); n < 5000 || n > 16_000 {
		t.Errorf("%d bytes", n)
	}
}

// many repeats a pattern with the numbers from 1 to n.
func many(pattern string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, pattern, i+1)
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

// TestDidYouMean: every field is found although a letter is missing, whatever stands between the others.
func TestDidYouMean(t *testing.T) {
	for _, field := range []string{"DBClusterId", "DBClusterIds", "DBClusterSelector", "RegionId", "RegionIds", "Action", "WaitFor", "MaxAge", "NotBefore"} {
		without := field[:4] + field[5:]
		refused(t, fmt.Sprintf(`{"DBClusterId":"am-1",%q:"x"}`, without), invocation(), "did you mean "+field+"?")
		spelt := strings.ToLower(field[:3]) + "_" + field[3:4] + "-" + field[5:]
		refused(t, fmt.Sprintf(`{"DBClusterId":"am-1",%q:"x"}`, spelt), invocation(), fmt.Sprintf("unknown field %q (did you mean %s?)", spelt, field))
	}
	for _, field := range []string{"Tags", "NotTags", "ResourceGroupId", "All"} {
		refused(t, fmt.Sprintf(`{"DBClusterSelector":{%q:"x"}}`, field+"x"), invocation(), fmt.Sprintf("unknown field %q (did you mean %s?)", field+"x", field))
	}
}

// TestManyWrongIDs: twenty wrong items of a list are described, and the rest are counted.
func TestManyWrongIDs(t *testing.T) {
	wrong := func(n int) string {
		return `{"DBClusterIds":[` + strings.TrimSuffix(strings.Repeat(`7,`, n), ",") + `]}`
	}
	for n, last := range map[int]string{
		20: "DBClusterIds, item 20: must be a string, not a number",
		21: "DBClusterIds, item 20: must be a string, not a number; and 1 more items of DBClusterIds are wrong",
	} {
		_, err := events.Decode([]byte(wrong(n)), invocation())
		if err == nil || !strings.HasSuffix(err.Error(), last) {
			t.Errorf("%d: %v", n, err)
		}
	}
}
