package fakeadb

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"adb-backup/function/local/acs3"
)

// Credential is what the service knows of an access key id.
type Credential = acs3.Credential

// Denial is an action that RAM does not allow. What is empty stands for any.
type Denial struct{ Action, Cluster string }

// Busy is a cluster, or if empty any, that takes no CreateBackup for a while. No Error means ErrClusterBusy.
type Busy struct {
	Cluster string
	Until   time.Time
	Error   *Error
}

// Layouts of a backup's times, for Options.Layout.
const (
	Minutes = "2006-01-02T15:04Z" // as in the reference's examples
	Seconds = time.RFC3339        // as on an older page of the reference
)

// Words are the values of BackupStatus, by State. None is published.
type Words [3]string

var usualWords = Words{Completed: "Success", Failed: "Failed", Running: "Running"}

// Options say what the service is like. The zero value of each is the plain case: a backup takes no time, is listed at
// once, and overlaps others. Slices and maps are shared with the service: replace them, do not write to them.
type Options struct {
	Credentials map[string]Credential // by access key id
	// Clusters are those that exist, in the order in which they are listed. Nil: none is listed, and every well-formed id
	// can be backed up in every region.
	Clusters []Cluster
	Denied   []Denial
	Busy     []Busy

	Takes   time.Duration // from a backup's start to its end
	Ends    State         // what a backup comes to
	Size    int64         // bytes of a completed backup; 0: 5,000,000,000, more than the SDK's own type holds
	Overlap *Error        // refuses a CreateBackup while a full backup of the cluster runs, listed or not; nil: accepted

	HideRunning bool          // lists show a backup when it has ended
	ListedAfter time.Duration // until lists show a backup made here: from its start or, with HideRunning, from its end
	Layout      string        // of a backup's times, as for time.Time.Format; empty: Minutes
	FalseZone   time.Duration // lists write every time that much later, as if local time were UTC
	Words       Words         // empty ones are the usual ones

	Skew    time.Duration // of the service's clock against this machine's
	Latency time.Duration // of a call, half before and half after its effect
	Rate    float64       // requests served a second; 0: any number; it cannot be changed later
	Burst   int           // requests served at once after a pause, at least 1

	// Faults chooses the fault of every authenticated call, after the rate and before the effect. It may be called by
	// several goroutines at once.
	Faults func(Call) Fault
	// OnCall is given every call when it is over, refused ones too, by the goroutine that served it.
	OnCall func(Call)
}

func (o Options) now() time.Time { return time.Now().Add(o.Skew) }

// time writes a backup's time as the options say.
func (o Options) time(t time.Time) string {
	return t.Add(o.FalseZone).UTC().Format(cmp.Or(o.Layout, Minutes))
}

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
	Name   string             // for the log of calls; that of an error is its code
	After  bool               // the request takes effect first, and the fault hides it
	Delay  time.Duration      // passes before the answer; and before the effect, unless After
	Answer func(*Call) Answer // instead of the true answer; nil: the true one
}

// AfterEffect is the same fault of a request that took effect, which the caller cannot know.
func (f Fault) AfterEffect() Fault {
	f.After = true
	return f
}

// Refused answers with an error of the service, one of the variables of this package or another.
func Refused(e *Error) Fault { return Fault{Answer: func(c *Call) Answer { return c.refuse(e, 0) }} }

// Throttled refuses because there were too many calls, and says when to come again if timeLeft is not 0.
func Throttled(timeLeft time.Duration) Fault {
	return Fault{Answer: func(c *Call) Answer { return c.refuse(ErrThrottled, timeLeft) }}
}

// Broken is a connection that ends without an answer.
var Broken = Fault{Name: "connection broken", Answer: func(*Call) Answer { return Answer{} }}

// Strike gives a fault to the nth calls of an action, or to all of them; for Options.Faults. Without an action it strikes those of each.
func Strike(action string, f Fault, nth ...int) func(Call) Fault {
	return func(c Call) Fault {
		if cmp.Or(action, c.Action) == c.Action && (len(nth) == 0 || slices.Contains(nth, c.Nth)) {
			return f
		}
		return Fault{}
	}
}
