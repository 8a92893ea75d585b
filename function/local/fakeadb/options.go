package fakeadb

import (
	"cmp"
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
	PageCap     int           // entries served at most, whatever PageSize asks for; 0: as asked

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
