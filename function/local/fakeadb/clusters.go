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

func (c Cluster) region() string { return cmp.Or(c.Region, defaultRegion) }

// Tag is a tag of a cluster, in the service's order.
type Tag struct{ Key, Value string }

// cluster finds a cluster, or nil.
func (o Options) cluster(id, region string) *Cluster {
	i := slices.IndexFunc(o.Clusters, func(c Cluster) bool { return c.ID == id && c.region() == region })
	if i < 0 {
		return nil
	}
	return &o.Clusters[i]
}

// describeClusters lists the clusters of a region page by page.
func (s *Service) describeClusters(c *call, o Options, q url.Values) (any, *Error) {
	if q.Get("RegionId") == "" {
		return nil, missing("RegionId")
	}
	version := cmp.Or(q.Get("DBClusterVersion"), "5.0")
	if !slices.Contains([]string{"3.0", "5.0", "All"}, version) {
		return nil, ErrClusterVersion
	}
	tags, err := tagsOf(q)
	if err != nil {
		return nil, err
	}
	p, err := pageOf(q, o)
	if err != nil {
		return nil, err
	}
	var selected []Cluster
	for _, cluster := range o.Clusters {
		group := q.Get("ResourceGroupId")
		if cluster.region() == c.Region && (group == "" || group == cluster.ResourceGroup) &&
			(version == "All" || (version == dataWarehouse) == (cluster.DBVersion == dataWarehouse)) && o.TagFilter.selects(tags, cluster.Tags) {
			selected = append(selected, cluster)
		}
	}
	shown, total := cut(p, selected, o.Repeat)
	c.Listed = len(shown)
	entries := make([]object, 0, len(shown))
	for _, cluster := range shown {
		entries = append(entries, o.clusterEntry(cluster))
	}
	return object{
		"RequestId":  c.RequestID,
		"TotalCount": o.number(strconv.Itoa(total), false),
		"PageNumber": o.number(strconv.Itoa(p.number), false),
		"PageSize":   o.number(strconv.Itoa(p.size), false),
		"Items":      object{"DBCluster": entries},
	}, nil
}

// tagsOf reads Tag.1.Key, Tag.1.Value and so on, up to the first that is missing. The SDK sends no Value where it is nil;
// an empty one counts as none here.
func tagsOf(q url.Values) ([]Tag, *Error) {
	var tags []Tag
	for n := 1; q.Has(fmt.Sprintf("Tag.%d.Key", n)); n++ {
		if n > 20 {
			return nil, ErrTags
		}
		tags = append(tags, Tag{q.Get(fmt.Sprintf("Tag.%d.Key", n)), q.Get(fmt.Sprintf("Tag.%d.Value", n))})
	}
	return tags, nil
}

// selects reports whether a cluster with the tags has passes the filter.
func (f TagFilter) selects(wanted, has []Tag) bool {
	found := func(want Tag) bool {
		return slices.ContainsFunc(has, func(t Tag) bool {
			return t.Key == want.Key && (t.Value == want.Value || want.Value == "" && f != TagsLiteral)
		})
	}
	switch {
	case len(wanted) == 0 || f == TagsIgnored:
		return true
	case f == TagsAny:
		return slices.ContainsFunc(wanted, found)
	}
	return !slices.ContainsFunc(wanted, func(want Tag) bool { return !found(want) })
}

// clusterEntry is one entry of the list, with as many fields as the service has.
func (o Options) clusterEntry(c Cluster) object {
	id := o.id(c.ID)
	e := object{
		"DBClusterId":           id,
		"DBClusterDescription":  c.Description,
		"DBClusterStatus":       cmp.Or(c.Status, "Running"),
		"LockMode":              "Unlock",
		"DBVersion":             cmp.Or(c.DBVersion, "5.0"),
		"CreateTime":            "",
		"RegionId":              c.region(),
		"ResourceGroupId":       c.ResourceGroup,
		"DBClusterType":         "Cluster",
		"DBClusterNetworkType":  "VPC",
		"CommodityCode":         "ads",
		"PayType":               "Postpaid",
		"Mode":                  "flexible",
		"Category":              "MixedStorage",
		"Engine":                "AnalyticDB",
		"ConnectionString":      strings.ToLower(id) + "." + c.region() + ".ads.aliyuncs.com",
		"Port":                  "3306",
		"VPCId":                 "vpc-bp1vu7q4w0z5jm3a8rlyd",
		"VSwitchId":             "vsw-bp1n6qg0e5rt8kw2ycxam",
		"ZoneId":                c.region() + "-h",
		"ComputeResource":       "16Core64GB",
		"StorageResource":       "24Core96GBNEW",
		"ReservedACU":           "16ACU",
		"ReservedNodeCount":     3,
		"ElasticIOResource":     0,
		"ElasticIOResourceSize": "8Core64GB",
		"DiskEncryption":        false,
		"InnerIp":               "",
		"InnerPort":             "",
		"ExpireTime":            "",
		"Expired":               "false",
		"LockReason":            "",
		"RdsInstanceId":         "",
		"DtsJobId":              "",
		"ProductForm":           "IntegrationForm",
		"ProductVersion":        "EnterpriseVersion",
		"SupportedFeatures":     object{},
		"TaskInfo":              object{"StepList": object{"StepList": []object{}}},
	}
	if !c.Created.IsZero() {
		e["CreateTime"] = c.Created.Add(o.FalseZone).UTC().Format(time.RFC3339)
	}
	switch {
	case o.Tags == TagsAbsent:
	case o.Tags == TagsEmptyList && len(c.Tags) == 0:
		e["Tags"] = []object{}
	case o.Tags == TagsEmptyText && len(c.Tags) == 0:
		e["Tags"] = ""
	default:
		e["Tags"] = object{"Tag": append([]Tag{}, c.Tags...)}
	}
	return e
}
