package backup

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Service is AnalyticDB as the rule needs it, with the credentials of one invocation.
//
// Each call waits for its turn among the calls to the region. Once it is sent it may take ten seconds. An error is a *CallError
// (errors.As) if the call was made. Otherwise nothing was sent, because the time was up before its turn came, and the error is
// ctx's.
type Service interface {
	// Backups lists a cluster's backup sets, all pages, in no particular order. The window is cut to minutes.
	Backups(ctx context.Context, c Cluster, from, to time.Time) (Listing, error)
	// CreateBackup asks for a full backup and returns the request id of the answer. It is never retried. sent is valid even
	// when err is not nil.
	CreateBackup(ctx context.Context, c Cluster) (sent time.Time, requestID string, err error)
	// Clusters lists the clusters of a region, all pages, in the service's order. It may pass over clusters that s cannot
	// match; the caller matches every cluster again.
	Clusters(ctx context.Context, region string, s Selector) ([]ListedCluster, error)
}

// Listing is what DescribeBackups shows of a cluster.
type Listing struct {
	Sets       []Set
	Unreadable string // the first time or row that could not be read, for a warning; empty: there was none
}

// ErrorKind is what an error of the service means to the rule.
type ErrorKind int

const (
	KindRefused    ErrorKind = iota // for certain, and it would be again
	KindDenied                      // the credentials or their permissions are refused
	KindNotFound                    // the service does not know the cluster
	KindNotNow                      // refused, because the cluster is busy with something that passes
	KindThrottled                   // refused for now, because there were too many calls
	KindNotSent                     // the connection could not be opened: name or dial failed, or the certificate is not trusted
	KindUnanswered                  // whether the call took effect is unknown: time-out, broken connection, 5xx, unreadable reply
)

// Passes reports whether the same call may succeed later.
func (k ErrorKind) Passes() bool { return k >= KindNotNow }

// CallError is a call that did not succeed.
type CallError struct {
	Action     string // the API's name of the call, such as CreateBackup
	Cluster    Cluster
	Kind       ErrorKind
	Status     int           // HTTP; 0 if there was no reply
	Code       string        // the service's, empty if there was none
	Message    string        // the service's, without secrets, or what went wrong; one line
	RequestID  string        // the service's, empty if there was none
	RetryAfter time.Duration // how long the service asks to wait, 0 if it does not say
	Host       string        // to which the call was addressed, for KindNotSent
	Hint       string        // what a person can do about it; empty if there is nothing to say
}

// attrs are the error's log attributes.
func (e *CallError) attrs() []any {
	a := []any{"error", e}
	if e.RequestID != "" {
		a = append(a, "apiRequestId", e.RequestID)
	}
	return a
}

// kindTexts says what became of a call that reached the service.
var kindTexts = map[ErrorKind]string{
	KindRefused:    "was refused",
	KindDenied:     "was denied",
	KindNotFound:   "was refused",
	KindNotNow:     "was refused for now",
	KindThrottled:  "was throttled",
	KindUnanswered: "was not answered",
}

// Error says what happened, in one line for a person.
func (e *CallError) Error() string {
	text := e.Action + " " + kindTexts[e.Kind]
	if e.Kind == KindNotSent {
		text = e.Action + " cannot reach " + e.Host + ", nothing was sent"
	}
	for _, detail := range []string{e.Code, e.Message} {
		if detail != "" {
			text += ": " + detail
		}
	}
	var where []string
	if e.Status != 0 {
		where = append(where, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.RequestID != "" {
		where = append(where, "request id "+e.RequestID)
	}
	if len(where) > 0 {
		text += " (" + strings.Join(where, ", ") + ")"
	}
	if e.Hint != "" {
		text += "; " + e.Hint
	}
	return text
}
