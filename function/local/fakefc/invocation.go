package fakefc

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// What an invocation and the process's environment say where nobody chose.
const (
	defaultRegion  = "cn-hangzhou"
	defaultAccount = "1234567890123456"
)

// Invocation is one event on its way to the function. Only the payload is needed; an empty field gets the value in its comment.
type Invocation struct {
	Payload   []byte
	RequestID string // generated: 1-<8 hex digits: Unix seconds>-…

	// The function's role at this moment. All empty: the function has no role.
	AccessKeyID, AccessKeySecret, SecurityToken string

	Region     string        // cn-hangzhou
	AccountID  string        // 1234567890123456
	Timeout    time.Duration // the function's timeout, 60 s; a header gives it in whole seconds, the deadline in milliseconds
	RetryCount int           // 0 for the first attempt
	// Grace is for how long after the deadline an answer is still taken. The platform grants none. A test needs some where the
	// answer matters and a busy machine may be late.
	Grace time.Duration
}

func (inv *Invocation) complete() {
	inv.RequestID = cmp.Or(inv.RequestID, NewRequestID(time.Now()))
	inv.Region = cmp.Or(inv.Region, defaultRegion)
	inv.AccountID = cmp.Or(inv.AccountID, defaultAccount)
	inv.Timeout = cmp.Or(inv.Timeout, time.Minute)
}

// writeHeaders gives the function everything but the payload; the names are those that the runtime SDK reads.
func (inv *Invocation) writeHeaders(h http.Header, now time.Time) {
	h.Set("content-type", "application/octet-stream")
	seconds := (inv.Timeout + time.Second - 1) / time.Second
	for name, value := range map[string]string{
		"request-id":        inv.RequestID,
		"function-deadline": strconv.FormatInt(now.Add(inv.Timeout).UnixMilli(), 10),
		"function-timeout":  strconv.Itoa(int(seconds)),
		"function-name":     "adb-backup",
		"function-handler":  "main",
		"function-memory":   "128",
		"function-type":     "0",
		"access-key-id":     inv.AccessKeyID,
		"access-key-secret": inv.AccessKeySecret,
		"security-token":    inv.SecurityToken,
		"region":            inv.Region,
		"account-id":        inv.AccountID,
		"qualifier":         "LATEST",
		"version-id":        "LATEST",
		"retry-count":       strconv.Itoa(inv.RetryCount),
	} {
		h.Set("x-fc-"+name, value)
	}
}

// Result is what the platform reports of an invocation.
type Result struct {
	RequestID    string
	Payload      []byte // the answer; meaningless on an error
	ErrorType    string // empty on success
	ErrorMessage string
	Took         time.Duration // from the moment the function took it; if it never did, from Invoke
}

// Err is nil on success, else type and message in one.
func (r Result) Err() error {
	if r.ErrorType == "" {
		return nil
	}
	return errors.New(r.ErrorType + ": " + r.ErrorMessage)
}

func (r Result) took(began time.Time) Result {
	r.Took = time.Since(began)
	return r
}
