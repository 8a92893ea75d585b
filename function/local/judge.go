package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

// untrue says what an answer claims and is not so, at the moment of the answer. Only the local cloud can tell.
func (s *stage) untrue(r fakefc.Result) (lies []string) {
	var a answer
	if s.service == nil || r.ErrorType != "" || json.Unmarshal(r.Payload, &a) != nil {
		return nil
	}
	now := s.service.Now()
	for _, claim := range a.Backups {
		all := s.service.Backups(claim.DBClusterId)
		is := slices.IndexFunc(all, func(b fakeadb.Backup) bool {
			return claim.BackupId == b.ID || claim.BackupId == "" && claim.RequestId != "" && claim.RequestId == b.RequestID
		})
		switch {
		case is < 0:
			lies = append(lies, fmt.Sprintf("there is no such backup of %s", claim.DBClusterId))
		case claim.Status == "Completed" && all[is].State(now) != fakeadb.Completed:
			lies = append(lies, fmt.Sprintf("backup %s was not complete yet", all[is].ID))
		case claim.RequestId != "" && claim.RequestId != all[is].RequestID:
			lies = append(lies, fmt.Sprintf("backup %s is not that of request %s", all[is].ID, claim.RequestId))
		case claim.Created && all[is].RequestID == "":
			lies = append(lies, fmt.Sprintf("backup %s was there before", all[is].ID))
		}
	}
	if a.Status != "Ignored" && len(a.Backups) == 0 {
		lies = append(lies, "it names no backup")
	}
	return lies
}

// overlaps tells the full backups that were created while another of the same cluster ran.
func (s *stage) overlaps() (told []string) {
	all := s.service.Backups("")
	for _, made := range s.created() {
		for _, other := range all {
			if other.Cluster == made.Cluster && other.Region == made.Region && other.ID != made.ID && other.Type == made.Type &&
				!other.Start.After(made.Start) && other.State(made.Start) == fakeadb.Running {
				told = append(told, fmt.Sprintf("backup %s was started while %s ran", made.ID, other.ID))
			}
		}
	}
	return told
}

// judged says whether what the scenario wants can be held against this run: one whose event waits for new backups, and in
// which the function has the local cloud's settings alone.
func (s *stage) judged() bool {
	if s.scenario.name == "" || len(own(s.std.environ, localOnly...)) > 0 {
		return false
	}
	if s.scenario.payload != "" {
		return true
	}
	e := s.delivered.event
	return s.delivered.err == nil && len(e.Wrong) == 0 && len(e.Requests) > 0 &&
		!slices.ContainsFunc(e.Requests, func(r backup.Request) bool {
			return r.Action != backup.ActionEnsure || r.WaitFor < backup.WaitCompleted
		})
}

// unexpected says what the scenario wants and is not so.
func (s *stage) unexpected() string {
	var got []string
	for _, r := range s.results {
		got = append(got, outcome(r))
	}
	var wrong []string
	if !slices.Equal(got, s.scenario.want) {
		wrong = append(wrong, fmt.Sprintf("the outcome was %s, not %s", strings.Join(got, ", then "), strings.Join(s.scenario.want, ", then ")))
	}
	made := map[backup.Cluster]int{}
	for _, b := range s.created() {
		made[backup.Cluster{ID: b.Cluster, Region: b.Region}]++
	}
	for _, c := range s.clusters() {
		if made[c] != s.scenario.created {
			wrong = append(wrong, fmt.Sprintf("%d backups of %s were made, not %d", made[c], c.ID, s.scenario.created))
		}
	}
	wrong = append(wrong, s.overlaps()...)
	if calls := s.service.Count(create) + s.service.Count(look); s.scenario.noCalls && calls > 0 {
		wrong = append(wrong, fmt.Sprintf("AnalyticDB was called %d times", calls))
	}
	return strings.Join(wrong, "; ")
}
