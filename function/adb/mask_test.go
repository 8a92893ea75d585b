package adb

import (
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	const token = "CAISuQJ1q6Ft5B2y/fSjIr5bBc+Nvr=="
	m := newMask("LTAI5tKeyId", "Secret", token)
	for text, want := range map[string]string{
		"":            "",
		"nothing new": "nothing new",
		"Specified access key is not found: LTAI5tKeyId":            "Specified access key is not found: ***",
		"a Secret, " + token + ", " + url.QueryEscape(token):        "a ***",
		strings.ToLower(url.QueryEscape(token)):                     "***",
		url.QueryEscape(url.QueryEscape(token)) + "!":               "***!",
		"<" + strings.ReplaceAll(token, "+", "&#43;") + ">":         "<***>",
		strings.ReplaceAll(token, "+", "&#x2B;"):                    "***",
		strings.ReplaceAll(token, "+", "&amp;#43;"):                 "***",
		strings.ReplaceAll(token, "+", "&plus;"):                    "***",
		strings.ReplaceAll(token, "/", `\/`):                        "***",
		strings.ReplaceAll(token, "+", `\u002b`):                    "***",
		strings.ReplaceAll(token, "+", `\\u002B`):                   "***",
		strings.ReplaceAll(token, "+", `\x2b`):                      "***",
		token[:12] + "\n  " + token[12:]:                            "***",
		token[:12] + `\n` + token[12:20] + "\u200b" + token[20:]:    "***",
		strings.ReplaceAll(url.QueryEscape(token), "%2B", "%2\n B"): "***",
		token[:12] + "+" + token[12:20] + "-" + token[20:]:          "***",
		token[:12] + "', '" + token[12:20] + ": " + token[20:]:      "***",
		"cut: " + token[3:11]:                                       "cut: ***",
		"too short to help: " + token[3:10]:                         "too short to help: " + token[3:10],
		"key SECRET":                                                "key ***",
		"&#43":                                                      "&#43",
		"a;b&c":                                                     "a;b&c",
		"100 % sure, c:\\new \\u00zz &unknown; &;":                  "100 % sure, c:\\new \\u00zz &unknown; &;",
		"twice " + token + token + " and " + token[:9]:              "twice *** and ***",
	} {
		if got := m.hide(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

// TestClean: text of the service becomes one line without the call's Authorization, and not endless.
func TestClean(t *testing.T) {
	s := &session{mask: newMask("KeyId", "Secret", "To/ken==")}
	x := &exchange{authorization: "ACS3-HMAC-SHA256 Credential=KeyId,SignedHeaders=host;x-acs-action;x-acs-date,Signature=5167ed0011"}
	for text, want := range map[string]string{
		"you sent " + x.authorization: "you sent ***",
		"signed 5167ED0011":           "signed ***",
		"two\nlines\tand  more":       "two lines and more",
		"the header x-acs-date":       "the header x-acs-date",
	} {
		if got := s.clean(x, text); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
	if got := s.clean(x, strings.Repeat("ä", 1000)); len(got) > 410 || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d bytes: %s", len(got), got)
	}
}

// FuzzMask: of a secret in any spelling no piece of eight characters is left.
func FuzzMask(f *testing.F) {
	for seed := range uint64(50) {
		f.Add(seed, "denied: ", " (see the log)")
	}
	f.Fuzz(func(t *testing.T, seed uint64, before, after string) {
		chance := rand.New(rand.NewPCG(seed, 1))
		const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=-._~%&\\"
		secret := make([]byte, 16+chance.IntN(200))
		for i := range secret {
			secret[i] = letters[chance.IntN(len(letters))]
		}
		spelt := string(secret)
		if chance.IntN(3) == 0 {
			from := chance.IntN(len(spelt) - 8)
			spelt = spelt[from : from+8+chance.IntN(len(spelt)-from-7)]
		}
		cutOff := len(spelt) < len(secret)
		for range chance.IntN(3) {
			if cutOff {
				break // a piece of an escape means another character
			}
			spelt = respell(chance, spelt)
		}
		text := newMask(string(secret)).hide(before + spelt + after)
		plain := spell(text)
		whole := spell(string(secret))
		for i := 0; i+leastSecret <= len(whole); i++ {
			if strings.Contains(plain, whole[i:i+leastSecret]) {
				t.Fatalf("%q: left in %q", secret, text)
			}
		}
	})
}

// respell writes s in another way that means the same.
func respell(chance *rand.Rand, s string) string {
	switch chance.IntN(6) {
	case 0:
		return url.QueryEscape(s)
	case 1:
		return html.EscapeString(s)
	}
	var b strings.Builder
	how := chance.IntN(5)
	for i := range len(s) {
		c := s[i]
		switch {
		case chance.IntN(4) > 0:
			b.WriteByte(c)
		case how == 0:
			fmt.Fprintf(&b, "%%%02x", c)
		case how == 1:
			fmt.Fprintf(&b, "&#%d;", c)
		case how == 2:
			fmt.Fprintf(&b, `\u%04X`, c)
		case how == 3:
			fmt.Fprintf(&b, "&#x%x;", c)
		default:
			b.WriteString(string(c) + []string{" ", "\n", "\r\n", "\t", "\u00a0"}[chance.IntN(5)])
		}
	}
	return b.String()
}
