package main

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/config"
)

// placeholder is the cluster that s.yaml ships with. No cluster has that id, so a function that is deployed with it calls nothing.
const placeholder = "amv-your-cluster"

var errPlaceholder = errors.New("vars.clusters is still the placeholder " + placeholder + ": put your own cluster's id there")

func (s settings) hasPlaceholder() bool {
	return slices.ContainsFunc(s.Triggers, func(t trigger) bool { return strings.Contains(t.get("payload"), placeholder) })
}

// requests returns what the timers ask for, and a request for each cluster of ADB_DEFAULT_CLUSTERS, which events that name no
// cluster ask for. Several requests may name the same cluster.
func (s settings) requests(timers []timer, now time.Time) (all []backup.Request, faults []error) {
	for _, t := range timers {
		all = append(all, t.requests...)
	}
	for _, id := range s.defaultClusters() {
		if err := backup.CheckClusterID(id); err != nil {
			faults = append(faults, fmt.Errorf("ADB_DEFAULT_CLUSTERS (vars.imageClusters): %w; write ids without quotes, with commas between: amv-1,amv-2", err))
		}
		all = append(all, backup.Request{Action: backup.ActionEnsure, Cluster: backup.Cluster{ID: id, Region: s.Region}, NotBefore: now})
	}
	return all, faults
}

// defaultClusters returns the clusters for events that name none.
func (s settings) defaultClusters() []string { return config.Words(s.variable("ADB_DEFAULT_CLUSTERS")) }

// clusterRequests returns one request for each cluster and each selector of s.yaml. The error says why they are not known yet.
func (s settings) clusterRequests() (distinct []backup.Request, err error) {
	if s.hasPlaceholder() {
		return nil, errPlaceholder
	}
	timers, faults := s.timers(time.Now())
	all, more := s.requests(timers, time.Now())
	if err = errors.Join(append(faults, more...)...); err == nil && len(all) == 0 {
		err = errors.New("no enabled timer and no vars.imageClusters names a cluster")
	}
	for _, r := range all {
		if !slices.ContainsFunc(distinct, func(d backup.Request) bool {
			return d.Cluster == r.Cluster && reflect.DeepEqual(d.Selector, r.Selector)
		}) {
			distinct = append(distinct, r)
		}
	}
	return distinct, err
}

// zone returns the time zone of the first timer's schedule, UTC if there is none.
func (s settings) zone() *time.Location {
	for _, t := range s.Triggers {
		if when, err := parseSchedule(t.get("cronExpression")); t.Type == "timer" && err == nil {
			return when.zone
		}
	}
	return time.UTC
}

// scope holds the clusters that requests name, and the regions in which they choose clusters by a selector.
type scope struct {
	ids      map[string][]string // by region, in order of appearance
	selected map[string]bool     // regions of selectors
}

func scopeOf(requests []backup.Request) scope {
	s := scope{map[string][]string{}, map[string]bool{}}
	for _, r := range requests {
		if r.Selector != nil {
			for _, region := range r.Selector.Regions {
				s.selected[region] = true
			}
		} else if c := r.Cluster; !slices.Contains(s.ids[c.Region], c.ID) {
			s.ids[c.Region] = append(s.ids[c.Region], c.ID)
		}
	}
	return s
}

// scope returns the clusters of s.yaml. The error says why they are not known yet.
func (s settings) scope() (scope, error) {
	requests, err := s.clusterRequests()
	return scopeOf(requests), err
}

func (s scope) regions() []string {
	all := slices.AppendSeq(slices.Collect(maps.Keys(s.ids)), maps.Keys(s.selected))
	slices.Sort(all)
	return slices.Compact(all)
}

// String names the clusters for a person: by their ids if there are at most five in a region.
func (s scope) String() string {
	var parts []string
	for _, region := range s.regions() {
		if s.selected[region] {
			parts = append(parts, "those that the selector chooses in "+region)
		}
		switch ids := s.ids[region]; {
		case len(ids) > 5:
			parts = append(parts, fmt.Sprintf("%d clusters in %s", len(ids), region))
		case len(ids) > 0:
			parts = append(parts, fmt.Sprintf("%s in %s", strings.Join(ids, ", "), region))
		}
	}
	return strings.Join(parts, "; ")
}
