package adb

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// Backups is AnalyticDB's DescribeBackups, all pages.
func (s *session) Backups(ctx context.Context, c backup.Cluster, from, to time.Time) (backup.Listing, error) {
	const layout = "2006-01-02T15:04Z"
	var l backup.Listing
	var err error
	l.Sets, err = readList(ctx, s, query{"DescribeBackups", c, map[string]string{
		"DBClusterId": c.ID, "StartTime": from.UTC().Format(layout), "EndTime": to.UTC().Format(layout),
	}}, func(x *exchange) (page[backup.Set], error) {
		p, unreadable, err := decodeBackups(x.Body, c.ID, s.api.options.Statuses)
		for i := range p.rows {
			set := &p.rows[i].item
			set.ID, set.Status = s.clean(x, set.ID), s.clean(x, set.Status)
		}
		if l.Unreadable == "" {
			l.Unreadable = s.clean(x, unreadable)
		}
		return p, err
	})
	return l, err
}

type backupRow struct {
	BackupId, DBClusterId, BackupType, ParentBackupId, BackupStatus text
	BackupStartTime, BackupEndTime, BackupSize                      text
}

// decodeBackups reads one page of a cluster's backup sets. unreadable is the first time, size or row that cannot be read.
func decodeBackups(body []byte, cluster string, words backup.Statuses) (p page[backup.Set], unreadable string, err error) {
	r, err := decodeReply(body)
	if err != nil {
		return p, "", err
	}
	p.total = r.total()
	for _, b := range r.Items.Backup {
		if b.odd != "" {
			p.rows = append(p.rows, row[backup.Set]{})
			unreadable = cmp.Or(unreadable, "a row that is not an object: "+b.odd)
			continue
		}
		set, fault := b.set(words)
		unreadable = cmp.Or(unreadable, fault)
		p.rows = append(p.rows, row[backup.Set]{
			key:  cut(string(b.DBClusterId+"|"+b.BackupId+"|"+b.BackupStartTime+"|"+b.BackupType), 200),
			keep: b.DBClusterId == "" || strings.EqualFold(string(b.DBClusterId), cluster),
			item: set,
		})
	}
	return p, unreadable, nil
}

// set returns the backup set of a row, and names the first field of it that cannot be read.
func (b backupRow) set(words backup.Statuses) (_ backup.Set, unreadable string) {
	s := backup.Set{
		ID:     cut(string(b.BackupId), longestWord),
		Full:   b.BackupType == "" || b.BackupType.is("FullBackup"),
		Copy:   b.ParentBackupId != "" && b.ParentBackupId != "0" && b.ParentBackupId != b.BackupId,
		Status: cut(strings.TrimSpace(string(b.BackupStatus)), longestWord),
	}
	var start, end, size bool
	s.Start, start = span(string(b.BackupStartTime))
	s.End, end = span(string(b.BackupEndTime))
	s.Size, size = bytesOf(string(b.BackupSize))
	s.State = words.State(s.Status, s.End != backup.Span{})
	for _, field := range []struct {
		name  string
		value text
		read  bool
	}{
		{"BackupStartTime", b.BackupStartTime, start},
		{"BackupEndTime", b.BackupEndTime, end},
		{"BackupSize", b.BackupSize, size},
		{"BackupType", b.BackupType, s.Full || b.BackupType.is("IncrementalBackup")},
		{"BackupStatus", b.BackupStatus, b.BackupStatus.plain()},
		{"ParentBackupId", b.ParentBackupId, b.ParentBackupId.plain()},
	} {
		if !field.read {
			return s, fmt.Sprintf("%s %q of backup %s", field.name, cut(string(field.value), 60), s.ID)
		}
	}
	return s, ""
}

// bytesOf reads a size. An empty one was not given, and is 0.
func bytesOf(s string) (size int64, ok bool) {
	if s == "" {
		return 0, true
	}
	if n, err := strconv.ParseInt(s, 10, 64); err == nil && n >= 0 {
		return n, true
	}
	f, err := strconv.ParseFloat(s, 64)
	if err == nil && f >= 0 && f < 1<<62 {
		return int64(f), true
	}
	return 0, false
}

// timeForms are the forms of RFC 3339 that are read, with and without seconds, and with an offset in either form. Fractions
// of a second need no form of their own.
var timeForms = []struct {
	layout string
	unit   time.Duration
}{
	{"2006-01-02T15:04Z07:00", time.Minute}, {"2006-01-02T15:04Z0700", time.Minute},
	{"2006-01-02T15:04:05Z07:00", time.Second}, {"2006-01-02T15:04:05Z0700", time.Second},
}

// span reads a listed time: to the minute as the current page of the documentation has it, or to the second as an older one
// does. An empty one is not given. A time without a zone means nothing.
func span(s string) (_ backup.Span, ok bool) {
	if s == "" {
		return backup.Span{}, true
	}
	s = strings.ToUpper(s)
	if len(s) > 10 && s[10] == ' ' {
		s = s[:10] + "T" + s[11:]
	}
	for _, form := range timeForms {
		if t, err := time.Parse(form.layout, s); err == nil && t.UTC().Year() > 0 && t.UTC().Year() < 9999 { // others have no RFC 3339 form
			t = t.UTC()
			return backup.Span{From: t, Until: t.Add(form.unit)}, true
		}
	}
	return backup.Span{}, false
}
