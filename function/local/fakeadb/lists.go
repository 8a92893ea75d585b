package fakeadb

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// dataWarehouse is the DBVersion of the edition that this version of the API cannot back up.
const dataWarehouse = "3.0"

// Cluster is a cluster of the account.
type Cluster struct {
	ID            string
	Region        string // empty: cn-hangzhou
	Description   string
	Status        string // empty: Running
	DBVersion     string // empty: 5.0; 3.0 is the Data Warehouse Edition
	ResourceGroup string
	Tags          []Tag
}

// Tag is a tag of a cluster, in the service's order.
type Tag struct{ Key, Value string }

// cluster finds a cluster, or nil.
func (o Options) cluster(id, region string) *Cluster {
	i := slices.IndexFunc(o.Clusters, func(c Cluster) bool { return c.ID == id && cmp.Or(c.Region, defaultRegion) == region })
	if i < 0 {
		return nil
	}
	return &o.Clusters[i]
}

// describeClusters lists the clusters of a region page by page.
func (s *Service) describeClusters(c *Call, o Options, q url.Values) (any, *Error) {
	all := slices.DeleteFunc(slices.Clone(o.Clusters), func(here Cluster) bool { return !here.matches(q) })
	return list(c, q, "DBCluster", all, func(here Cluster) map[string]any { // what a reader of backups may want; virtual time begins in 2000
		return map[string]any{
			"DBClusterId": here.ID, "DBClusterDescription": here.Description, "DBClusterStatus": cmp.Or(here.Status, "Running"),
			"DBVersion": cmp.Or(here.DBVersion, "5.0"), "RegionId": cmp.Or(here.Region, defaultRegion), "ResourceGroupId": here.ResourceGroup,
			"CreateTime": "1999-12-01T02:00:00Z", "Tags": map[string][]Tag{"Tag": append([]Tag{}, here.Tags...)},
		}
	}), nil
}

// matches reports whether a cluster passes every filter. Of the tags it must have each; one without a value stands for any value.
func (c Cluster) matches(q url.Values) bool {
	is := func(parameter, value string) bool { return q.Get(parameter) == "" || q.Get(parameter) == value }
	for n := 1; q.Has(fmt.Sprintf("Tag.%d.Key", n)); n++ {
		key, value := q.Get(fmt.Sprintf("Tag.%d.Key", n)), q.Get(fmt.Sprintf("Tag.%d.Value", n))
		if !slices.ContainsFunc(c.Tags, func(t Tag) bool { return t.Key == key && (t.Value == value || value == "") }) {
			return false
		}
	}
	ids, version := strings.Split(q.Get("DBClusterIds"), ","), cmp.Or(q.Get("DBClusterVersion"), "5.0")
	return is("RegionId", cmp.Or(c.Region, defaultRegion)) && is("ResourceGroupId", c.ResourceGroup) &&
		is("DBClusterStatus", cmp.Or(c.Status, "Running")) && (ids[0] == "" || slices.Contains(ids, c.ID)) &&
		(version == "All" || (version == dataWarehouse) == (c.DBVersion == dataWarehouse))
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
