// Package acs3 checks the signature ACS3-HMAC-SHA256, with which Alibaba Cloud's SDKs sign the calls of every product. The
// emulated services use it, so that a call that is accepted here would be accepted there.
package acs3

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
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

// Codes, statuses and messages follow the common errors of the OpenAPI gateway. Where a client speaks another dialect, the
// message says which one is spoken here.
var (
	ErrIncomplete   = &Error{http.StatusBadRequest, "IncompleteSignature", "The request signature does not conform to Aliyun standards. The local cloud speaks signature version 3 alone: a header Authorization that begins with " + algorithm + "."}
	ErrOldSignature = &Error{http.StatusBadRequest, "IncompleteSignature", "This call has a signature of version 1, among its parameters. The local cloud speaks version 3 alone: a header Authorization that begins with " + algorithm + "."}
	ErrMethod       = &Error{http.StatusBadRequest, "UnsupportedHTTPMethod", "The local cloud takes only POST, as the SDKs send it."}
	ErrForm         = &Error{http.StatusBadRequest, "UnsupportedParameterFormat", "This call has its parameters in a form. The local cloud reads them from the query alone, as the SDK of this API sends them."}
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

func parseAuthorization(r *http.Request) (a authorization, wrong *Error) {
	fields, ok := strings.CutPrefix(r.Header.Get("Authorization"), algorithm+" ")
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
	if !ok || a.keyID == "" || len(a.headers) == 0 || a.signature == "" {
		return a, ErrIncomplete
	}
	return a, nil
}

// KeyID returns the access key id that a call names, empty if it names none. Anybody can write it there: only Verify proves it.
func KeyID(r *http.Request) string {
	a, _ := parseAuthorization(r)
	return a.keyID
}

// Dialect returns what is wrong with a call of an RPC-style API before its signature is looked at: version 1 of the signature,
// another method, parameters in a form. body is the whole body of r.
func Dialect(r *http.Request, body []byte) *Error {
	switch q := r.URL.Query(); {
	case q.Has("Signature") || q.Has("SignatureMethod") || strings.Contains(string(body), "SignatureMethod="):
		return ErrOldSignature
	case r.Method != http.MethodPost:
		return ErrMethod
	case len(body) > 0 && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		return ErrForm
	}
	return nil
}

// Verifier checks calls and remembers their nonces. The zero Verifier is ready. Several goroutines may use it.
type Verifier struct{ nonces sync.Map }

// Verify checks who sent the call, that nobody changed it, that it is recent and that it comes only once. Nil means that it is
// authentic. body is the whole body of r, credentials are the known ones by access key id.
func (v *Verifier) Verify(r *http.Request, body []byte, credentials map[string]Credential, now time.Time) *Error {
	a, wrong := parseAuthorization(r)
	if wrong != nil {
		return wrong
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
	if wrong := verifySignature(r, body, a, credential); wrong != nil {
		return wrong
	}
	nonce := r.Header.Get("X-Acs-Signature-Nonce")
	if nonce == "" {
		return ErrNonceMissing
	}
	if _, used := v.nonces.LoadOrStore(nonce, true); used {
		return ErrNonceUsed
	}
	return nil
}

// verifySignature checks the signature and the token of a known key. Every x-acs- header must be signed, and the host, so that
// nobody on the way can change them.
func verifySignature(r *http.Request, body []byte, a authorization, credential Credential) *Error {
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-acs-") && !slices.Contains(a.headers, name) {
			return &Error{ErrIncomplete.Status, ErrIncomplete.Code, fmt.Sprintf("The header %s is not signed.", name)}
		}
	}
	if !slices.Contains(a.headers, "host") {
		return &Error{ErrIncomplete.Status, ErrIncomplete.Code, "The header host is not signed."}
	}
	if hash := sha256.Sum256(body); r.Header.Get("X-Acs-Content-Sha256") != hex.EncodeToString(hash[:]) {
		return &Error{ErrSignature.Status, ErrSignature.Code, "The header x-acs-content-sha256 is not the hash of the body."}
	}
	if toSign := stringToSign(r, a.headers); !hmac.Equal([]byte(a.signature), []byte(sign(toSign, credential.Secret))) {
		return &Error{ErrSignature.Status, ErrSignature.Code, ErrSignature.Message + " server string to sign is: " + strings.ReplaceAll(toSign, "\n", `\n`)}
	}
	switch r.Header.Get("X-Acs-Security-Token") {
	case credential.Token:
		return nil
	case "":
		return ErrTokenMissing
	}
	return ErrToken
}

func stringToSign(r *http.Request, signed []string) string {
	names := slices.Sorted(slices.Values(signed))
	var headers strings.Builder
	for _, name := range names {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		headers.WriteString(name + ":" + strings.TrimSpace(value) + "\n")
	}
	request := strings.Join([]string{r.Method, cmp.Or(r.URL.EscapedPath(), "/"), canonicalQuery(r.URL.Query()),
		headers.String(), strings.Join(names, ";"), r.Header.Get("X-Acs-Content-Sha256")}, "\n")
	hash := sha256.Sum256([]byte(request))
	return algorithm + "\n" + hex.EncodeToString(hash[:])
}

func sign(toSign, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(toSign))
	return hex.EncodeToString(mac.Sum(nil))
}

// canonicalQuery is the query in the one form that both sides sign: sorted, and encoded as in RFC 3986. Encode differs from that
// only in the space.
func canonicalQuery(q url.Values) string { return strings.ReplaceAll(q.Encode(), "+", "%20") }
