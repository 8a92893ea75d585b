package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// answer is the part of the function's answer that is checked and put into words.
type answer struct {
	Action, Status string
	Backups        []claim
}

// claim is what an answer says of one cluster's backup.
type claim struct {
	DBClusterId, Status, BackupId, RequestId string
	Created                                  bool
}

// outcome is a delivery's result in a word: the errorType, or the answer's Status.
func outcome(r *result) string {
	var a answer
	if r.ErrorType != "" {
		return r.ErrorType
	}
	if err := json.Unmarshal(r.Payload, &a); err != nil {
		return "an answer that is not JSON"
	}
	return a.Status
}

// untrue says what in an answer is not true at this moment. Only the local cloud can tell.
func untrue(r *result, service *service) (wrong []string) {
	var a answer
	if r.ErrorType != "" || json.Unmarshal(r.Payload, &a) != nil {
		return nil
	}
	for _, c := range a.Backups {
		if text := c.untrue(service); text != "" {
			wrong = append(wrong, text)
		}
	}
	if a.Status != "Ignored" && len(a.Backups) == 0 {
		wrong = append(wrong, "it names no backup")
	}
	return wrong
}

func (c claim) untrue(service *service) string {
	all := service.Backups(c.DBClusterId)
	i := slices.IndexFunc(all, func(b fakeadb.Backup) bool {
		return c.BackupId == b.ID || c.BackupId == "" && c.RequestId != "" && c.RequestId == b.RequestID
	})
	if i < 0 {
		return fmt.Sprintf("there is no such backup of %s", c.DBClusterId)
	}
	switch b := all[i]; {
	case c.Status == "Completed" && b.State(service.Now()) != fakeadb.Completed:
		return fmt.Sprintf("backup %s was not complete yet", b.ID)
	case c.RequestId != "" && c.RequestId != b.RequestID:
		return fmt.Sprintf("backup %s is not that of request %s", b.ID, c.RequestId)
	case c.Created && b.RequestID == "":
		return fmt.Sprintf("backup %s was there before", b.ID)
	}
	return ""
}

// overlaps are the full backups that were created while another of the same cluster ran.
func (s *stage) overlaps() (found []string) {
	for _, made := range s.created() {
		for _, other := range s.service.Backups(made.Cluster) {
			if other.Region == made.Region && other.ID != made.ID && other.Type == made.Type &&
				!other.Start.After(made.Start) && other.State(made.Start) == fakeadb.Running {
				found = append(found, fmt.Sprintf("backup %s was started while %s ran", made.ID, other.ID))
			}
		}
	}
	return found
}

// checkable reports whether this run can be compared with what the scenario wants. Its event must be the scenario's own, or name
// clusters and wait for their backups, and the function must have no settings but the local cloud's.
func (s *stage) checkable() bool {
	if s.scenario.name == "" || len(s.ownSettings()) > 0 {
		return false
	}
	if s.scenario.payload != "" {
		return true
	}
	e := s.incoming.event
	return s.incoming.err == nil && len(e.Wrong) == 0 && len(e.Requests) > 0 &&
		!slices.ContainsFunc(e.Requests, func(r backup.Request) bool {
			return r.Action != backup.ActionEnsure || r.WaitFor < backup.WaitCompleted || r.Selector != nil
		})
}

// unexpected says in what the run differs from what the scenario wants.
func (s *stage) unexpected() string {
	var got []string
	for _, r := range s.results {
		got = append(got, outcome(r))
	}
	var wrong []string
	if !slices.Equal(got, s.scenario.want) {
		wrong = append(wrong, fmt.Sprintf("the outcome was %s, not %s", strings.Join(got, ", then "), strings.Join(s.scenario.want, ", then ")))
	}
	backedUp := s.scenario.clusters
	for _, c := range s.clusters() {
		backedUp = append(backedUp, c.ID)
	}
	made := map[string]int{}
	for _, b := range s.created() {
		made[b.Cluster]++
	}
	for _, id := range backedUp {
		if made[id] != s.scenario.created {
			wrong = append(wrong, fmt.Sprintf("%s of %s, not %d", madeInWords(made[id]), id, s.scenario.created))
		}
		delete(made, id)
	}
	for id, n := range made {
		wrong = append(wrong, fmt.Sprintf("%s of %s, which is not selected", madeInWords(n), id))
	}
	wrong = append(wrong, s.overlaps()...)
	if calls := s.service.Count(create) + s.service.Count(look) + s.service.Count(list); s.scenario.noCalls && calls > 0 {
		wrong = append(wrong, fmt.Sprintf("AnalyticDB was called %d times", calls))
	}
	return strings.Join(wrong, "; ")
}

func madeInWords(n int) string {
	switch n {
	case 0:
		return "no backup was made"
	case 1:
		return "exactly one backup was made"
	}
	return fmt.Sprintf("%d backups were made", n)
}
