package events

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"adb-backup/function/backup"
)

// A fault is one thing that is wrong with an event. It becomes text only when somebody reads it: an array can have a million
// wrong items, and only some of them are described.
type faultError struct {
	format string
	args   []any
}

func fault(format string, args ...any) error { return &faultError{format, args} }

func (e *faultError) Error() string { return fmt.Sprintf(e.format, e.args...) }

// Nearest returns the field that a misspelt name seems to mean; "" if no name is near.
func Nearest(name string, known []string) string {
	if len(name) > 64 {
		return ""
	}
	best, meant := 3, ""
	for _, k := range known {
		if d := distance(folded(name), folded(k)); d < best {
			best, meant = d, k
		}
	}
	return meant
}

// folded returns a name without what people write differently: DB_cluster-id becomes dbclusterid.
func folded(name string) string {
	return strings.NewReplacer("_", "", "-", "").Replace(strings.ToLower(name))
}

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

// isWord reports whether s is short and has only letters that ids have.
func isWord(s string) bool { return len(s) <= 64 && word.MatchString(s) }

// described describes a text that can be anything. It quotes at most a single word.
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
