package events

import "strings"

// fieldNames are a request's own, in the order in which its faults are told.
var fieldNames = []string{"DBClusterId", "DBClusterIds", "RegionId", "Action", "WaitFor", "MaxAge", "NotBefore"}

// tellUnknown makes a fault of the fields that are not a request's: a misspelt WaitFor must not silently not wait.
func tellUnknown(o object, f *faults) {
	const most = 10
	unknown := 0
	for _, field := range o {
		if isKnown(field.name) {
			continue
		}
		if unknown++; unknown > most {
			continue
		}
		hint := ""
		if meant := nearest(field.name); meant != "" {
			hint = " (did you mean " + meant + "?)"
		}
		f.add("unknown field %s%s", shownName(field.name), hint)
	}
	if unknown > most {
		f.add("and %d more unknown fields", unknown-most)
	}
}

func isKnown(name string) bool {
	for _, known := range fieldNames {
		if strings.EqualFold(name, known) {
			return true
		}
	}
	return false
}

// nearest returns the field that a misspelt name seems to mean; "" if none is near.
func nearest(name string) string {
	if len(name) > 64 {
		return ""
	}
	best, meant := 3, ""
	for _, known := range fieldNames {
		if d := distance(folded(name), folded(known)); d < best {
			best, meant = d, known
		}
	}
	return meant
}

// folded is a name without what people write differently: DB_cluster-id is dbclusterid.
func folded(name string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
}

// distance is Levenshtein's: how many letters must be put in, left out or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
