package fakeadb

import (
	"slices"
	"strconv"
	"time"
)

// State is where a backup is in its life.
type State int

const (
	Pending State = iota // accepted, not started
	Running
	Completed
	Failed
)

// Backup is a backup set as it truly is; lists show less of it.
type Backup struct {
	ID        string // digits; given by Add where it is empty
	Cluster   string
	Region    string
	Type      string    // FullBackup where it is empty, or IncrementalBackup
	Start     time.Time // by the service's clock, as End and Listed
	End       time.Time // zero: never
	Listed    time.Time // lists show it from then on
	Ends      Ending
	Size      int64  // bytes, when complete
	Parent    string // of which it is a copy
	RequestID string // of the CreateBackup that made it; empty: not made here
	Status    string // the list's word for it, whatever its state; empty: Options.Words
}

// State is the backup's at a moment of the service's clock.
func (b Backup) State(now time.Time) State {
	switch {
	case now.Before(b.Start):
		return Pending
	case b.Ends == NeverEnds || b.End.IsZero() || now.Before(b.End):
		return Running
	case b.Ends == Fails:
		return Failed
	}
	return Completed
}

type cluster struct{ id, region string }

// Add puts backup sets there that are older than the story, and returns their ids.
func (s *Service) Add(backups ...Backup) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	ids := make([]string, len(backups))
	for i := range backups {
		ids[i] = s.add(backups[i])
	}
	return ids
}

func (s *Service) add(b Backup) string {
	if b.ID == "" {
		s.lastID++
		b.ID = strconv.Itoa(s.lastID)
	}
	if b.Type == "" {
		b.Type = "FullBackup"
	}
	if b.Region == "" {
		b.Region = defaultRegion
	}
	c := cluster{b.Cluster, b.Region}
	s.backups[c] = append(s.backups[c], b)
	return b.ID
}

// Backups are those of a cluster in all regions, or, if it is empty, all there are; each cluster's in the order in which
// they were made.
func (s *Service) Backups(clusterID string) []Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Backup
	for c, backups := range s.backups {
		if clusterID == "" || clusterID == c.id {
			all = append(all, backups...)
		}
	}
	slices.SortStableFunc(all, func(a, b Backup) int { return compareIDs(a.ID, b.ID) })
	return all
}

// compareIDs has the shorter number first, so that decimal digits compare as numbers.
func compareIDs(a, b string) int {
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// Now is the time by the service's clock.
func (s *Service) Now() time.Time { return time.Now().Add(s.Options().Skew) }
