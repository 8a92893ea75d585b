package backup

import (
	"sync"
	"sync/atomic"
	"time"
)

// maxClockError is how far the service's clock can be from ours: beyond that it refuses every signature.
const maxClockError = 15 * time.Minute

// Create is one CreateBackup of this process that took effect, or may have. The service answers without a backup id, so
// which listed set it made has to be found out.
type Create struct {
	Sent     time.Time // just before it was sent
	Answered time.Time // when it was accepted, or when it was given up as unanswered
	Accepted bool      // false: its outcome is unknown

	afterLook bool                     // whether the list was read before it was sent
	foreign   *keys                    // of the sets that somebody else made, as far as that is certain
	seen      atomic.Pointer[sighting] // what a list last showed of its backup; nil: it was not listed yet
}

// newCreate returns a CreateBackup that is about to be sent. What is listed already is not what it makes.
func newCreate(o Observed) *Create {
	c := &Create{afterLook: !o.Looked.IsZero(), foreign: &keys{}}
	for _, s := range o.Listed {
		c.foreign.add(s.key())
	}
	return c
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
func (c *Create) settled(looked time.Time, settle time.Duration) bool {
	return !looked.Before(c.Answered.Add(settle))
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
	if c.settled(o.Looked, o.Settle) {
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

// isForeign reports whether somebody else made s: it was listed before c was sent, or it took longer than the time since then,
// whatever the clocks say. A set of the second kind is new in a list that shows only ended backups, while c's own still runs.
func (c *Create) isForeign(s Set, looked time.Time) bool {
	return c.foreign.has(s.key()) || s.shortest() > looked.Sub(c.Sent)+ClockSkew
}

// exclude notes which sets of a list are foreign. A later look could not tell any more, because the time since c was sent grows.
func (c *Create) exclude(listed []Set, looked time.Time) {
	for _, s := range listed {
		if c.isForeign(s, looked) {
			c.foreign.add(s.key())
		}
	}
}

// takeOver makes c stand for an earlier one without an answer, too: what either of them made is c's. If nobody looked before the
// earlier one was sent, what was listed before c stays foreign: what the earlier one made would have been found in it.
func (c *Create) takeOver(lost *Create) {
	c.Sent = lost.Sent
	if lost.afterLook {
		c.afterLook, c.foreign = true, lost.foreign
	}
}

// mayHaveMade reports whether s can be the set that c made. After a look that is a set which was not in the list before and
// did not start before oldest; a start that cannot be read does not matter. Without a look before it is a set that may have
// started after c was sent, and whose start is believed.
func (c *Create) mayHaveMade(s Set, oldest, looked time.Time) bool {
	switch {
	case !s.full() || c.isForeign(s, looked):
		return false
	case !c.afterLook:
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

// keys is a set of keys of backup sets. Invocations for the same cluster share it.
type keys struct {
	mu sync.Mutex
	in map[string]bool
}

func (k *keys) has(key string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.in[key]
}

func (k *keys) add(key string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.in == nil {
		k.in = map[string]bool{}
	}
	k.in[key] = true
}
