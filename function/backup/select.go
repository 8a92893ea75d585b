package backup

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Selector chooses clusters instead of naming them. A cluster must match everything that is given. At least one of Tags,
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

// matches reports whether s chooses c. Without a Tags field its tags are unknown: then the cluster is taken, since a missing
// backup is worse than one too many.
func (s Selector) matches(c ListedCluster) bool {
	has := func(key, value string) bool {
		got, ok := c.Tags[key]
		return ok && (value == "*" || value == got)
	}
	switch {
	case s.ResourceGroupID != "" && c.ResourceGroupID != s.ResourceGroupID:
		return false
	case c.Tags == nil:
		return true
	}
	for key, value := range s.Tags {
		if !has(key, value) {
			return false
		}
	}
	for key, value := range s.NotTags {
		if has(key, value) {
			return false
		}
	}
	return true
}

// cannotTell reports whether s chooses c although its tags are unknown.
func (s Selector) cannotTell(c ListedCluster) bool {
	return c.Tags == nil && len(s.Tags)+len(s.NotTags) > 0 && s.matches(c)
}

// skipReason returns why a matching cluster cannot be backed up or verified; empty: it can. With any other status or lock the
// service decides.
func skipReason(c ListedCluster, r Request) string {
	switch {
	case slices.ContainsFunc([]string{"Preparing", "Creating", "Restoring", "Deleting"}, func(s string) bool { return strings.EqualFold(s, c.Status) }):
		return "its status is " + c.Status
	case c.DBVersion == "3.0":
		return "it is of Data Warehouse Edition, which has no CreateBackup"
	case r.Action == ActionVerify && c.Created.After(r.NotBefore):
		return fmt.Sprintf("it was created at %s, after the backup that is looked for would have started", c.Created.UTC().Format(time.RFC3339))
	}
	return ""
}

// regions returns where the request's clusters are.
func (r Request) regions() []string {
	if r.Selector != nil {
		return r.Selector.Regions
	}
	return []string{r.Cluster.Region}
}

// Choose matches a region's clusters against the selector of r. It returns those to work on, and those that are left out.
func (r Request) Choose(region string, listed []ListedCluster) (chosen []Cluster, skipped []Skipped) {
	for _, c := range listed {
		if !r.Selector.matches(c) {
			continue
		}
		cluster := Cluster{ID: c.ID, Region: region}
		if reason := skipReason(c, r); reason != "" {
			skipped = append(skipped, Skipped{cluster, reason})
		} else {
			chosen = append(chosen, cluster)
		}
	}
	return chosen, skipped
}

// choose reads the list that the selector of the request at position i needs, and takes in what it chooses.
func (p *part) choose(ctx context.Context, i int, request Request) {
	ctx, cancel := p.run.within(ctx, request)
	defer cancel()
	var listed []ListedCluster
	err := p.read(ctx, "DescribeDBClusters", Sleep, func() (err error) {
		listed, err = p.service.Clusters(ctx, p.region, *request.Selector)
		return err
	})
	if err != nil {
		f := p.failure(err, "the list of clusters was not read")
		p.logFailure("clusters were not selected", f)
		p.unselected = append(p.unselected, Unselected{p.region, *f})
		return
	}
	chosen, skipped := request.Choose(p.region, listed)
	p.log.Info("clusters selected", "clusters", len(chosen), "skipped", len(skipped))
	for _, c := range listed {
		if request.Selector.cannotTell(c) {
			p.warnOnce("untagged "+c.ID, "the service gives no tags for a cluster: it is taken, since its tags are unknown", "DBClusterId", c.ID)
		}
	}
	for _, s := range skipped {
		if p.warnOnce("skipped "+s.Cluster.ID+s.Reason, "a selected cluster is skipped", "DBClusterId", s.Cluster.ID, "reason", s.Reason) {
			p.skipped = append(p.skipped, s)
		}
	}
	p.empty[i] = len(chosen) == 0
	for _, c := range chosen {
		one := request
		one.Selector, one.Cluster = nil, c
		p.add(i, one)
	}
}

// addSelection adds to the result what the selector at position i led to in its regions. It is a failure if no cluster is left
// in any of them: backups must not stop silently because somebody removed a tag.
func (r *run) addSelection(result *Result, i int, regions []string, parts map[string]*part) {
	var empty, skipped []string
	for _, region := range regions {
		if parts[region].empty[i] {
			empty = append(empty, region)
		}
		for _, one := range parts[region].skipped {
			skipped = append(skipped, fmt.Sprintf("; %v is skipped: %s", one.Cluster, one.Reason))
		}
	}
	if len(empty) < len(regions) {
		for _, region := range empty {
			r.log.Warn("the selector matches no cluster in this region", "RegionId", region)
		}
		return
	}
	message := "the selector matches no cluster that can be backed up in " + strings.Join(regions, ", ") +
		strings.Join(skipped[:min(len(skipped), 20)], "") // the log has more
	result.Unselected = append(result.Unselected, Unselected{Failure: Failure{ErrorNothingSelected, message}})
	r.log.Error("nothing selected", "errorType", ErrorNothingSelected, "error", message)
}
