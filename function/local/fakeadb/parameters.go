package fakeadb

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
)

// required are the parameters that an action needs.
var required = map[string][]string{
	"CreateBackup":       {"DBClusterId"},
	"DescribeBackups":    {"DBClusterId", "StartTime", "EndTime"},
	"DescribeDBClusters": {"RegionId"},
}

// forms are those of the parameters whose form is checked.
var forms = map[string]*regexp.Regexp{
	"DBClusterId":      regexp.MustCompile(`^am[a-z]*-[a-z0-9]{1,60}$`),
	"DBClusterVersion": regexp.MustCompile(`^(3\.0|5\.0|All)$`),
	"EndTime":          timeForm,
	"PageNumber":       regexp.MustCompile(`^[1-9][0-9]{0,8}$`),
	"PageSize":         regexp.MustCompile(`^(30|50|100)$`),
	"StartTime":        timeForm,
}

var timeForm = regexp.MustCompile(`^\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\dZ$`)

// check finds a parameter that is missing or malformed. An empty one counts as none.
func check(action string, q url.Values) *Error {
	for _, name := range required[action] {
		if q.Get(name) == "" {
			return newError(400, "Missing"+name, name+" is mandatory for this action.")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(forms)) {
		if value := q.Get(name); value != "" && !forms[name].MatchString(value) {
			return malformed(name)
		}
	}
	switch { // times of one layout are in the order of their texts
	case q.Get("StartTime") >= cmp.Or(q.Get("EndTime"), "~"):
		return malformed("EndTime")
	case q.Has("Tag.21.Key"): // 20 at most
		return malformed("Tag")
	}
	return nil
}

func malformed(name string) *Error {
	return newError(400, "Invalid"+name+".Malformed", "The specified "+name+" is not valid.")
}

// list answers with the page of a list that PageNumber and PageSize ask for, whose form has been checked. DescribeBackups writes its
// counts as texts.
func list[T any](c *Call, q url.Values, name string, all []T) (answer map[string]any, shown []T) {
	size, _ := strconv.Atoi(cmp.Or(q.Get("PageSize"), "30"))
	number, _ := strconv.Atoi(cmp.Or(q.Get("PageNumber"), "1"))
	first := min((number-1)*size, len(all))
	shown = all[first:min(first+size, len(all))]
	c.Listed = len(shown)
	answer = map[string]any{"RequestId": c.RequestID, "Items": map[string]any{name: append([]T{}, shown...)}} // never null
	for count, value := range map[string]int{"TotalCount": len(all), "PageNumber": number, "PageSize": size} {
		if answer[count] = value; c.Action == "DescribeBackups" {
			answer[count] = fmt.Sprint(value)
		}
	}
	return answer, shown
}
