package adb

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// list is DescribeBackups' reply. Counts are documented as strings and sizes as numbers; both are read either way.
type list struct {
	TotalCount *text
	Items      *items
}

type items struct{ Backup []item }

type item struct {
	BackupId, DBClusterId, BackupType, ParentBackupId, BackupStatus text
	BackupStartTime, BackupEndTime, BackupSize                      text
}

var errNoItems = errors.New("the reply counts backup sets but lists none")

// decodeList reads one page. A reply that has neither items nor a count is no list: it must not pass for an empty one.
func decodeList(body []byte) (list, error) {
	var l list
	if err := json.Unmarshal(body, &l); err != nil {
		return list{}, err
	}
	if l.TotalCount == nil && l.Items == nil {
		return list{}, errors.New("the reply is no list of backup sets")
	}
	if l.Items == nil {
		l.Items = &items{}
	}
	return l, nil
}

// UnmarshalJSON reads Items, which the service may leave empty in other ways than an object.
func (i *items) UnmarshalJSON(b []byte) error {
	if s := string(b); s == `""` || s == "[]" || s == "null" {
		return nil
	}
	type plain items
	return json.Unmarshal(b, (*plain)(i))
}

// total is how many sets the whole list has, or -1 if the service does not say.
func (l list) total() int {
	if l.TotalCount == nil { // also of a list that could not be read
		return -1
	}
	n, err := strconv.Atoi(string(*l.TotalCount))
	if err != nil {
		return -1
	}
	return n
}

func (i item) set(words backup.Statuses) backup.Set {
	s := backup.Set{
		ID:     string(i.BackupId),
		Full:   i.BackupType == "" || strings.EqualFold(string(i.BackupType), "FullBackup"),
		Copy:   i.ParentBackupId != "" && i.ParentBackupId != "0" && i.ParentBackupId != i.BackupId,
		Start:  span(string(i.BackupStartTime)),
		End:    span(string(i.BackupEndTime)),
		Status: string(i.BackupStatus),
	}
	s.State = words.State(s.Status, s.End != backup.Span{})
	if n, err := strconv.ParseInt(string(i.BackupSize), 10, 64); err == nil && n >= 0 {
		s.Size = n
	} else if f, err := strconv.ParseFloat(string(i.BackupSize), 64); err == nil && f >= 0 && f < 1<<62 {
		s.Size = int64(f)
	}
	return s
}

// span reads a listed time: to the minute as the current page of the documentation has it, or to the second as an older
// one does. A time that cannot be read is not known.
func span(s string) backup.Span {
	for _, precision := range []struct {
		layout string
		unit   time.Duration
	}{{"2006-01-02T15:04Z07:00", time.Minute}, {time.RFC3339Nano, time.Second}} {
		if t, err := time.Parse(precision.layout, s); err == nil && t.UTC().Year() < 9999 { // later ones have no RFC 3339 form
			t = t.UTC()
			return backup.Span{From: t, Until: t.Add(precision.unit)}
		}
	}
	return backup.Span{}
}
