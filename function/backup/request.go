package backup

import (
	"fmt"
	"strings"
	"time"
)

// Action says what is asked for a cluster.
type Action string

const (
	ActionEnsure Action = "Ensure" // have a backup that started at or after NotBefore, creating one if there is none
	ActionVerify Action = "Verify" // say whether there is a completed one; create nothing
)

// ParseAction reads an action without regard to case.
func ParseAction(s string) (Action, error) {
	for _, a := range []Action{ActionEnsure, ActionVerify} {
		if strings.EqualFold(s, string(a)) {
			return a, nil
		}
	}
	return "", fmt.Errorf("must be %s or %s", ActionEnsure, ActionVerify)
}

// WaitFor says how far an Ensure goes before it answers. A greater value is the stronger demand.
type WaitFor int

const (
	WaitRequested  WaitFor = iota // the service accepted it
	WaitCompleted                 // it is complete
	WaitDDLAllowed                // it is complete, and AnalyticDB allows DDL again
)

var waitForNames = []string{"Requested", "Completed", "DDLAllowed"}

func (w WaitFor) String() string { return waitForNames[w] }

// ParseWaitFor reads a WaitFor without regard to case.
func ParseWaitFor(s string) (WaitFor, error) {
	for w, name := range waitForNames {
		if strings.EqualFold(s, name) {
			return WaitFor(w), nil
		}
	}
	return 0, fmt.Errorf("must be one of %s", strings.Join(waitForNames, ", "))
}

// Request asks for the backup of one cluster, or of those that a selector chooses. It is about a moment, NotBefore, so it
// can be carried out any number of times.
type Request struct {
	Action    Action
	Cluster   Cluster   // zero where there is a Selector
	Selector  *Selector // nil: the request names its cluster
	WaitFor   WaitFor   // of an Ensure
	NotBefore time.Time // the earliest start that serves

	// Redelivered: an earlier delivery may have created the backup, so a listed start up to ClockSkew before NotBefore
	// serves too; times are cut, and clocks differ.
	Redelivered bool
	// Immediate: NotBefore is this very moment, so no backup that exists can serve.
	Immediate bool
}

// ClockSkew is how far before NotBefore a listed start may lie and still serve a redelivery.
const ClockSkew = time.Minute

// earliest is the earliest start that serves.
func (r Request) earliest() time.Time {
	if r.Redelivered {
		return r.NotBefore.Add(-ClockSkew)
	}
	return r.NotBefore
}

// Merge makes one request of those with the same action, cluster and region: the latest NotBefore, the strongest WaitFor.
// The order is that of first appearance.
func Merge(requests []Request) []Request {
	type key struct {
		Action
		Cluster
	}
	at := make(map[key]int, len(requests))
	merged := make([]Request, 0, len(requests))
	for _, r := range requests {
		k := key{r.Action, r.Cluster}
		i, again := at[k]
		if r.Selector != nil { // what it chooses is not known yet
			merged = append(merged, r)
			continue
		}
		if !again {
			at[k] = len(merged)
			merged = append(merged, r)
			continue
		}
		m := &merged[i]
		m.WaitFor = max(m.WaitFor, r.WaitFor)
		// What an earlier delivery may have created goes with the moment that counts; of two equal ones the stricter.
		switch c := r.NotBefore.Compare(m.NotBefore); {
		case c > 0:
			m.NotBefore, m.Redelivered, m.Immediate = r.NotBefore, r.Redelivered, r.Immediate
		case c == 0:
			m.Redelivered = m.Redelivered && r.Redelivered
			m.Immediate = m.Immediate && r.Immediate
		}
	}
	return merged
}
