// Package acs3 checks the signature ACS3-HMAC-SHA256, with which Alibaba Cloud's SDKs sign the calls of every product. The
// emulated services use it, so that a call that is accepted here would be accepted there.
package acs3

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	algorithm = "ACS3-HMAC-SHA256"
	speaks    = " The local cloud speaks signature version 3 alone: a header Authorization that begins with " + algorithm + "."
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
	ErrIncomplete   = &Error{400, "IncompleteSignature", "The request signature does not conform to Aliyun standards." + speaks}
	ErrOldSignature = &Error{400, "IncompleteSignature", "This call has a signature of version 1, among its parameters." + speaks}
	ErrMethod       = &Error{400, "UnsupportedHTTPMethod", "The local cloud takes only POST, as the SDKs send it."}
	ErrForm         = &Error{400, "UnsupportedParameterFormat", "This call has its parameters in a form. The local cloud reads them from the query alone, as the SDK of this API sends them."}
	ErrSignature    = &Error{400, "SignatureDoesNotMatch", "Specified signature is not matched with our calculation."}
	ErrNonceUsed    = &Error{400, "SignatureNonceUsed", "Specified signature nonce was used already."}
	ErrDateExpired  = &Error{400, "InvalidTimeStamp.Expired", "Specified time stamp or date value is missing, not well formatted, or expired."}
	ErrAccessKey    = &Error{404, "InvalidAccessKeyId.NotFound", "Specified access key is not found."}
	ErrToken        = &Error{400, "InvalidSecurityToken.MismatchWithAccessKey", "Specified SecurityToken mismatch with the AccessKey."}
)

// authorization is the header of that name: the access key id, the signed headers, the signature.
var authorization = regexp.MustCompile(`^` + algorithm + ` Credential=([^,]+), ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]+)$`)

// KeyID returns the access key id that a call names, empty if it names none. Anybody can write it there: only Verify proves it.
func KeyID(r *http.Request) string {
	return append(authorization.FindStringSubmatch(r.Header.Get("Authorization")), "", "")[1]
}

// Dialect returns what is wrong with a call of an RPC-style API before its signature is looked at: version 1 of the signature,
// another method, parameters in a form. body is the whole body of r.
func Dialect(r *http.Request, body []byte) *Error {
	switch q := r.URL.Query(); {
	case q.Has("SignatureMethod") || q.Has("Signature") || strings.Contains(string(body), "SignatureMethod="):
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
	signed := authorization.FindStringSubmatch(r.Header.Get("Authorization"))
	credential, known := credentials[KeyID(r)]
	date, err := time.Parse(time.RFC3339, r.Header.Get("X-Acs-Date"))
	nonce := r.Header.Get("X-Acs-Signature-Nonce")
	switch {
	case signed == nil || nonce == "":
		return ErrIncomplete
	case err != nil || now.Sub(date).Abs() > 15*time.Minute:
		return ErrDateExpired
	case !known:
		return ErrAccessKey
	}
	if wrong := unchanged(r, body, strings.Split(signed[2], ";"), signed[3], credential); wrong != nil {
		return wrong
	}
	if _, used := v.nonces.LoadOrStore(nonce, true); used {
		return ErrNonceUsed
	}
	return nil
}

// unchanged checks the signature and the token of a known key. The host and every x-acs- header must be signed, so that nobody on
// the way can change them.
func unchanged(r *http.Request, body []byte, headers []string, signature string, credential Credential) *Error {
	for name := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-acs-") && !slices.Contains(headers, name) || !slices.Contains(headers, "host") {
			return &Error{400, ErrIncomplete.Code, "The headers host and " + name + " must be signed."}
		}
	}
	toSign := stringToSign(r, headers)
	switch {
	case r.Header.Get("X-Acs-Content-Sha256") != fmt.Sprintf("%x", sha256.Sum256(body)):
		return &Error{400, ErrSignature.Code, "The header x-acs-content-sha256 is not the hash of the body."}
	case !hmac.Equal([]byte(signature), []byte(sign(toSign, credential.Secret))):
		return &Error{400, ErrSignature.Code, ErrSignature.Message + " server string to sign is: " + strings.ReplaceAll(toSign, "\n", `\n`)}
	case r.Header.Get("X-Acs-Security-Token") != credential.Token:
		return ErrToken
	}
	return nil
}

func stringToSign(r *http.Request, signed []string) string {
	names := slices.Sorted(slices.Values(signed))
	query := strings.ReplaceAll(r.URL.Query().Encode(), "+", "%20") // sorted, and encoded as in RFC 3986
	lines := []string{r.Method, cmp.Or(r.URL.EscapedPath(), "/"), query}
	for _, name := range names {
		value := strings.Join(r.Header.Values(name), ",")
		if name == "host" {
			value = r.Host
		}
		lines = append(lines, name+":"+strings.TrimSpace(value))
	}
	lines = append(lines, "", strings.Join(names, ";"), r.Header.Get("X-Acs-Content-Sha256"))
	return fmt.Sprintf("%s\n%x", algorithm, sha256.Sum256([]byte(strings.Join(lines, "\n"))))
}

func sign(toSign, secret string) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(toSign))
	return fmt.Sprintf("%x", mac.Sum(nil))
}
