package backup

import "time"

const (
	// maxCreates is how often CreateBackup may take effect, or may have, for one request.
	maxCreates = 3
	// stuckAfter is the age from which a backup that is still listed as running is no longer waited for.
	stuckAfter = 24 * time.Hour
	// lookCounts is for how long a look says what there is. Meanwhile another process may have created a backup.
	lookCounts = time.Minute
)

// Create is one CreateBackup of this process that took effect, or may have. The service answers without a backup id, so which
// listed set it made has to be found out.
type Create struct {
	Sent     time.Time       // just before it was sent, or an earlier one of the same request whose answer was lost
	Answered time.Time       // when it was accepted, or when it was given up as unanswered
	Accepted bool            // false: its outcome is unknown
	Before   map[string]bool // the keys of the sets that were listed before it was sent; nil: nobody looked
	Key      string          // of the set that it made, once that was listed
}

// serves reports whether what c made, or may have made, is what r asks for.
func (c *Create) serves(r Request) bool { return !c.Sent.Before(r.earliest()) }

// settled reports whether a look at the given time was late enough to show what c made.
func (c *Create) settled(looked time.Time, settle time.Duration) bool {
	return !looked.Before(c.Answered.Add(settle))
}

// made returns the set that c made, nil if the list does not show it: the first one that is new and may have started after c was
// sent. The clocks may differ, so c's set may be listed as up to a minute older. But a set of somebody else that is listed late
// looks the same. So the last one before c is taken only from a settled list that shows nothing better, and only after a look,
// which tells what is new.
func (c *Create) made(listed []Set, looked time.Time, settle time.Duration) *Set {
	if c.Key != "" {
		return find(listed, c.Key)
	}
	var first, last *Set
	for i := range listed {
		s := &listed[i]
		if c.mayBe(*s, c.Sent, looked) && (first == nil || byStart(*s, *first) < 0) {
			first = s
		}
		if c.mayBe(*s, c.Sent.Add(-ClockSkew), looked) && (last == nil || byStart(*s, *last) > 0) {
			last = s
		}
	}
	if first == nil && c.Before != nil && c.settled(looked, settle) {
		return last
	}
	return first
}

// mayBe reports whether s is a full set that was not listed before c, and may have started after the given time. Where nobody
// looked, only a start that can be read and believed tells new from old.
func (c *Create) mayBe(s Set, since, looked time.Time) bool {
	if c.Before == nil && (s.Start == Span{} || !s.believed(looked)) {
		return false
	}
	return s.full() && !c.Before[s.key()] && (s.Start == Span{} || s.Start.Until.After(since))
}

// Observed is all that bears on the next step of an Ensure.
type Observed struct {
	Looked  time.Time     // when the look was asked for that showed Listed; zero: there is none that counts
	Listed  []Set         // what the list showed
	Denied  bool          // looking is denied
	NotNow  bool          // the service refused a CreateBackup because the cluster is busy
	Last    *Create       // the last CreateBackup of this process for the cluster; nil: none
	Own     bool          // Last was sent for this very request
	Creates int           // how many CreateBackups of this request took effect, or may have
	Settle  time.Duration // for how long an unlisted backup is looked for (ADB_SETTLE_TIME)
}

// StepKind is the kind of the next step.
type StepKind int

const (
	StepLook   StepKind = iota // read the list
	StepAwait                  // a backup is running, or may be: look again after a while
	StepSend                   // send CreateBackup
	StepAdopt                  // this backup serves
	StepGiveUp                 // whether there is a backup cannot be found out
)

// Step is what to do next.
type Step struct {
	Kind StepKind
	Set  *Set // StepAdopt, StepAwait: the listed set; nil: the one of Observed.Last, which is not listed yet
	Ours bool // StepAdopt: this very request created the backup
}

// Decide is the rule of an Ensure up to the point where there is a backup to wait for. The first case that holds counts.
func Decide(now time.Time, r Request, o Observed) Step {
	s := newSituation(now, r, o)
	switch {
	case s.certain(): // 1: this process created it, and it is too young to have failed unseen
		return Step{Kind: StepAdopt, Ours: o.Own}
	case s.needsNoLook(): // 2: nothing that exists can serve
		return Step{Kind: StepSend}
	case s.mayLook(): // 3
		return Step{Kind: StepLook}
	case s.ownListed(): // 4: this request's own is listed
		return Step{Kind: StepAdopt, Set: s.made, Ours: true}
	case s.best != nil: // 5: one that serves is listed
		return Step{Kind: StepAdopt, Set: s.best}
	case s.acceptedUnlisted(): // 6: one that serves will be listed
		return Step{Kind: StepAdopt, Ours: o.Own}
	case s.cannotBeFound(): // 7: one that serves may exist
		return Step{Kind: StepGiveUp}
	case s.running != nil || s.mayRun(): // 8: one backup at a time
		return Step{Kind: StepAwait, Set: s.running}
	case o.Creates >= maxCreates: // 9
		return Step{Kind: StepGiveUp}
	default: // 10
		return Step{Kind: StepSend}
	}
}

// situation is what follows from a request and what was observed.
type situation struct {
	Observed
	now     time.Time
	request Request
	looked  bool // Listed says what there is
	serves  bool // what Last made, or may have made, is what the request asks for
	made    *Set // the set that Last made, as it is listed
	best    *Set // the set to adopt among those that serve
	running *Set // the newest full backup that runs
}

func newSituation(now time.Time, r Request, o Observed) situation {
	s := situation{Observed: o, now: now, request: r, looked: now.Sub(o.Looked) <= lookCounts}
	if !s.looked {
		s.Listed = nil
	}
	if o.Last != nil {
		s.serves = o.Own || o.Last.serves(r) // its own serves, whatever the clock did meanwhile
		s.made = o.Last.made(s.Listed, o.Looked, o.Settle)
	}
	s.best = best(s.Listed, func(l Set) bool {
		made := s.made != nil && s.made.key() == l.key() // by its listed start, which is cut, it might not serve
		return l.serves(r, o.Looked) || s.serves && made && l.State != SetFailed
	})
	s.running = best(s.Listed, func(l Set) bool { return l.runs() && !l.stuck(now) })
	return s
}

// certain reports whether Last needs no look. One that was listed once may have failed or been deleted since.
func (s situation) certain() bool {
	if s.looked || !s.serves || !s.Last.Accepted {
		return false
	}
	return s.Own || s.request.WaitFor == WaitRequested && s.Last.Key == "" && !s.Last.settled(s.now, s.Settle)
}

// needsNoLook reports whether a look can show nothing that serves: the request is about this very moment, and nothing was sent.
func (s situation) needsNoLook() bool {
	return !s.looked && s.request.Immediate && s.request.WaitFor == WaitRequested && s.Creates == 0 && !s.serves && !s.NotNow
}

func (s situation) mayLook() bool   { return !s.looked && !s.Denied }
func (s situation) ownListed() bool { return s.Own && s.made != nil }

// acceptedUnlisted reports whether the service accepted a backup that serves and is not listed yet.
func (s situation) acceptedUnlisted() bool { return s.serves && s.Last.Accepted && s.made == nil }

// cannotBeFound reports whether Last may have made what the request asks for, and looking for it is denied.
func (s situation) cannotBeFound() bool { return s.Denied && s.serves && !s.Last.Accepted }

// mayRun reports whether Last may have made a backup that is not listed yet.
func (s situation) mayRun() bool {
	looked := s.Looked
	if s.Denied {
		looked = s.now
	}
	return s.Last != nil && s.made == nil && !s.Last.settled(looked, s.Settle)
}
