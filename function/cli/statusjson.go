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

type statusBackup struct {
	DBClusterId, RegionId string
	// Status is Completed, Missing if there is no complete backup (as young as MaxAge), or Unknown if the list was not read.
	Status          backup.Status
	BackupId        string        `json:",omitempty"`
	BackupStartTime *time.Time    `json:",omitempty"`
	BackupEndTime   *time.Time    `json:",omitempty"`
	BackupSize      int64         `json:",omitempty"`
	AgeSeconds      int64         `json:",omitempty"`
	Since           []statusSince `json:",omitempty"`
	Days            []statusDay   `json:",omitempty"`
	Warnings        []string      `json:",omitempty"`
	Error           string        `json:",omitempty"`
}

// statusSince is a backup that started after the last complete one.
type statusSince struct {
	Status          backup.Status
	BackupId        string `json:",omitempty"`
	BackupStartTime time.Time
	BackupStatus    string `json:",omitempty"` // the service's own word if it is unknown
}

type statusDay struct{ Date, Status string }

type statusSkipped struct{ DBClusterId, RegionId, Reason string }

func (o *overview) answer() statusAnswer {
	a := statusAnswer{Status: backup.StatusCompleted, Time: o.Now.UTC().Truncate(time.Second), Zone: o.Now.Location().String(), Backups: []statusBackup{}}
	if o.MaxAge > 0 {
		a.MaxAge = short(o.MaxAge)
	}
	for _, r := range o.Rows {
		b := o.backup(r)
		if worse(b.Status, a.Status) {
			a.Status = b.Status
		}
		a.Backups = append(a.Backups, b)
	}
	for _, s := range o.Skipped {
		a.Skipped = append(a.Skipped, statusSkipped{s.Cluster.ID, s.Cluster.Region, s.Reason})
	}
	for _, err := range o.Failed {
		a.Status = backup.StatusUnknown
		a.Errors = append(a.Errors, err.Error())
	}
	if len(o.Rows) == 0 && len(o.Failed) == 0 {
		a.Status = backup.StatusMissing
	}
	return a
}

// worse reports whether a is worse than b: Unknown is worse than Missing, and Missing is worse than Completed.
func worse(a, b backup.Status) bool {
	rank := map[backup.Status]int{backup.StatusCompleted: 0, backup.StatusMissing: 1, backup.StatusUnknown: 2}
	return rank[a] > rank[b]
}

func (o *overview) backup(r row) statusBackup {
	b := statusBackup{DBClusterId: r.Cluster.ID, RegionId: r.Cluster.Region, Status: backup.StatusCompleted, Warnings: r.Warnings}
	if r.Err != nil {
		b.Status, b.Error = backup.StatusUnknown, r.Err.Error()
		return b
	}
	if r.Last == nil || o.tooOld(r) {
		b.Status = backup.StatusMissing
	}
	if s := r.Last; s != nil {
		start := s.Start.From.UTC()
		b.BackupId, b.BackupStartTime, b.BackupSize = s.ID, &start, s.Size
		b.AgeSeconds = int64(o.Now.Sub(start).Seconds())
		if end := s.End.From.UTC(); !s.End.From.IsZero() {
			b.BackupEndTime = &end
		}
	}
	for _, s := range r.Since {
		since := statusSince{Status: backup.StatusRunning, BackupId: s.ID, BackupStartTime: s.Start.From.UTC()}
		switch s.State {
		case backup.SetFailed:
			since.Status = backup.StatusFailed
		case backup.SetUnknown:
			since.Status, since.BackupStatus = backup.StatusUnknown, s.Status
		}
		b.Since = append(b.Since, since)
	}
	for i, m := range r.Strip {
		b.Days = append(b.Days, statusDay{o.Now.AddDate(0, 0, i-days+1).Format(time.DateOnly), markNames[m]})
	}
	return b
}
