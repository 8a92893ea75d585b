package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"

	fc "github.com/alibabacloud-go/fc-20230330/v4/client"
	"github.com/alibabacloud-go/tea/dara"
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

func (d deployed) host() string {
	return cmp.Or(d.Endpoint.Host, "fcv3."+d.Region+".aliyuncs.com")
}

// client returns the SDK's client for one call whose reply has at most limit bytes, and where that reply will be.
func (d deployed) client(c credentials.Credentials, limit int64) (*fc.Client, *exchange, error) {
	e := d.Endpoint
	e.Host = d.host()
	x := &exchange{limit: limit}
	client, err := fc.NewClient(sdkConfig(c, e, x))
	return client, x, err
}

// noAnswer says why a question has no answer.
type noAnswer int

const (
	noAnswerRefused     noAnswer = iota // asking again would be refused again
	noAnswerThrottled                   // Function Compute has too much to do: ask later
	noAnswerUnreachable                 // nothing reached Function Compute
	noAnswerBroken                      // the connection broke, or Function Compute failed; the function may be at work
	noAnswerHung                        // the answer did not come in time; the function goes on
)

// askError is the error of a question that the function did not answer.
type askError struct {
	why     noAnswer
	message string // one line for a person
}

func (e *askError) Error() string { return e.message }

// invoke asks the function once, synchronously, and waits for its answer until ctx ends. An error is an *askError.
func (d deployed) invoke(ctx context.Context, payload []byte) (reply, error) {
	c, err := d.find(ctx)
	if err != nil {
		return reply{}, &askError{noAnswerUnreachable, err.Error()}
	}
	client, x, err := d.client(c, maxAnswer)
	if err != nil {
		return reply{}, &askError{noAnswerRefused, harmless(err.Error(), c)}
	}
	request := &fc.InvokeFunctionRequest{Body: bytes.NewReader(payload)}
	if d.Qualifier != "" {
		request.Qualifier = dara.String(d.Qualifier)
	}
	headers := &fc.InvokeFunctionHeaders{XFcInvocationType: dara.String("Sync"), XFcLogType: dara.String("None")}
	_, err = client.InvokeFunctionWithContext(ctx, dara.String(d.Name), request, headers, &dara.RuntimeOptions{})
	if x.status == 0 {
		return reply{}, d.unanswered(ctx, x, err, c)
	}
	return d.read(x.status, x.header, x.body, c)
}

// unanswered returns the error of a call without a reply.
func (d deployed) unanswered(ctx context.Context, x *exchange, err error, c credentials.Credentials) *askError {
	reason := "no reason is known"
	if err != nil {
		reason = harmless(networkReason(err), c)
	}
	switch {
	case !x.sent && ctx.Err() != nil:
		return &askError{noAnswerUnreachable, fmt.Sprintf("%s cannot be reached: no connection in time", d.host())}
	case !x.sent:
		return &askError{noAnswerUnreachable, fmt.Sprintf("%s cannot be reached: %s", d.host(), reason)}
	case ctx.Err() != nil:
		return &askError{noAnswerHung, "no answer yet; the function goes on"}
	}
	return &askError{noAnswerBroken, "the connection broke before an answer: " + reason}
}

// read reads Function Compute's reply. It holds the function's answer, or what the platform says about the function.
func (d deployed) read(status int, header http.Header, body []byte, c credentials.Credentials) (reply, error) {
	if status/100 != 2 {
		return reply{}, d.refused(status, header, body, c)
	}
	platform := header.Get("X-Fc-Error-Type")
	answer := compact(body)
	var said struct{ ErrorType, ErrorMessage string }
	if answer != nil {
		json.Unmarshal(answer, &said) // JSON of another shape is no error
	}
	switch {
	case said.ErrorType != "":
		return reply{Answer: answer, ErrorType: backup.ErrorType(said.ErrorType), ErrorMessage: said.ErrorMessage}, nil
	case platform != "":
		return platformFailure(platform, harmless(cmp.Or(said.ErrorMessage, string(body)), c)), nil
	case answer == nil:
		return reply{}, &askError{noAnswerBroken, "the answer is not JSON; is this function adb-backup?"}
	}
	return reply{Answer: answer}, nil
}

// platformFailure stands in for the answer if the function gave none: Function Compute ended it, or its process ended.
func platformFailure(errorType, message string) reply {
	lower := strings.ToLower(errorType + " " + message)
	says := func(words ...string) bool {
		return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(lower, word) })
	}
	switch {
	case says("timeout", "timed out", "time out"):
		return failure(backup.ErrorBackupPending, "Function Compute ended the function at its time limit: "+message,
			"raise timeout in s.yaml if this happens each time; asking again goes on with the same backup")
	case says("oom", "out of memory", "outofmemory", "memory limit"):
		return failure(backup.ErrorType(errorType), "the function ran out of memory: "+message, "raise memorySize in s.yaml and deploy it again")
	case says("exited unexpectedly", "process exit"):
		return failure(backup.ErrorType(errorType), "the function's process ended before it answered: "+message, "make logs shows why")
	}
	return failure(backup.ErrorType(errorType), "Function Compute could not run the function: "+message, "make logs shows why")
}

// refused returns the error of a reply in which Function Compute itself refuses: the function did not get the question.
func (d deployed) refused(status int, header http.Header, body []byte, c credentials.Credentials) *askError {
	var said struct{ Code, Message, RequestId, ErrorCode, ErrorMessage string }
	json.Unmarshal(body, &said) // an unreadable body leaves it empty
	code, message := said.Code, said.Message
	if code == "" {
		code, message = said.ErrorCode, said.ErrorMessage // an older form
	}
	what := fmt.Sprintf("HTTP %d", status)
	if id := cmp.Or(said.RequestId, header.Get("X-Fc-Request-Id")); id != "" {
		what += ", request id " + harmless(id, c)
	}
	if code != "" {
		what = fmt.Sprintf("%s: %s (%s)", harmless(code, c), harmless(message, c), what)
	}
	switch {
	case status == http.StatusTooManyRequests || strings.HasPrefix(code, "Throttling"):
		return &askError{noAnswerThrottled, "Function Compute has too many calls: " + what}
	case status >= 500 || status == http.StatusRequestTimeout:
		return &askError{noAnswerBroken, "Function Compute failed: " + what}
	}
	return &askError{noAnswerRefused, fmt.Sprintf("%s: %s", d.advice(status, code), what)}
}

// advice says what a refusal means, and what to do.
func (d deployed) advice(status int, code string) string {
	begins := func(prefix string) bool { return strings.HasPrefix(strings.ToLower(code), prefix) }
	switch {
	case code == "FunctionNotFound":
		return fmt.Sprintf("there is no function %s: deploy it with make deploy, or name another with -function and -region", d)
	case status == http.StatusNotFound:
		return fmt.Sprintf("Function Compute does not know %s: check -qualifier, -function and -region", d)
	case begins("invalidaccesskeyid"), begins("signature"), begins("incompletesignature"), begins("invalidsecuritytoken"):
		return "the credentials were refused: check them, and this machine's clock"
	case status == http.StatusForbidden || status == http.StatusUnauthorized:
		return fmt.Sprintf("permission was denied: the credentials need fc:InvokeFunction on acs:fc:%s:*:functions/%s (and on the same with /*); make policy ONLY=gate prints the policy", d.Region, d.Name)
	case status/100 == 3:
		return fmt.Sprintf("%s answered with a redirect, which is not followed: check -endpoint and the proxy", d.host())
	}
	return "Function Compute refused the call"
}

// reply is the function's answer, or what stands in for it.
type reply struct {
	Answer       json.RawMessage  // one line of JSON
	ErrorType    backup.ErrorType // empty: success
	ErrorMessage string
	Hint         string // what to do; empty if the function answered itself
}

// failure stands in for an answer that the function did not give.
func failure(t backup.ErrorType, message, hint string) reply {
	answer, _ := json.Marshal(struct { // strings cannot fail
		ErrorType    backup.ErrorType `json:"errorType"`
		ErrorMessage string           `json:"errorMessage"`
	}{t, message})
	return reply{Answer: answer, ErrorType: t, ErrorMessage: message, Hint: hint}
}

// err returns a failure as the command's error, nil for a success.
func (r reply) err() error {
	if r.ErrorType == "" {
		return nil
	}
	code := exitNo
	if r.ErrorType == backup.ErrorInvalidEvent {
		code = exitWrong
	}
	text := fmt.Sprintf("%s: %s", r.ErrorType, r.ErrorMessage)
	if r.Hint != "" {
		text += "\n" + r.Hint
	}
	return exitError{code, errors.New(text)}
}

// compact returns a JSON body in one line, nil if it is not JSON.
func compact(body []byte) json.RawMessage {
	var b bytes.Buffer
	if len(body) == 0 || json.Compact(&b, body) != nil {
		return nil
	}
	return b.Bytes()
}
