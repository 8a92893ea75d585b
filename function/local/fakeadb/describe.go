package fakeadb

import (
	"cmp"
	"crypto/sha256"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// describeBackups lists a cluster's backups page by page.
func (s *Service) describeBackups(c *call, o Options, q url.Values) (any, *Error) {
	from, to, err := windowOf(q)
	if err != nil {
		return nil, err
	}
	p, err := pageOf(q, o)
	if err != nil {
		return nil, err
	}
	now := o.now()
	shown, total := cut(p, s.listed(c, o, now, from, to, q.Get("BackupId")), o.Repeat)
	c.Listed = len(shown)
	entries := make([]object, 0, len(shown))
	var bytes int64
	for _, b := range shown {
		switch b.State(now) {
		case Pending, Running:
			c.Running++
		case Completed:
			bytes += b.Size
		}
		entries = append(entries, o.backupEntry(b, now))
	}
	return object{
		"RequestId":       c.RequestID,
		"TotalCount":      o.number(strconv.Itoa(total), true),
		"PageNumber":      o.number(strconv.Itoa(p.number), true),
		"PageSize":        o.number(strconv.Itoa(p.size), true),
		"TotalBackupSize": o.number(strconv.FormatInt(bytes, 10), false),
		"FreeBackupSize":  o.number("0", false),
		"Items":           object{"Backup": entries},
	}, nil
}

// windowOf reads StartTime and EndTime.
func windowOf(q url.Values) (from, to time.Time, wrong *Error) {
	for _, name := range []string{"StartTime", "EndTime"} {
		if q.Get(name) == "" {
			return from, to, missing(name)
		}
	}
	from, err := time.Parse(Minutes, q.Get("StartTime"))
	if err != nil {
		return from, to, ErrStartTime
	}
	if to, err = time.Parse(Minutes, q.Get("EndTime")); err != nil || !to.After(from) {
		return from, to, ErrEndTime
	}
	return from, to, nil
}

// page is the part of a list that is asked for.
type page struct{ number, size int }

// pageOf reads PageNumber and PageSize.
func pageOf(q url.Values, o Options) (p page, wrong *Error) {
	var err error
	if p.size, err = strconv.Atoi(cmp.Or(q.Get("PageSize"), "30")); err != nil || p.size != 30 && p.size != 50 && p.size != 100 {
		return p, ErrPageSize
	}
	if p.number, err = strconv.Atoi(cmp.Or(q.Get("PageNumber"), "1")); err != nil || p.number < 1 {
		return p, ErrPageNumber
	}
	if o.PageCap > 0 {
		p.size = min(p.size, o.PageCap)
	}
	return p, nil
}

// cut returns the page's part of a list, and the length of the list.
func cut[T any](p page, all []T, repeat bool) (shown []T, total int) {
	if repeat {
		all = repeatAcrossPages(all, p.size)
	}
	first := min((p.number-1)*p.size, len(all))
	return all[first:min(first+p.size, len(all))], len(all)
}

// listed are the backups that the list shows at this moment, in its order.
func (s *Service) listed(c *call, o Options, now, from, to time.Time, id string) []Backup {
	s.mu.Lock()
	all := slices.Clone(s.backups[place{c.Cluster, c.Region}])
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(b Backup) bool {
		return id != "" && id != b.ID || !o.shows(b, now) || !o.Window.holds(b, now, from, to)
	})
	slices.SortStableFunc(all, func(a, b Backup) int {
		switch o.Order {
		case OldestFirst:
			return a.Start.Compare(b.Start)
		case Shuffled:
			return cmp.Compare(hash(a.ID), hash(b.ID))
		}
		return b.Start.Compare(a.Start)
	})
	return all
}

// shows reports whether lists show a backup yet.
func (o Options) shows(b Backup, now time.Time) bool {
	if !o.HideRunning {
		return !now.Before(b.Listed)
	}
	from := b.End
	if b.RequestID != "" {
		from = from.Add(o.ListedAfter)
	}
	return b.State(now) > Running && !now.Before(from)
}

// holds reports whether lists of the window between from and to show a backup.
func (w Window) holds(b Backup, now, from, to time.Time) bool {
	end := b.End
	if b.State(now) <= Running {
		end = now
	}
	first, last := b.Start, b.Start // a part of this must lie between from and to
	switch w {
	case ByEnd:
		first, last = end, end
	case ByOverlap:
		last = end
	}
	return !last.Before(from) && !first.After(to)
}

// hash gives an id its place in a shuffled list.
func hash(id string) string {
	h := sha256.Sum256([]byte(id))
	return string(h[:])
}

// repeatAcrossPages shows the last entry of every page again as the first of the next.
func repeatAcrossPages[T any](all []T, size int) []T {
	var shown []T
	for i, b := range all {
		shown = append(shown, b)
		if len(shown)%size == 0 && i < len(all)-1 {
			shown = append(shown, b)
		}
	}
	return shown
}

type object = map[string]any

// backupEntry is one entry of the list, without the fields that the backup does not have yet.
func (o Options) backupEntry(b Backup, now time.Time) object {
	e := object{
		"DBClusterId":     o.id(b.Cluster),
		"BackupId":        o.number(b.ID, true),
		"BackupType":      b.Type,
		"BackupMethod":    "Snapshot",
		"BackupStartTime": o.time(b.Start),
		"BackupRegion":    b.Region,
	}
	if !o.NoStatus {
		e["BackupStatus"] = cmp.Or(b.Status, o.Words.of(b.State(now)))
	}
	if b.State(now) > Running {
		e["BackupEndTime"] = o.time(b.End)
	}
	if b.State(now) == Completed {
		e["BackupSize"] = o.number(strconv.FormatInt(b.Size, 10), false)
		e["BackupExpiredTime"] = o.time(b.End.AddDate(0, 0, 7))
	}
	if b.Parent != "" {
		e["ParentBackupId"] = o.number(b.Parent, true)
	}
	return e
}

// number writes digits as the option says. The reference has some as strings.
func (o Options) number(digits string, isString bool) any {
	if o.Numbers == AsStrings || o.Numbers == Documented && isString {
		return digits
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return digits // a test may choose an id that is not a number
	}
	return n
}

// time writes a backup's time as the options say.
func (o Options) time(t time.Time) string {
	return t.Add(o.FalseZone).UTC().Format(cmp.Or(o.Layout, Minutes))
}

func (o Options) id(cluster string) string {
	if o.UpperIDs {
		return strings.ToUpper(cluster)
	}
	return cluster
}

func (o Options) now() time.Time { return time.Now().Add(o.Skew) }
