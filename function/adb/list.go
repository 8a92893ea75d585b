package adb

import (
	"cmp"
	"context"
	"errors"
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
	rows, mask, err := s.list(ctx, "DescribeBackups", cluster, &sdk.DescribeBackupsRequest{
		DBClusterId: dara.String(cluster.ID), StartTime: dara.String(from.UTC().Format(layout)), EndTime: dara.String(to.UTC().Format(layout)),
	})
	for _, b := range rows {
		if b.DBClusterId == "" || strings.EqualFold(string(b.DBClusterId), cluster.ID) {
			set, unreadable := b.set(s.api.options.Statuses, mask)
			l.Sets = append(l.Sets, set)
			l.Unreadable = cmp.Or(l.Unreadable, unreadable)
		}
	}
	return l, err
}

// Clusters is AnalyticDB's DescribeDBClusters, all pages. An id becomes part of later requests, so a cluster whose id is none is
// left out. The service is asked to leave out others where the meaning of that is documented. That of a tag without a value is
// not, nor whether several tags mean all or any of them; so the caller matches every cluster again.
func (s *session) Clusters(ctx context.Context, region string, of backup.Selector) (listed []backup.ListedCluster, err error) {
	request := &sdk.DescribeDBClustersRequest{DBClusterVersion: dara.String("All")} // the default leaves out Data Warehouse Edition
	if of.ResourceGroupID != "" {
		request.ResourceGroupId = dara.String(of.ResourceGroupID)
	}
	for _, key := range slices.Sorted(maps.Keys(of.Tags)) {
		if value := of.Tags[key]; value != "*" {
			request.Tag = append(request.Tag, &sdk.DescribeDBClustersRequestTag{Key: dara.String(key), Value: dara.String(value)})
		}
	}
	rows, _, err := s.list(ctx, "DescribeDBClusters", backup.Cluster{Region: region}, request)
	for _, row := range rows {
		if c := row.cluster(); backup.CheckClusterID(c.ID) == nil {
			listed = append(listed, c)
		}
	}
	return listed, err
}

// list returns the rows of all pages of a list. The service may make pages shorter than they were asked for.
//
// Limits count by the second. Where they are tight, a list that begins anew after each throttled page would never be read to
// its end. So a throttled page is asked for again; only the first one is left to the caller.
//
// The calls are generic: of the SDK's typed replies, DescribeBackups decodes a size beyond 2 GiB wrongly or not at all, and
// DescribeDBClusters fails as a whole when one cluster has an odd field. The SDK need not read the reply ("binary").
func (s *session) list(ctx context.Context, action string, cluster backup.Cluster, request any) (all []row, mask Mask, err error) {
	params := &openapiutil.Params{
		Action: dara.String(action), Version: dara.String("2021-12-01"), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
		Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"),
		BodyType: dara.String("binary"),
	}
	query := openapiutil.Query(request)
	query["RegionId"], query["PageSize"] = dara.String(cluster.Region), dara.String(strconv.Itoa(pageSize))
	found := map[string]bool{}
	for number, again := 1, 0; ; number++ {
		query["PageNumber"] = dara.String(strconv.Itoa(number))
		var rows []row
		var ends bool
		c, err := s.do(ctx, action, cluster, func(ctx context.Context, client *sdk.Client) error {
			_, err := client.CallApiWithCtx(ctx, params, &openapiutil.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
			return err
		}, func(body []byte) (err error) {
			rows, ends, err = decodePage(body, found)
			return err
		})
		switch {
		case number > 1 && again < 5 && waitThrottled(ctx, err):
			number, again = number-1, again+1
			continue
		case err != nil:
			return nil, c.mask, err
		}
		if all = append(all, rows...); ends {
			return all, c.mask, nil
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
	return backup.Sleep(ctx, max(time.Second, failed.RetryAfter))
}
