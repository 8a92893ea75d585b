package adb

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"adb-backup/function/backup"

	sdk "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

const (
	pageSize  = 100    // the largest that the API knows
	leastRows = 30     // the smallest
	maxRows   = 10_000 // of a list in all; what is longer cannot be read
	maxPages  = maxRows / leastRows

	longestWord = 100  // characters that are kept of an id or a status, so that no list takes much memory
	longestTag  = 2000 // characters that are kept of a tag's value; a selector cannot name a longer one
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
		items, moved, err := readPages(ctx, s, q, decode, reading > 1)
		if err != nil || !moved || reading == 3 {
			return items, err
		}
	}
}

// readPages reads a list once, and reports whether its length changed meanwhile. again says that it was read before.
//
// Limits count by the second. Where they are tight, a list that begins anew after each throttled page would never be read to
// its end. So a page is asked for again after a second; only the very first one is left to the caller.
func readPages[T any](ctx context.Context, s *session, q query, decode func(*exchange) (page[T], error), again bool) (items []T, moved bool, err error) {
	l := progress[T]{seen: map[string]bool{}}
	for number := 1; ; number++ {
		var p page[T]
		fetch := func() (*exchange, error) {
			return s.fetchPage(ctx, q, number, func(x *exchange) (err error) {
				p, err = decode(x)
				return err
			})
		}
		x, err := fetch()
		if (again || number > 1) && isThrottled(err) && sleep(ctx, time.Second, nil) == nil {
			x, err = fetch()
		}
		if err != nil {
			return nil, false, err
		}
		if err := l.add(number, p); err != nil {
			return nil, false, s.failure(q.action, q.cluster, x, err)
		}
		if l.ends(p) {
			return l.items, p.total != l.total || p.total > l.found(), nil
		}
	}
}

func isThrottled(err error) bool {
	var failed *backup.CallError
	return errors.As(err, &failed) && failed.Kind == backup.KindThrottled
}

// progress is what has been read of a list.
type progress[T any] struct {
	items  []T
	total  int             // by the first page
	seen   map[string]bool // the keys of all rows
	unread int             // rows without a key
	stale  int             // pages in a row that showed nothing new
}

// add takes over the rows of a page that are new.
func (l *progress[T]) add(number int, p page[T]) error {
	switch {
	case number == 1 && len(p.rows) == 0 && p.total > 0:
		return errors.New("the reply counts entries but lists none")
	case number > maxPages || l.found()+len(p.rows) > maxRows:
		return fmt.Errorf("the list is too long: more than %d entries or %d pages", maxRows, maxPages)
	case number == 1:
		l.total = p.total
	}
	l.stale++
	for _, r := range p.rows {
		switch {
		case r.key == "":
			l.unread++
		case !l.seen[r.key]:
			l.seen[r.key], l.stale = true, 0
			if r.keep {
				l.items = append(l.items, r.item)
			}
		}
	}
	return nil
}

// found returns how many rows the list has shown, each once.
func (l *progress[T]) found() int { return len(l.seen) + l.unread }

// ends reports whether p is the last page. A page may be shorter than the size that was asked for, and may repeat the one
// before. So the list ends with an empty page, with the third page in a row that shows nothing new, or when the total is
// reached and the page is not full.
func (l *progress[T]) ends(p page[T]) bool {
	rows := len(p.rows)
	switch {
	case rows == 0 || l.stale == 3:
		return true
	case p.total < 0:
		return rows < leastRows
	}
	return l.found() >= p.total && rows < pageSize
}

// fetchPage fetches one page. The calls that list are generic: of the SDK's typed replies, DescribeBackups decodes a size beyond
// 2 GiB wrongly or not at all, and DescribeDBClusters fails as a whole when one cluster has an odd field. The exchange has
// the reply's text, so the SDK need not read it ("binary").
//
// A large page needs many times its size while it is decoded. So the call keeps its slot until then, and one page is decoded at
// a time.
func (s *session) fetchPage(ctx context.Context, q query, number int, decode func(*exchange) error) (*exchange, error) {
	parameters := map[string]*string{
		"RegionId":   dara.String(q.cluster.Region),
		"PageSize":   dara.String(strconv.Itoa(pageSize)),
		"PageNumber": dara.String(strconv.Itoa(number)),
	}
	for name, value := range q.parameters {
		parameters[name] = dara.String(value)
	}
	return s.call(ctx, q.action, q.cluster, func(ctx context.Context, client *sdk.Client, x *exchange) error {
		_, err := client.CallApiWithCtx(ctx, &openapiutil.Params{
			Action: dara.String(q.action), Version: dara.String("2021-12-01"), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
			Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"),
			BodyType: dara.String("binary"),
		}, &openapiutil.OpenApiRequest{Query: parameters}, &dara.RuntimeOptions{})
		if err != nil || x.Status/100 != 2 {
			return err
		}
		s.api.decoding.Lock()
		defer s.api.decoding.Unlock()
		if ctx.Err() != nil { // others took all the time
			return ctx.Err()
		}
		return decode(x)
	})
}
