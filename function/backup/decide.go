package backup

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

const (
	// maxCreates is how often CreateBackup may take effect, or may have, for one request.
	maxCreates = 3
	// stuckAfter is the age from which a backup that is still listed as running is no longer waited for.
	stuckAfter = 24 * time.Hour
)

// Observed is all that bears on the next step of an Ensure.
type Observed struct {
	Looked  time.Time     // when the look was asked for that showed Listed; zero: there was none yet
	Listed  []Set         // what the list showed
	Denied  bool          // looking is denied
	NotNow  bool          // the service refused a CreateBackup because the cluster is busy
	Last    *Create       // the CreateBackup of this process that matters; nil: none
	Own     *Create       // the last CreateBackup of this very request that took effect or may have; nil: none
	Creates int           // how many there were of this request
	Settle  time.Duration // for how long an unlisted backup is looked for (ADB_SETTLE_TIME)
}

// lastIsOwn reports whether Last was sent for this very request.
func (o Observed) lastIsOwn() bool { return o.Last != nil && o.Last == o.Own }

// lost reports whether the outcome of this request's CreateBackup is unknown.
func (o Observed) lost() bool { return o.lastIsOwn() && !o.Last.Accepted }

// unlistedLost returns Last if it got no answer, may have made what r asks for, and is not listed; otherwise nil.
func (o Observed) unlistedLost(r Request) *Create {
	if o.Last != nil && !o.Last.Accepted && o.serves(r) && o.Last.made(o) == nil {
		return o.Last
	}
	return nil
}

// accepted reports whether the service accepted Last.
func (o Observed) accepted() bool { return o.Last != nil && o.Last.Accepted }

// serves reports whether Last is what r asks for. A request's own create always serves it, whatever the clock did meanwhile.
func (o Observed) serves(r Request) bool { return o.lastIsOwn() || o.Last != nil && o.Last.serves(r) }

// settled reports whether Last would be listed by now if it had made a backup.
func (o Observed) settled(now time.Time) bool {
	looked := o.Looked
	if o.Denied {
		looked = now
	}
	return o.Last == nil || o.Last.settled(looked, o.Settle)
}

// undoubted reports whether Last, which was accepted, needs no look: it is too young to have failed unseen. But one that was
// listed once may be deleted by now, so a request that waits for more than Requested looks first.
func (o Observed) undoubted(now time.Time, r Request) bool {
	if r.WaitFor > WaitRequested && o.Last.set() != nil {
		return o.Denied
	}
	return o.lastIsOwn() || !o.Last.settled(now, o.Settle)
}

// StepKind is the kind of the next step.
type StepKind int

const (
	StepLook      StepKind = iota // read the list
	StepLookAgain                 // read it again after a while, because the outcome of a CreateBackup is unknown
	StepAwait                     // an earlier backup is running: look again after a while
	StepSend                      // send CreateBackup
	StepAdopt                     // this backup serves
	StepGiveUp                    // whether there is a backup cannot be found out
)

// Step is what to do next.
type Step struct {
	Kind   StepKind
	Set    *Set    // StepAdopt, StepAwait: the listed set; nil: it is not listed yet
	Create *Create // StepAdopt: the CreateBackup of this process that made the backup; nil: somebody else did
	Stuck  []Set   // backups that have run for so long that they are not waited for
}

// Decide is the rule of an Ensure up to the point where there is a backup to wait for.
func Decide(now time.Time, r Request, o Observed) Step {
	if o.Looked.IsZero() {
		if step, ok := beforeLook(now, r, o); ok {
			return step
		}
	}
	if step, ok := adopt(r, o); ok {
		return step
	}
	switch {
	case o.Denied && o.serves(r) && !o.accepted():
		return Step{Kind: StepGiveUp}
	case o.lost() && !o.settled(now):
		return Step{Kind: StepLookAgain}
	}
	return awaitOrSend(now, o)
}

// beforeLook decides whether the list is needed at all.
func beforeLook(now time.Time, r Request, o Observed) (Step, bool) {
	switch {
	case o.accepted() && o.serves(r) && o.undoubted(now, r):
		return Step{Kind: StepAdopt, Set: o.Last.set(), Create: o.Last}, true
	case r.Immediate && r.WaitFor == WaitRequested && o.Creates == 0 && !o.NotNow && !o.serves(r):
		return Step{Kind: StepSend}, true
	case !o.Denied:
		return Step{Kind: StepLook}, true
	}
	return Step{}, false
}

// adopt finds the backup that serves: the one that this request created, one that is listed, or one that this process
// created and that is not listed yet.
func adopt(r Request, o Observed) (Step, bool) {
	candidates := serving(o.Listed, r, o.Looked)
	var made *Set
	if o.serves(r) {
		made = o.Last.made(o)
	}
	if made != nil && o.lastIsOwn() {
		return Step{Kind: StepAdopt, Set: made, Create: o.Last}, true
	}
	if made != nil && made.State != SetFailed {
		candidates = append(candidates, *made) // its listed start is cut to the minute, so by that alone it might not serve
	}
	if s := best(candidates); s != nil {
		step := Step{Kind: StepAdopt, Set: s}
		if o.serves(r) && o.Last.mayHaveMade(*s, o.Last.Sent.Add(-maxClockError), o.Looked) {
			step.Create = o.Last
		}
		return step, true
	}
	if o.accepted() && o.serves(r) && made == nil {
		return Step{Kind: StepAdopt, Set: o.Last.set(), Create: o.Last}, true
	}
	return Step{}, false
}

// serving returns the listed sets that r asks for, as far as the list alone shows.
func serving(listed []Set, r Request, looked time.Time) (sets []Set) {
	for _, s := range listed {
		if s.serves(r) && s.believed(looked) {
			sets = append(sets, s)
		}
	}
	return sets
}

// awaitOrSend makes sure that only one backup of the cluster runs at a time.
func awaitOrSend(now time.Time, o Observed) Step {
	var step Step
	for i, s := range o.Listed {
		switch {
		case !s.full() || !s.inProgress() || s.Start.From.IsZero():
		case s.Start.From.Before(now.Add(-stuckAfter)):
			step.Stuck = append(step.Stuck, s)
		case step.Set == nil || s.Start.From.After(step.Set.Start.From):
			step.Set = &o.Listed[i]
		}
	}
	unlisted := !o.settled(now) && o.Last.made(o) == nil
	switch {
	case step.Set != nil || unlisted:
		step.Kind = StepAwait
	case o.Creates >= maxCreates:
		step.Kind = StepGiveUp
	default:
		step.Kind = StepSend
	}
	return step
}

// best returns the set to adopt: a complete one first, then the newest. It returns nil if there are no sets.
func best(sets []Set) *Set {
	if len(sets) == 0 {
		return nil
	}
	s := slices.MaxFunc(sets, func(a, b Set) int {
		return cmp.Or(cmp.Compare(rank[a.State], rank[b.State]), a.Start.From.Compare(b.Start.From), strings.Compare(a.ID, b.ID))
	})
	return &s
}

// rank orders the states by how good a backup in them is to adopt.
var rank = map[State]int{SetFailed: 0, SetRunning: 1, SetUnknown: 1, SetComplete: 2}
