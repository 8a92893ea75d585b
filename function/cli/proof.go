package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"adb-backup/events"
	"adb-backup/function/backup"
)

// answer is the function's answer, as far as it proves something.
type answer struct {
	Action, Status string
	Backups        []result

	ErrorType, ErrorMessage json.RawMessage // of a failure, whatever they hold
}

// result is what an answer says of a cluster.
type result struct{ DBClusterId, Status string }

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
	case a.ErrorType != nil || a.ErrorMessage != nil:
		return errors.New("it is a failure without an errorType that can be read")
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

// provesBackups takes a cluster of the answer for each request, and all that it needs of the others is that they are far enough.
// Only the function knows which clusters a selector chose, so of those there must be one at least.
func provesBackups(a answer, requests []backup.Request) error {
	if len(a.Backups) == 0 {
		return errors.New("it names no backup")
	}
	least := far[string(backup.StatusCompleted)]
	for _, b := range a.Backups {
		if far[b.Status] == 0 {
			return fmt.Errorf("the Status of %q is %q", b.DBClusterId, b.Status)
		}
		least = min(least, far[b.Status])
	}
	if far[a.Status] != least {
		return fmt.Errorf("its Status is %q, which is not that of the cluster least far along", a.Status)
	}
	// A cluster has an entry for each action that was asked of it. The request that needs most is the first to choose.
	requests = slices.SortedStableFunc(slices.Values(requests), func(a, b backup.Request) int { return needed(b) - needed(a) })
	for _, r := range requests {
		if r.Selector != nil || r.Cluster.ID == ownCluster {
			continue
		}
		i := slices.IndexFunc(a.Backups, func(b result) bool { return b.DBClusterId == r.Cluster.ID && far[b.Status] >= needed(r) })
		if i < 0 {
			return fmt.Errorf("it does not say that %s is as far as was asked", r.Cluster.ID)
		}
		a.Backups = slices.Delete(a.Backups, i, i+1)
	}
	if least < needed(requests[len(requests)-1]) {
		return fmt.Errorf("its Status is %q, and more was asked", a.Status)
	}
	return nil
}
