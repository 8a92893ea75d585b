package fakeadb

import (
	"encoding/json"
	"fmt"
	"net/http"
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

// with gives the error a message of its own.
func (e *Error) with(format string, args ...any) *Error {
	d := *e
	d.Message = fmt.Sprintf(format, args...)
	return &d
}

// Codes, statuses and messages follow the API's reference and the common errors of the OpenAPI gateway, as far as they are
// published; where they are not, the message says in plain words what is wrong.
var (
	ErrUnknownAction     = &Error{Status: http.StatusNotFound, Code: "InvalidAction.NotFound", Message: "Specified api is not found, please check your url and method. The local cloud only has CreateBackup, DescribeBackups and DescribeDBClusters."}
	ErrVersion           = &Error{Status: http.StatusBadRequest, Code: "InvalidVersion", Message: "Specified parameter Version is not valid."}
	ErrMethod            = &Error{Status: http.StatusBadRequest, Code: "UnsupportedHTTPMethod", Message: "The emulated service only takes POST, as the SDK sends it."}
	ErrNonceUsed         = signatureError(acs3.ErrNonceUsed)
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

// signatureError is the gateway's error about a signature as one of this service.
func signatureError(e *acs3.Error) *Error {
	return &Error{Status: e.Status, Code: e.Code, Message: e.Message}
}

// write answers with the error as the OpenAPI gateway shapes it.
func (e *Error) write(w http.ResponseWriter, requestID string) {
	if e.TimeLeft > 0 {
		w.Header().Set("X-Ratelimit-User", fmt.Sprintf("Limit:100,Remain:0,TimeLeft:%d", e.TimeLeft.Milliseconds()))
	}
	writeJSON(w, e.Status, struct {
		RequestId          string
		HostId             string
		Code               string
		Message            string
		Recommend          string
		AccessDeniedDetail map[string]string `json:",omitempty"`
	}{requestID, hostID, e.Code, e.Message, "https://api.alibabacloud.com/troubleshoot?q=" + e.Code + "&product=adb&requestId=" + requestID, e.Denied})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // an error means that the caller is gone
}
