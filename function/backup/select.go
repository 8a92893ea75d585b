package backup

import (
	"context"
	"encoding/json"
	"errors"
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
	if s.ResourceGroupID != "" && c.ResourceGroupID != s.ResourceGroupID {
		return false
	}
	if c.Tags == nil {
		return true
	}
	for key, value := range s.Tags {
		if !hasTag(c.Tags, key, value) {
			return false
		}
	}
	for key, value := range s.NotTags {
		if hasTag(c.Tags, key, value) {
			return false
		}
	}
	return true
}

func hasTag(tags map[string]string, key, value string) bool {
	has, ok := tags[key]
	return ok && (value == "*" || value == has)
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

// key tells selectors apart.
func (s *Selector) key() string {
	if s == nil {
		return ""
	}
	text, _ := json.Marshal(s) // cannot fail: strings and a bool
	return string(text)
}

// choice is what a selector leads to in one region.
type choice struct {
	clusters []Cluster
	skipped  []Skipped
	untagged int      // clusters that were taken although their tags are unknown
	failure  *Failure // why the list could not be read; nil: it was read
}

// choose matches a region's clusters against the selector of r.
func choose(region string, listed []ListedCluster, r Request) choice {
	var made choice
	for _, c := range listed {
		if !r.Selector.matches(c) {
			continue
		}
		cluster := Cluster{ID: c.ID, Region: region}
		if reason := skipReason(c, r); reason != "" {
			made.skipped = append(made.skipped, Skipped{cluster, reason})
			continue
		}
		if c.Tags == nil && len(r.Selector.Tags)+len(r.Selector.NotTags) > 0 {
			made.untagged++
		}
		made.clusters = append(made.clusters, cluster)
	}
	return made
}

// Choose matches a region's clusters against the selector of r. It returns those to work on, and those that are left out.
func (r Request) Choose(region string, listed []ListedCluster) ([]Cluster, []Skipped) {
	c := choose(region, listed, r)
	return c.clusters, c.skipped
}

// selection replaces the selectors of an invocation by what they choose in one region. It keeps no more than is needed: an
// array may hold thousands of selectors that choose the same clusters.
type selection struct {
	caller
	merged  merger
	skipped []Skipped
	known   map[Skipped]bool // what is in skipped
	chosen  map[int]chosen   // by the position of the request that has the selector

	filter string // of the list that was read last
	listed []ListedCluster
}

// chosen is what is kept of a choice.
type chosen struct {
	count   int       // how many clusters the selector chose
	first   []Cluster // those that no request before it named
	skipped []Skipped // the first of them
	failure *Failure
}

// selectIn carries out the selectors of a region's requests, which stand at the given positions, and takes in the requests
// that name their cluster.
func (r *run) selectIn(ctx context.Context, region string, requests []Request, positions []int) *selection {
	s := &selection{
		caller: r.caller(Cluster{Region: region}, r.log.With("RegionId", region)),
		merged: newMerger(), known: map[Skipped]bool{}, chosen: map[int]chosen{},
	}
	for _, i := range positions {
		if request := requests[i]; request.Selector == nil {
			s.merged.add(request)
		} else {
			s.take(i, request, s.choice(ctx, request))
		}
	}
	return s
}

// take takes over a choice for the request at position i.
func (s *selection) take(i int, request Request, c choice) {
	kept := chosen{count: len(c.clusters), skipped: c.skipped[:min(len(c.skipped), maxReasons)], failure: c.failure}
	for _, cluster := range c.clusters {
		one := request
		one.Selector, one.Cluster = nil, cluster
		if s.merged.add(one) {
			kept.first = append(kept.first, cluster)
		}
	}
	for _, skipped := range c.skipped {
		if !s.known[skipped] {
			s.known[skipped] = true
			s.skipped = append(s.skipped, skipped)
			s.log.Warn("a selected cluster is skipped", "DBClusterId", skipped.Cluster.ID, "reason", skipped.Reason)
		}
	}
	s.chosen[i] = kept
}

// choice reads the list that a selector needs, and matches it. Where requests of the region need no list, it may take half
// of the time that is left: the other half is theirs.
func (s *selection) choice(ctx context.Context, request Request) choice {
	if deadline, ok := ctx.Deadline(); ok && len(s.merged.requests) > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, time.Now().Add(time.Until(deadline)/2))
		defer cancel()
	}
	selector := *request.Selector
	selector.Regions = nil
	if filter := selector.key(); filter != s.filter {
		err := s.read(ctx, "DescribeDBClusters", sleep, func() (err error) {
			s.listed, err = s.service.Clusters(ctx, s.cluster.Region, selector)
			return err
		})
		if err != nil {
			s.filter = ""
			return choice{failure: s.failure(err)}
		}
		s.filter = filter
	}
	c := choose(s.cluster.Region, s.listed, request)
	s.log.Info("clusters selected", "clusters", len(c.clusters), "skipped", len(c.skipped))
	if c.untagged > 0 {
		s.log.Warn("the service gives no tags for some clusters: they are taken, since their tags are unknown", "clusters", c.untagged)
	}
	return c
}

// failure is that of a list which could not be read.
func (s *selection) failure(err error) *Failure {
	var f *Failure
	if failed := new(CallError); errors.As(err, &failed) {
		f = &Failure{refusals[failed.Kind], failed.Error()}
	} else {
		f = s.overdue("the list of clusters was not read")
	}
	s.logFailure("clusters were not selected", f)
	return f
}

// maxReasons is how many skipped clusters a message names.
const maxReasons = 20

// addSelection adds to the result what a selector led to in its regions. It is a failure if no cluster is left in any of them:
// backups must not stop silently because somebody removed a tag.
func (r *run) addSelection(result *Result, regions []string, all []chosen) {
	clusters, failed := 0, 0
	var skipped []string
	for i, c := range all {
		clusters += c.count
		for _, s := range c.skipped {
			skipped = append(skipped, fmt.Sprintf("; %v is skipped: %s", s.Cluster, s.Reason))
		}
		if c.failure != nil {
			failed++
			result.Unselected = append(result.Unselected, Unselected{regions[i], *c.failure})
		}
	}
	if clusters == 0 && failed == 0 {
		message := "the selector matches no cluster that can be backed up in " + strings.Join(regions, ", ") +
			strings.Join(skipped[:min(len(skipped), maxReasons)], "")
		result.Unselected = append(result.Unselected, Unselected{Failure: Failure{ErrorNothingSelected, message}})
		r.log.Error("nothing selected", "errorType", ErrorNothingSelected, "error", message)
		return
	}
	for i, c := range all {
		if c.count == 0 && c.failure == nil {
			r.log.Warn("the selector matches no cluster in this region", "RegionId", regions[i])
		}
	}
}
