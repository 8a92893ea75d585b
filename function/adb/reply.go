package adb

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"
)

// document is what every reply may hold beside its list.
type document struct {
	Code, Message, RequestId, Success text
}

// read reads the fields that errors have in common, from JSON or, as some gateways answer, from XML.
func (d *document) read(body []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return xml.Unmarshal(body, d)
	}
	return json.Unmarshal(body, d)
}

// failed reports whether a reply says that the call failed, although its HTTP status is one of success.
func (d document) failed() bool {
	switch strings.ToLower(string(d.Code)) {
	case "", "0", "200", "ok", "success":
		return strings.EqualFold(string(d.Success), "false")
	}
	return true
}

// reply is a page as the service writes it. Counts are documented as strings for backups and as numbers for clusters; both
// are read either way.
type reply struct {
	document
	TotalCount *text
	Items      *items
}

type items struct {
	Backup    []backupEntry
	DBCluster []clusterRow
}

// backupEntry is a row that may be anything: one odd row must not make the list unreadable.
type backupEntry struct {
	backupRow
	odd string // the row as it came, if it cannot be read
}

// UnmarshalJSON implements json.Unmarshaler. It never fails.
func (e *backupEntry) UnmarshalJSON(b []byte) error {
	if b[0] != '{' || json.Unmarshal(b, &e.backupRow) != nil {
		e.odd = string(b[:min(len(b), 60)])
	}
	return nil
}

// read decodes a reply in one pass, since a page of clusters is large. Some oddities do not make it unreadable: a cluster that
// is not an object stays empty, and Items may be empty in other ways than an object.
func (r *reply) read(body []byte) error {
	err := json.Unmarshal(body, r)
	var odd *json.UnmarshalTypeError // the first one; all that follows is decoded nevertheless
	if !errors.As(err, &odd) {
		return err
	}
	switch odd.Type {
	case reflect.TypeFor[clusterRow]():
		return nil
	case reflect.TypeFor[items]():
		var is struct{ Items json.RawMessage }
		if json.Unmarshal(body, &is) == nil && (string(is.Items) == `""` || string(is.Items) == "[]") {
			return nil
		}
	}
	return err
}

// decodeReply reads one page. A reply that has neither items nor a count is no list: it must not pass for an empty one.
func decodeReply(body []byte) (reply, error) {
	var r reply
	if err := r.read(body); err != nil {
		return reply{}, err
	}
	switch {
	case r.failed():
		return reply{}, errors.New("the reply has a code of failure")
	case r.TotalCount == nil && r.Items == nil:
		return reply{}, errors.New("the reply is not a list")
	case r.Items == nil:
		r.Items = &items{}
	}
	return r, nil
}

// total returns how many entries the whole list has, or -1 if the service does not say.
func (r reply) total() int {
	if r.TotalCount != nil {
		if n, err := strconv.Atoi(string(*r.TotalCount)); err == nil {
			return n
		}
	}
	return -1
}

// text is a JSON value that may be written as a string or as a number. Any other value keeps its JSON text, which no rule
// takes for a known word, a time or a size.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = ""
	case b[0] == '"':
		if inner := b[1 : len(b)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
			*t = text(inner) // as most are
			return nil
		}
		return json.Unmarshal(b, (*string)(t))
	default:
		*t = text(b)
	}
	return nil
}

// is reports whether the value is a word, in any case.
func (t text) is(word string) bool { return strings.EqualFold(string(t), word) }

// plain reports whether the value was written as a string or a number, as far as its text shows.
func (t text) plain() bool {
	return !strings.HasPrefix(string(t), "[") && !strings.HasPrefix(string(t), "{") && t != "true" && t != "false"
}
