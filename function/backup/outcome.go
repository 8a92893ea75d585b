package backup

import "fmt"

// Status says how far a cluster is.
type Status string

const (
	StatusRequested Status = "Requested" // accepted, not seen in the list yet
	StatusRunning   Status = "Running"
	StatusCompleted Status = "Completed"
	StatusFailed    Status = "Failed"
	StatusMissing   Status = "Missing"
	StatusUnknown   Status = "Unknown"
)

// ErrorType names why a cluster is not where it should be. It is the errorType of the function's answer.
type ErrorType string

const (
	PermissionDenied ErrorType = "PermissionDenied"
	ClusterNotFound  ErrorType = "ClusterNotFound"
	BackupFailed     ErrorType = "BackupFailed"
	BackupPending    ErrorType = "BackupPending"
	BackupMissing    ErrorType = "BackupMissing"
	OutcomeUnknown   ErrorType = "OutcomeUnknown"
	StillThrottled   ErrorType = "Throttled"
	ServiceError     ErrorType = "ServiceError"
	InternalError    ErrorType = "InternalError"
)

// Continues says whether invoking again goes on with the same backup: nothing that a person must act on yet.
func (t ErrorType) Continues() bool {
	return t == BackupPending || t == OutcomeUnknown || t == StillThrottled
}

// errorTypes are the types of what the service will not do for us, however long we ask.
var errorTypes = map[Verdict]ErrorType{Refused: ServiceError, Denied: PermissionDenied, NotFound: ClusterNotFound}

// Failure is why a cluster is not where it should be.
type Failure struct {
	Type    ErrorType
	Message string // one line that a person can act on
}

// Outcome is what became of one Request.
type Outcome struct {
	Cluster   Cluster
	Status    Status
	Created   bool     // by this request, not found
	RequestID string   // CreateBackup's, where this request created it and the answer was read
	Set       *Set     // as last listed; nil if it was not
	Failure   *Failure // nil: the cluster is where it should be
}

func (o Outcome) fail(t ErrorType, format string, a ...any) Outcome {
	o.Failure = &Failure{t, fmt.Sprintf(format, a...)}
	return o
}
