package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// object is a JSON object as it was sent: its fields in order, repeated ones too. encoding/json would let the last of
// several win and so hide that a request contradicts itself.
type object []field

type field struct {
	name  string
	value json.RawMessage
}

// readObject reads raw, which must be one JSON object and nothing after it.
func readObject(raw []byte) (object, error) {
	var o object
	if err := json.Unmarshal(raw, &o); err != nil {
		return nil, syntax(err)
	}
	return o, nil
}

// UnmarshalJSON is given valid JSON by encoding/json, so the decoder below has no errors of its own but for a value
// that is no object.
func (o *object) UnmarshalJSON(raw []byte) error {
	d := json.NewDecoder(bytes.NewReader(raw))
	if start, err := d.Token(); err != nil || start != json.Delim('{') {
		return fmt.Errorf("an object is expected, not %s", kind(raw))
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		*o = append(*o, field{name.(string), value})
	}
	return nil
}

// syntax says where JSON breaks off. The errors of encoding/json for values are not passed on: they quote them.
func syntax(err error) error {
	if s, ok := err.(*json.SyntaxError); ok {
		return fmt.Errorf("%s (at byte %d)", s.Error(), s.Offset)
	}
	return err
}

// get returns the field of that name, without regard to case; nil when it is absent or null.
func (o object) get(name string) (json.RawMessage, error) {
	var value json.RawMessage
	seen := false
	for _, f := range o {
		if !strings.EqualFold(f.name, name) {
			continue
		}
		if seen {
			return nil, fmt.Errorf("%s is given twice", name)
		}
		value, seen = f.value, true
	}
	if string(value) == "null" {
		return nil, nil
	}
	return value, nil
}

// has reports whether there is such a field that is not null, once or more often.
func (o object) has(name string) bool {
	for _, f := range o {
		if strings.EqualFold(f.name, name) && string(f.value) != "null" {
			return true
		}
	}
	return false
}

// text returns the field of that name, which must be a string. It is not given when it is absent or null.
func (o object) text(name string) (s string, given bool, err error) {
	raw, err := o.get(name)
	if err != nil || raw == nil {
		return "", false, err
	}
	s, isText := readString(raw)
	if !isText {
		return "", false, fmt.Errorf("%s must be a string, not %s", name, kind(raw))
	}
	return s, true, nil
}

func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

func readString(raw json.RawMessage) (s string, ok bool) {
	if len(raw) == 0 || raw[0] != '"' {
		return "", false
	}
	return s, json.Unmarshal(raw, &s) == nil
}

// kind names the type of a JSON value, for messages.
func kind(raw json.RawMessage) string {
	switch raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f', 'n':
		return string(raw)
	default:
		return "a number"
	}
}
