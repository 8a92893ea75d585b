package fakeadb

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// State is how far a backup is. As the end that a backup will come to, Running is none.
type State int

const (
	Completed State = iota
	Failed
	Running
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
	Ends      State     // what it comes to
	Size      int64     // bytes, when complete
	Parent    string    // the backup of which it is a copy
	RequestID string    // of the CreateBackup that made it; empty: Add put it there
}

// State is the backup's at a moment, by the service's clock.
func (b Backup) State(now time.Time) State {
	if b.End.IsZero() || now.Before(b.End) {
		return Running
	}
	return b.Ends
}

// Add puts backups there that no CreateBackup made.
func (s *Service) Add(backups ...Backup) {
	s.locked(func() {
		for _, b := range backups {
			s.add(b)
		}
	})
}

func (s *Service) add(b Backup) {
	if b.ID == "" {
		s.lastID++
		b.ID = strconv.Itoa(s.lastID)
	}
	b.Type, b.Region = cmp.Or(b.Type, "FullBackup"), cmp.Or(b.Region, defaultRegion)
	if b.Ends == Running {
		b.End = time.Time{}
	}
	s.backups = append(s.backups, b)
}

// Remove takes a backup away, as when somebody deletes it.
func (s *Service) Remove(id string) {
	s.locked(func() { s.backups = slices.DeleteFunc(s.backups, func(b Backup) bool { return b.ID == id }) })
}

// Backups are those of a cluster in all regions, or all there are if clusterID is empty, in the order in which they came.
func (s *Service) Backups(clusterID string) (all []Backup) {
	s.locked(func() { all = slices.Clone(s.backups) })
	return slices.DeleteFunc(all, func(b Backup) bool { return clusterID != "" && clusterID != b.Cluster })
}

// createBackup answers with the request id alone, and has no token that would make it idempotent: the service has none.
func (s *Service) createBackup(c *Call, o Options, _ url.Values) (any, *Error) {
	now := o.now()
	if err := o.refusesBackup(c, now); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	overlaps := func(b Backup) bool {
		return b.Cluster == c.Cluster && b.Region == c.Region && b.Type == "FullBackup" && b.Parent == "" && b.State(now) == Running
	}
	if o.Overlap != nil && slices.ContainsFunc(s.backups, overlaps) {
		return nil, o.Overlap
	}
	s.add(Backup{
		Cluster: c.Cluster, Region: c.Region, Start: now, End: now.Add(o.Takes), Listed: now.Add(o.ListedAfter),
		Ends: o.Ends, Size: cmp.Or(o.Size, 5_000_000_000), RequestID: c.RequestID,
	})
	c.Effect = true
	return struct{ RequestId string }{c.RequestID}, nil
}

// refusesBackup returns why the cluster takes no backup at this moment, or nil.
func (o Options) refusesBackup(c *Call, now time.Time) *Error {
	for _, b := range o.Busy {
		if (b.Cluster == "" || b.Cluster == c.Cluster) && now.Before(b.Until) {
			return cmp.Or(b.Error, ErrClusterBusy)
		}
	}
	switch here := o.cluster(c.Cluster, c.Region); {
	case here == nil:
		return nil
	case here.DBVersion == dataWarehouse:
		return ErrClusterIDNotFound // this version of the API does not know the Data Warehouse Edition
	case slices.Contains([]string{"Preparing", "Creating", "Restoring", "Deleting"}, here.Status):
		return ErrClusterBusy
	}
	return nil
}

// describeBackups lists a cluster's backups page by page, the last one first.
func (s *Service) describeBackups(c *Call, o Options, q url.Values) (any, *Error) {
	from, _ := time.Parse(Minutes, q.Get("StartTime"))
	to, _ := time.Parse(Minutes, q.Get("EndTime"))
	now := o.now()
	all := slices.DeleteFunc(s.Backups(c.Cluster), func(b Backup) bool {
		return b.Region != c.Region || !o.shows(b, now) || b.Start.Before(from) || b.Start.After(to)
	})
	slices.SortStableFunc(all, func(a, b Backup) int { return b.Start.Compare(a.Start) })
	return list(c, q, "Backup", all, func(b Backup) map[string]any { // without what the backup does not have yet
		state := b.State(now)
		e := map[string]any{
			"DBClusterId": b.Cluster, "BackupId": b.ID, "BackupType": b.Type, "BackupMethod": "Snapshot", "BackupStatus": cmp.Or(o.Words[state], usualWords[state]),
			"BackupStartTime": o.time(b.Start), "BackupRegion": b.Region, "ParentBackupId": b.Parent,
		}
		switch state {
		case Running:
			c.Running++
			return e
		case Completed:
			e["BackupSize"], e["BackupExpiredTime"] = b.Size, o.time(b.End.AddDate(0, 0, 30))
		}
		e["BackupEndTime"] = o.time(b.End)
		return e
	}), nil
}

// shows reports whether lists show a backup yet.
func (o Options) shows(b Backup, now time.Time) bool {
	from := b.Listed
	if o.HideRunning {
		if from = b.End; b.RequestID != "" {
			from = from.Add(o.ListedAfter)
		}
	}
	return !now.Before(from) && (!o.HideRunning || b.State(now) != Running)
}
