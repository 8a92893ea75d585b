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

// setStatus is the status of a set in the words of the function's answer.
var setStatus = [...]backup.Status{backup.SetRunning: backup.StatusRunning, backup.SetUnknown: backup.StatusUnknown, backup.SetComplete: backup.StatusCompleted, backup.SetFailed: backup.StatusFailed}

// answer returns the overview for programs, with so many days of each cluster.
func (o *overview) answer(days int) statusAnswer {
	a := statusAnswer{Time: o.Now.UTC().Truncate(time.Second), Zone: o.Now.Location().String(), Backups: []statusBackup{}}
	a.Status, _ = o.summary()
	if o.MaxAge > 0 {
		a.MaxAge = short(o.MaxAge)
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
	b := statusBackup{DBClusterId: r.Cluster.ID, RegionId: r.Cluster.Region, Since: setsOf(r.Since), Sets: setsOf(r.recent(o.Now, days)), Warnings: r.Warnings}
	if r.Last != nil {
		b.statusSet = setsOf([]backup.Set{*r.Last})[0]
		b.AgeSeconds = int64(o.Now.Sub(r.Last.Start.From).Seconds())
	}
	if b.Status, _ = o.verdict(r); r.Err != nil {
		b.Error = r.Err.Error()
		return b
	}
	for i, m := range r.strip(days) {
		b.Days = append(b.Days, statusDay{o.Now.AddDate(0, 0, i-days+1).Format(time.DateOnly), marks[m].name})
	}
	return b
}

func setsOf(sets []backup.Set) (all []statusSet) {
	for _, s := range sets {
		set := statusSet{Status: setStatus[s.State], BackupId: s.ID, BackupSize: s.Size, BackupType: "FullBackup", Copy: s.Copy,
			BackupStartTime: s.Start.From.UTC(), BackupEndTime: s.End.From.UTC(), BackupExpiredTime: s.Expires.From.UTC()}
		if !s.Full {
			set.BackupType = "IncrementalBackup"
		}
		if s.State == backup.SetUnknown {
			set.BackupStatus = s.Status
		}
		all = append(all, set)
	}
	return all
}
