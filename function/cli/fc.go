package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"
)

// deployed is the deployed function, and how it is reached.
type deployed struct {
	Region, Name string
	Qualifier    string       // a version or an alias; empty: the latest code
	Endpoint     adb.Endpoint // zero: Function Compute of the region

	find func(context.Context) (credentials.Credentials, error) // the caller's credentials
}

// maxAnswer is the most bytes that an answer may have. Function Compute's own limit for a synchronous one is 6 MiB.
const maxAnswer = 6<<20 + 64<<10

// fcVersion is the version of Function Compute's API.
const fcVersion = "2023-03-30"

var (
	functionName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)
	qualifier    = regexp.MustCompile(`^[A-Za-z0-9_-]{0,128}$`)
)

// check returns an error if region, name or qualifier is malformed. The region becomes part of a host name.
func (d deployed) check() error {
	if err := backup.CheckRegion(d.Region); err != nil {
		return fmt.Errorf("-region: %w", err)
	}
	if !functionName.MatchString(d.Name) {
		return fmt.Errorf("-function: %s is not the name of a function", backup.Quote(d.Name))
	}
	if !qualifier.MatchString(d.Qualifier) {
		return fmt.Errorf("-qualifier: %s is not a version or an alias", backup.Quote(d.Qualifier))
	}
	return nil
}

func (d deployed) String() string {
	name := d.Name
	if d.Qualifier != "" {
		name += " (" + d.Qualifier + ")"
	}
	return name + " in " + d.Region
}

// caller returns what calls Function Compute with these credentials.
func (d deployed) caller(c credentials.Credentials) caller {
	e := d.Endpoint
	e.Host = cmp.Or(e.Host, "fcv3."+d.Region+".aliyuncs.com")
	return caller{c, e}
}

// get reads what Function Compute knows of the function: path follows the function's own, such as /triggers. An error is an
// *apiError, with the Status 404 if there is nothing.
func (d deployed) get(ctx context.Context, c credentials.Credentials, action, path string, into any) error {
	return d.caller(c).decode(ctx, operation{
		action: action, version: fcVersion, method: http.MethodGet, path: "/" + fcVersion + "/functions/" + url.PathEscape(d.Name) + path,
	}, into)
}

// noAnswer says why a question has no answer.
type noAnswer int

const (
	noAnswerRefused     noAnswer = iota // asking again would be refused again
	noAnswerThrottled                   // Function Compute has too much to do: ask later
	noAnswerUnreachable                 // nothing reached Function Compute
	noAnswerBroken                      // the connection broke, or Function Compute failed; the function may be at work
	noAnswerHung                        // the answer did not come in time
)

// askError is the error of a question that the function did not answer.
type askError struct {
	why     noAnswer
	message string // one line for a person
}

func (e *askError) Error() string { return e.message }

// invoke asks the function once, synchronously, and waits for its answer until ctx ends. An error is an *askError.
func (d deployed) invoke(ctx context.Context, payload []byte) (reply, error) {
	found, err := d.find(ctx)
	if err != nil {
		return reply{}, &askError{noAnswerUnreachable, err.Error()}
	}
	c := d.caller(found)
	o := operation{
		action: "InvokeFunction", version: fcVersion, method: http.MethodPost,
		path:    "/" + fcVersion + "/functions/" + url.PathEscape(d.Name) + "/invocations",
		headers: map[string]string{"x-fc-invocation-type": "Sync", "x-fc-log-type": "None"}, body: payload,
	}
	if d.Qualifier != "" {
		o.query = map[string]string{"qualifier": d.Qualifier}
	}
	x := c.send(ctx, o, maxAnswer)
	host := c.endpoint.Host
	switch {
	case x.Host == "":
		return reply{}, &askError{noAnswerRefused, "the question could not be made: " + c.reason(x)}
	case x.NotSent() && ctx.Err() != nil:
		return reply{}, &askError{noAnswerUnreachable, host + " cannot be reached: no connection in time"}
	case x.NotSent():
		return reply{}, &askError{noAnswerUnreachable, fmt.Sprintf("%s cannot be reached: %s", host, c.reason(x))}
	case x.Err != nil && ctx.Err() != nil:
		return reply{}, &askError{noAnswerHung, "no answer in time"}
	case x.Err != nil:
		return reply{}, &askError{noAnswerBroken, "the connection broke before an answer: " + c.reason(x)}
	case x.Status/100 != 2:
		return reply{}, d.refused(c, x)
	}
	return c.read(x), nil
}

// reply is the function's answer, or what stands in for it.
type reply struct {
	Answer       json.RawMessage  // one line of JSON; nil: what came is no JSON
	ErrorType    backup.ErrorType // empty: the function says that it succeeded
	ErrorMessage string
	Said         string // what came, for a person
}

// read reads a reply of Function Compute that holds the function's answer, or what the platform says about the function.
func (c caller) read(x *adb.Exchange) reply {
	r := reply{Said: c.clean(x, string(x.Body[:min(len(x.Body), 1000)]))}
	var line bytes.Buffer
	if json.Compact(&line, x.Body) == nil {
		r.Answer = line.Bytes()
	}
	var said struct{ ErrorType, ErrorMessage string }
	json.Unmarshal(r.Answer, &said) // JSON of another shape is no error
	if platform := x.Header.Get("X-Fc-Error-Type"); said.ErrorType == "" && platform != "" {
		return platformFailure(platform, c.clean(x, cmp.Or(said.ErrorMessage, r.Said)))
	}
	r.ErrorType, r.ErrorMessage = backup.ErrorType(said.ErrorType), strings.Join(strings.FieldsFunc(said.ErrorMessage, unicode.IsControl), " ")
	return r
}

// platformFailure stands in for the answer if the function gave none: Function Compute ended it, or its process ended.
func platformFailure(errorType, message string) reply {
	lower := strings.ToLower(errorType + " " + message)
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(lower, word) })
	}
	switch {
	case says("timeout", "timed out", "time out"):
		return failure(backup.ErrorBackupPending, "Function Compute ended the function at its time limit (timeout in s.yaml); asking again goes on with the same backup: "+message)
	case says("oom", "out of memory", "outofmemory", "memory limit"):
		return failure(backup.ErrorType(errorType), "the function ran out of memory (memorySize in s.yaml): "+message)
	}
	return failure(backup.ErrorType(errorType), "the function ended before it answered, and make logs shows why: "+message)
}

// failure stands in for an answer that the function did not give.
func failure(t backup.ErrorType, message string) reply {
	answer, _ := json.Marshal(struct { // strings cannot fail
		ErrorType    backup.ErrorType `json:"errorType"`
		ErrorMessage string           `json:"errorMessage"`
	}{t, message})
	return reply{Answer: answer, ErrorType: t, ErrorMessage: message}
}

// err returns a failure as the command's error, nil if the function says that it succeeded.
func (r reply) err() error {
	if r.ErrorType == "" {
		return nil
	}
	if r.ErrorType == backup.ErrorInvalidEvent {
		return wrong("%s", r.failed())
	}
	return no("%s", r.failed())
}

// failed says what failed, in one line.
func (r reply) failed() string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s: %s", r.ErrorType, r.ErrorMessage)), " ")
}

// refused returns the error of a reply in which Function Compute itself refuses: the function did not get the question.
func (d deployed) refused(c caller, x *adb.Exchange) *askError {
	var said struct{ Code, Message, RequestId string }
	json.Unmarshal(x.Body, &said) // an unreadable body leaves it empty
	code := said.Code
	what := fmt.Sprintf("HTTP %d", x.Status)
	if id := cmp.Or(said.RequestId, x.Header.Get("X-Fc-Request-Id")); id != "" {
		what += ", request id " + c.clean(x, id)
	}
	if code != "" {
		what = fmt.Sprintf("%s: %s (%s)", c.clean(x, code), c.clean(x, said.Message), what)
	}
	switch {
	case x.Status == http.StatusTooManyRequests || strings.HasPrefix(code, "Throttling"):
		return &askError{noAnswerThrottled, "Function Compute has too many calls: " + what}
	case x.Status >= 500 || x.Status == http.StatusRequestTimeout:
		return &askError{noAnswerBroken, "Function Compute failed: " + what}
	}
	return &askError{noAnswerRefused, fmt.Sprintf("%s: %s", d.advice(x.Status, code), what)}
}

// advice says what a refusal means, and what to do.
func (d deployed) advice(status int, code string) string {
	begins := func(prefix string) bool { return strings.HasPrefix(strings.ToLower(code), prefix) }
	switch {
	case code == "FunctionNotFound":
		return fmt.Sprintf("there is no function %s: deploy it with make deploy, or name another with -function and -region", d)
	case begins("fcservicenotenabled"):
		return "this account does not use Function Compute yet: activate it in the console of Function Compute, then deploy the function"
	case status == http.StatusNotFound:
		return fmt.Sprintf("Function Compute does not know %s: check -qualifier, -function and -region", d)
	case begins("invalidaccesskeyid"), begins("signature"), begins("incompletesignature"), begins("invalidsecuritytoken"):
		return "the credentials were refused: check them, and this machine's clock"
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fmt.Sprintf("permission was denied: the credentials need fc:InvokeFunction on acs:fc:%s:*:functions/%s (and on the same with /*); adb-backup policy gate prints the policy", d.Region, d.Name)
	case status/100 == 3:
		return fmt.Sprintf("%s answered with a redirect, which is not followed: check -endpoint and the proxy", d.caller(credentials.Credentials{}).endpoint.Host)
	}
	return "Function Compute refused the call"
}
