package backup

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Service is AnalyticDB as the rule needs it, with the credentials of one invocation.
//
// Each call takes its turn among those of the process and may take ten seconds once it is sent. An error is a *CallError
// itself, not one that is wrapped, if the call was sent; if its turn did not come before ctx ended, it is ctx's error, and
// nothing was sent.
type Service interface {
	// Backups lists the backup sets of a cluster, all pages, in no particular order. The window is cut to minutes.
	Backups(ctx context.Context, c Cluster, from, to time.Time) ([]Set, error)
	// CreateBackup asks for a full backup and returns the request id of the answer. It is sent once; when, is known even if
	// it fails.
	CreateBackup(ctx context.Context, c Cluster) (sent time.Time, requestID string, err error)
}

// Verdict is what an error of the service means to the rule.
type Verdict int

const (
	Refused    Verdict = iota // for certain, and it would be again
	Denied                    // the credentials or their permissions are refused
	NotFound                  // the service does not know the cluster
	Throttled                 // refused for now
	Unanswered                // whether the call took effect is open: time-out, broken connection, 5xx, unreadable reply
)

// CallError is a call that was sent and did not succeed.
type CallError struct {
	Action    string // CreateBackup or DescribeBackups
	Cluster   Cluster
	Verdict   Verdict
	Status    int           // HTTP; 0 if there was no reply
	Code      string        // the service's, empty if there was none
	Message   string        // the service's, without secrets, or what went wrong; one line
	RequestID string        // the service's, empty if there was none
	After     time.Duration // how long the service asks to wait, 0 if it does not say
	Resource  string        // Denied: the RAM resource that the action needs
	BadKeys   bool          // Denied: the credentials themselves are refused, whatever they allow
	Err       error         // what the network or the decoder said, nil if the service answered
}

func (e *CallError) Unwrap() error { return e.Err }

// attrs are the error's log attributes.
func (e *CallError) attrs() []any {
	a := []any{"error", e}
	if e.RequestID != "" {
		a = append(a, "apiRequestId", e.RequestID)
	}
	return a
}

// sent is the error of a call that was sent; nil: it was not, or there is no error.
func sent(err error) *CallError {
	call, _ := err.(*CallError)
	return call
}

// Error tells a person what happened, in one line.
func (e *CallError) Error() string {
	var b strings.Builder
	b.WriteString(e.Action)
	switch e.Verdict {
	case Denied:
		b.WriteString(" was denied")
	case Throttled:
		b.WriteString(" was throttled")
	case Unanswered:
		b.WriteString(" was not answered")
	default:
		b.WriteString(" was refused")
	}
	var details []string
	if e.Code != "" {
		details = append(details, e.Code)
	}
	if e.Message != "" {
		details = append(details, e.Message)
	}
	if len(details) > 0 {
		b.WriteString(": " + strings.Join(details, ": "))
	}
	var where []string
	if e.Status != 0 {
		where = append(where, fmt.Sprintf("HTTP %d", e.Status))
	}
	if e.RequestID != "" {
		where = append(where, "request id "+e.RequestID)
	}
	if len(where) > 0 {
		b.WriteString(" (" + strings.Join(where, ", ") + ")")
	}
	switch {
	case e.Verdict == Denied && e.BadKeys:
		fmt.Fprintf(&b, "; the credentials of the function's role were refused when it asked for adb:%s on %s: check that role", e.Action, e.Resource)
	case e.Verdict == Denied:
		fmt.Fprintf(&b, "; the function's role needs adb:%s on %s", e.Action, e.Resource)
	}
	return b.String()
}
