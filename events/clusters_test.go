package events_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"adb-backup/events"
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
		{"resource group", `{"DBClusterSelector":{"ResourceGroupId":"rg-acfm4vaqr2x7kdy"}}`, choose(backup.Selector{ResourceGroupID: "rg-acfm4vaqr2x7kdy"}, immediate)},
		{"tags and group narrow", `{"DBClusterSelector":{"Tags":{"a":"1","b":"2"},"NotTags":{"c":"*"},"ResourceGroupId":"rg-0"}}`,
			choose(backup.Selector{Tags: tags("a", "1", "b", "2"), NotTags: tags("c", "*"), ResourceGroupID: "rg-0"}, immediate)},
		{"all but", `{"DBClusterSelector":{"All":true,"NotTags":{"backup":"off"}}}`, choose(backup.Selector{All: true, NotTags: tags("backup", "off")}, immediate)},
		{"names without regard to case, keys and values as they are", `{"dbclusterselector":{"TAGS":{"Backup":"Nightly","backup":"NIGHTLY"},"nottags":{"Off":"*"}}}`,
			choose(backup.Selector{Tags: tags("Backup", "Nightly", "backup", "NIGHTLY"), NotTags: tags("Off", "*")}, immediate)},
		{"white space everywhere", " { \"DBClusterSelector\" :\t{ \"Tags\" : { \"a\" : \"b\" , \"c\" :\n\"d\" } } } ", choose(backup.Selector{Tags: tags("a", "b", "c", "d")}, immediate)},
		{"an empty value", `{"DBClusterSelector":{"Tags":{"backup":""}}}`, choose(backup.Selector{Tags: tags("backup", "")}, immediate)},
		{"twenty tags", `{"DBClusterSelector":{"Tags":{"t":"x"` + many(`,"t%d":"x"`, 19) + `},"NotTags":{"n":"x"` + many(`,"n%d":"x"`, 19) + `}}}`,
			choose(backup.Selector{Tags: numbered("t", 19), NotTags: numbered("n", 19)}, immediate)},
		{"the longest tag", `{"DBClusterSelector":{"Tags":{"` + key + `":"` + value + `"}}}`, choose(backup.Selector{Tags: tags(key, value)}, immediate)},
		{"escapes", `{"DBClusterSelector":{"Tags":{"\u0061\"\\":"\n\u00fc"}}}`, choose(backup.Selector{Tags: tags(`a"\`, "\nü")}, immediate)},
		{"null ids beside it", `{"DBClusterId":null,"DBClusterIds":null,"DBClusterSelector":{"All":true}}`, choose(backup.Selector{All: true}, immediate)},
		{"the request's region", `{"RegionId":"cn-beijing","RegionIds":null,"DBClusterSelector":{"All":true}}`, choose(backup.Selector{All: true, Regions: []string{"cn-beijing"}}, immediate)},
		{"regions, repeats once", `{"RegionIds":["cn-beijing","cn-shanghai","cn-beijing"],"RegionId":null,"DBClusterSelector":{"All":true}}`,
			choose(backup.Selector{All: true, Regions: []string{"cn-beijing", "cn-shanghai"}}, immediate)},
		{"fifty regions, twice", `{"RegionIds":["cn-r0"` + many(`,"cn-r%d"`, 49) + `,"cn-r0"` + many(`,"cn-r%d"`, 49) + `],"DBClusterSelector":{"All":true}}`,
			choose(backup.Selector{All: true, Regions: regions(50)}, immediate)},
		{"Verify", `{"Action":"Verify","MaxAge":"26h","DBClusterSelector":{"All":true}}`, choose(backup.Selector{All: true}, verify, notBefore("2026-11-22T00:00:00Z"))},
		{"wishes", `{"WaitFor":"Completed","NotBefore":"2026-11-23T00:00:00Z","DBClusterSelector":{"All":true}}`, choose(backup.Selector{All: true}, completed, notBefore("2026-11-23T00:00:00Z"))},
		{"a moment before all backups", `{"NotBefore":"0000-01-01T00:00:00Z","DBClusterSelector":{"All":true}}`, choose(backup.Selector{All: true}, notBefore("1970-01-01T00:00:00Z"))},

		{"timer", fired(`"{\"DBClusterSelector\":{\"Tags\":{\"backup\":\"nightly\"}}}"`), choose(nightly)},
		{"data", published(`"data":{"DBClusterSelector":{"Tags":{"backup":"nightly"}},"Tags":{"a":"b"},"ResourceGroupId":"rg-1"}`), choose(nightly)},
		{"data's region", published(arn, `"data":{"DBClusterSelector":{"Tags":{"backup":"nightly"}}}`), choose(backup.Selector{Tags: tags("backup", "nightly"), Regions: []string{"cn-shanghai"}})},
		{"data's regions", published(arn, `"data":{"DBClusterSelector":{"Tags":{"backup":"nightly"}},"RegionIds":["cn-beijing"]}`), choose(backup.Selector{Tags: tags("backup", "nightly"), Regions: []string{"cn-beijing"}})},
		{"data's string", published(`"data":"{\"DBClusterSelector\":{\"Tags\":{\"backup\":\"nightly\"}}}"`), choose(nightly)},
		{"the message", published(`"data":{"messageBody":"{\"DBClusterSelector\":{\"Tags\":{\"backup\":\"nightly\"}}}"}`), choose(nightly)},
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

func numbered(prefix string, n int) map[string]string {
	all := tags(prefix, "x")
	for i := range n {
		all[fmt.Sprint(prefix, i+1)] = "x"
	}
	return all
}

func regions(n int) []string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("cn-r%d", i))
	}
	return all
}

func TestSelectorFaults(t *testing.T) {
	const empty = "DBClusterSelector chooses nothing: give Tags, ResourceGroupId or All"
	all := `"DBClusterSelector":{"All":true}`
	selector := func(fields string) string { return `{"DBClusterSelector":{` + fields + `}}` }
	for _, c := range []struct{ payload, want string }{
		{`{"DBClusterSelector":"all"}`, "DBClusterSelector must be an object, not a string"},
		{`{"DBClusterSelector":[{"All":true}]}`, "DBClusterSelector must be an object, not an array"},
		{`{"DBClusterSelector":true}`, "DBClusterSelector must be an object, not true"},
		{`{"DBClusterSelector":{}}`, empty},
		{selector(`"NotTags":{"a":"b"}`), empty},
		{selector(`"All":false`), "DBClusterSelector.All must be true, not false"},
		{selector(`"All":"true"`), "DBClusterSelector.All must be true, not a string"},
		{selector(`"All":null`), "DBClusterSelector.All must be true, not null"},
		{selector(`"All":1`), "DBClusterSelector.All must be true, not a number"},
		{selector(`"All":true,"Tags":{"a":"b"}`), "DBClusterSelector: All and Tags exclude each other: give one of them"},
		{selector(`"All":true,"ResourceGroupId":"rg-1"`), "DBClusterSelector: All and ResourceGroupId exclude each other: give one of them"},
		{selector(`"All":true,"all":true`), "DBClusterSelector: All is given twice"},
		{selector(`"Tags":{"a":"b"},"TAGS":{"a":"b"}`), "DBClusterSelector: Tags is given twice"},
		{selector(`"All":true,"NotTags":{"a":"b"},"NotTags":{"a":"b"}`), "DBClusterSelector: NotTags is given twice"},
		{selector(`"ResourceGroupId":"rg-1","ResourceGroupId":"rg-1"`), "DBClusterSelector: ResourceGroupId is given twice"},
		{selector(`"Tags":{}`), "DBClusterSelector.Tags is empty"},
		{selector(`"Tags":null`), "DBClusterSelector.Tags must be an object of strings, not null"},
		{selector(`"Tags":"backup=nightly"`), "DBClusterSelector.Tags must be an object of strings, not a string"},
		{selector(`"Tags":[{"Key":"backup"}]`), "DBClusterSelector.Tags must be an object of strings, not an array"},
		{selector(`"All":true,"NotTags":{}`), "DBClusterSelector.NotTags is empty"},
		{selector(`"All":true,"NotTags":null`), "DBClusterSelector.NotTags must be an object of strings, not null"},
		{selector(`"Tags":{"":"b"}`), "DBClusterSelector.Tags: a key is empty"},
		{selector(`"Tags":{"a":1}`), `DBClusterSelector.Tags: the value of "a" must be a string, not a number`},
		{selector(`"Tags":{"a":null}`), `DBClusterSelector.Tags: the value of "a" must be a string, not null`},
		{selector(`"Tags":{"a":["b"]}`), `DBClusterSelector.Tags: the value of "a" must be a string, not an array`},
		{selector(`"Tags":{"a":"b","\u0061":"b"}`), `DBClusterSelector.Tags: "a" is given twice`},
		{selector(`"Tags":{"` + strings.Repeat("k", 129) + `":"b"}`), `DBClusterSelector.Tags: the key "` + strings.Repeat("k", 64) + `"… is longer than 128 characters`},
		{selector(`"Tags":{"a":"` + strings.Repeat("v", 257) + `"}`), `DBClusterSelector.Tags: the value of "a" is longer than 256 characters`},
		{selector(`"Tags":{"a":"b"` + many(`,"t%d":""`, 20) + `}`), "DBClusterSelector.Tags has 21 tags, at most 20 are possible"},
		{selector(`"All":true,"NotTags":{"a":"b"` + many(`,"t%d":""`, 20) + `}`), "DBClusterSelector.NotTags has 21 tags, at most 20 are possible"},
		{selector(`"ResourceGroupId":""`), `DBClusterSelector.ResourceGroupId: "" is not a resource group id such as rg-acfm4vaqr2x7kdy`},
		{selector(`"ResourceGroupId":"rg-"`), `DBClusterSelector.ResourceGroupId: "rg-" is not a resource group id such as rg-acfm4vaqr2x7kdy`},
		{selector(`"ResourceGroupId":"rg-A"`), `DBClusterSelector.ResourceGroupId: "rg-A" is not a resource group id such as rg-acfm4vaqr2x7kdy`},
		{selector(`"ResourceGroupId":"rg-a\n"`), `DBClusterSelector.ResourceGroupId: a string with other than printable ASCII characters is not a resource group id such as rg-acfm4vaqr2x7kdy`},
		{selector(`"ResourceGroupId":"rg-` + strings.Repeat("a", 62) + `"`), `DBClusterSelector.ResourceGroupId: a string of 65 characters is not a resource group id such as rg-acfm4vaqr2x7kdy`},
		{selector(`"ResourceGroupId":5`), "DBClusterSelector.ResourceGroupId must be a string, not a number"},
		{selector(`"ResourceGroupId":null`), "DBClusterSelector.ResourceGroupId must be a string, not null"},
		{selector(`"Tags":{"a":"b"},"NotTag":{"c":"d"}`), `DBClusterSelector has an unknown field "NotTag" (did you mean NotTags?)`},
		{selector(`"Tags":{"a":"b"},"RegionId":null`), `DBClusterSelector has an unknown field "RegionId"`},
		{published(`"data":{"DBClusterSelector":{"Tags":{"a":"b"},"Region":"x"}}`), `data: DBClusterSelector has an unknown field "Region"`},
		{published(arn, `"data":{"DBClusterSelector":{}}`), "data: " + empty},
		{published(arn, `"data":{"value":"{\"DBClusterSelector\":[]}"}`), "data.value: DBClusterSelector must be an object, not an array"},
		{`{"DBClusterId":"am-1",` + all + `}`, "DBClusterId and DBClusterSelector exclude each other: give one of them"},
		{`{"DBClusterIds":["am-1"],` + all + `}`, "DBClusterIds and DBClusterSelector exclude each other: give one of them"},
		{`{"DBClusterId":"am-1","DBClusterIds":["am-1"],` + all + `}`, "DBClusterId and DBClusterIds and DBClusterSelector exclude each other: give one of them"},
		{`{` + all + `,"dbclusterselector":{"All":true}}`, "DBClusterSelector is given twice"},
		{`{` + all + `,"RegionId":"cn-a","RegionIds":["cn-a"]}`, "RegionId and RegionIds exclude each other: give one of them"},
		{`{` + all + `,"RegionIds":[]}`, "RegionIds is empty"},
		{`{` + all + `,"RegionIds":"cn-beijing"}`, "RegionIds must be an array of strings, not a string"},
		{`{` + all + `,"RegionIds":["cn-a","x/",5]}`, `RegionIds, item 2: "x/" is not a region such as cn-hangzhou; RegionIds, item 3: must be a string, not a number`},
		{`{` + all + `,"RegionIds":["cn-r0"` + many(`,"cn-r%d"`, 50) + `]}`, "RegionIds has more than 50 different items"},
		{`{` + all + `,"RegionIds":["cn-a"],"regionIds":["cn-a"]}`, "RegionIds is given twice"},
		{`{` + all + `,"RegionId":"x/"}`, `RegionId: "x/" is not a region such as cn-hangzhou`},
		{published(`"aliyunregionid":"x/"`, `"data":{`+all+`}`), `data: aliyunregionid: "x/" is not a region such as cn-hangzhou`},
		{`{` + all + `,"WaitFr":"Completed"}`, `unknown field "WaitFr" (did you mean WaitFor?)`},
		{`{"DBClusterId":"am-1","RegionIds":["cn-a"]}`, `unknown field "RegionIds" (it goes with DBClusterSelector alone: give RegionId)`},
		{`{"DBClusterId":"am-1","RegionIds":null}`, `unknown field "RegionIds" (it goes with DBClusterSelector alone: give RegionId)`},
		{`{"DBClusterSelecter":{"All":true}}`, `the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector; unknown field "DBClusterSelecter" (did you mean DBClusterSelector?)`},
		{`{"Tags":{"a":"b"}}`, `the request names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector; unknown field "Tags"`},
		// All at once, in the order of the contract's tables.
		{`{"x":1,"MaxAge":5,"RegionIds":[7],"DBClusterSelector":{"y":1,"All":false,"ResourceGroupId":"r","NotTags":{"a":1,"":"b"},"Tags":{}}}`,
			`DBClusterSelector.Tags is empty; DBClusterSelector.NotTags: the value of "a" must be a string, not a number; DBClusterSelector.NotTags: a key is empty; ` +
				`DBClusterSelector.ResourceGroupId: "r" is not a resource group id such as rg-acfm4vaqr2x7kdy; DBClusterSelector.All must be true, not false; ` +
				`DBClusterSelector: All and Tags exclude each other: give one of them; DBClusterSelector: All and ResourceGroupId exclude each other: give one of them; ` +
				`DBClusterSelector has an unknown field "y"; RegionIds, item 1: must be a string, not a number; MaxAge must be a string, not a number; unknown field "x"`},
	} {
		event, err := events.Decode([]byte(c.payload), invocation())
		if err == nil {
			t.Errorf("Decode(%s) accepts %+v", c.payload, event)
		} else if err.Error() != c.want {
			t.Errorf("Decode(%s)\n got %s\nwant %s", c.payload, err, c.want)
		}
	}
}

// ActionTrail's report of a call chooses nothing: what its parameters hold was meant for that call.
func TestParametersChooseNothing(t *testing.T) {
	for _, parameters := range []string{
		`{"DBClusterSelector":{"All":true}}`,
		`"{\"DBClusterSelector\":{\"All\":true}}"`,
		`{"Tags":{"a":"b"},"ResourceGroupId":"rg-1","All":true}`,
	} {
		got := must(t, published(actioned, arn, `"data":{"requestParameters":`+parameters+`}`), invocation()).Requests
		same(t, got, requests(ensure("am-arn", now, in("cn-shanghai"))))
	}
	got := must(t, published(actioned, `"data":{"requestParameters":{"DBClusterId":"am-1","DBClusterSelector":{"All":true},"RegionIds":["cn-a"]}}`), invocation()).Requests
	same(t, got, requests(ensure("am-1", now)))
}

// Requests with equal selectors become one, and others stay apart: what they choose is not known yet.
func TestSelectorsMerge(t *testing.T) {
	item, other := `{"DBClusterSelector":{"All":true}}`, `{"DBClusterSelector":{"All":true,"NotTags":{"a":"b"}}}`
	event := must(t, `[`+strings.Join([]string{item, `"am-1"`, other, item, `"am-1"`}, ",")+`]`, invocation())
	same(t, event.Requests, requests(
		choose(backup.Selector{All: true}, immediate),
		ensure("am-1", now, immediate),
		choose(backup.Selector{All: true, NotTags: tags("a", "b")}, immediate)))
}

// An event names at most 5,000 clusters, a selector counting as one. Whatever would exceed that fails by itself; what fits still does.
func TestFiveThousandClusters(t *testing.T) {
	ids := func(from, n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"am-%d"`, from+i)
		}
		return b.String()[1:]
	}
	thousand := func(from int) string { return `{"DBClusterIds":[` + ids(from, 1000) + `]}` }
	event := must(t, `[`+strings.Join([]string{
		thousand(0), thousand(1000), thousand(2000), thousand(3000),
		`{"DBClusterIds":[` + ids(4000, 998) + `]}`,
		thousand(5000),                           // 6: too many
		`{"DBClusterSelector":{"All":true}}`,     // the 4,999th
		thousand(0),                              // named before
		`{"DBClusterIds":["am-4998","am-4999"]}`, // 9: one too many
		`"am-4998"`,                              // the 5,000th
		`"am-4999"`,                              // 11
		`{"DBClusterSelector":{"All":true}}`,     // 12
		`{"DBClusterIds":["am-4998"],"RegionId":"cn-beijing"}`,      // 13: another cluster
		`{"DBClusterId":"am-4998","Action":"Verify","MaxAge":"1h"}`, // the same cluster
	}, ",")+`]`, invocation())
	if len(event.Requests) != 5001 { // the 5,000 and a Verify
		t.Errorf("%d requests", len(event.Requests))
	}
	var wrong []int
	for _, w := range event.Wrong {
		wrong = append(wrong, w.Position)
		if w.Err.Error() != "with this item the event would name more than 5000 clusters" {
			t.Errorf("item %d: %v", w.Position, w.Err)
		}
	}
	if fmt.Sprint(wrong) != "[6 9 11 12 13]" || event.WrongCount != 5 {
		t.Errorf("wrong items %v, %d in all", wrong, event.WrongCount)
	}
}

// The same cluster may be named as often as it fits into an event.
func TestTheSameClusterVeryOften(t *testing.T) {
	event := must(t, `["am-1"`+strings.Repeat(`,"am-1",{"DBClusterId":"am-2","MaxAge":"1h"},{"DBClusterId":"am-2","MaxAge":"2h"}`, 20_000)+`,{"DBClusterId":"am-2","MaxAge":"1m","WaitFor":"Completed"}]`, invocation())
	same(t, event.Requests, requests(ensure("am-1", now, immediate), ensure("am-2", at("2026-11-23T01:59:00Z"), completed)))
	if event.WrongCount != 0 || event.Items != 60_002 {
		t.Errorf("%d of %d items are wrong", event.WrongCount, event.Items)
	}
}

// A selector counts as a cluster in each of its regions, because each one costs memory.
func TestManySelectors(t *testing.T) {
	regions, err := json.Marshal(regions(50))
	if err != nil {
		t.Fatal(err)
	}
	var items []string
	for i := range 100 {
		items = append(items, fmt.Sprintf(`{"DBClusterSelector":{"Tags":{"t":"%d"}},"RegionIds":%s}`, i, regions))
	}
	event := must(t, "["+strings.Join(append(items, `"am-1"`, `{"DBClusterSelector":{"All":true}}`), ",")+"]", invocation())
	if len(event.Requests) != 100 || event.WrongCount != 2 {
		t.Errorf("%d requests, %d wrong", len(event.Requests), event.WrongCount)
	}
	for _, w := range event.Wrong {
		if want := "with this item the event would name more than 5000 clusters"; w.Err.Error() != want {
			t.Errorf("item %d: %v", w.Position, w.Err)
		}
	}
}
