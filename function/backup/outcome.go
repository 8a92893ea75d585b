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

// ErrorType names why an invocation failed, or why a cluster is not where it should be. It is the errorType of the
// function's answer.
type ErrorType string

const (
	ErrorInvalidEvent     ErrorType = "InvalidEvent"
	ErrorPermissionDenied ErrorType = "PermissionDenied"
	ErrorClusterNotFound  ErrorType = "ClusterNotFound"
	ErrorBackupFailed     ErrorType = "BackupFailed"
	ErrorBackupPending    ErrorType = "BackupPending"
	ErrorBackupMissing    ErrorType = "BackupMissing"
	ErrorOutcomeUnknown   ErrorType = "OutcomeUnknown"
	ErrorThrottled        ErrorType = "Throttled"
	ErrorServiceError     ErrorType = "ServiceError"
	ErrorInternalError    ErrorType = "InternalError"
	ErrorNothingSelected  ErrorType = "NothingSelected"
	ErrorAlarmFailed      ErrorType = "AlarmFailed"
	ErrorMixed            ErrorType = "Mixed"
)

// Continues reports whether invoking again goes on with the same backup, so that nobody has to act yet.
func (t ErrorType) Continues() bool {
	return t == ErrorBackupPending || t == ErrorOutcomeUnknown || t == ErrorThrottled
}

// refusals are the types of what the service refuses for certain.
var refusals = map[ErrorKind]ErrorType{KindRefused: ErrorServiceError, KindDenied: ErrorPermissionDenied, KindNotFound: ErrorClusterNotFound}

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

// Result is what became of an invocation's requests.
type Result struct {
	Outcomes   []Outcome // one for each cluster, in the order of the requests
	Skipped    []Skipped
	Unselected []Unselected
}

// Unselected is a selector that came to no cluster.
type Unselected struct {
	Region  string // whose list could not be read; empty: no region has a cluster that can be backed up
	Failure Failure
}
