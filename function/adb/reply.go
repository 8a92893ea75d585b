package adb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"
)

// document is what every reply may hold beside its list.
type document struct {
	Code, Message, RequestId, Success, AccessDeniedDetail text
}

// failed reports whether a reply says that the call failed, although its HTTP status is one of success.
func (d document) failed() bool {
	switch strings.ToLower(string(d.Code)) {
	case "", "0", "200", "ok", "success":
		return d.Success == "false"
	}
	return true
}

// text is a JSON value that may be written as a string or as a number, as counts, sizes and ids are. Any other value keeps its
// JSON text, which no rule takes for a known word, a time or a size.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case b[0] == '"' && bytes.IndexByte(b, '\\') < 0: // as most are
		*t = text(b[1 : len(b)-1])
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case string(b) != "null":
		*t = text(b)
	}
	return nil
}

// object is a JSON object. Where it is empty, the service may write "" or [] instead.
type object[T any] struct {
	T     T
	given bool // it is there, and not null
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *object[T]) UnmarshalJSON(b []byte) error {
	o.given = string(b) != "null"
	if string(b) == `""` || string(b) == "[]" {
		return nil
	}
	return json.Unmarshal(b, &o.T)
}

type items struct {
	Backup    []backupRow
	DBCluster []clusterRow
}

// decodePage reads one page of a list. total is how many entries the whole list has, -1 where the service does not say. A reply
// with neither rows nor a count is no list: it must not pass for an empty one.
func decodePage(body []byte) (rows items, total int, err error) {
	var reply struct {
		document
		TotalCount text
		Items      object[items]
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return rows, 0, err
	}
	if reply.failed() || reply.TotalCount == "" && !reply.Items.given {
		return rows, 0, errors.New("it is not a list")
	}
	rows = reply.Items.T
	if total, err = strconv.Atoi(string(reply.TotalCount)); err != nil {
		total = -1
	}
	return rows, total, nil
}

// note adds what tells a page's rows apart to what was found of the list, and reports whether the list ends with it. A list may
// move between two pages, so that a row comes again, and a few rows may expire meanwhile. It is not short of a whole page.
func (i items) note(found map[string]bool, total int) (ends bool, err error) {
	before := len(found)
	for _, b := range i.Backup {
		found[string(b.BackupId+b.BackupStartTime)] = true
	}
	for _, c := range i.DBCluster {
		found[string(c.DBClusterId)] = true
	}
	switch ends = len(found) == before; {
	case len(found) == 0 && total > 0, ends && total-len(found) >= leastRows:
		return false, fmt.Errorf("it counts %d entries but lists %d", total, len(found))
	case len(found) > maxRows:
		return false, fmt.Errorf("the list has more than %d entries", maxRows)
	case total < 0:
		return ends || len(i.Backup)+len(i.DBCluster) < leastRows, nil
	}
	return ends || len(found) >= total, nil
}

type backupRow struct {
	BackupId, DBClusterId, BackupType, ParentBackupId, BackupStatus text
	BackupStartTime, BackupEndTime, BackupExpiredTime, BackupSize   text
}

// set returns the backup set of a row, and names the first field of it that cannot be read.
func (b backupRow) set(words backup.Statuses, m Mask) (s backup.Set, unreadable string) {
	s = backup.Set{
		ID:     m.Clean(string(b.BackupId)),
		Full:   b.BackupType == "" || strings.EqualFold(string(b.BackupType), "FullBackup"),
		Copy:   b.ParentBackupId != "" && b.ParentBackupId != "0" && b.ParentBackupId != b.BackupId,
		Status: m.Clean(string(b.BackupStatus)),
	}
	check := func(name string, value text, read bool) {
		if !read && unreadable == "" {
			unreadable = fmt.Sprintf("%s %q of backup %s", name, m.Clean(string(value)), s.ID)
		}
	}
	var read bool
	s.Start, read = span(string(b.BackupStartTime))
	check("BackupStartTime", b.BackupStartTime, read)
	s.End, read = span(string(b.BackupEndTime))
	check("BackupEndTime", b.BackupEndTime, read)
	s.Expires, _ = span(string(b.BackupExpiredTime)) // for status alone
	size, err := strconv.ParseUint(string(b.BackupSize), 10, 63)
	check("BackupSize", b.BackupSize, err == nil || b.BackupSize == "")
	check("BackupType", b.BackupType, s.Full || strings.EqualFold(string(b.BackupType), "IncrementalBackup"))
	s.Size = int64(size)
	s.State = words.State(s.Status, s.End != backup.Span{})
	return s, unreadable
}

// span reads a listed time, in a form of RFC 3339: to the minute as the current page of the documentation has it, or to the
// second as an older one does. An empty one is not given. A time without a zone means nothing.
func span(s string) (_ backup.Span, ok bool) {
	unit := time.Second
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		unit = time.Minute
		t, err = time.Parse("2006-01-02T15:04Z07:00", s)
	}
	t = t.UTC()
	if err != nil || t.Year() <= 0 || t.Year() >= 9999 { // it could not be answered in that form
		return backup.Span{}, s == ""
	}
	return backup.Span{From: t, Until: t.Add(unit)}, true
}

// clusterRow is what is kept of a listed cluster, which has some fifty fields.
type clusterRow struct {
	DBClusterId, DBClusterStatus, DBVersion, CreateTime, ResourceGroupId text
	Tags                                                                 object[struct{ Tag []struct{ Key, Value text } }]
}

func (c clusterRow) cluster() backup.ListedCluster {
	created, _ := span(string(c.CreateTime))
	listed := backup.ListedCluster{
		ID:              strings.ToLower(string(c.DBClusterId)),
		Status:          string(c.DBClusterStatus),
		DBVersion:       string(c.DBVersion),
		ResourceGroupID: string(c.ResourceGroupId),
		Created:         created.From,
	}
	if c.Tags.given { // else they are unknown
		listed.Tags = map[string]string{}
	}
	for _, tag := range c.Tags.T.Tag {
		listed.Tags[string(tag.Key)] = string(tag.Value)
	}
	return listed
}
