package main

import (
	"time"

	"adb-backup/function/backup"
)

// statusAnswer is the overview as JSON. Names and forms are those of the function's answer.
type statusAnswer struct {
	Status  backup.Status // of the cluster that is worst off
	Time    time.Time
	Zone    string // the days are days there
	MaxAge  string `json:",omitempty"`
	Backups []statusBackup
	Skipped []statusSkipped `json:",omitempty"`
	Errors  []string        `json:",omitempty"`
}

// statusBackup is a cluster with its last complete backup. Its Status is Completed, Missing if there is no complete backup (as
// young as MaxAge), or Unknown if the list was not read.
type statusBackup struct {
	DBClusterId, RegionId string
	statusSet
	AgeSeconds int64       `json:",omitempty"`
	Since      []statusSet `json:",omitempty"` // what started after the last complete backup and counts
	Days       []statusDay `json:",omitempty"`
	Sets       []statusSet `json:",omitempty"` // everything that is listed of these days
	Warnings   []string    `json:",omitempty"`
	Error      string      `json:",omitempty"`
}

// statusSet is a backup set.
type statusSet struct {
	Status            backup.Status
	BackupId          string    `json:",omitempty"`
	BackupStartTime   time.Time `json:",omitzero"`
	BackupEndTime     time.Time `json:",omitzero"`
	BackupSize        int64     `json:",omitempty"`
	BackupExpiredTime time.Time `json:",omitzero"`
	BackupType        string    `json:",omitempty"`
	Copy              bool      `json:",omitempty"`
	BackupStatus      string    `json:",omitempty"` // the service's own word if it is unknown
}

type statusDay struct{ Date, Status string }

type statusSkipped struct{ DBClusterId, RegionId, Reason string }

// answer returns the overview for programs, with so many days of each cluster.
func (o *overview) answer(days int) statusAnswer {
	a := statusAnswer{Status: backup.StatusCompleted, Time: o.Now.UTC().Truncate(time.Second), Zone: o.Now.Location().String(), Backups: []statusBackup{}}
	if o.MaxAge > 0 {
		a.MaxAge = short(o.MaxAge)
	}
	if _, unread, lack := o.summary(); unread > 0 {
		a.Status = backup.StatusUnknown
	} else if lack > 0 || len(o.Rows) == 0 {
		a.Status = backup.StatusMissing
	}
	for _, r := range o.Rows {
		a.Backups = append(a.Backups, o.backup(r, days))
	}
	for _, s := range o.Skipped {
		a.Skipped = append(a.Skipped, statusSkipped{s.Cluster.ID, s.Cluster.Region, s.Reason})
	}
	for _, err := range o.Failed {
		a.Errors = append(a.Errors, err.Error())
	}
	return a
}

func (o *overview) backup(r row, days int) statusBackup {
	b := statusBackup{DBClusterId: r.Cluster.ID, RegionId: r.Cluster.Region, Warnings: r.Warnings}
	if r.Err != nil {
		b.Status, b.Error = backup.StatusUnknown, r.Err.Error()
		return b
	}
	if r.Last != nil {
		b.statusSet = setOf(*r.Last)
		b.AgeSeconds = int64(o.Now.Sub(r.Last.Start.From).Seconds())
	}
	if o.wrong(r) != "" {
		b.Status = backup.StatusMissing
	}
	for _, s := range r.Since {
		b.Since = append(b.Since, setOf(s))
	}
	for _, s := range r.recent(o.Now, days) {
		b.Sets = append(b.Sets, setOf(s))
	}
	for i, m := range r.strip(o.Now, days) {
		b.Days = append(b.Days, statusDay{o.Now.AddDate(0, 0, i-days+1).Format(time.DateOnly), marks[m].name})
	}
	return b
}

func setOf(s backup.Set) statusSet {
	set := statusSet{Status: setStatus[s.State], BackupId: s.ID, BackupSize: s.Size, BackupType: "FullBackup", Copy: s.Copy,
		BackupStartTime: s.Start.From.UTC(), BackupEndTime: s.End.From.UTC(), BackupExpiredTime: s.Expires.From.UTC()}
	if !s.Full {
		set.BackupType = "IncrementalBackup"
	}
	if s.State == backup.SetUnknown {

	}
	return set
}
