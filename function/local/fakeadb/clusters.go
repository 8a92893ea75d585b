package fakeadb

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
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
	Created       time.Time
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
func (s *Service) describeClusters(c *call, o Options, q url.Values) (any, *Error) {
	if wrong := required(q, "RegionId"); wrong != nil {
		return nil, wrong
	}
	version := cmp.Or(q.Get("DBClusterVersion"), "5.0")
	if !slices.Contains([]string{"3.0", "5.0", "All"}, version) {
		return nil, ErrClusterVersion
	}
	tags, wrong := tagsOf(q)
	if wrong != nil {
		return nil, wrong
	}
	var selected []Cluster
	for _, here := range o.Clusters {
		if here.matches(q, version) && here.hasAll(tags) {
			selected = append(selected, here)
		}
	}
	answer, shown, wrong := page(o, q, selected)
	if wrong != nil {
		return nil, wrong
	}
	entries := make([]object, 0, len(shown))
	for _, here := range shown {
		entries = append(entries, o.clusterEntry(here))
	}
	c.Listed = len(shown)
	answer["RequestId"], answer["Items"] = c.RequestID, object{"DBCluster": entries}
	return answer, nil
}

// matches reports whether a cluster passes the filters but that by tags.
func (c Cluster) matches(q url.Values, version string) bool {
	is := func(parameter, value string) bool { return q.Get(parameter) == "" || q.Get(parameter) == value }
	ids := strings.Split(q.Get("DBClusterIds"), ",")
	return is("RegionId", cmp.Or(c.Region, defaultRegion)) && is("ResourceGroupId", c.ResourceGroup) &&
		is("DBClusterStatus", cmp.Or(c.Status, "Running")) && (ids[0] == "" || slices.Contains(ids, c.ID)) &&
		(version == "All" || (version == dataWarehouse) == (c.DBVersion == dataWarehouse))
}

// tagsOf reads Tag.1.Key, Tag.1.Value and so on, up to the first that is missing. The SDK sends no Value where it is nil;
// an empty one counts as none here.
func tagsOf(q url.Values) (tags []Tag, wrong *Error) {
	for n := 1; q.Has(fmt.Sprintf("Tag.%d.Key", n)); n++ {
		if n > 20 {
			return nil, ErrTags
		}
		tags = append(tags, Tag{q.Get(fmt.Sprintf("Tag.%d.Key", n)), q.Get(fmt.Sprintf("Tag.%d.Value", n))})
	}
	return tags, nil
}

// hasAll reports whether the cluster has every tag. A key without a value stands for any value.
func (c Cluster) hasAll(tags []Tag) bool {
	for _, want := range tags {
		if !slices.ContainsFunc(c.Tags, func(t Tag) bool { return t.Key == want.Key && (t.Value == want.Value || want.Value == "") }) {
			return false
		}
	}
	return true
}

// clusterEntry is one entry of the list: the fields that a reader of backups may want, and a few of those that it must pass over.
func (o Options) clusterEntry(c Cluster) object {
	e := object{
		"DBClusterId":          c.ID,
		"DBClusterDescription": c.Description,
		"DBClusterStatus":      cmp.Or(c.Status, "Running"),
		"LockMode":             "Unlock",
		"LockReason":           "",
		"DBVersion":            cmp.Or(c.DBVersion, "5.0"),
		"CreateTime":           "",
		"ExpireTime":           "",
		"RegionId":             cmp.Or(c.Region, defaultRegion),
		"ResourceGroupId":      c.ResourceGroup,
		"DBClusterType":        "Cluster",
		"PayType":              "Postpaid",
		"Engine":               "AnalyticDB",
		"ReservedNodeCount":    3,
		"DiskEncryption":       false,
		"SupportedFeatures":    object{},
		"Tags":                 object{"Tag": append([]Tag{}, c.Tags...)},
		"TaskInfo":             object{"StepList": object{"StepList": []object{}}},
	}
	if !c.Created.IsZero() {
		e["CreateTime"] = c.Created.Add(o.FalseZone).UTC().Format(time.RFC3339)
	}
	return e
}

type object = map[string]any

// page cuts a list as PageNumber and PageSize say, and begins the answer with the counts.
func page[T any](o Options, q url.Values, all []T) (answer object, shown []T, wrong *Error) {
	size, err := strconv.Atoi(cmp.Or(q.Get("PageSize"), "30"))
	if err != nil || size != 30 && size != 50 && size != 100 {
		return nil, nil, ErrPageSize
	}
	number, err := strconv.Atoi(cmp.Or(q.Get("PageNumber"), "1"))
	if err != nil || number < 1 {
		return nil, nil, ErrPageNumber
	}
	if o.PageCap > 0 {
		size = min(size, o.PageCap)
	}
	if o.Repeat {
		all = repeatAcrossPages(all, size)
	}
	first := min((number-1)*size, len(all))
	return object{"TotalCount": len(all), "PageNumber": number, "PageSize": size}, all[first:min(first+size, len(all))], nil
}

// repeatAcrossPages shows the last entry of every page again as the first of the next.
func repeatAcrossPages[T any](all []T, size int) (shown []T) {
	for i, b := range all {
		shown = append(shown, b)
		if len(shown)%size == 0 && i < len(all)-1 {
			shown = append(shown, b)
		}
	}
	return shown
}
