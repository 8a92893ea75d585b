package main

import (
	"strings"
	"testing"

	"adb-backup/events"
)

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
		"null":                    {one, "null", "not the object"},
		"nothing":                 {one, "", "not the object"},
		"an empty object":         {one, "{}", `Action is ""`},
		"a list":                  {one, "[" + answered("Ensure", "Requested", "amv-1:Requested") + "]", "not the object"},
		"other types":             {one, `{"Action":"Ensure","Status":7,"Backups":"amv-1"}`, "not the object"},
	} {
		t.Run(name, func(t *testing.T) {
			m := request(c.asked)
			err := proves(m.event, []byte(c.answer))
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
	drill := events.Event{Drill: true}
	for answer, ok := range map[string]bool{
		`{"Action":"Drill","Status":"Delivered"}`: true, `{"Action":"Drill"}`: false, `{"Status":"Delivered"}`: false, `{"Status":"Ignored"}`: false,
	} {
		if err := proves(drill, []byte(answer)); (err == nil) != ok {
			t.Errorf("drill: %s: %v", answer, err)
		}
	}
}
