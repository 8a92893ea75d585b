package fakeadb

import (
	"io"
	"net/http"
	"time"
)

// Fault is what goes wrong with one call. The zero value is no fault. By default a faulty request has no effect.
type Fault struct {
	Name   string                              // for the log of calls
	After  bool                                // the request takes effect first, and the fault hides it
	Delay  time.Duration                       // passes before the answer; and before the effect, unless After
	Answer func(w http.ResponseWriter, c Call) // in place of the true answer; nil: the true answer
}

// String shows the fault in a few words.
func (f Fault) String() string {
	if f.After {
		return f.Name + ", after it took effect"
	}
	return f.Name
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
	e := *ErrThrottled
	e.TimeLeft = timeLeft
	return Refused(&e)
}

// Slow delays the answer, which is the true one.
func Slow(d time.Duration) Fault { return Fault{Name: "slow", Delay: d} }

// The faults below come from what lies between the caller and the service: gateways, proxies, connections.
var (
	// BadGateway is a proxy's page.
	BadGateway = Fault{Name: "502 HTML", Answer: answer(http.StatusBadGateway, "text/html",
		"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n")}
	// RequestTimeout is a 408 without a body.
	RequestTimeout = Fault{Name: "408", Answer: answer(http.StatusRequestTimeout, "text/plain", "")}
	// Empty is a 200 without a body.
	Empty = Fault{Name: "200 empty", Answer: answer(http.StatusOK, "application/json", "")}
	// EmptyObject is a 200 with {} as its body.
	EmptyObject = Fault{Name: "200 {}", Answer: answer(http.StatusOK, "application/json", "{}")}
	// Garbage is a 200 whose body breaks off.
	Garbage = Fault{Name: "200 garbage", Answer: answer(http.StatusOK, "application/json", `{"RequestId":"5B`)}
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
