package events

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	clusterIDForm = regexp.MustCompile(`^am[a-z]*-[a-z0-9]+$`)
	regionForm    = regexp.MustCompile(`^[a-z]{2,}(-[a-z0-9]+)+$`)
	plainWord     = regexp.MustCompile(`^[A-Za-z0-9*_.-]+$`)
)

// CheckClusterID says what is wrong with an AnalyticDB for MySQL cluster id: `^am[a-z]*-[a-z0-9]+$`, 64 characters at
// most. An id copied from the documentation, which masks its examples (amv-wz9or2xawpnc****), is told apart.
func CheckClusterID(id string) error {
	switch {
	case len(id) <= 64 && clusterIDForm.MatchString(id):
		return nil
	case strings.HasPrefix(id, "am") && strings.HasSuffix(id, "*"):
		return fmt.Errorf("%s is a masked example: give the whole cluster id", shown(id))
	default:
		return fmt.Errorf("%s is not a cluster id such as amv-wz9or2xawpnc", shown(id))
	}
}

// CheckRegion says what is wrong with a region: `^[a-z]{2,}(-[a-z0-9]+)+$`, 32 characters at most. A region becomes
// part of a host name to which credentials are sent, so nothing that fails here may reach the SDK.
func CheckRegion(name string) error {
	if len(name) > 32 || !regionForm.MatchString(name) {
		return fmt.Errorf("%s is not a region such as cn-hangzhou", shown(name))
	}
	return nil
}

// shown quotes a short plain value for a message; of any other it tells the size alone.
func shown(s string) string {
	if len(s) > 64 {
		return fmt.Sprintf("a string of %d characters", utf8.RuneCountInString(s))
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return "a string with other than printable ASCII characters"
		}
	}
	return strconv.Quote(s)
}

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
