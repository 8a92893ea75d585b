package adb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"adb-backup/function/backup"
)

// Clusters is AnalyticDB's DescribeDBClusters, all pages. The service's filters are used where their meaning is documented;
// whether several tags mean all or any of them is not, so the caller matches every cluster again.
func (s *session) Clusters(ctx context.Context, region string, of backup.Selector) ([]backup.ListedCluster, error) {
	return readList(ctx, s, query{"DescribeDBClusters", backup.Cluster{Region: region}, clusterFilters(of)}, func(x *exchange) (page[backup.ListedCluster], error) {
		return decodeClusters(x.Body, of)
	})
}

// clusterFilters returns what the service is asked to leave out: only tags with a concrete value, because the meaning of a
// key without a value is not documented.
func clusterFilters(of backup.Selector) map[string]string {
	filters := map[string]string{"DBClusterVersion": "All"} // the default leaves out Data Warehouse Edition
	if of.ResourceGroupID != "" {
		filters["ResourceGroupId"] = of.ResourceGroupID
	}
	n := 0
	for _, key := range slices.Sorted(maps.Keys(of.Tags)) {
		if value := of.Tags[key]; value != "*" {
			n++
			filters[fmt.Sprintf("Tag.%d.Key", n)], filters[fmt.Sprintf("Tag.%d.Value", n)] = key, value
		}
	}
	return filters
}

// clusterRow is what is kept of a listed cluster, which has some fifty fields.
type clusterRow struct {
	DBClusterId, DBClusterStatus, DBVersion, CreateTime, ResourceGroupId text
	Tags                                                                 *tags
}

// decodeClusters reads one page of the clusters among which a selector chooses. An id becomes part of later requests, so a row
// whose id is not a cluster's is left out.
func decodeClusters(body []byte, of backup.Selector) (p page[backup.ListedCluster], err error) {
	r, err := decodeReply(body)
	if err != nil {
		return p, err
	}
	p.total = r.total()
	for _, c := range r.Items.DBCluster {
		id := strings.ToLower(string(c.DBClusterId))
		created, _ := span(string(c.CreateTime))
		listed := backup.ListedCluster{
			ID:              id,
			Status:          cut(string(c.DBClusterStatus), longestWord),
			DBVersion:       cut(string(c.DBVersion), longestWord),
			ResourceGroupID: cut(string(c.ResourceGroupId), longestWord),
			Created:         created.From,
		}
		if c.Tags != nil {
			listed.Tags = namedTags(c.Tags.values, of)
		}
		p.rows = append(p.rows, row[backup.ListedCluster]{key: cut(id, longestWord), keep: backup.CheckClusterID(id) == nil, item: listed})
	}
	return p, nil
}

// namedTags returns those of a cluster's tags that the selector names, because a list of thousands of clusters must not keep them
// all. The map is empty where the cluster has none of them, and nil where its tags are unknown.
func namedTags(all map[string]string, of backup.Selector) map[string]string {
	if all == nil {
		return nil
	}
	named := map[string]string{}
	for _, tags := range []map[string]string{of.Tags, of.NotTags} {
		for key := range tags {
			if value, ok := all[key]; ok {
				named[key] = cut(value, longestTag)
			}
		}
	}
	return named
}

// tags are a cluster's. What cannot be read leaves the map nil, as if there were no field: then the tags are unknown.
type tags struct{ values map[string]string }

// UnmarshalJSON implements json.Unmarshaler. The service may leave Tags empty in other ways than an object.
func (t *tags) UnmarshalJSON(b []byte) error {
	var object struct{ Tag json.RawMessage }
	var list []struct {
		Key   *text
		Value text
	}
	switch string(b) {
	case `""`, "[]", "{}":
	default:
		if json.Unmarshal(b, &object) != nil || object.Tag == nil || json.Unmarshal(object.Tag, &list) != nil {
			return nil
		}
	}
	values := make(map[string]string, len(list))
	for _, tag := range list {
		if tag.Key == nil {
			return nil
		}
		values[string(*tag.Key)] = string(tag.Value)
	}
	t.values = values
	return nil
}
