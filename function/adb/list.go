package adb

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
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
)

// Backups is AnalyticDB's DescribeBackups, all pages.
func (s *session) Backups(ctx context.Context, cluster backup.Cluster, from, to time.Time) (l backup.Listing, err error) {
	const layout = "2006-01-02T15:04Z"
	query := map[string]*string{
		"DBClusterId": dara.String(cluster.ID),
		"StartTime":   dara.String(from.UTC().Format(layout)),
		"EndTime":     dara.String(to.UTC().Format(layout)),
	}
	err = s.list(ctx, "DescribeBackups", cluster, query, func(c *call, rows items) {
		for _, b := range rows.Backup {
			if b.DBClusterId == "" || strings.EqualFold(string(b.DBClusterId), cluster.ID) {
				set, unreadable := b.set(s.api.options.Statuses, c.mask)
				l.Sets = append(l.Sets, set)
				l.Unreadable = cmp.Or(l.Unreadable, unreadable)
			}
		}
	})
	return l, err
}

// Clusters is AnalyticDB's DescribeDBClusters, all pages. An id becomes part of later requests, so a cluster whose id is none is
// left out.
func (s *session) Clusters(ctx context.Context, region string, of backup.Selector) (listed []backup.ListedCluster, err error) {
	err = s.list(ctx, "DescribeDBClusters", backup.Cluster{Region: region}, clusterFilters(of), func(_ *call, rows items) {
		for _, row := range rows.DBCluster {
			if c := row.cluster(); backup.CheckClusterID(c.ID) == nil {
				listed = append(listed, c)
			}
		}
	})
	return listed, err
}

// clusterFilters returns what the service is asked to leave out, where the meaning of that is documented. That of a key without
// a value is not, nor whether several tags mean all or any of them; so the caller matches every cluster again.
func clusterFilters(of backup.Selector) map[string]*string {
	filters := map[string]*string{"DBClusterVersion": dara.String("All")} // the default leaves out Data Warehouse Edition
	if of.ResourceGroupID != "" {
		filters["ResourceGroupId"] = dara.String(of.ResourceGroupID)
	}
	n := 0
	for _, key := range slices.Sorted(maps.Keys(of.Tags)) {
		if value := of.Tags[key]; value != "*" {
			n++
			filters[fmt.Sprintf("Tag.%d.Key", n)], filters[fmt.Sprintf("Tag.%d.Value", n)] = dara.String(key), dara.String(value)
		}
	}
	return filters
}

// list gives all pages of a list to add, one after another. The service may make pages shorter than they were asked for.
//
// Limits count by the second. Where they are tight, a list that begins anew after each throttled page would never be read to
// its end. So a throttled page is asked for again; only the first one is left to the caller.
func (s *session) list(ctx context.Context, action string, cluster backup.Cluster, query map[string]*string, add func(*call, items)) error {
	query["RegionId"], query["PageSize"] = dara.String(cluster.Region), dara.String(strconv.Itoa(pageSize))
	found := map[string]bool{}
	for number := 1; ; number++ {
		query["PageNumber"] = dara.String(strconv.Itoa(number))
		c, rows, total, err := s.page(ctx, action, cluster, query)
		for again := 0; number > 1 && again < 5 && waitThrottled(ctx, err); again++ {
			c, rows, total, err = s.page(ctx, action, cluster, query)
		}
		if err != nil {
			return err
		}
		ends, err := rows.note(found, total)
		if err != nil {
			return c.failed(err)
		}
		add(c, rows)
		if ends {
			return nil
		}
	}
}

// waitThrottled waits for some seconds if err is that of a throttled call. It reports false if err is another one, asks for a
// longer pause, or ctx has ended: then the caller waits, who does not hold up others meanwhile.
func waitThrottled(ctx context.Context, err error) bool {
	var failed *backup.CallError
	if !errors.As(err, &failed) || failed.Kind != backup.KindThrottled || failed.RetryAfter > 10*time.Second {
		return false
	}
	pause, cancel := context.WithTimeout(ctx, max(time.Second, failed.RetryAfter))
	defer cancel()
	<-pause.Done()
	return ctx.Err() == nil
}

// page asks for one page. The calls that list are generic: of the SDK's typed replies, DescribeBackups decodes a size beyond
// 2 GiB wrongly or not at all, and DescribeDBClusters fails as a whole when one cluster has an odd field. The call has the
// reply's text, so the SDK need not read it ("binary").
func (s *session) page(ctx context.Context, action string, cluster backup.Cluster, query map[string]*string) (c *call, rows items, total int, err error) {
	c, err = s.do(ctx, action, cluster, func(ctx context.Context, client *sdk.Client, c *call) error {
		_, err := client.CallApiWithCtx(ctx, &openapiutil.Params{
			Action: dara.String(action), Version: dara.String("2021-12-01"), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
			Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"),
			BodyType: dara.String("binary"),
		}, &openapiutil.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
		if err != nil || c.Status/100 != 2 {
			return err
		}
		s.api.decoding.Lock()
		defer s.api.decoding.Unlock()
		rows, total, err = decodePage(c.Body)
		return err
	})
	return c, rows, total, err
}
