package events_test

import (
	"regexp"
	"strings"
	"testing"

	"adb-backup/events"
	"adb-backup/function/backup"
)

var (
	anID     = regexp.MustCompile(`\Aam[a-z]*-[a-z0-9]+\z`)
	aRegion  = regexp.MustCompile(`\A[a-z]{2,}(-[a-z0-9]+)+\z`)
	triggers = regexp.MustCompile(`\A(timer|eventbridge|eventbridge-streaming|direct)\z`)
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
			checkSentence(t, err.Error())
			if event.Requests != nil || event.Wrong != nil {
				t.Errorf("an error, and %+v", event)
			}
			return
		}
		if !triggers.MatchString(event.Trigger) {
			t.Errorf("trigger %q", event.Trigger)
		}
		checkRequests(t, event)
		if len(event.Wrong) > event.Items {
			t.Errorf("%d of %d items are wrong", len(event.Wrong), event.Items)
		}
		last := 0
		for _, w := range event.Wrong {
			if w.Position <= last || w.Position > event.Items {
				t.Errorf("position %d after %d, of %d items", w.Position, last, event.Items)
			}
			last = w.Position
			checkSentence(t, w.Err.Error())
		}
		if len(event.Warnings) > 21 {
			t.Errorf("%d warnings", len(event.Warnings))
		}
		for _, w := range event.Warnings {
			checkSentence(t, w)
		}
	})
}

func checkRequests(t *testing.T, event events.Event) {
	if most := 1000 * max(1, event.Items); len(event.Requests) > most {
		t.Errorf("%d requests", len(event.Requests))
	}
	type key struct {
		backup.Action
		backup.Cluster
	}
	seen := make(map[key]bool)
	for i, r := range event.Requests {
		switch k := (key{r.Action, r.Cluster}); {
		case seen[k]:
			t.Errorf("%v twice", k)
		default:
			seen[k] = true
		}
		if i == 0 && event.Action != r.Action {
			t.Errorf("action %q, first request's %q", event.Action, r.Action)
		}
		if !anID.MatchString(r.Cluster.ID) || len(r.Cluster.ID) > 64 {
			t.Errorf("cluster id %q", r.Cluster.ID)
		}
		if !aRegion.MatchString(r.Cluster.Region) || len(r.Cluster.Region) > 32 {
			t.Errorf("region %q", r.Cluster.Region)
		}
		if r.Action != backup.ActionEnsure && (r.Action != backup.ActionVerify || r.WaitFor != backup.WaitRequested || r.Immediate) {
			t.Errorf("%+v", r)
		}
		if r.WaitFor < backup.WaitRequested || r.WaitFor > backup.WaitDDLAllowed {
			t.Errorf("WaitFor %d", r.WaitFor)
		}
		if r.NotBefore.After(now) || r.NotBefore.Year() < 1970 {
			t.Errorf("NotBefore %s", r.NotBefore)
		}
		if r.Immediate && r.Redelivered {
			t.Errorf("both redelivered and immediate: %+v", r)
		}
	}
}

// checkSentence holds a text for a person to one line of bounded length.
func checkSentence(t *testing.T, s string) {
	if s == "" || len(s) > 8<<10 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0x2028 || r == '\ufffd' }) {
		t.Errorf("not one short line: %q", s)
	}
}
