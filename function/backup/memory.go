package backup

import (
	"context"
	"sync"
	"sync/atomic"
	"time"
)

// remembered is how long the process remembers a CreateBackup.
const remembered = 24 * time.Hour

// Create is one CreateBackup of this process that took effect, or may have. The service answers without a backup id, so
// which listed set it made has to be found out.
type Create struct {
	Sent     time.Time // just before it was sent
	Answered time.Time // when it was accepted, or when it was given up as unanswered
	Accepted bool      // false: its outcome is unknown

	before map[string]bool          // keys of the sets that were listed before it was sent; nil: nobody had looked
	seen   atomic.Pointer[sighting] // what a list last showed of its backup; nil: it was not listed yet
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

// mayHaveMade reports whether s can be the set that c made. After a look that is a set which was not in the list before and
// did not start before oldest; a start that cannot be read does not matter. Without a look before it is a set that may have
// started after c was sent, and whose start is believed.
func (c *Create) mayHaveMade(s Set, oldest, looked time.Time) bool {
	switch {
	case !s.full() || c.before[s.key()]:
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

// clusterState is what the process remembers of one cluster. Whoever holds lock may use last and accepted.
type clusterState struct {
	lock     chan struct{} // holds a token while an invocation decides and creates
	last     *Create       // the last CreateBackup; nil: none
	accepted *Create       // the last one that was accepted; nil: none
	users    int           // tasks that have a reference; guarded by memory.mu
}

// known returns the CreateBackup that matters to a request whose own is own (nil: it has none yet). An unanswered one of
// another invocation must not hide one that was accepted and serves.
func (s *clusterState) known(r Request, own *Create) *Create {
	if a := s.accepted; a != nil && s.last != own && a.serves(r) {
		return a
	}
	return s.last
}

// reconcile brings the memory up to date with a list. It forgets a backup that was listed once and is not listed any more.
func (s *clusterState) reconcile(looked time.Time, listed []Set) {
	for _, c := range []*Create{s.last, s.accepted} {
		if c == nil {
			continue
		}
		seen := c.seen.Load()
		if seen == nil || !looked.After(seen.at) { // another invocation has looked meanwhile
			continue
		}
		if set := find(listed, seen.key()); set != nil {
			c.seen.Store(&sighting{*set, looked})
		} else {
			s.forget(c)
		}
	}
}

// forget forgets c.
func (s *clusterState) forget(c *Create) {
	if s.last == c {
		s.last = nil
	}
	if s.accepted == c {
		s.accepted = nil
	}
}

// expire forgets what is older than remembered.
func (s *clusterState) expire(now time.Time) {
	for _, c := range []*Create{s.last, s.accepted} {
		if c != nil && now.Sub(c.Sent) > remembered {
			s.forget(c)
		}
	}
}

// memory is what the process remembers of all clusters: a few hundred bytes for each one that it created a backup of.
type memory struct {
	mu     sync.Mutex
	states map[Cluster]*clusterState
}

// use returns a cluster's state. The caller gives it back with done.
func (m *memory) use(c Cluster) *clusterState {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.states[c]
	if s == nil {
		s = &clusterState{lock: make(chan struct{}, 1)}
		m.states[c] = s
	}
	s.users++
	return s
}

// done gives a state back. One that holds nothing is dropped.
func (m *memory) done(c Cluster, s *clusterState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.users--; s.users > 0 {
		return
	}
	if s.expire(time.Now()); s.last == nil && s.accepted == nil {
		delete(m.states, c)
	}
}

// hold is one task's hold on a token of a channel: the lock of a cluster, or one of the slots of a region. Whoever holds a
// token may take it again, and release may be called at any time.
type hold struct {
	tokens chan struct{}
	held   bool
}

// take waits for a token. It calls waiting before it has to wait. It reports whether it got one before ctx ended.
func (h *hold) take(ctx context.Context, waiting func()) bool {
	if h.held {
		return true
	}
	select {
	case h.tokens <- struct{}{}:
		h.held = true
		return true
	default:
	}
	waiting()
	select {
	case h.tokens <- struct{}{}:
		h.held = true
	case <-ctx.Done():
	}
	return h.held
}

func (h *hold) release() {
	if h.held {
		h.held = false
		<-h.tokens
	}
}
