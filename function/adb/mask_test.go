package adb

import (
	"encoding/json"
	"html"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"
)

// TestMask: a secret is hidden in every spelling in which a service may repeat it.
func TestMask(t *testing.T) {
	const token = `CAIS+8/Xq2 f6s==<"1'&>`
	m := NewMask("KeyId-12", token, "short", "")
	quoted, _ := json.Marshal(token)
	escaped := func(escapes ...string) string { return strings.NewReplacer(escapes...).Replace(token) }
	query := url.QueryEscape(token)
	for name, spelling := range map[string]string{
		"as it is":                     token,
		"in a query":                   query,
		"in a query, small letters":    strings.NewReplacer("%2B", "%2b", "%2F", "%2f", "%3D", "%3d", "%3C", "%3c", "%3E", "%3e").Replace(query),
		"in a query, space as %20":     strings.ReplaceAll(query, "+", "%20"),
		"in a path":                    url.PathEscape(token),
		"percent-encoded twice":        url.QueryEscape(url.QueryEscape(token)),
		"twice, in a path":             url.PathEscape(strings.ReplaceAll(query, "+", "%20")),
		"HTML":                         html.EscapeString(token),
		"HTML with names":              strings.ReplaceAll(html.EscapeString(token), "&#34;", "&quot;"),
		"HTML in numbers":              escaped("+", "&#43;", "/", "&#47;", " ", "&#32;", "=", "&#61;", "<", "&#60;", `"`, "&#34;", "'", "&#39;", "&", "&#38;", ">", "&#62;"),
		"HTML in hexadecimals":         escaped("+", "&#x2b;", "/", "&#x2f;", " ", "&#x20;", "=", "&#x3d;", "<", "&#x3c;", `"`, "&#x22;", "'", "&#x27;", "&", "&#x26;", ">", "&#x3e;"),
		"JSON":                         string(quoted[1 : len(quoted)-1]),
		"JSON, the slash alone":        strings.ReplaceAll(token, "/", `\/`),
		"JSON in numbers":              escaped("+", `\u002B`, "/", `\u002F`, " ", `\u0020`, "=", `\u003D`, "<", `\u003C`, `"`, `\u0022`, "'", `\u0027`, "&", `\u0026`, ">", `\u003E`),
		"two, one after the other":     token + token,
		"HTML of a query":              html.EscapeString(query),
		"JSON of JSON":                 strings.ReplaceAll(strings.ReplaceAll(string(quoted[1:len(quoted)-1]), `\`, `\\`), "/", `\\/`),
		"another secret":               "KeyId-12",
		"one secret that ends another": "KeyId-12" + url.QueryEscape(token),
	} {
		got := m.Clean("you sent " + spelling + ", did you?")
		if got != "you sent ***, did you?" && got != "you sent ******, did you?" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := m.Clean("short"); got != "short" {
		t.Errorf("a text that is no secret became %q", got)
	}
	if got := NewMask("abcdefgh", "abcdefghijkl").Clean("abcdefghijkl"); got != "***" {
		t.Errorf("of the longer secret is left %q", got)
	}
}

// TestClean: text becomes one line that can be seen, and is not endless.
func TestClean(t *testing.T) {
	for text, want := range map[string]string{
		"two\nlines\tand  more ":               "two lines and more",
		"bell\a, escape\x1b[31m, \u202ebidi":   "bell , escape [31m, bidi",
		"not UTF-8: \xff":                      "not UTF-8: \ufffd",
		strings.Repeat("ä", 1000):              strings.Repeat("ä", 198) + "…",
		strings.Repeat("Sesame-open ", 1000):   strings.Repeat("*** ", 99) + "*…",
		strings.Repeat("x", 399) + "ä":         strings.Repeat("x", 397) + "…",
		strings.Repeat("x", 400):               strings.Repeat("x", 400),
		"no secret in here, and nothing to do": "no secret in here, and nothing to do",
	} {
		if got := NewMask("Sesame-open").Clean(text); got != want {
			t.Errorf("%.50q: %q", text, got)
		}
	}
	if got := (Mask{}).Clean("a\nb"); got != "a b" {
		t.Errorf("the zero Mask gives %q", got)
	}
}

// FuzzMask: a secret is hidden in each spelling, whatever it consists of and wherever it stands.
func FuzzMask(f *testing.F) {
	f.Add("CAIS+8/Xq2f6s==", "denied: ", " (see the log)")
	f.Add("\\\"ä%25&amp;\u2028~", "%", "5")
	f.Add("000000\f0", "0", "0")
	f.Fuzz(func(t *testing.T, secret, before, after string) {
		quoted, _ := json.Marshal(secret)
		for _, spelling := range []string{
			secret, url.QueryEscape(secret), url.PathEscape(secret), url.QueryEscape(url.QueryEscape(secret)), html.EscapeString(secret), string(quoted[1 : len(quoted)-1]),
		} {
			if len(secret) < leastSecret || !utf8.ValidString(secret) || strings.Count(spelling, "*") > 1 {
				return
			}
			if got := NewMask(secret).Clean(before + spelling + after); strings.Contains(got, spelling) && !strings.Contains(before+after, spelling) {
				t.Errorf("%q is left of %q in %q", spelling, secret, got)
			}
		}
	})
}
