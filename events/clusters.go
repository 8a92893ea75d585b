package events

import (
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"

	"adb-backup/function/backup"
)

const (
	maxClusters = 5000 // that one event may name; a selector counts as one in each of its regions
	maxIDs      = 1000 // of one request
	maxWrongIDs = 20   // wrong items of one list that are described
	maxRegions  = 50   // of one selector
	maxTags     = 20
	maxTagKey   = 128 // characters
	maxTagValue = 256 // characters
	maxGroupID  = 64
)

var (
	groupIDForm    = regexp.MustCompile(`^rg-[a-z0-9]+$`)
	selectorFields = []string{"Tags", "NotTags", "ResourceGroupId", "All"}
)

// clusters returns the clusters that the request means: their ids, each once, and their region; or a selector.
func (r *request) clusters(src source, f *faults) (ids []string, selector *backup.Selector, region string) {
	var given []string
	for _, v := range []field{{"DBClusterId", r.DBClusterID}, {"DBClusterIds", r.DBClusterIDs}, {"DBClusterSelector", r.DBClusterSelector}} {
		if v.repeated {
			f.add("%s is given twice", v.name)
		}
		if v.given {
			given = append(given, v.name)
		}
	}
	switch {
	case len(given) == 0:
		f.add("the request %s", missingCluster)
	case len(given) > 1:
		f.add("%s exclude each other: give one of them", strings.Join(given, " and "))
	}
	if r.DBClusterID.given {
		ids = []string{string(r.DBClusterID.text)}
		if !r.DBClusterID.isString {
			f.add("DBClusterId must be a string, not %s", kind(r.DBClusterID.raw))
		} else if err := backup.CheckClusterID(ids[0]); err != nil {
			f.add("DBClusterId: %v", err)
		}
	}
	if r.DBClusterIDs.given {
		ids = readList("DBClusterIds", r.DBClusterIDs, maxIDs, backup.CheckClusterID, f)
	}
	if r.DBClusterSelector.given {
		selector = readSelector(r.DBClusterSelector, f)
		selector.Regions = r.regions(src, f)
		return ids, selector, ""
	}
	return ids, nil, r.region(src, f)
}

// readList reads an array of strings, checks each of them, and counts repeats once.
func readList(name string, v value, limit int, check func(string) error, f *faults) []string {
	if v.raw[0] != '[' {
		f.add("%s must be an array of strings, not %s", name, kind(v.raw))
		return nil
	}
	var list []string
	seen := make(map[string]bool)
	position, wrong := 0, 0
	for raw := range items(v.raw) {
		position++
		text, isString := unquote(raw)
		var err error
		switch {
		case !isString:
			err = fault("must be a string, not %s", kind(raw))
		case seen[string(text)] || len(list) > limit: // one above the limit is enough to report it
			continue
		default:
			err = check(string(text))
		}
		if err != nil {
			if wrong++; wrong <= maxWrongIDs {
				f.add("%s, item %d: %v", name, position, err)
			}
			continue
		}
		seen[string(text)] = true
		list = append(list, string(text))
	}
	switch {
	case position == 0:
		f.add("%s is empty", name)
	case wrong > maxWrongIDs:
		f.add("and %d more items of %s are wrong", wrong-maxWrongIDs, name)
	}
	if len(list) > limit {
		f.add("%s has more than %d different items", name, limit)
	}
	return list
}

// region returns the region of the request, or the one that applies where the request names none.
func (r *request) region(src source, f *faults) string {
	region, err := r.RegionID.asString("RegionId")
	switch {
	case err != nil:
		f.addError(err)
	case !r.RegionID.given:
		f.addError(src.badRegion)
		return src.prototype.Cluster.Region
	default:
		if err := backup.CheckRegion(region); err != nil {
			f.add("RegionId: %v", err)
		}
	}
	return region
}

// regions returns the regions of a selector.
func (r *request) regions(src source, f *faults) []string {
	switch {
	case r.RegionIDs.repeated:
		f.add("RegionIds is given twice")
	case !r.RegionIDs.given:
		return []string{r.region(src, f)}
	case r.RegionID.given:
		f.add("RegionId and RegionIds exclude each other: give one of them")
	}
	return readList("RegionIds", r.RegionIDs, maxRegions, backup.CheckRegion, f)
}

// readSelector reads the field DBClusterSelector. Here a null is a fault, and so is an unknown field, even in a CloudEvent's
// data: a condition that gets lost would choose more clusters than its author meant.
func readSelector(v value, f *faults) *backup.Selector {
	s := new(backup.Selector)
	if !isObject(v.raw) {
		f.add("DBClusterSelector must be an object, not %s", kind(v.raw))
		return s
	}
	var tags, notTags, group, all value
	unknown := readFields(v.raw, wanted{"Tags", &tags}, wanted{"NotTags", &notTags}, wanted{"ResourceGroupId", &group}, wanted{"All", &all})
	for _, v := range []field{{"Tags", tags}, {"NotTags", notTags}, {"ResourceGroupId", group}, {"All", all}} {
		if v.repeated {
			f.add("DBClusterSelector: %s is given twice", v.name)
		}
	}
	s.Tags = readTags("Tags", tags, f)
	s.NotTags = readTags("NotTags", notTags, f)
	if group.raw != nil {
		s.ResourceGroupID = readGroup(group, f)
	}
	if all.raw != nil {
		if s.All = string(all.raw) == "true"; !s.All {
			f.add("DBClusterSelector.All must be true, not %s", kind(all.raw))
		}
		for _, other := range []field{{"Tags", tags}, {"ResourceGroupId", group}} {
			if other.raw != nil {
				f.add("DBClusterSelector: All and %s exclude each other: give one of them", other.name)
			}
		}
	}
	if tags.raw == nil && group.raw == nil && all.raw == nil {
		f.add("DBClusterSelector chooses nothing: give Tags, ResourceGroupId or All")
	}
	f.addUnknown("DBClusterSelector has an unknown field", unknown, selectorFields)
	return s
}

func readGroup(v value, f *faults) string {
	id := string(v.text)
	switch {
	case !v.isString:
		f.add("DBClusterSelector.ResourceGroupId must be a string, not %s", kind(v.raw))
	case len(id) > maxGroupID || !groupIDForm.MatchString(id):
		f.add("DBClusterSelector.ResourceGroupId: %v is not a resource group id such as rg-acfm4vaqr2x7kdy", quoted(id))
	}
	return id
}

// readTags reads Tags or NotTags. Keys and values keep their case.
func readTags(name string, v value, f *faults) map[string]string {
	if v.raw == nil {
		return nil
	}
	name = "DBClusterSelector." + name
	if !isObject(v.raw) {
		f.add("%s must be an object of strings, not %s", name, kind(v.raw))
		return nil
	}
	count := 0
	for range fields(v.raw) {
		count++
	}
	switch {
	case count == 0:
		f.add("%s is empty", name)
	case count > maxTags:
		f.add("%s has %d tags, at most %d are possible", name, count, maxTags)
		return nil
	}
	tags := make(map[string]string, count)
	for quotedKey, raw := range fields(v.raw) {
		key, _ := unquote(quotedKey)
		text, isString := unquote(raw)
		_, again := tags[string(key)]
		if err := checkTag(string(key), string(text), isString, again, raw); err != nil {
			f.add("%s: %v", name, err)
		}
		tags[string(key)] = string(text)
	}
	return tags
}

func checkTag(key, text string, isString, again bool, raw json.RawMessage) error {
	switch {
	case key == "":
		return fault("a key is empty")
	case again:
		return fault("%s is given twice", quoteName(key))
	case utf8.RuneCountInString(key) > maxTagKey:
		return fault("the key %s is longer than %d characters", quoteName(key), maxTagKey)
	case !isString:
		return fault("the value of %s must be a string, not %s", quoteName(key), kind(raw))
	case utf8.RuneCountInString(text) > maxTagValue:
		return fault("the value of %s is longer than %d characters", quoteName(key), maxTagValue)
	}
	return nil
}

// batch collects the requests of an array's items.
type batch struct {
	requests []backup.Request
	clusters map[backup.Cluster]backup.Request // the last request for each
	selected int                               // regions of selectors
}

// add takes the requests of one item, unless the event would then name too many clusters.
func (b *batch) add(requests []backup.Request) error {
	more := 0
	for _, r := range requests {
		if r.Selector != nil {
			more += len(r.Selector.Regions)
		} else if _, named := b.clusters[r.Cluster]; !named {
			more++
		}
	}
	if len(b.clusters)+b.selected+more > maxClusters {
		return fault("with this item the event would name more than %d clusters", maxClusters)
	}
	if b.clusters == nil {
		b.clusters = make(map[backup.Cluster]backup.Request)
	}
	for _, r := range requests {
		switch {
		case r.Selector != nil:
			b.selected += len(r.Selector.Regions)
		case b.clusters[r.Cluster] == r:
			continue // an array may repeat the same request half a million times
		default:
			b.clusters[r.Cluster] = r
		}
		b.requests = append(b.requests, r)
	}
	// The event may also name one cluster in many different requests. Merging leaves at most two of them.
	if len(b.requests) > 4*maxClusters {
		b.requests = backup.Merge(b.requests)
	}
	return nil
}
