package fakeadb

import (
	"cmp"
	"time"

	"adb-backup/function/local/acs3"
)

// Credential is what the service knows of an access key id.
type Credential = acs3.Credential

// Denial is an action that RAM does not allow. What is empty stands for any.
type Denial struct{ KeyID, Action, Cluster string }

// Ending is how a backup ends.
type Ending int

const (
	Completes Ending = iota
	Fails
	NeverEnds
)

// Precision is how the list writes times.
type Precision int

const (
	Minutes Precision = iota // 2026-11-23T02:00Z, as the reference's examples
	Seconds                  // 2026-11-23T02:00:00Z, as an older page's
)

// Order is the list's. Which the service uses is not published.
type Order int

const (
	NewestFirst Order = iota
	OldestFirst
	Shuffled // always the same for the same entries, or no client could read pages
)

// Window is what a backup must do between StartTime and EndTime to be listed. Which it is in the service is not published.
type Window int

const (
	ByStart   Window = iota // it started there
	ByEnd                   // it ended there; one that has not ended counts as ending now
	ByOverlap               // it ran there, if only in part
)

// Numbers is how the list writes numbers.
type Numbers int

const (
	Documented Numbers = iota // counts and ids as strings, sizes as numbers
	AsStrings
	AsNumbers
)

// Words are the values of BackupStatus. None is published; empty ones are Running, Success and Failed.
type Words struct{ Running, Completed, Failed string }

func (w Words) of(s State) string {
	switch s {
	case Completed:
		return cmp.Or(w.Completed, "Success")
	case Failed:
		return cmp.Or(w.Failed, "Failed")
	}
	return cmp.Or(w.Running, "Running")
}

// Options say what the service is like. The zero value of each is the plain case: a backup takes no time and is listed
// at once. Maps and slices are shared with the service: replace them, do not write to them.
type Options struct {
	Credentials map[string]Credential // by access key id
	Account     string                // empty: 1234567890123456
	// Clusters are those that exist, id to region. Nil: any well-formed id exists in any region.
	Clusters map[string]string
	Denied   []Denial

	Takes       time.Duration // from a backup's start to its end
	StartsAfter time.Duration // from its acceptance to its start
	ListedAfter time.Duration // from its acceptance until lists show it
	Ends        Ending
	Size        int64 // bytes of a completed backup; 0: 5,000,000,000, more than the SDK's own type holds

	Precision   Precision
	Words       Words
	NoStatus    bool // entries have no BackupStatus
	Order       Order
	Window      Window
	Numbers     Numbers
	HideRunning bool // lists show a backup when it has ended
	Repeat      bool // a page's first entry is the last of the page before, as when the list grows between two pages
	PageCap     int  // entries served at most, whatever PageSize asks for; 0: as asked

	Skew    time.Duration // of the service's clock against this machine's
	Latency time.Duration // of a call, half before and half after its effect
	Rate    float64       // requests served a second; 0: any number
	Burst   int           // requests served at once after a pause, at least 1
	Hint    bool          // a request refused for its rate is told when to come again

	// Faults is asked for every authenticated call, after the rate and before the effect. It may be called by several
	// goroutines at once.
	Faults func(Call) Fault
	// OnCall is told of every call when it is over, of the refused ones too, by the goroutine that served it.
	OnCall func(Call)
}

// Call is a request and, once it is over, what became of it.
type Call struct {
	Time      time.Time // of arrival
	Action    string
	Cluster   string
	Region    string
	KeyID     string
	RequestID string
	Nth       int // it is the nth of its action, from 1

	Status  int    // of HTTP; 0: there was no answer
	Code    string // of the error, or the fault's name; empty: the truth was told
	Effect  bool   // a backup was created
	Listed  int    // entries shown
	Running int    // of them not ended
	Took    time.Duration
}
