package backup

import "time"

// Selector chooses clusters instead of naming them. What is given narrows: all of it must hold. At least one of Tags,
// ResourceGroupID and All is given.
type Selector struct {
	Regions         []string          // where to look, 1 to 50, each one checked by CheckRegion
	Tags            map[string]string // the cluster has every one of these; "*" stands for any value
	NotTags         map[string]string // the cluster has none of these; "*" stands for any value
	ResourceGroupID string
	All             bool // every cluster of the regions
}

// ListedCluster is a cluster as DescribeDBClusters lists it.
type ListedCluster struct {
	ID              string
	Status          string            // DBClusterStatus, such as Running
	DBVersion       string            // 3.0 is Data Warehouse Edition, 5.0 the other editions
	ResourceGroupID string            // empty: not given
	Created         time.Time         // zero: not given, or it cannot be read
	Tags            map[string]string // nil: the reply has no Tags field for this cluster; empty: it has no tags
}

// Skipped is a cluster that a selector matched and that was left out.
type Skipped struct {
	Cluster Cluster
	Reason  string
}
