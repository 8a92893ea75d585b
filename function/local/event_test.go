package main

import (
	"testing"

	"adb-backup/function/backup"
)

func TestARequestInWords(t *testing.T) {
	for want, r := range map[string]backup.Request{
		"Verify that amv-a (cn-hangzhou) has a completed backup not older than 0001-01-01 00:00:00Z": {
			Action: backup.ActionVerify, Cluster: backup.Cluster{ID: "amv-a", Region: "cn-hangzhou"}},
		"Ensure that each cluster of cn-a, cn-b in rg-1 with the tag a=1 and b=* without the tag c=2 or d=3 has a backup not older than 0001-01-01 00:00:00Z; wait until it is complete": {
			Action: backup.ActionEnsure, WaitFor: backup.WaitCompleted, Selector: &backup.Selector{
				Regions: []string{"cn-a", "cn-b"}, ResourceGroupID: "rg-1", Tags: map[string]string{"b": "*", "a": "1"}, NotTags: map[string]string{"d": "3", "c": "2"}}},
		"Ensure that each cluster of cn-a has a backup not older than 0001-01-01 00:00:00Z; answer when it is requested": {
			Action: backup.ActionEnsure, WaitFor: backup.WaitRequested, Selector: &backup.Selector{Regions: []string{"cn-a"}, All: true}},
	} {
		if got := sentence(r); got != want {
			t.Errorf("%s\nwant %s", got, want)
		}
	}
}
