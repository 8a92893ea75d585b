package events

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var plainWord = regexp.MustCompile(`^[A-Za-z0-9*_.-]+$`)

// shownText is for text that nothing marks as ours, and that might be anything: a single word at most is quoted.
func shownText(s string) string {
	switch {
	case s == "":
		return "an empty text"
	case isWord(s):
		return strconv.Quote(s)
	default:
		return fmt.Sprintf("a text of %d bytes", len(s))
	}
}

// isWord: a short word of the letters that ids have. The bound is not in plainWord, for {1,64} is slow to compile.
func isWord(s string) bool { return len(s) <= 64 && plainWord.MatchString(s) }

// shownName quotes a field's name, cut to 64 bytes.
func shownName(name string) string {
	if len(name) > 64 {
		return strconv.QuoteToASCII(strings.ToValidUTF8(name[:64], "")) + "…"
	}
	return strconv.QuoteToASCII(name)
}

// faults are all that is wrong with a request, to be told at once.
type faults []string

func (f *faults) add(format string, args ...any) { *f = append(*f, fmt.Sprintf(format, args...)) }

// err joins the faults, after the place where the request stood; "" for an event that is the request itself.
func (f faults) err(where string) error {
	if len(f) == 0 {
		return nil
	}
	text := strings.Join(f, "; ")
	if where != "" {
		text = where + ": " + text
	}
	return errors.New(text)
}
