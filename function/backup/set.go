package backup

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Span is what a listed time can mean: a moment at or after From and before Until. The list cuts times to the minute,
// sometimes to the second. The zero Span is a time that was not given or cannot be read.
type Span struct{ From, Until time.Time }

// State is how far a backup set is, as the rule reads the service's words.
type State int

const (
	SetRunning State = iota
	SetUnknown       // a word that the rule does not know: it counts as running, never as complete, and is logged
	SetComplete
	SetFailed
)

// Set is one backup set of a cluster as DescribeBackups lists it.
type Set struct {
	ID         string
	Full       bool // a full backup; an unnamed type counts as full
	Copy       bool // a copy of another set (ParentBackupId)
	Start, End Span
	Expires    Span  // when the service deletes it; it decides nothing
	Size       int64 // bytes; 0 where it is not given
	State      State
	Status     string // the service's own word for State, empty where it gives none
}

// key tells sets apart, even those without an id.
func (s Set) key() string { return cmp.Or(s.ID, s.Start.From.String()) }

// String names the set for a person.
func (s Set) String() string {
	text := "backup"
	if s.ID != "" {
		text += " " + s.ID
	}
	if !s.Start.From.IsZero() {
		text += " (started " + s.Start.From.Format(time.RFC3339) + ")"
	}
	if s.State == SetUnknown {
		text += fmt.Sprintf(" (its status %q is not known: see ADB_STATUS_COMPLETED and ADB_STATUS_FAILED)", s.Status)
	}
	return text
}

// full reports whether the set is a full backup of its own. Incremental backups and copies never serve.
func (s Set) full() bool { return s.Full && !s.Copy }

// runs reports whether the service is still working on a full backup, as far as anybody can know when that began.
func (s Set) runs() bool {
	return s.full() && (s.State == SetRunning || s.State == SetUnknown && s.End == Span{}) && s.Start != Span{}
}

// stuck reports whether the set has run for so long that it is not waited for.
func (s Set) stuck(now time.Time) bool { return s.runs() && s.Start.From.Before(now.Add(-stuckAfter)) }

// serves reports whether the set is a backup that r asks for, as far as the list alone shows. All that its listed start can mean
// must lie at or after NotBefore. For a redelivery it is enough that some of it lies at or after one minute before NotBefore:
// otherwise the backup of an earlier delivery would be missed.
func (s Set) serves(r Request, looked time.Time) bool {
	switch {
	case !s.full() || s.State == SetFailed || s.Start == Span{} || !s.believed(looked):
		return false
	case r.Redelivered:
		return s.Start.Until.After(r.earliest())
	default:
		return !s.Start.From.Before(r.NotBefore)
	}
}

// believed reports whether the listed start can be true. A start that lies more than a minute after the look cannot: a
// sister product lists local time as if it were UTC.
func (s Set) believed(looked time.Time) bool { return !s.Start.From.After(looked.Add(ClockSkew)) }

// Statuses maps the words of BackupStatus, in lower case, to what they mean. AnalyticDB documents none of them, so the
// built-in words are those of its sister services (RDS, PolarDB, AnalyticDB for PostgreSQL), and users can add theirs.
type Statuses map[string]State

// NewStatuses returns the built-in words and those given beside them.
func NewStatuses(completed, failed []string) Statuses {
	s := Statuses{}
	add := func(state State, words ...string) {
		for _, w := range words {
			s[strings.ToLower(w)] = state
		}
	}
	add(SetRunning, "Running", "Backup", "BackingUp", "Backing_Up", "Backuping", "Creating", "Processing", "InProgress", "In_Progress",
		"Pending", "Waiting", "Queued", "Preparing", "Init", "Initializing", "Schedule", "Scheduled", "Started", "Check", "Checking")
	add(SetComplete, "Success", "Succeed", "Succeeded", "Successful", "Complete", "Completed", "Finish", "Finished", "OK", "Available")
	add(SetFailed, "Fail", "Failed", "Failure", "Error", "Cancel", "Canceled", "Cancelled", "Abort", "Aborted")
	add(SetComplete, completed...)
	add(SetFailed, failed...)
	return s
}

// State returns the state that a set's status word means. Without a word, a set with an end time is complete.
func (s Statuses) State(word string, ended bool) State {
	state, known := s[strings.ToLower(word)]
	switch {
	case word == "" && ended:
		return SetComplete
	case word == "":
		return SetRunning
	case known:
		return state
	}
	return SetUnknown
}

// best returns the set to take among those that a question is true of: a complete one first, then the newest. nil: there is none.
func best(sets []Set, is func(Set) bool) (found *Set) {
	for i, s := range sets {
		if is(s) && (found == nil || cmp.Or(cmp.Compare(rank[s.State], rank[found.State]), byStart(s, *found)) > 0) {
			found = &sets[i]
		}
	}
	return found
}

// byStart orders sets by their start.
func byStart(a, b Set) int {
	return cmp.Or(a.Start.From.Compare(b.Start.From), strings.Compare(a.ID, b.ID))
}

// rank orders the states by how good a backup in them is to adopt.
var rank = map[State]int{SetFailed: 0, SetRunning: 1, SetUnknown: 1, SetComplete: 2}

// find returns the set with the given key; nil: it is not in the list.
func find(listed []Set, key string) *Set {
	if i := slices.IndexFunc(listed, func(s Set) bool { return s.key() == key }); i >= 0 {
		return &listed[i]
	}
	return nil
}

// attrs returns the set's log attributes, as far as they are known. A nil set has none.
func (s *Set) attrs() []any {
	if s == nil {
		return nil
	}
	var a []any
	if s.ID != "" {
		a = append(a, "backupId", s.ID)
	}
	if !s.Start.From.IsZero() {
		a = append(a, "backupStartTime", s.Start.From)
	}
	if s.Status != "" {
		a = append(a, "backupStatus", s.Status)
	}
	return a
}
