package fakeadb

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

const (
	algorithm = "ACS3-HMAC-SHA256"
	maxSkew   = 15 * time.Minute
)

// authorization is the header of that name: ACS3-HMAC-SHA256 Credential=<key id>,SignedHeaders=<a;b>,Signature=<hex>.
type authorization struct {
	keyID     string
	headers   []string
	signature string
}

func parseAuthorization(header string) (a authorization, ok bool) {
	fields, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return a, false
	}
	for field := range strings.SplitSeq(fields, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			a.keyID = value
		case "SignedHeaders":
			a.headers = strings.Split(value, ";")
		case "Signature":
			a.signature = value
		}
	}
	return a, a.keyID != "" && len(a.headers) > 0 && a.signature != ""
}

// authenticate checks who sent the request, that nobody changed it, that it is new and that it comes once.
func (s *Service) authenticate(r *http.Request, body []byte, credentials map[string]Credential, now time.Time) *Error {
	a, ok := parseAuthorization(r.Header.Get("Authorization"))
	if !ok {
		return ErrIncomplete
	}
	date, err := time.Parse(time.RFC3339, r.Header.Get("X-Acs-Date"))
	if err != nil {
		return ErrDateFormat
	}
	if now.Sub(date).Abs() > maxSkew {
		return ErrDateExpired
	}
	credential, known := credentials[a.keyID]
	if !known {
		return ErrAccessKey
	}
	if missing := unsigned(r, a.headers); missing != "" {
		return ErrIncomplete.with("The header %s is not signed.", missing)
	}
	if hash := sha256.Sum256(body); r.Header.Get("X-Acs-Content-Sha256") != hex.EncodeToString(hash[:]) {
		return ErrSignature.with("The header x-acs-content-sha256 is not the hash of the body.")
	}
	toSign := stringToSign(r, a.headers)
	if subtle.ConstantTimeCompare([]byte(a.signature), []byte(sign(toSign, credential.Secret))) == 0 {
		return ErrSignature.with("%s server string to sign is: %s", ErrSignature.Message, strings.ReplaceAll(toSign, "\n", `\n`))
	}
	switch token := r.Header.Get("X-Acs-Security-Token"); {
	case token == credential.Token:
	case token == "":
		return ErrTokenMissing
	default:
		return ErrToken
	}
	nonce := r.Header.Get("X-Acs-Signature-Nonce")
	if nonce == "" {
		return ErrNonceMissing
	}
	if !s.nonces.use(nonce, now) {
		return ErrNonceUsed
	}
	return nil
}

// unsigned names a header that must be signed and is not: without it, somebody on the way could put in another.
func unsigned(r *http.Request, signed []string) string {
	if !slices.Contains(signed, "host") {
		return "host"
	}
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-acs-") && !slices.Contains(signed, name) {
			return name
		}
	}
	return ""
}

func stringToSign(r *http.Request, signed []string) string {
	var b strings.Builder
	path := r.URL.EscapedPath()
	if path == "" {
		path = "/"
	}
	b.WriteString(r.Method + "\n" + path + "\n" + canonicalQuery(r.URL.Query()) + "\n")
	names := slices.Sorted(slices.Values(signed))
	for _, name := range names {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		b.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	b.WriteString("\n" + strings.Join(names, ";") + "\n" + r.Header.Get("X-Acs-Content-Sha256"))
	hash := sha256.Sum256([]byte(b.String()))
	return algorithm + "\n" + hex.EncodeToString(hash[:])
}

func sign(toSign, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(toSign))
	return hex.EncodeToString(mac.Sum(nil))
}

// canonicalQuery is the query in the one form that both sides sign: sorted, and encoded as RFC 3986 has it.
func canonicalQuery(q url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(q)) {
		for _, value := range q[name] {
			pairs = append(pairs, encode(name)+"="+encode(value))
		}
	}
	return strings.Join(pairs, "&")
}

// encode differs from url.QueryEscape in one character alone; that leaves "~" and escapes "*", too.
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// nonces remembers for as long as a date is accepted, in two generations, so that a long benchmark forgets old ones.
type nonces struct {
	fresh, old map[string]struct{}
	turned     time.Time
}

func (n *nonces) use(nonce string, now time.Time) bool {
	if _, used := n.fresh[nonce]; used {
		return false
	}
	if _, used := n.old[nonce]; used {
		return false
	}
	if n.fresh == nil || now.Sub(n.turned) > 2*maxSkew {
		n.old, n.fresh, n.turned = n.fresh, map[string]struct{}{}, now
	}
	n.fresh[nonce] = struct{}{}
	return true
}
