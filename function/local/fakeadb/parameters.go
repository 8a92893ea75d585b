package fakeadb

import (
	"cmp"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
)

const isTime = `^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\dZ$`

// wellFormed are the parameters whose form is checked.
var wellFormed = map[string]*regexp.Regexp{
	"DBClusterId":      regexp.MustCompile(`^am[a-z]*-[a-z0-9]{1,60}$`),
	"DBClusterVersion": regexp.MustCompile(`^(3\.0|5\.0|All)$`),
	"EndTime":          regexp.MustCompile(isTime),
	"PageNumber":       regexp.MustCompile(`^[1-9][0-9]{0,8}$`),
	"PageSize":         regexp.MustCompile(`^(30|50|100)$`),
	"StartTime":        regexp.MustCompile(isTime),
}

// check finds a parameter that is missing or not well-formed. An empty one counts as none.
func check(required []string, q url.Values) *Error {
	for _, name := range required {
		if q.Get(name) == "" {
			return newError(400, "Missing"+name, name+" is mandatory for this action.")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wellFormed)) {
		if value := q.Get(name); value != "" && !wellFormed[name].MatchString(value) {
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

// list answers with one page of a list, cut as PageNumber and PageSize say, whose form has been checked.
func list[T any](c *Call, q url.Values, items string, all []T, entry func(T) map[string]any) any {
	size, _ := strconv.Atoi(cmp.Or(q.Get("PageSize"), "30"))
	number, _ := strconv.Atoi(cmp.Or(q.Get("PageNumber"), "1"))
	shown := []map[string]any{} // never null
	for _, one := range all[min((number-1)*size, len(all)):min(number*size, len(all))] {
		shown = append(shown, entry(one))
	}
	c.Listed = len(shown)
	answer := map[string]any{"RequestId": c.RequestID, "Items": map[string]any{items: shown}}
	for name, n := range map[string]int{"TotalCount": len(all), "PageNumber": number, "PageSize": size} {
		if answer[name] = n; items == "Backup" { // this list writes its counts as strings
			answer[name] = strconv.Itoa(n)
		}
	}
	return answer
}
