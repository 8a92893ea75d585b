package fakeadb

import (
	"cmp"
	"fmt"
	"net/url"
	"slices"
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
func (s *Service) describeClusters(c *Call, o Options, q url.Values) (any, *Error) {
	all := slices.DeleteFunc(slices.Clone(o.Clusters), func(here Cluster) bool { return !here.matches(q) })
	return list(c, q, "DBCluster", all, func(here Cluster) map[string]any { // the fields that a reader of backups may want
		e := map[string]any{
			"DBClusterId": here.ID, "DBClusterDescription": here.Description, "DBClusterStatus": cmp.Or(here.Status, "Running"),
			"DBVersion": cmp.Or(here.DBVersion, "5.0"), "RegionId": cmp.Or(here.Region, defaultRegion), "ResourceGroupId": here.ResourceGroup,
			"CreateTime": "", "Tags": map[string][]Tag{"Tag": append([]Tag{}, here.Tags...)},
		}
		if !here.Created.IsZero() {
			e["CreateTime"] = here.Created.Add(o.FalseZone).UTC().Format(time.RFC3339)
		}
		return e
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
