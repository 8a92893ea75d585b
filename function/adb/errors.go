package adb

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/backup"

	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

// The beginnings of the codes by which the service refuses what credentials may do, and credentials as such.
var (
	deniedCodes     = []string{"NoPermission", "Forbidden", "Unauthorized"}
	credentialCodes = []string{"InvalidAccessKeyId", "InvalidSecurityToken", "SignatureDoesNotMatch", "IncompleteSignature"}
)

// notNowCodes stand in the codes of a cluster that is busy with something that passes, such as another backup or a change of
// its size.
var notNowCodes = []string{
	"BackupJobExists", "IncorrectDBInstanceState", "IncorrectTaskStatus", "InvalidWorkerState",
	"OperationDenied.DBClusterStatus", "OperationDenied.OrderProcessing",
}

func beginsWith(code string, beginnings []string) bool {
	return slices.ContainsFunc(beginnings, func(b string) bool { return strings.HasPrefix(code, b) })
}

// classify returns what an HTTP status and the service's code mean. The status is 0 if there was no reply. The code is empty if
// none could be read.
func classify(status int, code string) backup.ErrorKind {
	switch {
	case status < 400: // the call may have taken effect, even if a 2xx says that it failed
		return backup.KindUnanswered
	case strings.HasPrefix(code, "Throttling") || status == http.StatusTooManyRequests:
		return backup.KindThrottled
	case status >= 500 || status == http.StatusRequestTimeout || code == "SignatureNonceUsed":
		// SignatureNonceUsed: something between sent the request twice, and the first may have been accepted.
		return backup.KindUnanswered
	case slices.ContainsFunc(notNowCodes, func(c string) bool { return strings.Contains(code, c) }):
		return backup.KindNotNow
	case code == "InvalidDBCluster.NotFound" || code == "InvalidDBClusterId.NotFound":
		return backup.KindNotFound
	case code == "" && (status == http.StatusUnauthorized || status == http.StatusForbidden),
		beginsWith(code, deniedCodes), beginsWith(code, credentialCodes):
		return backup.KindDenied
	}
	return backup.KindRefused
}

// failure returns the one error of this package for a call that did not succeed. err says why, unless the reply does; it is
// nil for a reply that the SDK takes for a success.
func (s *session) failure(action string, c backup.Cluster, x *exchange, err error) *backup.CallError {
	e := &backup.CallError{Action: action, Cluster: c, Status: x.Status, Err: err, RetryAfter: retryAfter(x.Header)}
	var said document
	switch {
	case x.Status != 0:
		if said.read(x.Body) != nil || said.Code+said.Message == "" {
			said.Message = "the reply cannot be read"
			if x.Status/100 == 2 && err != nil {
				said.Message += text(": " + err.Error())
			}
		}
		e.Kind = classify(x.Status, string(said.Code))
	case x.Host == "": // the SDK made no request
		e.Kind, said.Message = backup.KindRefused, text(Reason(err))
	case x.NotSent():
		e.Kind, e.Host, said.Message = backup.KindNotSent, x.Host, text(Reason(err))
	default:
		e.Kind, said.Message = backup.KindUnanswered, text(Reason(err))
	}
	e.Code, e.Message = s.clean(x, string(said.Code)), s.clean(x, string(said.Message))
	e.RequestID = s.clean(x, cmp.Or(string(said.RequestId), x.Header.Get("x-acs-request-id")))
	e.Hint = s.hint(e)
	return e
}

// heldUp returns the error of a call that did not get its turn before ctx ended. It is ctx's, unless the service's answer to
// another call asked for a pause: who is held up by it must learn why.
func (s *session) heldUp(action string, c backup.Cluster, err error, pause *backup.CallError) error {
	if pause == nil {
		return err
	}
	return &backup.CallError{Action: action, Cluster: c, Kind: backup.KindThrottled, Code: pause.Code, Err: err,
		Message: fmt.Sprintf("the service asked for a pause of %v in %s, which held this call up; it was not sent", pause.RetryAfter, c.Region)}
}

// hint returns what a person can do about an error.
func (s *session) hint(e *backup.CallError) string {
	switch {
	case e.Kind == backup.KindThrottled && e.RetryAfter > 0:
		return fmt.Sprintf("the service asks for a pause of %v in %s", e.RetryAfter, e.Cluster.Region)
	case e.Kind != backup.KindDenied:
		return ""
	}
	who, keys := "whoever has these credentials", "the credentials: check them; they were used"
	if s.role {
		who, keys = "the function's role", "the credentials of the function's role: check that role; they were used"
	}
	permission := fmt.Sprintf("adb:%s on acs:adb:%s:%s:dbcluster/%s", e.Action, e.Cluster.Region, s.account, cmp.Or(e.Cluster.ID, "*"))
	if beginsWith(e.Code, credentialCodes) {
		return fmt.Sprintf("the service refused %s for %s", keys, permission)
	}
	return who + " needs " + permission
}

// retryAfter returns how long the service asks to wait, or 0.
func retryAfter(h http.Header) time.Duration {
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
	return time.Duration(min(max(ms, 0), most.Milliseconds())) * time.Millisecond
}
