package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"adb-backup/events"
	"adb-backup/function/backup"

	sdk "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
)

// moreRegions are the regions that the SDK's map of endpoints lacks. The map has only those whose host follows no rule.
var moreRegions = []string{
	"ap-northeast-1", "ap-northeast-2", "ap-south-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-5", "ap-southeast-6",
	"ap-southeast-7", "cn-chengdu", "cn-fuzhou", "cn-guangzhou", "cn-heyuan", "cn-heyuan-acdr-1", "cn-huhehaote", "cn-nanjing",
	"cn-shanghai-cloudspe", "cn-wuhan-lr", "cn-wulanchabu", "cn-zhangjiakou", "eu-central-1", "eu-west-1", "me-central-1",
	"na-south-1",
}

// knownRegions returns the regions that this version knows, sorted.
func knownRegions() []string {
	known := slices.Clone(moreRegions)
	if client, err := sdk.NewClient(&openapi.Config{RegionId: dara.String(moreRegions[0])}); err == nil {
		known = slices.AppendSeq(known, maps.Keys(client.EndpointMap))
	}
	slices.Sort(known)
	return slices.Compact(known)
}

// checkRegion returns a fault if a region is malformed or misspelt, and a note if this version does not know it. That is no
// fault, because new regions appear.
func checkRegion(region string) (note string, fault error) {
	if err := backup.CheckRegion(region); err != nil {
		return "", err
	}
	known := knownRegions()
	if slices.Contains(known, region) {
		return "", nil
	}
	meant := events.Nearest(region, known)
	if meant != "" && withoutNumber(meant) != withoutNumber(region) {
		return "", fmt.Errorf("%q is not a region: did you mean %s?", region, meant)
	}
	return fmt.Sprintf("%q is not a region that this version knows", region), nil
}

// withoutNumber returns a region without its number: us-west-2 is not a misspelt us-west-1.
func withoutNumber(region string) string { return strings.TrimRight(region, "-0123456789") }
