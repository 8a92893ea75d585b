package backup

import (
	"sync"
	"time"

	"golang.org/x/sync/semaphore"
)

// remembered is how long the process remembers a CreateBackup.
const remembered = 24 * time.Hour

// clusterState is what the process remembers of one cluster. Whoever has the turn may use last, and change it.
type clusterState struct {
	turn  *semaphore.Weighted // held while a task decides, looks or sends, and never while it waits
	last  *Create             // the last CreateBackup; nil: none
	users int                 // tasks that have a reference; guarded by memory.mu
}

// recall returns the last CreateBackup, unless it was too long ago.
func (s *clusterState) recall() *Create {
	if s.last != nil && time.Since(s.last.Sent) > remembered {
		s.last = nil
	}
	return s.last
}

// reconcile brings the memory up to date with a list. It forgets a backup that was listed once and is gone, and one that failed,
// unless it is the own one of the request that looked. It returns the CreateBackup whose backup is listed for the first time.
func (s *clusterState) reconcile(listed []Set, looked time.Time, settle time.Duration, own *Create) (first *Create) {
	c := s.recall()
	if c == nil {
		return nil
	}
	set := c.made(listed, looked, settle)
	if set == nil && c.Key != "" || set != nil && set.State == SetFailed && c != own {
		s.last = nil
	}
	if set == nil || c.Key != "" {
		return nil
	}
	c.Key = set.key()
	return c
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
		s = &clusterState{turn: semaphore.NewWeighted(1)}
		m.states[c] = s
	}
	s.users++
	return s
}

// done gives a state back. One that holds nothing is dropped.
func (m *memory) done(c Cluster, s *clusterState) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.users--; s.users == 0 && s.recall() == nil {
		delete(m.states, c)
	}
}
