package adb

import (
	"slices"
	"strconv"
	"strings"
)

// Pieces of so many characters are masked. A shorter piece of a secret helps nobody, and ordinary words must not look like
// one. Most of an Authorization header is public, so only long pieces of it are masked.
const (
	leastSecret        = 8
	leastAuthorization = 40
)

// mask hides secrets in texts of the service, which does repeat access key ids and what was signed. It finds them in any
// spelling: percent-encoded, escaped as in HTML or JSON, more than once, broken by white space or punctuation, in other case, or
// cut short.
type mask []secret

type secret struct {
	spelt string // as spell does it
	least int    // characters of a piece that is masked
}

func newMask(secrets ...string) mask {
	var m mask
	for _, s := range secrets {
		m = m.with(s, leastSecret)
	}
	return m
}

// with returns a mask that also hides s, in pieces of at least so many characters.
func (m mask) with(s string, least int) mask {
	spelt := spell(s)
	if spelt == "" {
		return m
	}
	return append(m[:len(m):len(m)], secret{spelt, min(least, len(spelt))})
}

// hide returns text with three asterisks in the place of every secret or piece of one.
func (m mask) hide(text string) string {
	spelt := spell(text)
	hidden := make([]bool, len(spelt))
	for _, secret := range m {
		n := secret.least
		for i := 0; i+n <= len(spelt); i++ {
			if strings.Contains(secret.spelt, spelt[i:i+n]) {
				for j := i; j < i+n; j++ {
					hidden[j] = true
				}
			}
		}
	}
	if !slices.Contains(hidden, true) {
		return text
	}
	var b strings.Builder
	g := glyphs(text)
	end := 0
	for i := 0; i < len(g); i++ {
		if !hidden[i] {
			continue
		}
		b.WriteString(text[end:g[i].from] + "***")
		for i+1 < len(g) && hidden[i+1] {
			i++
		}
		end = g[i].to
	}
	return b.String() + text[end:]
}

func isNumber(text string) bool {
	return strings.Trim(text, "0123456789") == ""
}

// glyph is a character of a text when all escapes are undone, and where it stands in the text.
type glyph struct {
	char     byte
	from, to int
}

// spell returns the characters of a text, as glyphs does, without their places.
func spell(text string) string {
	if !strings.ContainsAny(text, `%\&`) { // it has no escapes
		return strings.Map(small, text)
	}
	return characters(glyphs(text))
}

// small turns a capital letter into a small one. It drops what is not printable ASCII, and what may stand between the pieces of
// a secret, such as the plus by which a form writes a space.
func small(r rune) rune {
	switch {
	case r <= ' ' || r > '~' || strings.ContainsRune(`+-,.:;|"'`, r):
		return -1
	case r >= 'A' && r <= 'Z':
		return r + 'a' - 'A'
	default:
		return r
	}
}

func characters(glyphs []glyph) string {
	b := make([]byte, len(glyphs))
	for i, g := range glyphs {
		b[i] = g.char
	}
	return string(b)
}

// glyphs undoes all escapes of a text, however often they were applied. The characters are small.
func glyphs(text string) []glyph {
	out := make([]glyph, 0, len(text))
	for i := range len(text) {
		out = append(out, glyph{text[i], i, i + 1})
		for { // what an escape stands for may end another one
			n, char, ok := escape(out)
			if !ok {
				break
			}
			first := out[len(out)-n]
			first.char, first.to = char, i+1
			out = append(out[:len(out)-n], first)
		}
		if small(rune(out[len(out)-1].char)) < 0 {
			out = out[:len(out)-1]
		}
	}
	for i := range out {
		out[i].char = byte(small(rune(out[i].char)))
	}
	return out
}

// named are the characters that may stand in a secret and have a name in HTML.
var named = map[string]byte{"amp": '&', "lt": '<', "gt": '>', "quot": '"', "apos": '\'', "plus": '+', "sol": '/', "equals": '=', "nbsp": ' ', "newline": '\n', "tab": '\t'}

// escape reports whether the last n glyphs are an escape, and of which character. The character 0 is left out.
func escape(g []glyph) (n int, char byte, ok bool) {
	at := func(back int) byte {
		if back > len(g) {
			return 0
		}
		return g[len(g)-back].char
	}
	if at(3) == '%' {
		if char, ok = number(characters(g[len(g)-2:]), 16); ok {
			return 3, char, ok
		}
	}
	switch {
	case at(4) == '\\' && at(3) == 'x':
		char, ok = number(characters(g[len(g)-2:]), 16)
		return 4, char, ok
	case at(6) == '\\' && at(5) == 'u':
		char, ok = number(characters(g[len(g)-4:]), 16)
		return 6, char, ok
	case at(2) == '\\' && strings.IndexByte("nrtbf", at(1)) >= 0:
		return 2, 0, true
	case at(2) == '\\' && at(1) != 'u' && at(1) != 'x':
		return 2, at(1), true
	case at(1) == ';':
		return entity(g)
	}
	return 0, 0, false
}

// entity reads an escape of HTML, which ends the glyphs.
func entity(g []glyph) (n int, char byte, ok bool) {
	for n = 3; n <= min(12, len(g)); n++ {
		if g[len(g)-n].char != '&' {
			continue
		}
		name := strings.ToLower(characters(g[len(g)-n+1 : len(g)-1]))
		switch {
		case strings.HasPrefix(name, "#x"):
			char, ok = number(name[2:], 16)
		case strings.HasPrefix(name, "#"):
			char, ok = number(name[1:], 10)
		default:
			char, ok = named[name]
		}
		return n, char, ok
	}
	return 0, 0, false
}

// number reads the number of a character. One beyond ASCII is 0, which is left out.
func number(digits string, base int) (char byte, ok bool) {
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil {
		return 0, false
	}
	if n > '~' {
		n = 0
	}
	return byte(n), true
}

// cut returns text, or its beginning where it is longer than most.
func cut(text string, most int) string {
	if len(text) > most {
		return strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// clean makes text of the service fit for a log: one line, not endless, and without secrets. The call's signature is a secret, too.
func (s *session) clean(x *exchange, text string) string {
	const longest = 400
	text = cut(text, 4*longest)
	if !isNumber(text) { // as most ids are
		text = s.maskOf(x).hide(text)
	}
	return cut(strings.Join(strings.Fields(text), " "), longest)
}

// maskOf returns the mask for the texts of one call. It is made once, because a reply can have many texts.
func (s *session) maskOf(x *exchange) mask {
	if x.mask == nil {
		_, signature, _ := strings.Cut(x.authorization, "Signature=")
		x.mask = s.mask.with(signature, leastSecret).with(x.authorization, leastAuthorization)
	}
	return x.mask
}
