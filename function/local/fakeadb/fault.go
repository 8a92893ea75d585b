package fakeadb

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"adb-backup/function/local/acs3"
)

// Error is an error as the service answers it. The variables below are the emulator's own answers, with those about signatures
// and missing parameters; a Fault can refuse with others.
type Error struct {
	Status  int // HTTP
	Code    string
	Message string
	Denied  map[string]string // AccessDeniedDetail: who was denied what, as RAM says it
	// TimeLeft stands in the header x-ratelimit-user of a throttled call; 0: no header.
	TimeLeft time.Duration
}

// Codes, statuses and messages follow the API's reference and the common errors of the OpenAPI gateway, as far as they are
// published; where they are not, the message says in plain words what is wrong.
var (
	ErrUnknownAction     = &Error{Status: http.StatusNotFound, Code: "InvalidAction.NotFound", Message: "Specified api is not found, please check your url and method. The local cloud only has CreateBackup, DescribeBackups and DescribeDBClusters."}
	ErrVersion           = &Error{Status: http.StatusBadRequest, Code: "InvalidVersion", Message: "Specified parameter Version is not valid."}
	ErrNonceUsed         = gateway(acs3.ErrNonceUsed)
	ErrNoPermission      = &Error{Status: http.StatusForbidden, Code: "NoPermission", Message: "You are not authorized to perform this operation."}
	ErrThrottled         = &Error{Status: http.StatusBadRequest, Code: "Throttling.User", Message: "Request was denied due to user flow control."}
	ErrInternal          = &Error{Status: http.StatusInternalServerError, Code: "InternalError", Message: "The request processing has failed due to some unknown error, exception or failure."}
	ErrUnavailable       = &Error{Status: http.StatusServiceUnavailable, Code: "ServiceUnavailable", Message: "The request has failed due to a temporary failure of the server."}
	ErrClusterMalformed  = &Error{Status: http.StatusBadRequest, Code: "InvalidDBClusterId.Malformed", Message: "The specified DBClusterId is not valid."}
	ErrClusterNotFound   = &Error{Status: http.StatusNotFound, Code: "InvalidDBCluster.NotFound", Message: "The DBClusterId provided does not exist in our records."}
	ErrClusterIDNotFound = &Error{Status: http.StatusBadRequest, Code: "InvalidDBClusterId.NotFound", Message: "The DBClusterId provided does not exist in our records."}
	ErrClusterBusy       = &Error{Status: http.StatusForbidden, Code: "OperationDenied.DBClusterStatus", Message: "The operation is not permitted due to the current status of the cluster."}
	ErrClusterState      = &Error{Status: http.StatusBadRequest, Code: "IncorrectDBInstanceState", Message: "The current state of the cluster does not support this operation."}
	ErrBackupExists      = &Error{Status: http.StatusBadRequest, Code: "BackupJobExists", Message: "A backup job of the cluster exists already."}
	ErrClusterVersion    = &Error{Status: http.StatusBadRequest, Code: "InvalidDBClusterVersion.Malformed", Message: "The specified DBClusterVersion is not valid: 3.0, 5.0 or All."}
	ErrTags              = &Error{Status: http.StatusBadRequest, Code: "InvalidParameter.Tag", Message: "The specified Tag is not valid: at most 20."}
	ErrStartTime         = &Error{Status: http.StatusBadRequest, Code: "InvalidStartTime.Malformed", Message: "The specified StartTime is not valid: yyyy-MM-ddTHH:mmZ in UTC."}
	ErrEndTime           = &Error{Status: http.StatusBadRequest, Code: "InvalidEndTime.Malformed", Message: "The specified EndTime is not valid: yyyy-MM-ddTHH:mmZ in UTC, later than StartTime."}
	ErrPageSize          = &Error{Status: http.StatusBadRequest, Code: "InvalidPageSize.Malformed", Message: "The specified PageSize is not valid: 30, 50 or 100."}
	ErrPageNumber        = &Error{Status: http.StatusBadRequest, Code: "InvalidPageNumber.Malformed", Message: "The specified PageNumber is not valid: 1 or more."}
)

// missing is the error of a call without a parameter that it needs.
func missing(parameter string) *Error {
	return &Error{Status: http.StatusBadRequest, Code: "Missing" + parameter, Message: parameter + " is mandatory for this action."}
}

func required(q url.Values, parameter string) *Error {
	if q.Get(parameter) == "" {
		return missing(parameter)
	}
	return nil
}

// gateway is the gateway's error about a call as one of this service.
func gateway(e *acs3.Error) *Error { return &Error{Status: e.Status, Code: e.Code, Message: e.Message} }

func (c *call) isDenied(d Denial) bool {
	return (d.Action == "" || d.Action == c.Action) && (d.Region == "" || d.Region == c.Region) &&
		(d.Cluster == "" || d.Cluster == c.Cluster)
}

// denied is RAM's refusal. A list of clusters can only be allowed for dbcluster/*.
func (c *call) denied() *Error {
	const account = "1234567890123456"
	e := *ErrNoPermission
	e.Message = fmt.Sprintf("%s Action: adb:%s. Resource: acs:adb:%s:%s:dbcluster/%s", e.Message, c.Action, c.Region, account, cmp.Or(c.Cluster, "*"))
	e.Denied = map[string]string{
		"AuthAction":               "adb:" + c.Action,
		"AuthPrincipalDisplayName": "adb-backup-role:" + c.KeyID,
		"AuthPrincipalOwnerId":     account,
		"AuthPrincipalType":        "AssumedRoleUser",
		"NoPermissionType":         "ImplicitDeny",
		"PolicyType":               "AccountLevelIdentityBasedPolicy",
	}
	return &e
}

// after is the error with a hint when to come again.
func (e *Error) after(wait time.Duration) *Error {
	hinted := *e
	hinted.TimeLeft = wait
	return &hinted
}

// write answers with the error as the OpenAPI gateway shapes it.
func (e *Error) write(w http.ResponseWriter, requestID string) {
	if e.TimeLeft > 0 {
		w.Header().Set("X-Ratelimit-User", fmt.Sprintf("Limit:100,Remain:0,TimeLeft:%d", e.TimeLeft.Milliseconds()))
	}
	writeJSON(w, e.Status, struct {
		RequestId, HostId, Code, Message, Recommend string
		AccessDeniedDetail                          map[string]string `json:",omitempty"`
	}{requestID, "adb.aliyuncs.com", e.Code, e.Message, "https://api.alibabacloud.com/troubleshoot?q=" + e.Code + "&product=adb&requestId=" + requestID, e.Denied})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // an error means that the caller is gone
}

// Fault is what goes wrong with one call. The zero value is no fault. By default a faulty request has no effect.
type Fault struct {
	Name   string                              // for the log of calls
	After  bool                                // the request takes effect first, and the fault hides it
	Delay  time.Duration                       // passes before the answer; and before the effect, unless After
	Answer func(w http.ResponseWriter, c Call) // in place of the true answer; nil: the true answer
}

// AfterEffect is the same fault of a request that took effect, which the caller cannot know.
func (f Fault) AfterEffect() Fault {
	f.After = true
	return f
}

// Refused answers with an error of the service, one of the variables of this package or another.
func Refused(e *Error) Fault {
	return Fault{Name: e.Code, Answer: func(w http.ResponseWriter, c Call) { e.write(w, c.RequestID) }}
}

// Throttled refuses because there were too many calls, and says when to come again if timeLeft is not 0.
func Throttled(timeLeft time.Duration) Fault {
	return Refused(ErrThrottled.after(timeLeft))
}

// Slow delays the answer, which is the true one.
func Slow(d time.Duration) Fault { return Fault{Name: "slow", Delay: d} }

// The faults below come from what lies between the caller and the service: gateways, proxies, connections.
var (
	BadGateway     = Fault{Name: "502 HTML", Answer: answer(502, "text/html", "<html><body><h1>502 Bad Gateway</h1></body></html>\n")}
	RequestTimeout = Fault{Name: "408", Answer: answer(408, "text/plain", "")}
	Empty          = Fault{Name: "200 empty", Answer: answer(200, "application/json", "")}
	EmptyObject    = Fault{Name: "200 {}", Answer: answer(200, "application/json", "{}")}
	Garbage        = Fault{Name: "200 garbage", Answer: answer(200, "application/json", `{"RequestId":"5B`)}
	// Broken is a connection that ends without an answer.
	Broken = Fault{Name: "connection broken", Answer: func(http.ResponseWriter, Call) { panic(http.ErrAbortHandler) }}
)

// Redirect sends the caller somewhere else. One that follows takes its signed headers there.
func Redirect(location string) Fault {
	return Fault{Name: "302", Answer: func(w http.ResponseWriter, c Call) {
		w.Header().Set("Location", location)
		w.WriteHeader(http.StatusFound)
	}}
}

func answer(status int, contentType, body string) func(http.ResponseWriter, Call) {
	return func(w http.ResponseWriter, _ Call) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// Step gives one call its fault, or every call of an action if Nth is 0.
type Step struct {
	Action  string // empty: any
	Cluster string // empty: any
	Nth     int    // the nth call of its action, from 1
	Fault   Fault
}

// Script gives each call the fault of the first step that it matches; for Options.Faults.
func Script(steps ...Step) func(Call) Fault {
	return func(c Call) Fault {
		for _, s := range steps {
			if (s.Action == "" || s.Action == c.Action) && (s.Cluster == "" || s.Cluster == c.Cluster) && (s.Nth == 0 || s.Nth == c.Nth) {
				return s.Fault
			}
		}
		return Fault{}
	}
}
