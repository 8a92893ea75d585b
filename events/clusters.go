package events

import (
	"adb-backup/function/backup"
	"encoding/json"
)

const (
	maxClusters = 1000 // of one request
	maxTold     = 20   // wrong ids that are told one by one
)

// readClusters returns the ids that a request names, each once, in its order.
func readClusters(o object, f *faults) []string {
	one, err1 := o.get("DBClusterId")
	many, err2 := o.get("DBClusterIds")
	for _, err := range []error{err1, err2} {
		if err != nil {
			f.add("%v", err)
		}
	}
	switch {
	case err1 != nil || err2 != nil:
	case one == nil && many == nil:
		f.add("the request names no cluster: give DBClusterId or DBClusterIds")
	case one != nil && many != nil:
		f.add("DBClusterId and DBClusterIds exclude each other: give one of them")
	}
	var ids []string
	if one != nil {
		id, isText := readString(one)
		if !isText {
			f.add("DBClusterId must be a string, not %s", kind(one))
		} else if err := backup.CheckClusterID(id); err != nil {
			f.add("DBClusterId: %v", err)
		}
		ids = []string{id}
	}
	if many != nil {
		ids = readIDs(many, f)
	}
	return ids
}

func readIDs(raw json.RawMessage, f *faults) []string {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		f.add("DBClusterIds must be an array of strings, not %s", kind(raw))
		return nil
	}
	if len(items) == 0 {
		f.add("DBClusterIds is empty")
		return nil
	}
	var ids []string
	seen := make(map[string]bool, len(items))
	wrong := 0
	tell := func(format string, args ...any) {
		if wrong++; wrong <= maxTold {
			f.add(format, args...)
		}
	}
	for i, item := range items {
		id, isText := readString(item)
		if !isText {
			tell("DBClusterIds, item %d: must be a string, not %s", i+1, kind(item))
			continue
		}
		if seen[id] {
			continue
		}
		seen[id] = true
		ids = append(ids, id)
		if err := backup.CheckClusterID(id); err != nil {
			tell("DBClusterIds, item %d: %v", i+1, err)
		}
	}
	if wrong > maxTold {
		f.add("and %d more items of DBClusterIds are wrong", wrong-maxTold)
	}
	if len(ids) > maxClusters {
		f.add("DBClusterIds names %d clusters, at most %d are possible", len(ids), maxClusters)
	}
	return ids
}
