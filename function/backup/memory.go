package backup

import (
	"sync"
	"time"
)

// remembered is how long the process remembers a CreateBackup.
const remembered = 24 * time.Hour

// clusterState is what the process remembers of one cluster. Whoever holds lock may use last and accepted.
type clusterState struct {
	lock     chan struct{} // holds a token while an invocation decides and creates
	last     *Create       // the last CreateBackup; nil: none
	accepted *Create       // the last one that was accepted, as its answer or a list said; nil: none
	users    int           // tasks that have a reference; guarded by memory.mu
}

// known returns the CreateBackup that matters to a request whose own is own (nil: it has none yet). An unanswered one of
// another invocation must not hide one that was accepted and serves.
func (s *clusterState) known(r Request, own *Create) *Create {
	s.expire(time.Now())
	if a := s.accepted; a != nil && s.last != own && a.serves(r) {
		return a
	}
	return s.last
}

// reconcile brings the memory up to date with a list. It forgets a backup that was listed once and is not listed any more, and
// one that failed if there is a later one, which it must not hide.
func (s *clusterState) reconcile(listed []Set, looked time.Time, settle time.Duration) {
	if a := s.accepted; a != nil && a != s.last {
		if set := a.made(Observed{Looked: looked, Listed: listed, Settle: settle}); set != nil && set.State == SetFailed {
			s.accepted = nil
		}
	}
	for _, c := range []*Create{s.last, s.accepted} {
		if c == nil {
			continue
		}
		c.exclude(listed, looked)
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
