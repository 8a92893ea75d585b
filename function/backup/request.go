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

	// WaitAtMost is how long an invocation works on the request, from its start. 0: until the deadline.
	WaitAtMost time.Duration

	// Redelivered reports whether an earlier delivery may have created the backup. Then a start up to a minute before
	// NotBefore serves too: listed times are cut, and clocks differ.
	Redelivered bool
	// Immediate reports whether NotBefore is this very moment, so that no backup that exists can serve.
	Immediate bool
}

// ClockSkew is how far the service's clock may differ from that of the event.
const ClockSkew = time.Minute

// earliest is the earliest start that serves.
func (r Request) earliest() time.Time {
	if r.Redelivered {
		return r.NotBefore.Add(-ClockSkew)
	}
	return r.NotBefore
}

// Merge makes one request of those with the same action and the same cluster, or selector: the latest NotBefore, the
// strongest WaitFor, the longest WaitAtMost. The order is that of first appearance.
func Merge(requests []Request) []Request {
	m := merger{at: map[target]int{}}
	for _, r := range requests {
		m.add(r)
	}
	return m.requests
}

// target is what at most one task of an invocation works on.
type target struct {
	Action
	Cluster
	selector string
}

// merger merges requests one by one.
type merger struct {
	requests []Request
	at       map[target]int
}

// add reports whether r is the first request for its target.
func (m *merger) add(r Request) bool {
	t := target{r.Action, r.Cluster, fmt.Sprintf("%#v", r.Selector)}
	i, again := m.at[t]
	if !again {
		m.at[t] = len(m.requests)
		m.requests = append(m.requests, r)
		return true
	}
	merged := &m.requests[i]
	merged.WaitFor = max(merged.WaitFor, r.WaitFor)
	if min(merged.WaitAtMost, r.WaitAtMost) > 0 {
		merged.WaitAtMost = max(merged.WaitAtMost, r.WaitAtMost)
	} else {
		merged.WaitAtMost = 0 // none is the longest
	}
	// Redelivered and Immediate belong to the NotBefore that counts. Where both are equal the stricter value counts.
	switch c := r.NotBefore.Compare(merged.NotBefore); {
	case c > 0:
		merged.NotBefore, merged.Redelivered, merged.Immediate = r.NotBefore, r.Redelivered, r.Immediate
	case c == 0:
		merged.Redelivered = merged.Redelivered && r.Redelivered
		merged.Immediate = merged.Immediate && r.Immediate
	}
	return false
}
