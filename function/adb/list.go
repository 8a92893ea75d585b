package adb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"

	sdk "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

const (
	pageSize = 100    // the largest that the API knows
	leastRow = 30     // the smallest
	maxRows  = 10_000 // of a list in all; what is longer cannot be read
	maxPages = maxRows / leastRow
)

// query is a call that lists something.
type query struct {
	action     string
	cluster    backup.Cluster // without an id for a list of clusters
	parameters map[string]string
}

// page is one page of a list.
type page[T any] struct {
	total int // of the whole list; -1: the service does not say
	rows  []row[T]
}

// row is one entry of a page.
type row[T any] struct {
	key  string // tells entries apart; empty: it cannot be read
	keep bool
	item T
}

// readList returns all entries of a list. A list that grows or shrinks while its pages are read is read again, three times
// in all: a backup set that slips from page to page unseen could mean a second backup.
func readList[T any](ctx context.Context, s *session, q query, decode func(*exchange) (page[T], error)) ([]T, error) {
	for reading := 1; ; reading++ {
		items, moved, err := readPages(ctx, s, q, decode)
		if err != nil || !moved || reading == 3 {
			return items, err
		}
	}
}

// readPages reads a list once, and reports whether its length changed meanwhile.
func readPages[T any](ctx context.Context, s *session, q query, decode func(*exchange) (page[T], error)) (items []T, moved bool, err error) {
	seen, unread, stale, first := map[string]bool{}, 0, 0, 0
	for number := 1; ; number++ {
		x, err := s.list(ctx, q, number)
		if err != nil {
			return nil, false, err
		}
		p, err := decode(x)
		switch {
		case err != nil:
		case number == 1 && len(p.rows) == 0 && p.total > 0:
			err = errors.New("the reply counts entries but lists none")
		case number == maxPages || len(seen)+unread+len(p.rows) > maxRows:
			err = fmt.Errorf("the list is too long: more than %d entries or %d pages", maxRows, maxPages)
		}
		if err != nil {
			return nil, false, s.failure(q.action, q.cluster, x, err)
		}
		if number == 1 {
			first = p.total
		}
		stale++
		for _, r := range p.rows {
			switch {
			case r.key == "":
				unread++
			case !seen[r.key]:
				seen[r.key], stale = true, 0
				if r.keep {
					items = append(items, r.item)
				}
			}
		}
		// A page may be shorter than the one asked for and may repeat the one before, so what ends the list is the total, if
		// the page is not full, an empty page, or page after page without news.
		rows, found := len(p.rows), len(seen)+unread
		if rows == 0 || p.total >= 0 && found >= p.total && rows < pageSize || p.total < 0 && rows < leastRow || stale == 3 {
			return items, p.total != first || p.total > found, nil
		}
	}
}

// list fetches one page. The calls that list are generic: of the SDK's typed replies, DescribeBackups decodes a size beyond
// 2 GiB wrongly or not at all, and DescribeDBClusters fails as a whole when one cluster has an odd field. The exchange has
// the reply's text, so the SDK need not read it ("binary").
func (s *session) list(ctx context.Context, q query, number int) (*exchange, error) {
	parameters := map[string]*string{
		"RegionId":   dara.String(q.cluster.Region),
		"PageSize":   dara.String(strconv.Itoa(pageSize)),
		"PageNumber": dara.String(strconv.Itoa(number)),
	}
	for name, value := range q.parameters {
		parameters[name] = dara.String(value)
	}
	return s.call(ctx, q.action, q.cluster, func(ctx context.Context, client *sdk.Client) error {
		_, err := client.CallApiWithCtx(ctx, &openapiutil.Params{
			Action: dara.String(q.action), Version: dara.String("2021-12-01"), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
			Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"),
			BodyType: dara.String("binary"),
		}, &openapiutil.OpenApiRequest{Query: parameters}, &dara.RuntimeOptions{})
		return err
	})
}

// Backups is AnalyticDB's DescribeBackups, all pages.
func (s *session) Backups(ctx context.Context, c backup.Cluster, from, to time.Time) (backup.Listing, error) {
	const layout = "2006-01-02T15:04Z"
	var l backup.Listing
	var err error
	l.Sets, err = readList(ctx, s, query{"DescribeBackups", c, map[string]string{
		"DBClusterId": c.ID, "StartTime": from.UTC().Format(layout), "EndTime": to.UTC().Format(layout),
	}}, func(x *exchange) (page[backup.Set], error) {
		p, unreadable, err := decodeBackups(x.body, c.ID, s.api.options.Statuses)
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

// document is what every reply may hold beside its list.
type document struct {
	Code, Message, RequestId, Success text
}

// failed reports whether a reply with a status of success says that it is none.
func (d document) failed() bool {
	switch strings.ToLower(string(d.Code)) {
	case "", "0", "200", "ok", "success":
		return strings.EqualFold(string(d.Success), "false")
	}
	return true
}

// reply is a page as the service writes it. Counts are documented as strings for backups and as numbers for clusters; both
// are read either way.
type reply struct {
	document
	TotalCount *text
	Items      *items
}

type items struct {
	Backup    []lenient[backupRow]
	DBCluster []lenient[clusterRow]
}

// lenient is a row that may be anything: one odd row must not make the list unreadable.
type lenient[R any] struct {
	value R
	odd   string // the row as it came, if it cannot be read
}

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (l *lenient[R]) UnmarshalJSON(b []byte) error {
	if b[0] != '{' || json.Unmarshal(b, &l.value) != nil {
		l.odd = string(b[:min(len(b), 60)])
	}
	return nil
}

// UnmarshalJSON implements json.Unmarshaler. The service may leave Items empty in other ways than an object.
func (i *items) UnmarshalJSON(b []byte) error {
	if s := string(b); s == `""` || s == "[]" || s == "null" {
		return nil
	}
	type plain items
	return json.Unmarshal(b, (*plain)(i))
}

// decodeReply reads one page. A reply that has neither items nor a count is no list: it must not pass for an empty one.
func decodeReply(body []byte) (reply, error) {
	var r reply
	if err := json.Unmarshal(body, &r); err != nil {
		return reply{}, err
	}
	switch {
	case r.failed():
		return reply{}, errors.New("the reply has a code of failure")
	case r.TotalCount == nil && r.Items == nil:
		return reply{}, errors.New("the reply is not a list")
	case r.Items == nil:
		r.Items = &items{}
	}
	return r, nil
}

// total returns how many entries the whole list has, or -1 if the service does not say.
func (r reply) total() int {
	if r.TotalCount != nil {
		if n, err := strconv.Atoi(string(*r.TotalCount)); err == nil {
			return n
		}
	}
	return -1
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
	for _, entry := range r.Items.Backup {
		if entry.odd != "" {
			p.rows = append(p.rows, row[backup.Set]{})
			unreadable = first(unreadable, "a row that is not an object: "+entry.odd)
			continue
		}
		b := entry.value
		set, odd := b.set(words)
		unreadable = first(unreadable, odd)
		p.rows = append(p.rows, row[backup.Set]{
			key:  string(b.DBClusterId + "|" + b.BackupId + "|" + b.BackupStartTime + "|" + b.BackupType),
			keep: b.DBClusterId == "" || strings.EqualFold(string(b.DBClusterId), cluster),
			item: set,
		})
	}
	return p, unreadable, nil
}

func first(known, other string) string {
	if known != "" {
		return known
	}
	return other
}

// set returns the backup set of a row, and names the first field of it that cannot be read.
func (b backupRow) set(words backup.Statuses) (_ backup.Set, unreadable string) {
	s := backup.Set{
		ID:     string(b.BackupId),
		Full:   b.BackupType == "" || strings.EqualFold(string(b.BackupType), "FullBackup"),
		Copy:   b.ParentBackupId != "" && b.ParentBackupId != "0" && b.ParentBackupId != b.BackupId,
		Status: string(b.BackupStatus),
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
		{"BackupType", b.BackupType, b.BackupType.plain()},
		{"BackupStatus", b.BackupStatus, b.BackupStatus.plain()},
		{"ParentBackupId", b.ParentBackupId, b.ParentBackupId.plain()},
	} {
		if !field.read {
			return s, fmt.Sprintf("%s %q of backup %s", field.name, cut(string(field.value), 60), s.ID)
		}
	}
	return s, ""
}

// bytesOf reads a size. Only an empty one may be left out.
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

// text is a JSON value that may be written as a string or as a number. Any other value keeps its JSON text, which no rule
// takes for a known word, a time or a size.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = ""
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	default:
		*t = text(b)
	}
	return nil
}

// plain reports whether the value was written as a string or a number, as far as its text shows.
func (t text) plain() bool {
	return !strings.HasPrefix(string(t), "[") && !strings.HasPrefix(string(t), "{") && t != "true" && t != "false"
}
