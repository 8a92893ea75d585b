package backup

import (
	"sync/atomic"
	"time"
)

const (
	// maxCreates is how often CreateBackup is sent for one request when its outcome stays unknown.
	maxCreates = 3
	// stuckAfter is the age from which a backup that is still listed as running is no longer waited for.
	stuckAfter = 24 * time.Hour
)

// Create is one CreateBackup that this process sent for a cluster. The service answers it without a backup id, so which
// listed set it made has to be found out.
type Create struct {
	Sent     time.Time // just before it was sent
	Answered time.Time // when it was accepted, or when it was given up as unanswered
	Accepted bool      // false: its outcome is unknown

	seen atomic.Pointer[Set] // what the list last showed of its backup; nil: nothing yet

	looked bool            // whether the list was seen before it was sent
	before map[string]bool // keys of the sets in that list
}

// settled says whether a look was so late that its list shows what c made.
func (c *Create) settled(looked time.Time, settling time.Duration) bool {
	return !looked.Before(c.Answered.Add(settling))
}

// made is the listed set that c made: one that was not in the list before, or, where there was no look, one that may have
// started after c was sent. Of several the one that started soonest after c was sent is taken. Nil: none is listed.
//
// A new set may be listed as older than c, for clocks differ. But another's, listed late, looks the same: it is taken only
// in a settled list that shows nothing better, and never if it is older by more than ClockSkew.
func (c *Create) made(listed []Set, settled bool) *Set {
	oldest := c.Sent
	if c.looked && settled {
		oldest = oldest.Add(-ClockSkew)
	}
	var made *Set
	for i, s := range listed {
		known := s.Start != Span{}
		switch {
		case !s.full() || c.before[s.key()]:
		case !known && !c.looked: // without an earlier look it could be any; with one it has just been put there
		case known && !s.Start.Until.After(oldest):
		case made == nil || c.sooner(s, *made):
			made = &listed[i]
		}
	}
	return made
}

// sooner says whether a is more likely c's than b: both are new, and two backups at once are another's work.
func (c *Create) sooner(a, b Set) bool {
	after := func(s Set) bool { return s.Start.Until.After(c.Sent) }
	switch {
	case after(a) != after(b):
		return after(a)
	case after(a) && a.Start.From != b.Start.From:
		return a.Start.From.Before(b.Start.From)
	case a.Start.From != b.Start.From:
		return a.Start.From.After(b.Start.From)
	}
	return a.ID < b.ID
}

// serves says whether the backup that c made, listed or not, is one such as r asks for.
func (c *Create) serves(r Request) bool {
	seen := c.seen.Load()
	return !c.Sent.Before(r.earliest()) && (seen == nil || seen.State != SetFailed)
}

// Observed is all that bears on the next step of an Ensure.
type Observed struct {
	Looked   time.Time     // when the look was asked for that showed Listed; zero: there was none yet
	Listed   []Set         // what the list showed
	Denied   bool          // looking is denied
	Last     *Create       // the last CreateBackup of this process for the cluster
	Mine     bool          // Last was sent for this very request
	Creates  int           // how many were sent for this request
	Settling time.Duration // for how long an unlisted backup is looked for (ADB_SETTLE_TIME)
}

// open says whether a CreateBackup of this request is still without a known outcome.
func (k Observed) open() bool { return k.Mine && !k.Last.Accepted }

// StepKind is the kind of the next step.
type StepKind int

const (
	StepLook      StepKind = iota // read the list
	StepLookAgain                 // read it again, after a while, for a CreateBackup whose outcome is unknown
	StepAwait                     // an earlier backup is running: look again after a while
	StepSend                      // send CreateBackup
	StepAdopt                     // this backup serves
	StepGiveUp                    // whether there is a backup cannot be found out
)

// Step is what to do next.
type Step struct {
	Kind    StepKind
	Set     *Set    // Adopt: the listed set, nil while it is unlisted; Await: the running one, nil while it is unlisted
	Create  *Create // Adopt: the create that made the backup, nil if none of this process did
	Created bool    // Adopt: it was sent for this very request
	Stuck   []Set   // backups that run for so long that they are not waited for
}

// Decide is the rule of an Ensure up to the point where there is a backup to wait for.
func Decide(now time.Time, r Request, k Observed) Step {
	last, mine := k.Last, k.Mine
	looked := !k.Looked.IsZero()
	accepted := last != nil && last.Accepted
	serves := last != nil && (mine || last.serves(r)) // its own serves a request whatever the clock did meanwhile
	// settled: had the last create made a backup, the list would show it by now.
	settled := last == nil || looked && last.settled(k.Looked, k.Settling) || k.Denied && last.settled(now, k.Settling)

	if !looked {
		switch {
		case accepted && serves && (mine || now.Before(last.Answered.Add(k.Settling))):
			return Step{Kind: StepAdopt, Set: last.seen.Load(), Create: last, Created: mine} // too young to have failed unseen
		case r.Immediate && r.WaitFor == WaitRequested && k.Creates == 0 && !serves:
			return Step{Kind: StepSend}
		case !k.Denied:
			return Step{Kind: StepLook}
		}
	}

	var serving []Set
	for _, s := range k.Listed {
		if s.serves(r) {
			serving = append(serving, s)
		}
	}
	var made *Set
	if serves {
		made = last.made(k.Listed, settled)
	}
	if made != nil && mine {
		return Step{Kind: StepAdopt, Set: made, Create: last, Created: true}
	}
	if made != nil && made.State != SetFailed {
		serving = append(serving, *made) // by its listed start, cut to the minute, it might not serve
	}
	if s := best(serving); s != nil {
		step := Step{Kind: StepAdopt, Set: s}
		if serves && last.made([]Set{*s}, true) != nil { // it serves whoever made it, so there is nothing to wait for
			step.Create, step.Created = last, mine
		}
		return step
	}
	if accepted && serves && made == nil {
		return Step{Kind: StepAdopt, Set: last.seen.Load(), Create: last, Created: mine}
	}

	if k.Denied && serves && !accepted {
		return Step{Kind: StepGiveUp} // it may exist, and nothing can tell
	}
	if k.open() && !settled {
		return Step{Kind: StepLookAgain}
	}

	var step Step
	for i, s := range k.Listed {
		switch {
		case !s.full() || !s.inProgress() || s.Start.From.IsZero():
		case s.Start.From.Before(now.Add(-stuckAfter)):
			step.Stuck = append(step.Stuck, s)
		case step.Set == nil || s.Start.From.After(step.Set.Start.From):
			step.Set = &k.Listed[i]
		}
	}
	unlisted := last != nil && !settled && last.made(k.Listed, settled) == nil
	switch {
	case step.Set != nil || unlisted:
		step.Kind = StepAwait
	case k.Creates >= maxCreates:
		step.Kind = StepGiveUp
	default:
		step.Kind = StepSend
	}
	return step
}

// Progress says how far a backup is that was adopted or created.
type Progress struct {
	Reached bool      // as far as the request asks
	Failed  bool      // it ended in failure
	Until   time.Time // not reached, but will be at this moment without another look
}

// Follow is the rule of the waiting: set is the backup as it is listed, nil while it is unlisted.
func Follow(now time.Time, w WaitFor, set *Set, ddlPause time.Duration) Progress {
	switch {
	case set == nil:
		return Progress{Reached: w == WaitRequested}
	case set.State == SetFailed:
		return Progress{Failed: true}
	case w == WaitRequested:
		return Progress{Reached: true}
	case set.State != SetComplete:
		return Progress{}
	case w == WaitCompleted:
		return Progress{Reached: true}
	}
	// DDL is allowed again some time after the start; the latest that the listed one can mean is on the safe side. A set
	// that never had a start is measured from its end.
	from := set.Start.Until
	if from.IsZero() {
		from = set.End.Until
	}
	if from.IsZero() {
		return Progress{} // the next look may tell
	}
	allowed := from.Add(ddlPause)
	return Progress{Reached: !now.Before(allowed), Until: allowed}
}
