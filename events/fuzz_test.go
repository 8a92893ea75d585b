package events_test

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"adb-backup/events"
	"adb-backup/function/backup"
)

var (
	anID    = regexp.MustCompile(`\Aam[a-z]*-[a-z0-9]+\z`)
	aRegion = regexp.MustCompile(`\A[a-z]{2,}(-[a-z0-9]+)+\z`)
	aGroup  = regexp.MustCompile(`\A(rg-[a-z0-9]+)?\z`)
)

// Whatever arrives, Decode neither panics nor lets a request through that breaks a rule, and what it says stays short.
func FuzzDecode(f *testing.F) {
	for _, payload := range samplePayloads(f) {
		f.Add(payload, requestID(now), 0, true)
	}
	for _, payload := range []string{
		"", "null", "[]", "{}", `""`, "[[]]", `[null,"{","{}",5]`,
		"amv-wz9or2xawpnc****",
		`{"DBClusterId":"am-1","dbclusterid":"am-2","WaitFro":"Completed"}`,
		`{"DBClusterIds":["am-1","x",null,"am-1"],"Action":"Verify","WaitFor":"x"}`,
		`{"DBClusterId":"am-1","RegionId":"x.example/","NotBefore":"0000-01-01T00:00:00Z","MaxAge":"-1h"}`,
		`{"DBClusterId":"am-1","NotBefore":"9999-12-31T23:59:59Z"}`,
		`{"triggerTime":"x","payload":"\"{\\\"DBClusterId\\\":\\\"am-1\\\",\\\"MaxAge\\\":\\\"2562047h\\\"}\""}`,
		`{"specversion":"1.0","time":"2020-08-24T13:54:05.965Asia/Shanghai","subject":"acs:adb:cn-shanghai:1:dbcluster/am-1"}`,
		`{"specversion":"1.0","type":"a:ActionTrail:ApiCall","data":{"acsRegion":"x","requestParameters":"{\"DBClusterId\":\"am-1\"}"}}`,
		`{"specversion":"1.0","data":{"value":{"WaitFor":"Completed"},"body":"am-1","DB_Cluster":1}}`,
		`{"specversion":"1.0","data":{"detail":[{"cluster":"am-1"}],"x":"{\"y\":[\"acs:adb:cn-a:1:dbcluster/am-1\"]}"}}`,
		`{"DBClusterSelector":{"Tags":{"backup":"nightly","\u0061":""},"NotTags":{"off":"*"},"ResourceGroupId":"rg-1"},"RegionIds":["cn-a","cn-b","cn-a"]}`,
		`{"DBClusterSelector":{"All":true,"NotTags":{"off":"*"}},"RegionId":"cn-a","Action":"Verify","MaxAge":"1h"}`,
		`{"DBClusterSelector":{"All":false,"Tags":{"":1,"a":"b","a":"b"},"ResourceGroupId":"x","Tag":1},"RegionIds":["x/",1]}`,
		`{"Action":"Drill"}`, `{"DBClusterId":"am-1","WaitAtMost":"3m"}`,
		`{"specversion":"1.0","data":{"messageBody":"eyJEQkNsdXN0ZXJJZCI6ImFtLTEifQ=="}}`,
		`[{"DBClusterSelector":{"All":true}},{"DBClusterSelector":{"All":true}},"am-1",{"DBClusterSelector":{}}]`,
	} {
		f.Add([]byte(payload), requestID(now.AddDate(0, 0, -1)), 3, false)
	}
	f.Fuzz(func(t *testing.T, payload []byte, requestID string, retries int, defaults bool) {
		inv := invocation()
		inv.RequestID, inv.RetryCount = requestID, retries
		if defaults {
			inv.DefaultClusters = []string{shop, stock}
		}
		event, err := events.Decode(payload, inv)
		if err != nil {
			checkSentence(t, err.Error(), payload)
			if event.Requests != nil || event.Wrong != nil {
				t.Errorf("an error, and %+v", event)
			}
			return
		}
		if event.WrongCount > event.Items || len(event.Wrong) != min(event.WrongCount, 100) || len(event.Warnings) > 21 || event.Trigger == "" {
			t.Errorf("%+v", event)
		}
		if event.Drill && (event.Requests != nil || event.Items > 0) {
			t.Errorf("a drill with %+v", event)
		}
		for _, w := range event.Wrong {
			checkSentence(t, w.Err.Error(), payload)
		}
		for _, w := range event.Warnings {
			checkSentence(t, w, payload)
		}
		for _, r := range event.Requests {
			checkRequest(t, r)
		}
		if merged := backup.Merge(event.Requests); len(merged) != len(event.Requests) {
			t.Errorf("%d requests, %d when merged", len(event.Requests), len(merged))
		}
	})
}

func checkRequest(t *testing.T, r backup.Request) {
	regions := []string{r.Cluster.Region}
	if s := r.Selector; s != nil {
		regions = s.Regions
		if checkSelector(t, s); r.Cluster != (backup.Cluster{}) {
			t.Errorf("%+v has a cluster and a selector", r)
		}
	} else if id := r.Cluster.ID; !anID.MatchString(id) || len(id) > 64 {
		t.Errorf("cluster id %q", id)
	}
	for _, region := range regions {
		if !aRegion.MatchString(region) || len(region) > 32 {
			t.Errorf("region %q", region)
		}
	}
	if r.Action != backup.ActionEnsure && (r.Action != backup.ActionVerify || r.WaitFor != backup.WaitRequested || r.Immediate) {
		t.Errorf("action %+v", r)
	}
	if r.WaitAtMost < 0 || r.WaitFor < backup.WaitRequested || r.WaitFor > backup.WaitDDLAllowed || r.Immediate && r.Redelivered {
		t.Errorf("wishes %+v", r)
	}
	if r.NotBefore.After(now) || r.NotBefore.Year() < 1970 {
		t.Errorf("NotBefore %s", r.NotBefore)
	}
}

func checkSelector(t *testing.T, s *backup.Selector) {
	if n := len(s.Regions); n == 0 || n > 50 || s.All == (len(s.Tags) > 0 || s.ResourceGroupID != "") || !aGroup.MatchString(s.ResourceGroupID) {
		t.Errorf("selector %+v", *s)
	}
	for _, tags := range []map[string]string{s.Tags, s.NotTags} {
		if len(tags) > 20 || tags != nil && len(tags) == 0 {
			t.Errorf("%d tags", len(tags))
		}
		for key, value := range tags {
			if key == "" || utf8.RuneCountInString(key) > 128 || utf8.RuneCountInString(value) > 256 {
				t.Errorf("tag %q: %q", key, value)
			}
		}
	}
}

// checkSentence holds a text for a person to one line of bounded length, which repeats no long piece of the event.
func checkSentence(t *testing.T, s string, event []byte) {
	t.Helper()
	if s == "" || len(s) > 24<<10 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x2028 || r == '\ufffd' }) {
		t.Errorf("not one short line: %q", s)
	}
	const piece = 100
	for i := 0; i+piece <= len(s); i += piece / 2 {
		if bytes.Contains(event, []byte(s[i:i+piece])) {
			t.Errorf("repeats a piece of the event: %q", s[i:i+piece])
		}
	}
}
