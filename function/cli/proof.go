package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"adb-backup/events"
	"adb-backup/function/backup"
)

// answer is the function's answer, as far as it proves something.
type answer struct {
	Action, Status string
	Backups        []struct{ DBClusterId, Status string }

	ErrorMessage *string // of a failure, which no answer of adb-backup has without an errorType
}

// far orders the statuses of a success. What is none of them is 0.
var far = map[string]int{string(backup.StatusRequested): 1, string(backup.StatusRunning): 2, string(backup.StatusCompleted): 3}

// needed returns how far a cluster must be for a request to be fulfilled.
func needed(r backup.Request) int {
	if r.Action == backup.ActionVerify || r.WaitFor >= backup.WaitCompleted {
		return far[string(backup.StatusCompleted)]
	}
	return far[string(backup.StatusRequested)]
}

// proves returns why a text is not the answer that an event asks for, and nil only if it is. Only that makes a gate pass: a
// function of another name, or another product's, succeeds as well.
func proves(event events.Event, text []byte) error {
	var a answer
	if err := json.Unmarshal(text, &a); err != nil || len(text) == 0 || text[0] != '{' {
		return errors.New("it is not the object that adb-backup answers with")
	}
	switch {
	case a.ErrorMessage != nil:
		return errors.New("it is a failure without an errorType")
	case event.WrongCount > 0:
		return fmt.Errorf("%d of the event's items are wrong, and it does not say so", event.WrongCount)
	case event.Drill:
		return provesOther(a, "Drill", "Delivered")
	case len(event.Requests) == 0: // it only reports the function's own work
		return provesOther(a, "", "Ignored")
	case a.Action != string(event.Action()):
		return fmt.Errorf("its Action is %q, not %s", a.Action, event.Action())
	}
	return provesBackups(a, event.Requests)
}

// provesOther is for the answers that name no cluster.
func provesOther(a answer, action, status string) error {
	if a.Action != action || a.Status != status || len(a.Backups) > 0 {
		return fmt.Errorf("its Action is %q and its Status %q, not %q and %q", a.Action, a.Status, action, status)
	}
	return nil
}

// reaches reports whether there is a status for each one that was asked, and as far.
func reaches(is, asked []int) bool {
	slices.Sort(is)
	slices.Sort(asked)
	more := len(is) - len(asked)
	for i := range asked {
		if more < 0 || is[more+i] < asked[i] {
			return false
		}
	}
	return true
}

// provesBackups compares the clusters of an answer with those that were asked. Only the function knows which clusters a
// selector chose, so of those there must be one at least.
func provesBackups(a answer, requests []backup.Request) error {
	const none = 4                                                   // farther than any status
	is, asked, least := map[string][]int{}, map[string][]int{}, none // each cluster once for each action that was asked of it
	for _, b := range a.Backups {
		if far[b.Status] == 0 {
			return fmt.Errorf("the Status of %q is %q", b.DBClusterId, b.Status)
		}
		is[b.DBClusterId] = append(is[b.DBClusterId], far[b.Status])
		least = min(least, far[b.Status])
	}
	if least == none {
		return errors.New("it names no backup")
	}
	if far[a.Status] != least {
		return fmt.Errorf("its Status is %q, which is not that of the cluster least far along", a.Status)
	}
	weakest := none
	for _, r := range requests {
		weakest = min(weakest, needed(r))
		if id := r.Cluster.ID; r.Selector == nil && id != ownCluster {
			asked[id] = append(asked[id], needed(r))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(asked)) {
		if !reaches(is[id], asked[id]) {
			return fmt.Errorf("it does not say that %s is as far as was asked", id)
		}
	}
	if least < weakest {
		return fmt.Errorf("its Status is %q, and more was asked", a.Status)
	}
	return nil
}
