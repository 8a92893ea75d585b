package fakeadb

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// State is how far a backup is.
type State int

const (
	Pending State = iota // accepted, not started
	Running
	Completed
	Failed
)

// Backup is a backup set as it is; lists may show less of it.
type Backup struct {
	ID        string // digits; Add gives one where it is empty
	Cluster   string
	Region    string
	Type      string    // FullBackup where it is empty, or IncrementalBackup
	Start     time.Time // by the service's clock, as End and Listed
	End       time.Time // zero: never
	Listed    time.Time // lists show it from then on
	Ends      Ending
	Size      int64  // bytes, when complete
	Parent    string // the backup of which it is a copy
	RequestID string // of the CreateBackup that made it; empty: Add put it there
	Status    string // lists show this status, whatever its state; empty: that of Options.Words
}

// State is the backup's at a moment, by the service's clock.
func (b Backup) State(now time.Time) State {
	switch {
	case now.Before(b.Start):
		return Pending
	case b.End.IsZero() || now.Before(b.End):
		return Running
	case b.Ends == Fails:
		return Failed
	}
	return Completed
}

// place is a cluster in a region, which has backups.
type place struct{ cluster, region string }

// Add puts backups there that no CreateBackup made.
func (s *Service) Add(backups ...Backup) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, b := range backups {
		s.add(b)
	}
}

func (s *Service) add(b Backup) {
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
	if b.Ends == NeverEnds {
		b.End = time.Time{}
	}
	at := place{b.Cluster, b.Region}
	s.backups[at] = append(s.backups[at], b)
}

// Remove takes a backup away, as when somebody deletes it, and reports whether there was one of that id.
func (s *Service) Remove(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for at, backups := range s.backups {
		if i := slices.IndexFunc(backups, func(b Backup) bool { return b.ID == id }); i >= 0 {
			s.backups[at] = slices.Delete(backups, i, i+1)
			return true
		}
	}
	return false
}

// Backups are those of a cluster in all regions, or all there are if clusterID is empty, in the order of their ids.
func (s *Service) Backups(clusterID string) []Backup {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []Backup
	for at, backups := range s.backups {
		if clusterID == "" || clusterID == at.cluster {
			all = append(all, backups...)
		}
	}
	slices.SortFunc(all, func(a, b Backup) int { return compareIDs(a.ID, b.ID) })
	return all
}

// compareIDs has the shorter number first, so that decimal digits compare as numbers.
func compareIDs(a, b string) int {
	return cmp.Or(len(a)-len(b), strings.Compare(a, b))
}
