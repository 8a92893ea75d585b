package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"adb-backup/function/backup"
)

// An event may have four megabytes, in millions of fields or items. So encoding/json checks a text once, with checkJSON,
// and the other functions here walk over the checked text. They copy only the strings that are needed, and they keep
// repeated fields visible: encoding/json lets the last one win, which hides that a request contradicts itself.

// checkJSON returns an error if text is not one JSON value.
func checkJSON(place string, text []byte) error {
	if json.Valid(text) {
		return nil
	}
	return &brokenJSON{place, text}
}

// brokenJSON is a text that is not one JSON value. The place of the fault is searched only when the error is read.
type brokenJSON struct {
	place string
	text  []byte
}

// Error says where the text breaks off. It quotes at most one character of the text.
func (e *brokenJSON) Error() string {
	var ignored json.RawMessage
	err := json.Unmarshal(e.text, &ignored)
	if s, ok := err.(*json.SyntaxError); ok {
		return fmt.Sprintf("%s is not JSON: %v (at byte %d)", e.place, err, s.Offset)
	}
	return e.place + " is not JSON"
}

// value is what an object has in one field. The zero value is that of an absent field.
type value struct {
	raw      json.RawMessage // nil: the field is absent
	given    bool            // it is there, and not null
	repeated bool
	isString bool
	text     []byte // of a string
}

// field is a value, and the name or path that messages give it.
type field struct {
	name string
	value
}

// wanted is a field to look for, and where its value goes.
type wanted struct {
	name string
	to   *value
}

// others are the fields of an object that were not looked for.
type others struct {
	names []string // the first ones
	count int
}

// readFields finds fields in a checked object, without regard to case. Of a repeated field the first value that is not null
// counts.
func readFields(object json.RawMessage, all ...wanted) (rest others) {
	for name, raw := range fields(object) {
		i := slices.IndexFunc(all, func(w wanted) bool { return isNamed(name, w.name) })
		if i < 0 {
			if rest.count++; rest.count <= maxUnknown {
				text, _ := unquote(name)
				rest.names = append(rest.names, string(text))
			}
			continue
		}
		v := all[i].to
		v.repeated = v.raw != nil
		if !v.given {
			v.raw, v.given = raw, raw[0] != 'n'
			v.text, v.isString = unquote(raw)
		}
	}
	return rest
}

// isNamed reports whether raw, a field's name in quotes, is that name, without regard to case.
func isNamed(raw json.RawMessage, name string) bool {
	if bytes.IndexByte(raw, '\\') >= 0 {
		text, _ := unquote(raw)
		return strings.EqualFold(string(text), name)
	}
	return len(raw) >= len(name)+2 && strings.EqualFold(string(raw[1:len(raw)-1]), name)
}

// fields yields the names, in quotes, and the values of a checked object.
func fields(object json.RawMessage) iter.Seq2[json.RawMessage, json.RawMessage] {
	return func(yield func(name, value json.RawMessage) bool) {
		for rest := skipGap(object[1:]); rest[0] != '}'; {
			var name, value json.RawMessage
			name, rest = cutValue(rest)
			value, rest = cutValue(rest)
			if !yield(name, value) {
				return
			}
		}
	}
}

// items yields the items of a checked array.
func items(array json.RawMessage) iter.Seq[json.RawMessage] {
	return func(yield func(item json.RawMessage) bool) {
		for rest := skipGap(array[1:]); rest[0] != ']'; {
			var item json.RawMessage
			item, rest = cutValue(rest)
			if !yield(item) {
				return
			}
		}
	}
}

// cutValue returns the value with which a checked text begins, and the text that follows it.
func cutValue(text []byte) (value json.RawMessage, rest []byte) {
	end, depth := 0, 0
	for {
		switch c := text[end]; c {
		case '"':
			end += stringEnd(text[end:])
		case '{', '[':
			depth++
			end++
		case '}', ']':
			depth--
			end++
		case ' ', '\t', '\r', '\n', ',', ':':
			end++
		default:
			end += scalarEnd(text[end:])
		}
		if depth == 0 {
			return text[:end:end], skipGap(text[end:])
		}
	}
}

// skipGap removes white space, commas and colons from the beginning of a checked text.
func skipGap(text []byte) []byte {
	for i, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n', ',', ':':
		default:
			return text[i:]
		}
	}
	return nil
}

// stringEnd returns the length of the string with which a checked text begins.
func stringEnd(text []byte) int {
	i := 1
	for text[i] != '"' {
		if text[i] == '\\' {
			i++
		}
		i++
	}
	return i + 1
}

// scalarEnd returns the length of the number, true, false or null with which a checked text begins.
func scalarEnd(text []byte) int {
	for i, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n', ',', '}', ']':
			return i
		}
	}
	return len(text)
}

// unquote returns the text of a string. It copies the text only if that has escapes.
func unquote(raw json.RawMessage) (text []byte, isString bool) {
	if raw[0] != '"' {
		return nil, false
	}
	if text = raw[1 : len(raw)-1]; bytes.IndexByte(text, '\\') < 0 && utf8.Valid(text) {
		return text, true
	}
	var copied unquoted
	err := json.Unmarshal(raw, &copied)
	return copied, err == nil
}

// unquoted is text that encoding/json has unquoted. As a string it would have to be copied once more, and it can be large.
type unquoted []byte

func (u *unquoted) UnmarshalText(text []byte) error {
	*u = bytes.Clone(text)
	return nil
}

// isObject reports whether a value is an object.
func isObject(raw json.RawMessage) bool { return len(raw) > 0 && raw[0] == '{' }

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

// quoted is a field's value as messages show it.
type quoted string

func (q quoted) String() string { return backup.Quote(string(q)) }

// quoteName quotes the name of a field or a tag, cut to 64 bytes.
func quoteName(name string) string {
	if len(name) > 64 {
		return strconv.QuoteToASCII(strings.ToValidUTF8(name[:64], "")) + "…"
	}
	return strconv.QuoteToASCII(name)
}

var word = regexp.MustCompile(`^[A-Za-z0-9*_.-]+$`)

// isWord reports whether s is short and has only characters that ids have.
func isWord(s string) bool { return len(s) <= 64 && word.MatchString(s) }

// described describes a text that can be anything. It quotes only a single word.
func described(s string) string {
	switch {
	case s == "":
		return "an empty text"
	case isWord(s):
		return strconv.Quote(s)
	default:
		return fmt.Sprintf("a text of %d bytes", len(s))
	}
}
