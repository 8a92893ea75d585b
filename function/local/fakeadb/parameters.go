package fakeadb

import (
	"cmp"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"time"
)

// required are the parameters that an action needs.
var required = map[string][]string{
	"CreateBackup":       {"DBClusterId"},
	"DescribeBackups":    {"DBClusterId", "StartTime", "EndTime"},
	"DescribeDBClusters": {"RegionId"},
}

// wellFormed are the parameters whose form is checked.
var wellFormed = map[string]func(value string) bool{
	"DBClusterId":      regexp.MustCompile(`^am[a-z]*-[a-z0-9]{1,60}$`).MatchString,
	"DBClusterVersion": oneOf("3.0", "5.0", "All"),
	"EndTime":          isTime,
	"PageNumber":       regexp.MustCompile(`^[1-9][0-9]{0,8}$`).MatchString,
	"PageSize":         oneOf("30", "50", "100"),
	"StartTime":        isTime,
}

func oneOf(values ...string) func(string) bool {
	return func(value string) bool { return slices.Contains(values, value) }
}

func isTime(value string) bool {
	_, err := time.Parse(Minutes, value)
	return err == nil
}

// check finds a parameter that is missing or not well-formed. An empty one counts as none.
func check(action string, q url.Values) *Error {
	for _, name := range required[action] {
		if q.Get(name) == "" {
			return newError(400, "Missing"+name, name+" is mandatory for this action.")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(wellFormed)) {
		if value := q.Get(name); value != "" && !wellFormed[name](value) {
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

// counts begin the answer to a list.
type counts struct{ TotalCount, PageNumber, PageSize int }

// countsInText are those of DescribeBackups, which writes them as strings.
type countsInText struct {
	TotalCount, PageNumber, PageSize int `json:",string"`
}

// page cuts a list as PageNumber and PageSize say, whose form has been checked.
func page[T any](q url.Values, all []T) (counts, []T) {
	size, _ := strconv.Atoi(cmp.Or(q.Get("PageSize"), "30"))
	number, _ := strconv.Atoi(cmp.Or(q.Get("PageNumber"), "1"))
	first := min((number-1)*size, len(all))
	return counts{len(all), number, size}, all[first:min(first+size, len(all))]
}
