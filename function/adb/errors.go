package adb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

// The beginnings of the codes by which the service refuses what credentials may do, and credentials as such.
var (
	deniedCodes     = []string{"NoPermission", "Forbidden", "Unauthorized"}
	credentialCodes = []string{"InvalidAccessKeyId", "InvalidSecurityToken", "SignatureDoesNotMatch", "IncompleteSignature"}
)

func beginsWith(code string, beginnings []string) bool {
	return slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(code, b) })
}

// judge says what an HTTP status and the service's code mean. Status 0: no reply; an empty code: none that can be read.
func judge(status int, code string) backup.ErrorKind {
	switch {
	case strings.HasPrefix(code, "Throttling") || status == http.StatusTooManyRequests:
		return backup.KindThrottled
	case status < 400 || status >= 500 || status == http.StatusRequestTimeout || code == "SignatureNonceUsed":
		// SignatureNonceUsed: something between sent the request twice, and the first may have been accepted.
		return backup.KindUnanswered
	case code == "InvalidDBCluster.NotFound" || code == "InvalidDBClusterId.NotFound":
		return backup.KindNotFound
	case code == "" && (status == http.StatusUnauthorized || status == http.StatusForbidden),
		beginsWith(code, deniedCodes), beginsWith(code, credentialCodes):
		return backup.KindDenied
	}
	return backup.KindRefused
}

// sdkError is what the SDK's three kinds of error have in common.
type sdkError interface {
	error
	GetCode() *string
	GetRequestId() *string
	GetData() map[string]any
}

var _ = []sdkError{(*openapi.ClientError)(nil), (*openapi.ServerError)(nil), (*openapi.ThrottlingError)(nil)}

// failure makes the one error of this package of what the SDK or the network said; err is nil for a reply that the SDK
// takes for a success and we do not.
func (s *session) failure(action string, c backup.Cluster, r *reply, err error) *backup.CallError {
	e := &backup.CallError{Action: action, Cluster: c, Status: r.status, Err: err, RetryAfter: hint(r.header)}
	said, ok := err.(sdkError)
	switch {
	case ok:
		e.Code, e.RequestID = given(said.GetCode()), given(said.GetRequestId())
		data := said.GetData()
		if e.Message, _ = data["Message"].(string); e.Message == "" {
			e.Message, _ = data["message"].(string)
		}
	case r.status != 0:
		e.Message = "the reply cannot be read"
	case err != nil:
		e.Message = reason(err)
	}
	e.Kind = judge(r.status, e.Code)
	if e.RequestID == "" {
		e.RequestID = r.header.Get("x-acs-request-id")
	}
	if e.Kind == backup.KindDenied {
		resource := fmt.Sprintf("acs:adb:%s:%s:dbcluster/%s", c.Region, s.account, c.ID)
		e.Hint = fmt.Sprintf("the function's role needs adb:%s on %s", action, resource)
		if beginsWith(e.Code, credentialCodes) {
			e.Hint = fmt.Sprintf("the credentials of the function's role were refused when it asked for adb:%s on %s: check that role", action, resource)
		}
	}
	e.Code, e.Message, e.RequestID = s.clean(r, e.Code), s.clean(r, e.Message), s.clean(r, e.RequestID)
	return e
}

// unreadable is a 2xx reply that says nothing: no success, and what it was about may have happened.
func (s *session) unreadable(action string, c backup.Cluster, r *reply, err error, message string) error {
	e := s.failure(action, c, r, nil)
	if err == nil && message != "" {
		e.Message = message
	}
	e.Err = err
	return e
}

// given is a field of the SDK's errors; what the service left out arrives as a text.
func given(s *string) string {
	if v := dara.StringValue(s); v != "<nil>" {
		return v
	}
	return ""
}

// reason is a network error in words, without the URL: a proxy's may hold a password.
func reason(err error) string {
	if u, ok := err.(*url.Error); ok {
		err = u.Err
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in time"
	}
	return err.Error()
}

// hint is how long the service asks to wait, or 0.
func hint(h http.Header) time.Duration {
	const most = time.Hour // a wait that long ends with the deadline anyway
	headers := map[string]*string{}
	for _, name := range []string{"x-ratelimit-user-api", "x-ratelimit-user"} {
		if v := h.Get(name); v != "" {
			headers[name] = &v
		}
	}
	ms := dara.Int64Value(openapiutil.GetThrottlingTimeLeft(headers))
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 64); err == nil {
		ms = max(ms, 1000*min(seconds, 3600))
	} else if at, err := http.ParseTime(h.Get("Retry-After")); err == nil {
		ms = max(ms, time.Until(at).Milliseconds())
	}
	return min(time.Duration(min(max(ms, 0), most.Milliseconds()))*time.Millisecond, most)
}

// clean makes text of the service fit for a log: one line, not endless, and without what is secret, should the service
// repeat it (it does repeat access key ids, and what was signed).
func (s *session) clean(r *reply, text string) string {
	_, signature, _ := strings.Cut(r.authorization, "Signature=")
	for _, secret := range []string{r.authorization, signature, s.credentials.SecurityToken, s.credentials.AccessKeySecret, s.credentials.AccessKeyID} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "***")
			text = strings.ReplaceAll(text, url.QueryEscape(secret), "***")
		}
	}
	text = strings.Join(strings.Fields(text), " ")
	if cut := 400; len(text) > cut {
		text = strings.ToValidUTF8(text[:cut], "") + "…"
	}
	return text
}

// text is a JSON value that may be written as a string or as a number.
type text string

func (t *text) UnmarshalJSON(b []byte) error {
	switch {
	case string(b) == "null":
		*t = ""
	case b[0] == '"':
		return json.Unmarshal(b, (*string)(t))
	case b[0] == '{' || b[0] == '[':
		return errors.New("not a text or a number")
	default:
		*t = text(b)
	}
	return nil
}
