package adb

import (
	"encoding/json"
	"fmt"
	"html"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// leastSecret is the length of the shortest secret that is hidden: a shorter one is not real, and may be part of any word.
const leastSecret = 8

// longestText is how many bytes of a text are kept.
const longestText = 400

// Mask makes text of a service or of the network fit for a log, an answer or a screen. The zero Mask hides no secrets.
type Mask struct {
	spellings func() *strings.Replacer // made when it is needed: most calls succeed, and say nothing
}

// NewMask returns a mask that hides these secrets: as they are, percent-encoded once or twice, and escaped as in HTML and JSON.
func NewMask(secrets ...string) Mask {
	return Mask{sync.OnceValue(func() *strings.Replacer {
		var all []string
		for _, s := range secrets {
			if len(s) >= leastSecret {
				all = append(all, spellings(s)...)
			}
		}
		// Where several begin at the same place, the Replacer takes the first of its arguments.
		slices.SortFunc(all, func(a, b string) int { return len(b) - len(a) })
		var pairs []string
		for _, s := range all {
			pairs = append(pairs, s, "***")
		}
		return strings.NewReplacer(pairs...)
	})}
}

// Clean returns text as one line of bounded length, without secrets and without characters that cannot be seen.
func (m Mask) Clean(text string) string {
	if m.spellings != nil {
		text = m.spellings().Replace(text)
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	return cut(strings.Join(strings.Fields(text), " "), longestText)
}

// spellings returns the ways in which a service may repeat a secret.
func spellings(secret string) []string {
	quoted, _ := json.Marshal(secret) // cannot fail: it is a string
	all := []string{
		secret, strings.ReplaceAll(secret, "/", `\/`), string(quoted[1 : len(quoted)-1]),
		html.EscapeString(secret), strings.ReplaceAll(html.EscapeString(secret), "&#34;", "&quot;"),
	}
	for _, format := range []string{`\u%04x`, `\u%04X`, "&#%d;", "&#x%x;", "&#x%X;"} {
		all = append(all, special.ReplaceAllStringFunc(secret, func(c string) string { return fmt.Sprintf(format, c[0]) }))
	}
	for _, once := range percentEncoded(secret) {
		all = append(append(all, once), percentEncoded(once)...)
	}
	return all
}

var (
	special = regexp.MustCompile(`[^A-Za-z0-9._-]`)
	percent = regexp.MustCompile(`%[0-9A-F]{2}`)
)

// percentEncoded returns a text as the query of a URL has it, with either spelling of a space, and as its path has it, each in
// capital and in small letters.
func percentEncoded(text string) (all []string) {
	query := url.QueryEscape(text)
	for _, encoded := range []string{query, strings.ReplaceAll(query, "+", "%20"), url.PathEscape(text)} {
		all = append(all, encoded, percent.ReplaceAllStringFunc(encoded, strings.ToLower))
	}
	return all
}

// cut returns text, or its beginning where it is longer than most.
func cut(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}
