package main

import (
	"context"

	"adb-backup/function/backup"
)

// selected returns the clusters of a region that a request's selector chooses.
func (s *status) selected(ctx context.Context, region string, r backup.Request) (clusters []backup.Cluster, skipped []backup.Skipped, err error) {
	var listed []backup.ListedCluster
	err = again(ctx, func() (err error) {
		listed, err = s.service.Clusters(ctx, region, *r.Selector)
		return err
	})
	for _, c := range listed {
		clusters = append(clusters, backup.Cluster{ID: c.ID, Region: region})
	}
	return clusters, nil, err
}
