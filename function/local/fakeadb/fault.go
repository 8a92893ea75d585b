package fakeadb

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"adb-backup/function/local/acs3"
)

// Error is an error as the service answers it.
type Error = acs3.Error

func newError(status int, code, message string) *Error {
	return &Error{Status: status, Code: code, Message: message}
}

// The emulator's own errors, beside those about signatures and parameters. Codes and statuses follow the API's reference and the
// common errors of the OpenAPI gateway, as far as they are published.
var (
	ErrUnknownAction     = newError(404, "InvalidAction.NotFound", "The local cloud only has CreateBackup, DescribeBackups and DescribeDBClusters.")
	ErrVersion           = newError(400, "InvalidVersion", "Specified parameter Version is not valid.")
	ErrNoPermission      = newError(403, "NoPermission", "You are not authorized to perform this operation.")
	ErrThrottled         = newError(400, "Throttling.User", "Request was denied due to user flow control.")
	ErrUnavailable       = newError(503, "ServiceUnavailable", "The request has failed due to a temporary failure of the server.")
	ErrClusterNotFound   = newError(404, "InvalidDBCluster.NotFound", "The DBClusterId provided does not exist in our records.")
	ErrClusterIDNotFound = newError(400, "InvalidDBClusterId.NotFound", "The DBClusterId provided does not exist in our records.")
	ErrClusterBusy       = newError(403, "OperationDenied.DBClusterStatus", "The operation is not permitted due to the current status of the cluster.")
	ErrBackupExists      = newError(400, "BackupJobExists", "A backup job of the cluster exists already.")
)

// Answer is what a caller gets over HTTP.
type Answer struct {
	Status int // 0: the connection breaks without an answer
	Header map[string]string
	Body   string
}

// answerJSON is an answer that can be read. What the emulator writes has a form in JSON.
func answerJSON(status int, v any) Answer {
	body, _ := json.Marshal(v)
	return Answer{status, map[string]string{"Content-Type": "application/json;charset=utf-8"}, string(body)}
}

// refuse answers with an error as the OpenAPI gateway shapes it, and with the time until a throttled caller may come again.
func (c *Call) refuse(e *Error, timeLeft time.Duration) Answer {
	c.Code = e.Code
	answer := answerJSON(e.Status, struct{ RequestId, HostId, Code, Message string }{c.RequestID, "adb.aliyuncs.com", e.Code, e.Message})
	if timeLeft > 0 {
		answer.Header["X-Ratelimit-User"] = fmt.Sprintf("Limit:100,Remain:0,TimeLeft:%d", timeLeft.Milliseconds())
	}
	return answer
}

// Fault is what goes wrong with one call. The zero value is no fault. By default a faulty request has no effect.
type Fault struct {
	Name  string        // for the log of calls; that of an Error is its code
	After bool          // the request takes effect first, and the fault hides it
	Delay time.Duration // passes before the answer; and before the effect, unless After

	// What is answered instead of the truth, if one of them is not nil. TimeLeft goes with an Error.
	Error    *Error
	TimeLeft time.Duration
	Answer   *Answer
}

// AfterEffect is the same fault of a request that took effect, which the caller cannot know.
func (f Fault) AfterEffect() Fault {
	f.After = true
	return f
}

// Refused answers with an error of the service, one of the variables of this package or another.
func Refused(e *Error) Fault { return Fault{Error: e} }

// Throttled refuses because there were too many calls, and says when to come again if timeLeft is not 0.
func Throttled(timeLeft time.Duration) Fault { return Fault{Error: ErrThrottled, TimeLeft: timeLeft} }

// Slow delays the answer, which is the true one.
func Slow(d time.Duration) Fault { return Fault{Name: "slow", Delay: d} }

// Broken is a connection that ends without an answer.
var Broken = Fault{Name: "connection broken", Answer: &Answer{}}

// Strike gives a fault to the nth calls of an action, or to all of them; for Options.Faults.
func Strike(action string, f Fault, nth ...int) func(Call) Fault {
	return func(c Call) Fault {
		if c.Action == action && (len(nth) == 0 || slices.Contains(nth, c.Nth)) {
			return f
		}
		return Fault{}
	}
}
