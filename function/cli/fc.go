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

var functionName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)

// check returns an error if region or name is malformed. The region becomes part of a host name.
func (d deployed) check() error {
	if err := backup.CheckRegion(d.Region); err != nil {
		return fmt.Errorf("-region: %w", err)
	}
	if !functionName.MatchString(d.Name) {
		return fmt.Errorf("-function: %s is not the name of a function", backup.Quote(d.Name))
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
	return d.caller(c).decode(ctx, d.operation(action, http.MethodGet, path), into)
}

func (d deployed) operation(action, method, path string) operation {
	return operation{action: action, version: fcVersion, method: method, path: "/" + fcVersion + "/functions/" + url.PathEscape(d.Name) + path}
}

// noAnswer says why a question has no answer.
type noAnswer int

const (
	noAnswerRefused     noAnswer = iota // asking again would be refused again
	noAnswerUnreachable                 // nothing reached Function Compute
	noAnswerBroken                      // the connection broke, or Function Compute failed or has too much to do
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
	o := d.operation("InvokeFunction", http.MethodPost, "/invocations")
	o.headers, o.body = map[string]string{"x-fc-invocation-type": "Sync", "x-fc-log-type": "None"}, payload
	if d.Qualifier != "" {
		o.query = map[string]string{"qualifier": d.Qualifier}
	}
	x := c.send(ctx, o, maxAnswer)
	if x.Err == nil && x.Status/100 == 2 {
		return read(x, c.mask(x)), nil
	}
	return reply{}, d.unanswered(x, c.failed(o.action, x), ctx.Err() != nil)
}

// unanswered says why there is no answer.
func (d deployed) unanswered(x *adb.Exchange, e *apiError, late bool) *askError {
	switch {
	case x.Host == "":
		return &askError{noAnswerRefused, "the question cannot be sent: " + e.Message}
	case x.NotSent():
		return &askError{noAnswerUnreachable, fmt.Sprintf("%s cannot be reached: %s", e.Host, e.Message)}
	case x.Err != nil && late:
		return &askError{noAnswerHung, "no answer in time"}
	case x.Err != nil:
		return &askError{noAnswerBroken, "the connection broke before an answer: " + e.Message}
	case e.Status >= 500, e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests, strings.HasPrefix(e.Code, "Throttling"):
		return &askError{noAnswerBroken, "Function Compute cannot answer now: " + e.Error()}
	}
	return &askError{noAnswerRefused, d.advice(e.Status, strings.ToLower(e.Code)) + ": " + e.Error()}
}

// advice says what a refusal means, and what to do.
func (d deployed) advice(status int, code string) string {
	begins := func(prefix string) bool { return strings.HasPrefix(code, prefix) }
	switch {
	case code == "functionnotfound":
		return fmt.Sprintf("there is no function %s: deploy it with make deploy, or name another with -function and -region", d)
	case begins("fcservicenotenabled"):
		return "this account does not use Function Compute yet: activate it in the console of Function Compute, then deploy the function"
	case status == http.StatusNotFound:
		return fmt.Sprintf("Function Compute does not know %s: check -qualifier, -function and -region", d)
	case begins("invalidaccesskeyid"), begins("signature"), begins("incompletesignature"), begins("invalidsecuritytoken"):
		return "the credentials were refused: check them, and this machine's clock"
	case status == http.StatusForbidden, status == http.StatusUnauthorized:
		return fmt.Sprintf("permission was denied: the credentials need fc:InvokeFunction on acs:fc:%s:*:functions/%s (and on the same with /*); adb-backup policy gate prints the policy", d.Region, d.Name)
	}
	return "Function Compute refused the call"
}

// reply is the function's answer, or what stands in for it.
type reply struct {
	ErrorType    backup.ErrorType `json:"errorType"` // empty: the function says that it succeeded
	ErrorMessage string           `json:"errorMessage"`

	Answer json.RawMessage `json:"-"` // one line of JSON; nil: what came is no JSON
	Said   string          `json:"-"` // what came, for a person
}

// timedOut finds what the platform says where the function's timeout is over.
var timedOut = regexp.MustCompile(`(?i)time-?out|timed? out`)

// read reads a reply of Function Compute that holds the function's answer, or what the platform says if the function gave none.
func read(x *adb.Exchange, mask adb.Mask) (r reply) {
	json.Unmarshal(x.Body, &r) // an answer of another shape is no error
	r.Said = mask.Clean(string(x.Body))
	var line bytes.Buffer
	if json.Compact(&line, x.Body) == nil {
		r.Answer = line.Bytes()
	}
	platform := x.Header.Get("X-Fc-Error-Type")
	if r.ErrorType != "" || platform == "" {
		return r
	}
	message := mask.Clean(cmp.Or(r.ErrorMessage, r.Said))
	if timedOut.MatchString(platform + " " + message) {
		return failure(backup.ErrorBackupPending, "Function Compute ended the function at its time limit (timeout in s.yaml); asking again goes on with the same backup: "+message)
	}
	return failure(backup.ErrorType(platform), "the function ended before it answered, and make logs shows why: "+message)
}

// failure stands in for an answer that the function did not give.
func failure(t backup.ErrorType, message string) reply {
	r := reply{ErrorType: t, ErrorMessage: message}
	r.Answer, _ = json.Marshal(r) // strings cannot fail
	return r
}

// err returns a failure as the command's error, nil if the function says that it succeeded.
func (r reply) err() error {
	switch r.ErrorType {
	case "":
		return nil
	case backup.ErrorInvalidEvent:
		return wrong("%s", r.failed())
	}
	return no("%s", r.failed())
}

// failed says what failed, in one line.
func (r reply) failed() string {
	odd := func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }
	return strings.Join(strings.FieldsFunc(fmt.Sprintf("%s: %s", r.ErrorType, r.ErrorMessage), odd), " ")
}
