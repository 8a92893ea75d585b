package fakeadb

import (
	"cmp"
	"crypto/sha256"
	"net/url"
	"slices"
	"strconv"
	"time"
)

const minute = "2006-01-02T15:04Z"

// describeBackups lists a cluster's backups page by page.
func (s *Service) describeBackups(c *call, o Options, q url.Values) (any, *Error) {
	for _, name := range []string{"StartTime", "EndTime"} {
		if q.Get(name) == "" {
			return nil, missing(name)
		}
	}
	from, err := time.Parse(minute, q.Get("StartTime"))
	if err != nil {
		return nil, ErrStartTime
	}
	to, err := time.Parse(minute, q.Get("EndTime"))
	if err != nil || !to.After(from) {
		return nil, ErrEndTime
	}
	size, err := strconv.Atoi(cmp.Or(q.Get("PageSize"), "30"))
	if err != nil || size != 30 && size != 50 && size != 100 {
		return nil, ErrPageSize
	}
	page, err := strconv.Atoi(cmp.Or(q.Get("PageNumber"), "1"))
	if err != nil || page < 1 {
		return nil, ErrPageNumber
	}
	if o.PageCap > 0 {
		size = min(size, o.PageCap)
	}

	now := nowOf(o)
	listed := s.listed(c, o, now, from, to, q.Get("BackupId"))
	if o.Repeat {
		listed = repeatAcrossPages(listed, size)
	}
	first := min((page-1)*size, len(listed))
	shown := listed[first:min(first+size, len(listed))]
	c.Listed = len(shown)
	for _, b := range shown {
		if b.State(now) <= Running {
			c.Running++
		}
	}
	return list(c, o, now, shown, len(listed), page, size), nil
}

// listed are the backups that the list shows at this moment, in its order.
func (s *Service) listed(c *call, o Options, now, from, to time.Time, id string) []Backup {
	s.mu.Lock()
	all := slices.Clone(s.backups[cluster{c.Cluster, c.Region}])
	s.mu.Unlock()
	all = slices.DeleteFunc(all, func(b Backup) bool {
		state := b.State(now)
		end := b.End
		if state <= Running {
			end = now
		}
		first, last := b.Start, b.Start // what must lie in the window
		switch o.Window {
		case ByEnd:
			first, last = end, end
		case ByOverlap:
			last = end
		}
		return now.Before(b.Listed) || id != "" && id != b.ID || o.HideRunning && state <= Running ||
			last.Before(from) || first.After(to)
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

func hash(id string) string {
	h := sha256.Sum256([]byte(id))
	return string(h[:])
}

// repeatAcrossPages shows the last entry of every page again as the first of the next.
func repeatAcrossPages(all []Backup, size int) []Backup {
	var shown []Backup
	for i, b := range all {
		shown = append(shown, b)
		if len(shown)%size == 0 && i < len(all)-1 {
			shown = append(shown, b)
		}
	}
	return shown
}

type object = map[string]any

// list is the answer in the shape of the API's reference. What a backup does not have yet is absent.
func list(c *call, o Options, now time.Time, shown []Backup, total, page, size int) object {
	entries := make([]object, 0, len(shown))
	var bytes int64
	for _, b := range shown {
		e := object{
			"DBClusterId":     b.Cluster,
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
			bytes += b.Size
		}
		if b.Parent != "" {
			e["ParentBackupId"] = o.number(b.Parent, true)
		}
		entries = append(entries, e)
	}
	return object{
		"RequestId":       c.RequestID,
		"TotalCount":      o.number(strconv.Itoa(total), true),
		"PageNumber":      o.number(strconv.Itoa(page), true),
		"PageSize":        o.number(strconv.Itoa(size), true),
		"TotalBackupSize": o.number(strconv.FormatInt(bytes, 10), false),
		"FreeBackupSize":  o.number("0", false),
		"Items":           object{"Backup": entries},
	}
}

// number writes digits as the option has it; documented says that the reference has a string there.
func (o Options) number(digits string, documented bool) any {
	if o.Numbers == AsStrings || o.Numbers == Documented && documented {
		return digits
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return digits // an id of a test's own that is no number
	}
	return n
}

func (o Options) time(t time.Time) string {
	if o.Precision == Seconds {
		return t.UTC().Format(time.RFC3339)
	}
	return t.UTC().Format(minute)
}

func nowOf(o Options) time.Time { return time.Now().Add(o.Skew) }
