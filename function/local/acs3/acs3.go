// Package acs3 checks the signature ACS3-HMAC-SHA256, with which Alibaba Cloud's SDKs sign the calls of every product. The
// emulated services use it, so that a call that is accepted here would be accepted there.
package acs3

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	algorithm = "ACS3-HMAC-SHA256"
	maxSkew   = 15 * time.Minute
)

// Credential is what a service knows of an access key id.
type Credential struct {
	Secret string
	Token  string // the STS token that goes with it; empty: a key without one
}

// Error is why a call is not authentic, as the gateway answers it.
type Error struct {
	Status  int // HTTP
	Code    string
	Message string
}

// with gives the error a message of its own.
func (e *Error) with(format string, args ...any) *Error {
	return &Error{e.Status, e.Code, fmt.Sprintf(format, args...)}
}

// Codes, statuses and messages follow the common errors of the OpenAPI gateway.
var (
	ErrIncomplete   = &Error{http.StatusBadRequest, "IncompleteSignature", "The request signature does not conform to Aliyun standards."}
	ErrSignature    = &Error{http.StatusBadRequest, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation."}
	ErrNonceMissing = &Error{http.StatusBadRequest, "MissingSignatureNonce", "SignatureNonce is mandatory for this action."}
	ErrNonceUsed    = &Error{http.StatusBadRequest, "SignatureNonceUsed", "Specified signature nonce was used already."}
	ErrDateFormat   = &Error{http.StatusBadRequest, "InvalidTimeStamp.Format", "Specified time stamp or date value is not well formatted."}
	ErrDateExpired  = &Error{http.StatusBadRequest, "InvalidTimeStamp.Expired", "Specified time stamp or date value is expired."}
	ErrAccessKey    = &Error{http.StatusNotFound, "InvalidAccessKeyId.NotFound", "Specified access key is not found."}
	ErrTokenMissing = &Error{http.StatusBadRequest, "MissingSecurityToken", "SecurityToken is mandatory for this action."}
	ErrToken        = &Error{http.StatusBadRequest, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey."}
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

// KeyID returns the access key id that a call names, empty if it names none. Anybody can write it there: only Verify proves it.
func KeyID(r *http.Request) string {
	a, _ := parseAuthorization(r.Header.Get("Authorization"))
	return a.keyID
}

// Verifier checks calls and remembers their nonces. The zero Verifier is ready. Several goroutines may use it.
type Verifier struct {
	mu     sync.Mutex
	nonces nonces
}

// Verify checks who sent the call, that nobody changed it, that it is recent and that it comes only once. Nil means that it is
// authentic. body is the whole body of r, credentials are the known ones by access key id.
func (v *Verifier) Verify(r *http.Request, body []byte, credentials map[string]Credential, now time.Time) *Error {
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
	if err := verifySignature(r, body, a, credential); err != nil {
		return err
	}
	nonce := r.Header.Get("X-Acs-Signature-Nonce")
	if nonce == "" {
		return ErrNonceMissing
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !v.nonces.use(nonce, now) {
		return ErrNonceUsed
	}
	return nil
}

// verifySignature checks the signature and the token of a known key.
func verifySignature(r *http.Request, body []byte, a authorization, credential Credential) *Error {
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
	switch token := r.Header.Get("X-Acs-Security-Token"); token {
	case credential.Token:
		return nil
	case "":
		return ErrTokenMissing
	default:
		return ErrToken
	}
}

// unsigned names a header that must be signed and is not, so that somebody on the way could change it.
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

// canonicalQuery is the query in the one form that both sides sign: sorted, and encoded as in RFC 3986.
func canonicalQuery(q url.Values) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(q)) {
		for _, value := range q[name] {
			pairs = append(pairs, encode(name)+"="+encode(value))
		}
	}
	return strings.Join(pairs, "&")
}

// encode differs from url.QueryEscape only in the space: QueryEscape also leaves "~" and escapes "*".
func encode(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// nonces remembers each nonce for as long as its date is accepted. There are two generations, so that old ones are forgotten
// in a long benchmark.
type nonces struct {
	fresh, old map[string]struct{}
	turned     time.Time
}

// use remembers a nonce, and reports whether it is new.
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
