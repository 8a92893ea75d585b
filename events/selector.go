package events

import (
	"fmt"
	"regexp"
	"unicode/utf8"

	"adb-backup/function/backup"
)

var groupIDForm = regexp.MustCompile(`^rg-[a-z0-9]+$`)

// readSelector reads the field DBClusterSelector. Here a null is a fault, and so is an unknown field, even in a CloudEvent's
// data: a condition that gets lost would choose more clusters than its author meant.
func readSelector(request *object) *backup.Selector {
	s := new(backup.Selector)
	o, isObject := request.get("DBClusterSelector").(*object)
	if !isObject {
		request.fault("DBClusterSelector must be an object, not %s", kind(request.raw("DBClusterSelector")))
		return s
	}
	o.path, o.nulls, o.faults = "DBClusterSelector.", true, request.faults
	s.Tags, s.NotTags = readTags(o, "Tags"), readTags(o, "NotTags")
	s.ResourceGroupID = o.checked("ResourceGroupId", checkGroup)
	s.All = o.has("All")
	switch narrowed := o.has("Tags") || o.has("ResourceGroupId"); {
	case s.All && string(o.raw("All")) != "true":
		o.fault("DBClusterSelector.All must be true, not %s", kind(o.raw("All")))
	case s.All && narrowed:
		o.fault("DBClusterSelector: All does not go with Tags or ResourceGroupId")
	case !s.All && !narrowed:
		o.fault("DBClusterSelector chooses nothing: give Tags, ResourceGroupId or All")
	}
	o.checkNames([]string{"Tags", "NotTags", "ResourceGroupId", "All"}, false)
	return s
}

func checkGroup(id string) error {
	if !groupIDForm.MatchString(id) {
		return fmt.Errorf("%s is not a resource group id such as rg-acfm4vaqr2x7kdy", backup.Quote(id))
	}
	return nil
}

// readTags reads Tags or NotTags. Keys and values keep their case.
func readTags(o *object, name string) map[string]string {
	if !o.has(name) {
		return nil
	}
	given, isObject := o.get(name).(*object)
	switch {
	case !isObject:
		o.fault("%s%s must be an object of strings, not %s", o.path, name, kind(o.raw(name)))
		return nil
	case len(given.fields) == 0, len(given.fields) > 20:
		o.fault("%s%s has %d tags, 1 to 20 are possible", o.path, name, len(given.fields))
	}
	tags := make(map[string]string)
	for _, tag := range given.fields {
		text, isText := valueOf(tag.raw).(string)
		_, again := tags[tag.name]
		tags[tag.name] = text
		key := fmt.Sprintf("%s%s: %s", o.path, name, backup.Quote(tag.name))
		switch {
		case again:
			o.fault("%s is given twice", key)
		case !isText:
			o.fault("%s must be a string, not %s", key, kind(tag.raw))
		case tag.name == "", utf8.RuneCountInString(tag.name) > 128, utf8.RuneCountInString(text) > 256:
			o.fault("%s: a key has 1 to 128 characters, and a value at most 256", key)
		}
	}
	return tags
}
