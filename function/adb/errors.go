package adb

import (
	"cmp"
	"encoding/json"
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

// What stands in the service's codes, and what it means.
var (
	deniedCodes     = []string{"NoPermission", "Forbidden", "Unauthorized"}
	credentialCodes = []string{"InvalidAccessKeyId", "InvalidSecurityToken", "SignatureDoesNotMatch", "IncompleteSignature"}
	notFoundCodes   = []string{"InvalidDBCluster.NotFound", "InvalidDBClusterId.NotFound"}
	debtCodes       = []string{"InDebt", "Arrear", "Overdue", "NotEnoughBalance"} // of the vendor's services

	// notNowCodes are of a cluster that is busy with something that passes, such as another backup.
	notNowCodes = []string{"BackupJobExists", "IncorrectDBInstanceState", "IncorrectTaskStatus", "InvalidWorkerState", "SystemBusy",
		"OperationDenied.DBClusterStatus", "OperationDenied.OrderProcessing", "OperationConflict", "TaskConflict", "LastTokenProcessing"}
)

// has reports whether test finds one of the words in a code.
func has(code string, words []string, test func(code, word string) bool) bool {
	return slices.ContainsFunc(words, func(word string) bool { return test(code, word) })
}

// classify returns what a reply's HTTP status and code mean. The code is empty if none could be read.
func classify(status int, code string) backup.ErrorKind {
	switch {
	case status < 400: // the call may have taken effect, even if a 2xx says that it failed
		return backup.KindUnanswered
	case strings.Contains(code, "Throttling") || status == http.StatusTooManyRequests:
		return backup.KindThrottled
	case status >= 500 || status == http.StatusRequestTimeout || code == "SignatureNonceUsed": // sent twice on the way
		return backup.KindUnanswered
	case has(code, notNowCodes, strings.Contains):
		return backup.KindNotNow
	case slices.Contains(notFoundCodes, code):
		return backup.KindNotFound
	}
	code = cmp.Or(code, http.StatusText(status)) // Unauthorized and Forbidden are texts of a status as well
	if has(code, deniedCodes, strings.HasPrefix) || has(code, credentialCodes, strings.HasPrefix) {
		return backup.KindDenied
	}
	return backup.KindRefused
}

// failed returns the one error of this package for a call that did not succeed. err says why, unless the reply does; it is nil
// for a reply that the SDK takes for a success.
func (c *call) failed(err error) *backup.CallError {
	e := &backup.CallError{Action: c.action, Cluster: c.cluster, Status: c.Status, RetryAfter: retryAfter(c.Header)}
	var said document
	switch {
	case c.Status != 0:
		if json.Unmarshal(c.Body, &said) != nil || said.Code+said.Message == "" {
			said.Message = "the reply cannot be read"
			if c.Status/100 == 2 && err != nil {
				said.Message += text(": " + Reason(err))
			}
		}
		e.Kind = classify(c.Status, string(said.Code))
	case c.Host == "": // the SDK made no request
		e.Kind, said.Message = backup.KindRefused, text(Reason(err))
	case c.NotSent():
		e.Kind, e.Host, said.Message = backup.KindNotSent, c.Host, text(Reason(err))
	default:
		e.Kind, said.Message = backup.KindUnanswered, text(Reason(err))
	}
	clean := c.mask.Clean
	e.Code, e.Message, e.RequestID = clean(string(said.Code)), clean(string(said.Message)), clean(cmp.Or(string(said.RequestId), c.Header.Get("x-acs-request-id")))
	e.Hint = clean(c.hint(e, said))
	return e
}

// hint returns what a person can do about an error.
func (c *call) hint(e *backup.CallError, said document) string {
	var denial struct{ AuthAction, NoPermissionType, PolicyType text }
	_ = json.Unmarshal([]byte(said.AccessDeniedDetail), &denial) // few replies have it
	permission := fmt.Sprintf("%s on acs:adb:%s:%s:dbcluster/%s",
		cmp.Or(string(denial.AuthAction), "adb:"+e.Action), e.Cluster.Region, c.session.account, cmp.Or(e.Cluster.ID, "*"))
	switch {
	case e.Kind == backup.KindThrottled && e.RetryAfter > 0:
		return "the service asks for a pause of " + e.RetryAfter.String()
	case has(e.Code, debtCodes, strings.Contains):
		return "the account owes money: its bills must be settled first"
	case e.Kind != backup.KindDenied:
		return ""
	case has(e.Code, credentialCodes, strings.HasPrefix):
		return "the caller's credentials were refused: check them; they were used for " + permission
	case denial.NoPermissionType == "ExplicitDeny", strings.Contains(e.Code, "ControlPolicy"):
		return fmt.Sprintf("a policy forbids %s, whatever else is granted: %s", permission, cmp.Or(string(denial.PolicyType), e.Code))
	}
	return "the caller needs " + permission
}

// retryAfter returns how long the service asks to wait, or 0.
func retryAfter(h http.Header) time.Duration {
	ms := dara.Int64Value(openapiutil.GetThrottlingTimeLeft(map[string]*string{
		"x-ratelimit-user-api": dara.String(h.Get("x-ratelimit-user-api")),
		"x-ratelimit-user":     dara.String(h.Get("x-ratelimit-user")),
	}))
	if seconds, err := strconv.ParseInt(h.Get("Retry-After"), 10, 32); err == nil {
		ms = max(ms, 1000*seconds)
	}
	return time.Duration(min(max(ms, 0), time.Hour.Milliseconds())) * time.Millisecond // an hour ends with the deadline anyway
}
