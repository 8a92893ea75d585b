// Package backup is the rule of adb-backup: what must be true of a cluster's backups, what the service's list shows of
// them, and the next step. Decide and Follow are the rule itself, pure functions; a Keeper carries it out against a Service.
package backup

import (
	"fmt"
	"strings"
	"time"
)

// Cluster names an AnalyticDB for MySQL cluster, such as amv-wz9or2xawpnc in cn-hangzhou. Both parts have been
// checked: a region becomes part of a host name to which credentials are sent.
type Cluster struct {
	ID     string
	Region string
}

func (c Cluster) String() string { return c.ID + " (" + c.Region + ")" }

// Action says what is asked for a cluster.
type Action string

const (
	Ensure Action = "Ensure" // have a backup that started at or after NotBefore, creating one if there is none
	Verify Action = "Verify" // say whether there is a completed one; create nothing
)

// ParseAction reads an action without regard to case.
func ParseAction(s string) (Action, error) {
	for _, a := range []Action{Ensure, Verify} {
		if strings.EqualFold(s, string(a)) {
			return a, nil
		}
	}
	return "", fmt.Errorf("must be %s or %s", Ensure, Verify)
}

// WaitFor says how far an Ensure goes before it answers. A greater value is the stronger demand.
type WaitFor int

const (
	Requested  WaitFor = iota // the service accepted it
	Completed                 // it is complete
	DDLAllowed                // it is complete, and AnalyticDB allows DDL again
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

// Request asks for one cluster's backup. All of it is about a moment, NotBefore, and so it can be carried out any number
// of times.
type Request struct {
	Action    Action
	Cluster   Cluster
	WaitFor   WaitFor   // of an Ensure
	NotBefore time.Time // the earliest start that serves

	// Redelivered: an earlier delivery may have created the backup, so a listed start up to ClockSkew before NotBefore
	// serves too; times are cut, and clocks differ.
	Redelivered bool
	// Unprecedented: NotBefore is this very moment, so no backup that exists can serve.
	Unprecedented bool
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
			m.NotBefore, m.Redelivered, m.Unprecedented = r.NotBefore, r.Redelivered, r.Unprecedented
		case c == 0:
			m.Redelivered = m.Redelivered && r.Redelivered
			m.Unprecedented = m.Unprecedented && r.Unprecedented
		}
	}
	return merged
}
