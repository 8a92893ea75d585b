package adb

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
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
	good := []string{"", "0", "200", "ok", "success"}
	return d.Success == "false" || !slices.Contains(good, strings.ToLower(string(d.Code)))
}

// text is a JSON value that may be written as a string or as a number, as counts, sizes and ids are. Any other value keeps its
// JSON text, which no rule takes for a known word, a time or a size.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
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

// row is what is kept of a listed backup set or cluster, which has up to fifty fields.
type row struct {
	DBClusterId, BackupId, BackupType, ParentBackupId, BackupStatus text
	BackupStartTime, BackupEndTime, BackupExpiredTime, BackupSize   text
	DBClusterStatus, DBVersion, CreateTime, ResourceGroupId         text
	Tags                                                            object[struct{ Tag []struct{ Key, Value text } }]
}

// decodePage reads one page of a list, and reports whether the list ends with it. found has what tells the rows apart that were
// on the pages before. A list may move between two pages, so that a row comes again, and a few rows may expire meanwhile: it is
// not short of a whole page. A reply with neither rows nor a count is no list, and must not pass for an empty one.
func decodePage(body []byte, found map[string]bool) (rows []row, ends bool, err error) {
	var reply struct {
		document
		TotalCount text
		Items      object[struct{ Backup, DBCluster []row }]
	}
	if err := json.Unmarshal(body, &reply); err != nil {
		return nil, false, err
	}
	if reply.failed() || reply.TotalCount == "" && !reply.Items.given {
		return nil, false, errors.New("it is not a list")
	}
	rows = append(reply.Items.T.Backup, reply.Items.T.DBCluster...)
	before := len(found)
	for _, r := range rows {
		found[string(r.DBClusterId+r.BackupId+r.BackupStartTime)] = true
	}
	total, uncounted := strconv.ParseUint(string(reply.TotalCount), 10, 31)
	missing, last := int(total)-len(found), len(found) == before
	ends = last || missing <= 0
	if uncounted != nil {
		missing, ends = 0, len(found)-before < leastRows
	}
	switch {
	case last && missing >= leastRows, len(found) == 0 && missing > 0:
		return nil, ends, fmt.Errorf("it counts %d entries but lists %d", total, len(found))
	case len(found) > maxRows:
		return nil, ends, fmt.Errorf("the list has more than %d entries", maxRows)
	}
	return rows, ends, nil
}

// set returns the backup set of a row, and names the first field of it that cannot be read.
func (b row) set(words backup.Statuses, m Mask) (s backup.Set, unreadable string) {
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
	for layout, unit := range map[string]time.Duration{time.RFC3339: time.Second, "2006-01-02T15:04Z07:00": time.Minute} {
		t, err := time.Parse(layout, s)
		if t = t.UTC(); err == nil && t.Year() > 0 && t.Year() < 9999 { // else it could not be answered in that form
			return backup.Span{From: t, Until: t.Add(unit)}, true
		}
	}
	return backup.Span{}, s == ""
}

// cluster returns the cluster of a row.
func (c row) cluster() backup.ListedCluster {
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
