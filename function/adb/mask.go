package adb

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

const (
	leastSecret = 8   // characters of a secret that is hidden: a shorter one is not real, and may be part of any word
	longestText = 400 // bytes of a text
)

// Mask makes text of a service or of the network fit for a log, an answer or a screen. The zero Mask hides no secrets.
type Mask struct{ secrets []string }

// NewMask returns a mask that hides these secrets: as they are, percent-encoded once or twice, and escaped as in HTML and JSON.
func NewMask(secrets ...string) Mask {
	secrets = slices.DeleteFunc(slices.Clone(secrets), func(s string) bool { return len(s) < leastSecret })
	// One secret may be part of another, as the key's id is of the Authorization header: the whole is hidden first.
	slices.SortFunc(secrets, func(a, b string) int { return len(b) - len(a) })
	return Mask{secrets}
}

// Clean returns text as one line of bounded length, without secrets and without characters that cannot be seen.
func (m Mask) Clean(text string) string {
	for _, secret := range m.secrets {
		switch {
		case len(secret) > len(text): // no spelling is shorter, so most texts need no search for a token
		case !special.MatchString(secret):
			text = strings.ReplaceAll(text, secret, "***")
		default:
			spellings := regexp.MustCompile(special.ReplaceAllLiteralString(secret, spelling))
			text = spellings.ReplaceAllLiteralString(text, "***")
		}
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return Cut(strings.Join(strings.Fields(text), " "), longestText)
}

// Cut shortens s to n bytes, at a character. An ellipsis shows that something is missing.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len("…")], "") + "…"
}

// special are the characters of a secret that a service may spell in another way, and spelling is a pattern of all these ways.
var special = regexp.MustCompile(`[^A-Za-z0-9._-]`)

const spelling = `(?:%(?:25)*[0-9A-Fa-f]{2}|&(?:amp;)*#?\w+;|\\*u[0-9A-Fa-f]{4}|\\+[bfnrt]|\\*[^A-Za-z0-9])+?`

// Reason returns a network error in words.
func Reason(err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}
