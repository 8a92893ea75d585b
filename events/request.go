package events

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"adb-backup/function/backup"
)

const (
	exampleRequest = `{"DBClusterId":"amv-…","WaitFor":"Completed"}`
	missingCluster = "names no cluster: give DBClusterId, DBClusterIds or DBClusterSelector"

	maxUnknown = 10 // unknown fields that are described
	maxFaults  = 40 // of one request that are described
)

// named makes requests for clusters that an event names by their ids alone.
func (s source) named(place string, ids ...string) ([]backup.Request, error) {
	var f faults
	for _, id := range ids {
		if err := backup.CheckClusterID(id); err != nil {
			f.add("%s: %v", place, err)
		}
	}
	f.addError(s.badRegion) // which says where the region stands
	if err := f.err(); err != nil {
		return nil, err
	}
	return forEach(s.prototype, ids), nil
}

// epoch is earlier than any backup. It replaces all earlier moments, because their year might not have four digits.
var epoch = time.Unix(0, 0).UTC()

// forEach makes one request for each cluster, or a single one with the prototype's selector.
func forEach(prototype backup.Request, ids []string) []backup.Request {
	if prototype.NotBefore.Before(epoch) {
		prototype.NotBefore = epoch
	}
	if prototype.Selector != nil {
		return []backup.Request{prototype}
	}
	requests := make([]backup.Request, len(ids))
	for i, id := range ids {
		requests[i] = prototype
		requests[i].Cluster.ID = id
	}
	return requests
}

// request has the fields of a request, as AnalyticDB's API names them.
type request struct {
	DBClusterID, DBClusterIDs, DBClusterSelector value
	RegionID, RegionIDs                          value
	Action, WaitFor, MaxAge, NotBefore           value
	others                                       others
}

// requestFields are a request's own, in the order in which its faults are reported.
var requestFields = []string{"DBClusterId", "DBClusterIds", "DBClusterSelector", "RegionId", "RegionIds", "Action", "WaitFor", "MaxAge", "NotBefore"}

func readRequest(raw json.RawMessage) (r request) {
	r.others = readFields(raw,
		wanted{"DBClusterId", &r.DBClusterID}, wanted{"DBClusterIds", &r.DBClusterIDs}, wanted{"DBClusterSelector", &r.DBClusterSelector},
		wanted{"RegionId", &r.RegionID}, wanted{"RegionIds", &r.RegionIDs},
		wanted{"Action", &r.Action}, wanted{"WaitFor", &r.WaitFor}, wanted{"MaxAge", &r.MaxAge}, wanted{"NotBefore", &r.NotBefore})
	return r
}

// namesCluster reports whether the request says which clusters it means.
func (r *request) namesCluster() bool {
	return r.DBClusterID.given || r.DBClusterIDs.given || r.DBClusterSelector.given
}

// request checks a request's fields and makes one request for each of its clusters. It reports all faults at once.
func (d *decoder) request(src source, r request) ([]backup.Request, error) {
	f := &faults{place: src.place}
	p := src.prototype
	var ids []string
	ids, p.Selector, p.Cluster.Region = r.clusters(src, f)
	p.Action = r.action(src, f)
	p.WaitFor = parse(f, "WaitFor", r.WaitFor, backup.ParseWaitFor)
	maxAge := parse(f, "MaxAge", r.MaxAge, parseMaxAge)
	notBefore := parse(f, "NotBefore", r.NotBefore, parseNotBefore)
	r.checkTogether(p.Action, f)
	if !src.foreign {
		if r.RegionIDs.raw != nil && p.Selector == nil {
			f.add(`unknown field "RegionIds" (it goes with DBClusterSelector alone: give RegionId)`)
		}
		f.addUnknown("unknown field", r.others, requestFields)
	}
	if err := f.err(); err != nil {
		return nil, err
	}

	if r.NotBefore.given {
		p.NotBefore = d.notInFuture("NotBefore", notBefore)
	} else {
		p.NotBefore = p.NotBefore.Add(-maxAge)
	}
	p.Immediate = p.Immediate && !r.MaxAge.given && !r.NotBefore.given
	return forEach(p, ids), nil
}

// action reads the Action. Many events have an Action of the sender's own, which counts as absent.
func (r *request) action(src source, f *faults) backup.Action {
	if !src.foreign {
		return cmp.Or(parse(f, "Action", r.Action, backup.ParseAction), backup.ActionEnsure)
	}
	if r.Action.repeated {
		f.add("Action is given twice")
	}
	action, _ := backup.ParseAction(string(r.Action.text))
	return cmp.Or(action, backup.ActionEnsure)
}

// checkTogether checks the fields that do not go with each other.
func (r *request) checkTogether(action backup.Action, f *faults) {
	maxAge, notBefore := r.MaxAge.given, r.NotBefore.given
	if maxAge && notBefore {
		f.add("MaxAge and NotBefore exclude each other: give one of them")
	}
	if action == backup.ActionVerify && r.WaitFor.given {
		f.add("WaitFor goes with Ensure alone")
	}
	if action == backup.ActionVerify && !maxAge && !notBefore {
		f.add("Verify needs MaxAge or NotBefore")
	}
}

// asString returns the field's string; an empty one if the field is absent. The name is for the error.
func (v value) asString(name string) (string, error) {
	switch {
	case v.repeated:
		return "", fault("%s is given twice", name)
	case v.given && !v.isString:
		return "", fault("%s must be a string, not %s", name, kind(v.raw))
	}
	return string(v.text), nil
}

// parse reads the string of a field. It returns the zero value if the field is absent or wrong.
func parse[T any](f *faults, name string, v value, read func(string) (T, error)) (result T) {
	text, err := v.asString(name)
	if err == nil && v.given {
		if result, err = read(text); err != nil {
			err = fault("%s %v, not %v", name, err, quoted(text))
		}
	}
	f.addError(err)
	return result
}

func parseMaxAge(s string) (time.Duration, error) {
	age, err := time.ParseDuration(s)
	if err != nil || age < 0 {
		return 0, errors.New("must be a duration such as 90m or 26h, and not negative")
	}
	return age, nil
}

func parseNotBefore(s string) (time.Time, error) {
	t, err := parseTime(s)
	if err != nil {
		return time.Time{}, errors.New("must be an RFC 3339 time such as 2026-11-23T02:00:00Z")
	}
	return t, nil
}

// faultError is one thing that is wrong with an event. Its text is made only when it is read: an array can have a million wrong
// items, of which only a hundred are described.
type faultError struct {
	format string
	args   []any
}

func fault(format string, args ...any) error { return &faultError{format, args} }

func (e *faultError) Error() string { return fmt.Sprintf(e.format, e.args...) }

// faults are all faults of one request, so that they can be reported at once.
type faults struct {
	place string // where the request stands; empty for an event that is the request itself
	all   []error
}

func (f *faults) add(format string, args ...any) { f.all = append(f.all, fault(format, args...)) }

// addError adds an error that is not nil.
func (f *faults) addError(err error) {
	if err != nil {
		f.all = append(f.all, err)
	}
}

// err returns the faults as one error; nil if there are none.
func (f *faults) err() error {
	if len(f.all) == 0 {
		return nil
	}
	return f
}

func (f *faults) Error() string {
	texts := make([]string, min(len(f.all), maxFaults))
	for i := range texts {
		texts[i] = f.all[i].Error()
	}
	text := strings.Join(texts, "; ")
	if more := len(f.all) - len(texts); more > 0 {
		text += fmt.Sprintf("; … and %d more", more)
	}
	if f.place != "" {
		text = f.place + ": " + text
	}
	return text
}

// addUnknown adds a fault for each field that an object should not have, so that a misspelt WaitFor is not silently ignored.
func (f *faults) addUnknown(what string, unknown others, known []string) {
	for _, name := range unknown.names {
		f.add("%s %v", what, misspelt{name, known})
	}
	if more := unknown.count - len(unknown.names); more > 0 {
		f.add("and %d more unknown fields", more)
	}
}

// misspelt is a field's name that is not among the known ones, as messages show it.
type misspelt struct {
	name  string
	known []string
}

func (m misspelt) String() string {
	if meant := Nearest(m.name, m.known); meant != "" {
		return quoteName(m.name) + " (did you mean " + meant + "?)"
	}
	return quoteName(m.name)
}

// Nearest returns the field that a misspelt name seems to mean; "" if no name is near.
func Nearest(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	best, meant := 3, "" // a name with three mistakes is another name
	for _, k := range known {
		if d := distance(folded(name), folded(k)); d < best {
			best, meant = d, k
		}
	}
	return meant
}

// folded returns a name in small letters, without _ and -, because people often differ in these: DB_cluster-id becomes
// dbclusterid.
func folded(name string) string { return separators.Replace(strings.ToLower(name)) }

var separators = strings.NewReplacer("_", "", "-", "")

// distance is Levenshtein's: how many letters must be inserted, removed or changed.
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
