package events

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"adb-backup/function/backup"
)

const maxFaults = 20 // of one request that are told

// object is a JSON object as it was written: its fields in order and with repeats, of which encoding/json would keep only the
// last. A field is found without regard to case, and null counts as absent. What is wrong with the fields is collected, so
// that all of it is told at once.
type object struct {
	path   string // goes before a field's name in messages, such as "DBClusterSelector."
	nulls  bool   // null counts as a value, so that it can be refused
	source json.RawMessage
	fields []field
	*faults
}

type field struct {
	name string
	raw  json.RawMessage
}

// readJSON reads a text as valueOf does. Its error quotes at most one character of the text.
func readJSON(place, text string) (any, error) {
	var checked json.RawMessage
	if err := json.Unmarshal([]byte(text), &checked); err != nil {
		return nil, fmt.Errorf("%s is not JSON: %w", place, err)
	}
	return valueOf(checked), nil
}

// valueOf returns a string, an *object, or any other value as it is written. The text has been checked, so that reading it
// cannot fail.
func valueOf(text json.RawMessage) any {
	switch text[0] {
	case '{':
		return newObject(text)
	case '"':
		var s string
		json.Unmarshal(text, &s)
		return s
	default:
		return text
	}
}

func newObject(text json.RawMessage) *object {
	o := &object{source: text, faults: new(faults)}
	d := json.NewDecoder(bytes.NewReader(text))
	d.Token() // the brace
	for d.More() {
		name, _ := d.Token()
		f := field{name: name.(string)}
		d.Decode(&f.raw)
		o.fields = append(o.fields, f)
	}
	return o
}

var kinds = map[byte]string{'{': "an object", '[': "an array", '"': "a string", 't': "true", 'f': "false", 'n': "null"}

// kind names the type of a value, for messages.
func kind(raw json.RawMessage) string { return cmp.Or(kinds[raw[0]], "a number") }

// raw returns a field as it is written; nil if the field is absent. Of a repeated field the first one counts.
func (o *object) raw(name string) json.RawMessage {
	for _, f := range o.fields {
		if strings.EqualFold(f.name, name) && (o.nulls || f.raw[0] != 'n') {
			return f.raw
		}
	}
	return nil
}

func (o *object) has(name string) bool { return o.raw(name) != nil }

// get returns a field's value as valueOf does; nil if the field is absent.
func (o *object) get(name string) any {
	if raw := o.raw(name); raw != nil {
		return valueOf(raw)
	}
	return nil
}

// text returns a field's string; "" if the field is absent or no string.
func (o *object) text(name string) string {
	text, _ := o.get(name).(string)
	return text
}

// parse reads the string in a field. It returns the zero value if the field is absent or wrong.
func parse[T any](o *object, name string, read func(string) (T, error)) (result T) {
	if text, isText := o.get(name).(string); isText {
		var err error
		if result, err = read(text); err != nil {
			o.fault("%s%s: %v", o.path, name, err)
		}
	} else if o.has(name) {
		o.fault("%s%s must be a string, not %s", o.path, name, kind(o.raw(name)))
	}
	return result
}

// checked returns the string in a field. It has to pass check.
func (o *object) checked(name string, check func(string) error) string {
	return parse(o, name, func(text string) (string, error) { return text, check(text) })
}

// list returns the strings in an array. Each of them has to pass check, and repeats count once.
func (o *object) list(name string, most int, check func(string) error) (list []string) {
	var items []json.RawMessage
	switch err := json.Unmarshal(o.raw(name), &items); {
	case err != nil:
		o.fault("%s must be an array of strings, not %s", name, kind(o.raw(name)))
	case len(items) == 0:
		o.fault("%s is empty", name)
	}
	seen := make(map[string]bool)
	for i, raw := range items {
		text, isText := valueOf(raw).(string)
		if !isText {
			o.fault("%s, item %d: must be a string, not %s", name, i+1, kind(raw))
		} else if err := check(text); err != nil {
			o.fault("%s, item %d: %v", name, i+1, err)
		} else if !seen[text] {
			seen[text] = true
			list = append(list, text)
		}
	}
	if len(list) > most {
		o.fault("%s has more than %d different items", name, most)
	}
	return list
}

// checkNames finds fields that are given twice, and unknown ones: a misspelt WaitFor must not silently not wait. Unknown
// fields of a foreign object are the sender's own.
func (o *object) checkNames(known []string, foreign bool) {
	given := make(map[string]int)
	for _, f := range o.fields {
		i := slices.IndexFunc(known, func(name string) bool { return strings.EqualFold(name, f.name) })
		switch {
		case i >= 0 && (o.nulls || f.raw[0] != 'n'):
			if given[known[i]]++; given[known[i]] == 2 {
				o.fault("%s%s is given twice", o.path, known[i])
			}
		case i < 0 && !foreign && o.count < maxFaults: // what is meant is looked for only if it is told
			hint := ""
			if meant := Nearest(f.name, known); meant != "" {
				hint = " (did you mean " + meant + "?)"
			}
			o.fault("unknown field %s%s%s", o.path, backup.Quote(f.name), hint)
		case i < 0 && !foreign:
			o.count++
		}
	}
}

// Nearest returns the name that a misspelt one seems to mean; "" if none is near. Capitals, _ and - make no difference.
func Nearest(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	plain := func(name string) string { return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name)) }
	best, meant := 3, "" // a name with three mistakes is another name
	for _, k := range known {
		if d := levenshtein.ComputeDistance(plain(name), plain(k)); d < best {
			best, meant = d, k
		}
	}
	return meant
}

// faults are what is wrong with a request: the first ones, and how many there are.
type faults struct {
	told  []string
	count int
}

func (f *faults) fault(format string, args ...any) {
	if f.count++; f.count <= maxFaults {
		f.told = append(f.told, fmt.Sprintf(format, args...))
	}
}

// err returns all faults as one error; nil if there are none. The place is where the request stands; "" for the event itself.
func (f *faults) err(place string) error {
	if f.count == 0 {
		return nil
	}
	if more := f.count - len(f.told); more > 0 {
		f.told = append(f.told, fmt.Sprintf("… and %d more", more))
	}
	return errors.New(strings.TrimPrefix(place+": "+strings.Join(f.told, "; "), ": "))
}
