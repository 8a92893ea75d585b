package events_test

import (
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
)

// choose is a request with a selector.
func choose(s backup.Selector, with ...func(*backup.Request)) backup.Request {
	r := ensure("", now, with...)
	r.Cluster = backup.Cluster{}
	if s.Regions == nil {
		s.Regions = []string{home}
	}
	r.Selector = &s
	return r
}

func tags(pairs ...string) map[string]string {
	all := make(map[string]string)
	for i := 0; i < len(pairs); i += 2 {
		all[pairs[i]] = pairs[i+1]
	}
	return all
}

func TestSelectors(t *testing.T) {
	key, value := strings.Repeat("ü", 128), strings.Repeat("ß", 256)
	nightly := backup.Selector{Tags: tags("backup", "nightly")}
	for _, c := range []struct {
		name, payload string
		want          backup.Request
	}{
		{"tags", `{"DBClusterSelector":{"Tags":{"backup":"nightly"}}}`, choose(nightly, immediate)},
		{"all", `{"DBClusterSelector":{"All":true}}`, choose(backup.Selector{All: true}, immediate)},
		{"tags and group narrow", `{"DBClusterSelector":{"Tags":{"a":"1","b":"2"},"NotTags":{"c":"*"},"ResourceGroupId":"rg-0"}}`,
			choose(backup.Selector{Tags: tags("a", "1", "b", "2"), NotTags: tags("c", "*"), ResourceGroupID: "rg-0"}, immediate)},
		{"names without regard to case, keys and values as they are", `{"dbclusterselector":{"TAGS":{"Backup":"Nightly","backup":"NIGHTLY"},"nottags":{"Off":"*"}}}`,
			choose(backup.Selector{Tags: tags("Backup", "Nightly", "backup", "NIGHTLY"), NotTags: tags("Off", "*")}, immediate)},
		{"white space everywhere", " { \"DBClusterSelector\" :\t{ \"Tags\" : { \"a\" : \"b\" , \"c\" :\n\"d\" } } } ", choose(backup.Selector{Tags: tags("a", "b", "c", "d")}, immediate)},
		{"twenty tags", `{"DBClusterSelector":{"Tags":{"t":"x"` + numbers(`,"t%d":"x"`, 1, 19) + `},"NotTags":{"n":"x"` + numbers(`,"n%d":"x"`, 1, 19) + `}}}`,
			choose(backup.Selector{Tags: tags(strings.Split("t,x"+numbers(",t%d,x", 1, 19), ",")...), NotTags: tags(strings.Split("n,x"+numbers(",n%d,x", 1, 19), ",")...)}, immediate)},
		{"the longest tag", `{"DBClusterSelector":{"Tags":{"` + key + `":"` + value + `"}}}`, choose(backup.Selector{Tags: tags(key, value)}, immediate)},
		{"escapes", `{"DBClusterSelector":{"Tags":{"\u0061\"\\":"\n\u00fc"}}}`, choose(backup.Selector{Tags: tags(`a"\`, "\nü")}, immediate)},
		{"the request's region", `{"RegionId":"cn-beijing","RegionIds":null,"DBClusterSelector":{"All":true}}`, choose(backup.Selector{All: true, Regions: []string{"cn-beijing"}}, immediate)},
		{"regions, repeats once", `{"RegionIds":["cn-beijing","cn-shanghai","cn-beijing"],"RegionId":null,"DBClusterSelector":{"All":true}}`,
			choose(backup.Selector{All: true, Regions: []string{"cn-beijing", "cn-shanghai"}}, immediate)},
		{"fifty regions, twice", `{"RegionIds":["cn-r0"` + numbers(`,"cn-r%d"`, 1, 49) + `,"cn-r0"` + numbers(`,"cn-r%d"`, 1, 49) + `],"DBClusterSelector":{"All":true}}`,
			choose(backup.Selector{All: true, Regions: strings.Split("cn-r0"+numbers(",cn-r%d", 1, 49), ",")}, immediate)},
		{"wishes", `{"WaitAtMost":"3m","WaitFor":"Completed","NotBefore":"2026-11-23T00:00:00Z","DBClusterSelector":{"All":true}}`, choose(backup.Selector{All: true}, completed, notBefore("2026-11-23T00:00:00Z"), atMost(3*time.Minute))},

		{"data", published(`"data":{"DBClusterSelector":{"Tags":{"backup":"nightly"}},"Tags":{"a":"b"},"ResourceGroupId":"rg-1"}`), choose(nightly)},
		{"data's region", published(arn, `"data":{"DBClusterSelector":{"Tags":{"backup":"nightly"}}}`), choose(backup.Selector{Tags: tags("backup", "nightly"), Regions: []string{"cn-shanghai"}})},
		{"data's regions", published(arn, `"data":{"DBClusterSelector":{"Tags":{"backup":"nightly"}},"RegionIds":["cn-beijing"]}`), choose(backup.Selector{Tags: tags("backup", "nightly"), Regions: []string{"cn-beijing"}})},
		{"data's string", published(`"data":"{\"DBClusterSelector\":{\"Tags\":{\"backup\":\"nightly\"}}}"`), choose(nightly)},
		{"the message's object", published(`"data":{"value":{"DBClusterSelector":{"Tags":{"backup":"nightly"}}}}`), choose(nightly)},
		{"an item", `[` + published(`"data":{"DBClusterSelector":{"Tags":{"backup":"nightly"}}}`) + `]`, choose(nightly)},
	} {
		t.Run(c.name, func(t *testing.T) {
			same(t, must(t, c.payload, invocation()).Requests, requests(c.want))
		})
	}
	// RegionIds without a selector, and other words of a selector, are the sender's own in data.
	same(t, must(t, published(`"data":{"DBClusterId":"am-1","RegionIds":5,"Tags":5,"All":true}`), invocation()).Requests, requests(ensure("am-1", now)))
}

func TestSelectorFaults(t *testing.T) {
	const empty = "DBClusterSelector chooses nothing: give Tags, ResourceGroupId or All"
	all := `"DBClusterSelector":{"All":true}`
	selector := func(fields string) string { return `{"DBClusterSelector":{` + fields + `}}` }
	for _, c := range []struct{ payload, want string }{
		{`{"DBClusterSelector":"all"}`, "DBClusterSelector must be an object, not a string"},
		{`{"DBClusterSelector":[{"All":true}]}`, "DBClusterSelector must be an object, not an array"},
		{`{"DBClusterSelector":{}}`, empty},
		{selector(`"NotTags":{"a":"b"}`), empty},
		{selector(`"All":false`), "DBClusterSelector.All must be true, not false"},
		{selector(`"All":"true"`), "DBClusterSelector.All must be true, not a string"},
		{selector(`"All":null`), "DBClusterSelector.All must be true, not null"},
		{selector(`"All":true,"Tags":{"a":"b"}`), "DBClusterSelector: All does not go with Tags or ResourceGroupId"},
		{selector(`"All":true,"ResourceGroupId":"rg-1"`), "DBClusterSelector: All does not go with Tags or ResourceGroupId"},
		{selector(`"All":true,"all":true`), "DBClusterSelector.All is given twice"},
		{selector(`"All":true,"NotTags":{"a":"b"},"NotTags":{"a":"b"}`), "DBClusterSelector.NotTags is given twice"},
		{selector(`"Tags":{}`), "DBClusterSelector.Tags has 0 tags, 1 to 20 are possible"},
		{selector(`"Tags":null`), "DBClusterSelector.Tags must be an object of strings, not null"},
		{selector(`"Tags":"backup=nightly"`), "DBClusterSelector.Tags must be an object of strings, not a string"},
		{selector(`"All":true,"NotTags":null`), "DBClusterSelector.NotTags must be an object of strings, not null"},
		{selector(`"Tags":{"":"b"}`), `DBClusterSelector.Tags: "": a key has 1 to 128 characters, and a value at most 256`},
		{selector(`"Tags":{"a":1}`), `DBClusterSelector.Tags: "a" must be a string, not a number`},
		{selector(`"Tags":{"a":null}`), `DBClusterSelector.Tags: "a" must be a string, not null`},
		{selector(`"Tags":{"a":"b","\u0061":"b"}`), `DBClusterSelector.Tags: "a" is given twice`},
		{selector(`"Tags":{"` + strings.Repeat("k", 129) + `":"b"}`), "DBClusterSelector.Tags: a string of 129 characters: a key has 1 to 128 characters, and a value at most 256"},
		{selector(`"Tags":{"a":"` + strings.Repeat("v", 257) + `"}`), `DBClusterSelector.Tags: "a": a key has 1 to 128 characters, and a value at most 256`},
		{selector(`"Tags":{"a":"b"` + numbers(`,"t%d":""`, 1, 20) + `}`), "DBClusterSelector.Tags has 21 tags, 1 to 20 are possible"},
		{selector(`"All":true,"NotTags":{"a":"b"` + numbers(`,"t%d":""`, 1, 20) + `}`), "DBClusterSelector.NotTags has 21 tags, 1 to 20 are possible"},
		{selector(`"ResourceGroupId":"rg-"`), `DBClusterSelector.ResourceGroupId: "rg-" is not a resource group id such as rg-acfm4vaqr2x7kdy`},
		{selector(`"ResourceGroupId":"rg-A"`), `DBClusterSelector.ResourceGroupId: "rg-A" is not a resource group id such as rg-acfm4vaqr2x7kdy`},
		{selector(`"ResourceGroupId":5`), "DBClusterSelector.ResourceGroupId must be a string, not a number"},
		{selector(`"ResourceGroupId":null`), "DBClusterSelector.ResourceGroupId must be a string, not null"},
		{selector(`"Tags":{"a":"b"},"NotTag":{"c":"d"}`), `unknown field DBClusterSelector."NotTag" (did you mean NotTags?)`},
		{selector(`"Tags":{"a":"b"},"RegionId":null`), `unknown field DBClusterSelector."RegionId"`},
		{published(`"data":{"DBClusterSelector":{"Tags":{"a":"b"},"Region":"x"}}`), `data: unknown field DBClusterSelector."Region"`},
		{published(arn, `"data":{"value":"{\"DBClusterSelector\":[]}"}`), "data.value: DBClusterSelector must be an object, not an array"},
		{`{"DBClusterId":"am-1",` + all + `}`, "DBClusterId and DBClusterSelector exclude each other: give one of them"},
		{`{"DBClusterId":"am-1","DBClusterIds":["am-1"],` + all + `}`, "DBClusterId and DBClusterIds and DBClusterSelector exclude each other: give one of them"},
		{`{` + all + `,"dbclusterselector":{"All":true}}`, "DBClusterSelector is given twice"},
		{`{` + all + `,"RegionId":"cn-a","RegionIds":["cn-a"]}`, "RegionId and RegionIds exclude each other: give one of them"},
		{`{` + all + `,"RegionIds":["cn-a","x/",5]}`, `RegionIds, item 2: "x/" is not a region such as cn-hangzhou; RegionIds, item 3: must be a string, not a number`},
		{`{` + all + `,"RegionIds":["cn-r0"` + numbers(`,"cn-r%d"`, 1, 50) + `]}`, "RegionIds has more than 50 different items"},
		{`{` + all + `,"RegionIds":["cn-a"],"regionIds":["cn-a"]}`, "RegionIds is given twice"},
		// All at once, in the order of the contract's tables.
		{`{"x":1,"MaxAge":5,"RegionIds":[7],"DBClusterSelector":{"y":1,"All":false,"ResourceGroupId":"r","NotTags":{"a":1,"":"b"},"Tags":{}}}`,
			`RegionIds, item 1: must be a string, not a number; DBClusterSelector.Tags has 0 tags, 1 to 20 are possible; ` +
				`DBClusterSelector.NotTags: "a" must be a string, not a number; DBClusterSelector.NotTags: "": a key has 1 to 128 characters, and a value at most 256; ` +
				`DBClusterSelector.ResourceGroupId: "r" is not a resource group id such as rg-acfm4vaqr2x7kdy; DBClusterSelector.All must be true, not false; ` +
				`unknown field DBClusterSelector."y"; MaxAge must be a string, not a number; unknown field "x"`},
	} {
		if _, got := refused(t, c.payload, invocation()); got != c.want {
			t.Errorf("Decode(%s)\n got %s\nwant %s", c.payload, got, c.want)
		}
	}
}
