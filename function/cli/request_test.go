package main

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var start = time.Date(2026, 11, 23, 2, 0, 20, 500e6, time.UTC)

// What goes out first, and what goes out when an earlier question may have made the backup.
func TestGateRequest(t *testing.T) {
	for name, c := range map[string]struct{ in, first, again string }{
		"bare id":       {"amv-1\n", `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:20Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"id as JSON":    {`"amv-1"`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:20Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"request":       {`{"dbclusterid":"amv-1","WaitFor":"Completed","MaxAge":null}`, `{"DBClusterId":"amv-1","WaitFor":"Completed","NotBefore":"2026-11-23T02:00:20Z"}`, `{"DBClusterId":"amv-1","WaitFor":"Completed","NotBefore":"2026-11-23T01:59:20Z"}`},
		"its NotBefore": {`{"DBClusterId":"amv-1","notBefore":"2026-11-23T09:00:00+08:00"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T09:00:00+08:00"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:00:00Z"}`},
		"just before":   {`{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:00Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:00Z"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"its MaxAge":    {`{"DBClusterId":"amv-1","maxage":"90m"}`, `{"DBClusterId":"amv-1","MaxAge":"90m"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T00:30:20Z"}`},
		"a short one":   {`{"DBClusterId":"amv-1","MaxAge":"10s"}`, `{"DBClusterId":"amv-1","MaxAge":"10s"}`, `{"DBClusterId":"amv-1","NotBefore":"2026-11-23T01:59:20Z"}`},
		"a selector":    {`{"DBClusterSelector":{"Tags":{"a":"<b>"}},"RegionIds":["cn-beijing"],"Action":"ensure"}`, `{"Action":"ensure","DBClusterSelector":{"Tags":{"a":"\u003cb\u003e"}},"RegionIds":["cn-beijing"],"NotBefore":"2026-11-23T02:00:20Z"}`, `{"Action":"ensure","DBClusterSelector":{"Tags":{"a":"\u003cb\u003e"}},"RegionIds":["cn-beijing"],"NotBefore":"2026-11-23T01:59:20Z"}`},
		"several":       {`{"DBClusterIds":["amv-1","amv-2"],"RegionId":"cn-beijing","NotBefore":"2026-11-23T01:00:00Z"}`, `{"DBClusterIds":["amv-1","amv-2"],"RegionId":"cn-beijing","NotBefore":"2026-11-23T01:00:00Z"}`, `{"DBClusterIds":["amv-1","amv-2"],"RegionId":"cn-beijing","NotBefore":"2026-11-23T01:00:00Z"}`},
		"Verify":        {`{"Action":"Verify","DBClusterId":"amv-1","MaxAge":"1h"}`, `{"Action":"Verify","DBClusterId":"amv-1","MaxAge":"1h"}`, `{"Action":"Verify","DBClusterId":"amv-1","NotBefore":"2026-11-23T01:00:20Z"}`},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(start))
				m := request(c.in)
				time.Sleep(time.Hour) // the window does not move
				for again, want := range map[bool]string{false: c.first, true: c.again} {
					got := strings.Replace(string(m.fixed(again).within(time.Hour).payload), `"WaitAtMost":"59m45s",`, "", 1)
					if got != want {
						t.Errorf("again %v: %s, want %s", again, got, want)
					}
				}
			})
		})
	}
}

// The flags stand for fields of the request, and may not repeat one.
func TestGateFlags(t *testing.T) {
	for in, want := range map[string]string{
		"amv-1": `{"MaxAge":"26h","DBClusterId":"amv-1"}`,
		`{"Action":"Verify","DBClusterId":"amv-1"}`:                  `{"MaxAge":"26h","Action":"Verify","DBClusterId":"amv-1"}`,
		`{"DBClusterId":"amv-1","maxage":"1h"}`:                      "MaxAge is given twice",
		`{"DBClusterId":"amv-1","NotBefore":"2026-11-23T02:00:00Z"}`: "NotBefore",
		"{}": "the function would refuse this",
	} {
		m, err := readMessage(in, "cn-hangzhou", map[string]string{"MaxAge": "26h", "WaitFor": ""})
		if err == nil && string(m.payload) != want || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %s, %v", in, m.payload, err)
		}
	}
}

// request is a message as readMessage makes it.
func request(text string) message { return must(readMessage(text, "cn-hangzhou", nil)) }

// The function is told to answer before the gate gives up, however short the last question is. Its own earlier end is kept.
func TestWaitAtMost(t *testing.T) {
	for _, c := range []struct {
		sent     string
		patience time.Duration
		want     time.Duration
	}{
		{"amv-1", 200 * time.Second, 185 * time.Second}, {"amv-1", 20 * time.Second, 10 * time.Second}, {"amv-1", time.Second, time.Second / 2},
		{`{"DBClusterId":"amv-1","waitatmost":"1m"}`, 200 * time.Second, time.Minute},
		{`{"DBClusterId":"amv-1","waitatmost":"10m"}`, 200 * time.Second, 185 * time.Second},
		{`{"DBClusterSelector":{"All":true},"WaitAtMost":null}`, time.Hour, time.Hour - 15*time.Second},
	} {
		for _, again := range []bool{false, true} {
			sent := string(request(c.sent).fixed(again).within(c.patience).payload)
			if got := request(sent).event.Requests[0].WaitAtMost; got != c.want {
				t.Errorf("%v: %s in %s", c, got, sent)
			}
		}
	}
	for _, asItIs := range []string{`{"Action":"Drill"}`, `{"triggerTime":"2026-11-23T02:00:00Z","triggerName":"nightly","payload":"amv-1"}`} {
		if got := string(request(asItIs).within(time.Minute).payload); got != asItIs {
			t.Errorf("sent %s", got)
		}
	}
}

// Only the object that adb-backup answers with, about what was asked, lets a gate pass.
func TestProof(t *testing.T) {
	const (
		one      = `"amv-1"`
		complete = `{"DBClusterId":"amv-1","WaitFor":"Completed"}`
		ddl      = `{"DBClusterId":"amv-1","WaitFor":"ddlallowed"}`
		two      = `{"DBClusterIds":["amv-1","amv-2"]}`
		tagged   = `{"DBClusterSelector":{"Tags":{"a":"b"}},"WaitFor":"Completed"}`
		verify   = `{"Action":"verify","DBClusterId":"amv-1","MaxAge":"1h"}`
		image    = `{"specversion":"1.0","type":"cr:Artifact:PushCompleted","time":"2026-11-23T02:00:00Z","data":{"RepoName":"r"}}`
		own      = `{"specversion":"1.0","type":"adb:ActionTrail:ApiCall","time":"2026-11-23T02:00:00Z","data":{"eventName":"CreateBackup"}}`
		both     = `["amv-1",` + tagged + `]`
		wrong    = `["amv-1",7]`
		drill    = `{"Action":"Drill"}`
		mixed    = `[{"DBClusterId":"amv-1","WaitFor":"Completed"},{"Action":"Verify","DBClusterId":"amv-1","MaxAge":"1h"},"amv-2"]`
	)
	// answered is an answer about clusters, each written id:Status.
	answered := func(action, status string, clusters ...string) string {
		for i, c := range clusters {
			id, status, _ := strings.Cut(c, ":")
			clusters[i] = `{"DBClusterId":"` + id + `","RegionId":"cn-hangzhou","Status":"` + status + `","Created":true}`
		}
		return `{"Action":"` + action + `","Status":"` + status + `","Backups":[` + strings.Join(clusters, ",") + `]}`
	}
	for name, c := range map[string]struct {
		asked, answer string
		want          string // of the error; empty: it is the proof
	}{
		"requested":               {one, answered("Ensure", "Requested", "amv-1:Requested"), ""},
		"farther than asked":      {one, answered("Ensure", "Completed", "amv-1:Completed"), ""},
		"DDL is allowed":          {ddl, answered("Ensure", "Completed", "amv-1:Completed"), ""},
		"both of two":             {two, answered("Ensure", "Requested", "amv-2:Requested", "amv-1:Completed"), ""},
		"chosen":                  {tagged, answered("Ensure", "Completed", "amv-9:Completed"), ""},
		"verified":                {verify, answered("Verify", "Completed", "amv-1:Completed"), ""},
		"the function's own":      {image, answered("Ensure", "Requested", "amv-9:Requested"), ""},
		"nothing asked":           {own, `{"Status":"Ignored"}`, ""},
		"several of an array":     {both, answered("Ensure", "Requested", "amv-1:Requested", "amv-9:Completed"), ""},
		"more fields than known":  {one, `{"New":1,` + answered("Ensure", "Requested", "amv-1:Requested")[1:], ""},
		"not so far":              {complete, answered("Ensure", "Requested", "amv-1:Requested"), "amv-1 is as far as was asked"},
		"not so far, running":     {ddl, answered("Ensure", "Running", "amv-1:Running"), "amv-1 is as far"},
		"one of two":              {two, answered("Ensure", "Requested", "amv-1:Requested"), "amv-2 is as far"},
		"another cluster":         {one, answered("Ensure", "Completed", "amv-2:Completed"), "amv-1 is as far"},
		"another, not so far":     {complete, answered("Ensure", "Requested", "amv-1:Completed", "amv-2:Requested"), "more was asked"},
		"each action's":           {mixed, answered("Ensure", "Requested", "amv-1:Completed", "amv-1:Completed", "amv-2:Requested"), ""},
		"one action's alone":      {mixed, answered("Ensure", "Requested", "amv-1:Completed", "amv-2:Requested"), "amv-1 is as far"},
		"one action's not so far": {mixed, answered("Ensure", "Requested", "amv-1:Requested", "amv-1:Completed", "amv-2:Requested"), "amv-1 is as far"},
		"a failed one":            {two, answered("Ensure", "Failed", "amv-1:Requested", "amv-2:Failed"), `"amv-2" is "Failed"`},
		"chosen, not so far":      {tagged, answered("Ensure", "Requested", "amv-9:Requested"), "more was asked"},
		"nothing chosen":          {tagged, answered("Ensure", "Completed"), "names no backup"},
		"another action":          {verify, answered("Ensure", "Completed", "amv-1:Completed"), `Action is "Ensure", not Verify`},
		"no status of the whole":  {one, `{"Action":"Ensure","Backups":[{"DBClusterId":"amv-1","Status":"Requested"}]}`, `Status is ""`},
		"a status that disagrees": {one, answered("Ensure", "Completed", "amv-1:Requested"), "not that of the cluster least far along"},
		"ignored":                 {one, `{"Status":"Ignored"}`, `Action is ""`},
		"carried out, not asked":  {own, answered("Ensure", "Requested", "amv-1:Requested"), `not "" and "Ignored"`},
		"ignored, and done":       {own, `{"Status":"Ignored",` + answered("", "Ignored", "amv-1:Requested")[1:], `not "" and "Ignored"`},
		"verified, not complete":  {verify, answered("Verify", "Running", "amv-1:Running"), "amv-1 is as far"},
		"a wrong item":            {wrong, answered("Ensure", "Requested", "amv-1:Requested"), "1 of the event's items are wrong"},
		"a failure without type":  {one, `{"errorMessage":"no"}`, "without an errorType"},
		"a success that failed":   {one, `{"errorMessage":"no",` + answered("Ensure", "Requested", "amv-1:Requested")[1:], "without an errorType"},
		"an odd type of failure":  {one, `{"errorType":5,` + answered("Ensure", "Requested", "amv-1:Requested")[1:], "without an errorType"},
		"no type of failure":      {one, `{"errorType":null,` + answered("Ensure", "Requested", "amv-1:Requested")[1:], "without an errorType"},
		"a drill":                 {drill, delivered, ""},
		"a drill, not delivered":  {drill, `{"Action":"Drill"}`, `not "Drill" and "Delivered"`},
		"not a drill":             {drill, `{"Status":"Delivered"}`, `not "Drill" and "Delivered"`},
		"null":                    {one, "null", "not the object"},
		"nothing":                 {one, "", "not the object"},
		"an empty object":         {one, "{}", `Action is ""`},
		"a list":                  {one, "[" + answered("Ensure", "Requested", "amv-1:Requested") + "]", "not the object"},
		"other types":             {one, `{"Action":"Ensure","Status":7,"Backups":"amv-1"}`, "not the object"},
	} {
		t.Run(name, func(t *testing.T) {
			m := request(c.asked)
			err := proves(m.event, c.answer)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}
