package backup

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxCreates is how often CreateBackup may take effect, or may have, for one request.
	maxCreates = 3
	// stuckAfter is the age from which a backup that is still listed as running is no longer waited for.
	stuckAfter = 24 * time.Hour
	// maxClockError is how far the service's clock can be from ours: beyond that it refuses every signature.
	maxClockError = 15 * time.Minute
)

// Create is one CreateBackup of this process that took effect, or may have. The service answers without a backup id, so
// which listed set it made has to be found out.
type Create struct {
	Sent     time.Time // just before it was sent
	Answered time.Time // when it was accepted, or when it was given up as unanswered
	Accepted bool      // false: its outcome is unknown

	before  map[string]bool          // keys of the sets that were listed before it was sent; nil: nobody had looked
	foreign sync.Map                 // keys of sets that were listed later, but that somebody else made
	seen    atomic.Pointer[sighting] // what a list last showed of its backup; nil: it was not listed yet
}

// sighting is a set as a list showed it.
type sighting struct {
	Set
	at time.Time // when that look was asked for
}

// set returns what a list last showed of the backup, nil if it was not listed yet.
func (c *Create) set() *Set {
	if seen := c.seen.Load(); seen != nil {
		return &seen.Set
	}
	return nil
}

// settled reports whether a look at the given time was late enough to show what c made.
func (c *Create) settled(looked time.Time, settling time.Duration) bool {
	return !looked.Before(c.Answered.Add(settling))
}

// serves reports whether the backup that c made, listed or not, is one that r asks for.
func (c *Create) serves(r Request) bool {
	set := c.set()
	return !c.Sent.Before(r.earliest()) && (set == nil || set.State != SetFailed)
}

// made returns the set in the list that c made, nil if it is not listed. Of several candidates it takes the one that
// started soonest after c was sent.
//
// The clocks may differ, so c's set may be listed as older than c. But a set of somebody else that is listed late looks the
// same. So an older set is taken only from a settled list that shows nothing better.
func (c *Create) made(o Observed) *Set {
	if set := c.set(); set != nil {
		return find(o.Listed, set.key())
	}
	oldest := c.Sent
	if c.settled(o.Looked, o.Settling) {
		oldest = oldest.Add(-maxClockError)
	}
	var made *Set
	for i := range o.Listed {
		if s := &o.Listed[i]; c.mayHaveMade(*s, oldest, o.Looked) && (made == nil || c.likelier(*s, *made)) {
			made = s
		}
	}
	return made
}

// isForeign reports whether somebody else made s: a set that took longer than the time since c was sent, whatever the clocks
// say. Where only ended backups are listed, such a set shows while c's own is running.
func (c *Create) isForeign(s Set, looked time.Time) bool {
	_, known := c.foreign.Load(s.key())
	return known || s.shortest() > looked.Sub(c.Sent)+ClockSkew
}

// exclude notes which sets of a list are foreign: in a later one they do not stand out any more.
func (c *Create) exclude(listed []Set, looked time.Time) {
	for _, s := range listed {
		if !c.before[s.key()] && c.isForeign(s, looked) {
			c.foreign.Store(s.key(), true)
		}
	}
}

// takeOver makes c stand for an earlier one without an answer, too: what either of them made is c's.
func (c *Create) takeOver(lost *Create) {
	c.Sent, c.before = lost.Sent, maps.Clone(lost.before)
	if c.before == nil {
		return
	}
	lost.foreign.Range(func(key, _ any) bool {
		c.before[key.(string)] = true
		return true
	})
}

// mayHaveMade reports whether s can be the set that c made. After a look that is a set which was not in the list before and
// did not start before oldest; a start that cannot be read does not matter. Without a look before it is a set that may have
// started after c was sent, and whose start is believed.
func (c *Create) mayHaveMade(s Set, oldest, looked time.Time) bool {
	switch {
	case !s.full() || c.before[s.key()] || c.isForeign(s, looked):
		return false
	case c.before == nil:
		return s.Start.Until.After(c.Sent) && s.believed(looked)
	default:
		return s.Start == Span{} || s.Start.Until.After(oldest)
	}
}

// likelier reports whether c made a rather than b. Both are new.
func (c *Create) likelier(a, b Set) bool {
	afterA, afterB := a.Start.Until.After(c.Sent), b.Start.Until.After(c.Sent)
	switch {
	case afterA != afterB:
		return afterA
	case a.Start.From.Equal(b.Start.From):
		return a.ID < b.ID
	default:
		return a.Start.From.Before(b.Start.From) == afterA // the first one after c, or the last one before it
	}
}

// Observed is all that bears on the next step of an Ensure.
type Observed struct {
	Looked   time.Time     // when the look was asked for that showed Listed; zero: there was none yet
	Listed   []Set         // what the list showed
	Denied   bool          // looking is denied
	NotNow   bool          // the service refused a CreateBackup because the cluster is busy
	Last     *Create       // the CreateBackup of this process that matters; nil: none
	Own      *Create       // the last CreateBackup of this very request that took effect or may have; nil: none
	Creates  int           // how many there were of this request
	Settling time.Duration // for how long an unlisted backup is looked for (ADB_SETTLE_TIME)
}

// own reports whether Last was sent for this very request.
func (o Observed) own() bool { return o.Last != nil && o.Last == o.Own }

// lost reports whether the outcome of this request's CreateBackup is unknown.
func (o Observed) lost() bool { return o.own() && !o.Last.Accepted }

// unlistedLost returns Last if it got no answer, may have made what r asks for, and is not listed; otherwise nil.
func (o Observed) unlistedLost(r Request) *Create {
	if o.Last != nil && !o.Last.Accepted && o.serves(r) && o.Last.made(o) == nil {
		return o.Last
	}
	return nil
}

// accepted reports whether the service accepted Last.
func (o Observed) accepted() bool { return o.Last != nil && o.Last.Accepted }

// serves reports whether Last is what r asks for. Its own serves a request whatever the clock did meanwhile.
func (o Observed) serves(r Request) bool { return o.own() || o.Last != nil && o.Last.serves(r) }

// settled reports whether Last would be listed by now if it had made a backup.
func (o Observed) settled(now time.Time) bool {
	if o.Denied {
		return o.Last == nil || o.Last.settled(now, o.Settling)
	}
	return o.Last == nil || o.Last.settled(o.Looked, o.Settling)
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
	if step, ok := adopt(r, o, now); ok {
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
	case o.accepted() && o.serves(r) && (o.own() || now.Before(o.Last.Answered.Add(o.Settling))):
		return Step{Kind: StepAdopt, Set: o.Last.set(), Create: o.Last}, true // too young to have failed unseen
	case r.Immediate && r.WaitFor == WaitRequested && o.Creates == 0 && !o.NotNow && !o.serves(r):
		return Step{Kind: StepSend}, true
	case !o.Denied:
		return Step{Kind: StepLook}, true
	}
	return Step{}, false
}

// adopt finds the backup that serves: the one that this request created, one that is listed, or one that this process
// created and that is not listed yet.
func adopt(r Request, o Observed, now time.Time) (Step, bool) {
	var serving []Set
	for _, s := range o.Listed {
		if s.serves(r) && s.believed(o.Looked) {
			serving = append(serving, s)
		}
	}
	var made *Set
	if o.serves(r) {
		made = o.Last.made(o)
	}
	if made != nil && o.own() {
		return Step{Kind: StepAdopt, Set: made, Create: o.Last}, true
	}
	if made != nil && made.State != SetFailed {
		serving = append(serving, *made) // its listed start is cut to the minute, so it might not serve by that
	}
	if s := best(serving); s != nil {
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
