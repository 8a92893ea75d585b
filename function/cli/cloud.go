package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"adb-backup/events"
	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

// network is the program's only transport. It does not limit how long a reply takes: the caller's context does.
var network http.RoundTripper = adb.NewTransport(8)

// Limits of one call. How long the function's own answer may take is the caller's to say.
const (
	apiTimeout = 15 * time.Second
	maxReply   = 1 << 20        // bytes
	maxAnswer  = 6<<20 + 64<<10 // bytes; Function Compute's own limit for a synchronous answer is 6 MiB
)

// call is one call of an API of Alibaba Cloud.
type call struct {
	who             credentials.Credentials
	endpoint        adb.Endpoint // its Host is set
	action, version string
	method, path    string // empty: POST and /, as in the RPC style, which has its parameters in the query
	query, headers  map[string]string
	body            io.Reader
}

// send makes the call on the core of the vendor's SDK, which signs it. All that is known afterwards is in the exchange: the
// SDK's own error forgets the status of a reply that it cannot read. Its Host is empty if no such call can be made. Nothing is
// sent twice.
func (c call) send(ctx context.Context, limit int64) *adb.Exchange {
	x := &adb.Exchange{Transport: network, Limit: limit}
	tried := false // to connect: net/http refuses a header before that, such as one of a key with a line feed in it
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GetConn: func(string) { tried = true }})
	config := &openapi.Config{
		AccessKeyId: dara.String(c.who.AccessKeyID), AccessKeySecret: dara.String(c.who.AccessKeySecret),
		SecurityToken: dara.String(c.who.SecurityToken), UserAgent: dara.String("adb-backup"),
		Endpoint: dara.String(c.endpoint.Host), HttpClient: x,
	}
	if c.endpoint.Plain {
		config.Protocol = dara.String("http")
	}
	request := &openapi.OpenApiRequest{Query: openapiutil.Query(c.query), Headers: openapiutil.Query(c.headers), Stream: c.body}
	client, err := openapi.NewClient(config)
	if err == nil {
		_, err = client.CallApiWithCtx(ctx, &openapi.Params{
			Action: dara.String(c.action), Version: dara.String(c.version), Protocol: dara.String("HTTPS"),
			Method: dara.String(cmp.Or(c.method, http.MethodPost)), Pathname: dara.String(cmp.Or(c.path, "/")),
			AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"), BodyType: dara.String("string"),
		}, request, &dara.RuntimeOptions{})
	}
	if !tried {
		x.Host, x.Err = "", err
	}
	return x
}

// do makes the call and decodes the reply into into, a pointer. An error is an *apiError.
func (c call) do(ctx context.Context, into any) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	x := c.send(ctx, maxReply)
	if x.Err == nil && x.Status/100 == 2 && json.Unmarshal(x.Body, into) == nil {
		return nil
	}
	return c.failed(x)
}

// failed returns the error of a call that did not succeed.
func (c call) failed(x *adb.Exchange) *apiError {
	var said struct{ Code, Message, RequestId string }
	if x.Err != nil {
		said.Message = adb.Reason(x.Err)
	} else if json.Unmarshal(x.Body, &said) != nil || said.Message == "" {
		said.Message = "the reply cannot be read"
	}
	mask := c.mask(x)
	return &apiError{c.action, c.endpoint.Host, x.Status, mask.Clean(said.Code), mask.Clean(said.Message), mask.Clean(said.RequestId)}
}

// mask hides what is secret in a call.
func (c call) mask(x *adb.Exchange) adb.Mask {
	return adb.NewMask(c.who.AccessKeyID, c.who.AccessKeySecret, c.who.SecurityToken, x.Authorization)
}

// apiError is a call that did not succeed.
type apiError struct {
	Action    string
	Host      string
	Status    int    // HTTP; 0: there was no reply
	Code      string // the service's, empty if there was none
	Message   string // without secrets, one line
	RequestID string
}

func (e *apiError) Error() string {
	switch {
	case e.Status == 0:
		return fmt.Sprintf("%s: no answer from %s: %s", e.Action, e.Host, e.Message)
	case e.Code == "":
		return fmt.Sprintf("%s: %s answered HTTP %d: %s", e.Action, e.Host, e.Status, e.Message)
	}
	return fmt.Sprintf("%s was refused: %s: %s (HTTP %d, request id %s)", e.Action, e.Code, e.Message, e.Status, e.RequestID)
}

// deployed is the deployed function, and how it is reached.
type deployed struct {
	Region, Name string
	Qualifier    string       // a version or an alias; empty: the latest code
	Endpoint     adb.Endpoint // zero: Function Compute of the region

	find func(context.Context) (credentials.Credentials, error) // the caller's credentials
}

var (
	functionName = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_-]{0,127}$`)
	timedOut     = regexp.MustCompile(`(?i)time-?out|timed? out`) // what the platform says where the function's timeout is over
	refusedKey   = regexp.MustCompile(`(?i)^(InvalidAccessKeyId|InvalidSecurityToken|IncompleteSignature|Signature)`)
)

func (d deployed) String() string {
	name := d.Name
	if d.Qualifier != "" {
		name += " (" + d.Qualifier + ")"
	}
	return name + " in " + d.Region
}

// call returns a call of Function Compute about the function. path follows the function's own, such as /triggers.
func (d deployed) call(who credentials.Credentials, action, method, path string) call {
	d.Endpoint.Host = cmp.Or(d.Endpoint.Host, "fcv3."+d.Region+".aliyuncs.com")
	path = "/2023-03-30/functions/" + url.PathEscape(d.Name) + path
	return call{who: who, endpoint: d.Endpoint, action: action, version: "2023-03-30", method: method, path: path}
}

// get reads what Function Compute knows of the function. If it knows nothing, into stays as it is.
func (d deployed) get(ctx context.Context, who credentials.Credentials, action, path string, into any) error {
	err := d.call(who, action, http.MethodGet, path).do(ctx, into)
	if e := new(apiError); errors.As(err, &e) && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// Why a question has no answer where the next one may have one. What would be refused again is any other error.
var (
	errUnreached = errors.New("there is no connection to Function Compute")
	errNotNow    = errors.New("this may pass")
)

// failure is an answer of the function that is no success, or what stands in for it.
type failure struct {
	ErrorType    backup.ErrorType `json:"errorType"`
	ErrorMessage string           `json:"errorMessage"`

	answer string // one line of JSON; empty: it stands in for an answer
}

// Error says what failed, in one line.
func (f *failure) Error() string {
	odd := func(c rune) bool { return unicode.IsSpace(c) || unicode.IsControl(c) }
	return strings.Join(strings.FieldsFunc(fmt.Sprintf("%s: %s", f.ErrorType, f.ErrorMessage), odd), " ")
}

// ExitCode implements cli.ExitCoder.
func (f *failure) ExitCode() int {
	if f.ErrorType == backup.ErrorInvalidEvent {
		return exitWrong
	}
	return exitNo
}

// silent stands in for an answer that does not come in time.
var silent = &failure{ErrorType: backup.ErrorBackupPending,
	ErrorMessage: "the function has not answered yet; a backup that was requested goes on in AnalyticDB"}

// invoke asks the function once, synchronously, and waits until ctx ends. It returns the answer, as one line of JSON, if that
// proves what was asked for. An error is a *failure if the function answered.
func (d deployed) invoke(ctx context.Context, m message) (string, error) {
	who, err := d.find(ctx)
	if err != nil {
		return "", fmt.Errorf("%w: %w", errUnreached, err)
	}
	c := d.call(who, "InvokeFunction", http.MethodPost, "/invocations")
	c.headers, c.body = map[string]string{"x-fc-invocation-type": "Sync", "x-fc-log-type": "None"}, bytes.NewReader(m.payload)
	if d.Qualifier != "" {
		c.query = map[string]string{"qualifier": d.Qualifier}
	}
	x := c.send(ctx, maxAnswer)
	if x.Err == nil && x.Status/100 == 2 {
		return read(x, c.mask(x), m.event)
	}
	return "", d.unanswered(x, c.failed(x), ctx.Err() != nil && !m.event.Drill)
}

// read reads a reply of Function Compute that holds the function's answer, or what the platform says if the function gave none.
func read(x *adb.Exchange, mask adb.Mask, event events.Event) (string, error) {
	f := new(failure)
	json.Unmarshal(x.Body, f) // an answer of another shape is no error
	var line bytes.Buffer
	json.Compact(&line, x.Body) // it stays empty if that is no JSON
	if f.ErrorType != "" {
		f.answer = line.String()
		return "", f
	}
	if platform := x.Header.Get("X-Fc-Error-Type"); platform != "" {
		message := mask.Clean(cmp.Or(f.ErrorMessage, string(x.Body)))
		f.ErrorType, f.ErrorMessage = backup.ErrorType(platform), "the function ended before it answered, and make logs shows why: "+message
		if timedOut.MatchString(platform + " " + message) {
			f.ErrorType = backup.ErrorBackupPending
			f.ErrorMessage = "Function Compute ended the function at its time limit (timeout in s.yaml); asking again goes on with the same backup: " + message
		}
		return "", f
	}
	if err := proves(event, line.String()); err != nil {
		return "", fmt.Errorf("this is not adb-backup's answer to the request: %w. Is it the right function (-function, -region)? It answered: %s",
			err, mask.Clean(string(x.Body)))
	}
	return line.String(), nil
}

// unanswered says why there is no answer and, of a refusal, what to do. hung tells that the time is over in which a backup may
// have been requested.
func (d deployed) unanswered(x *adb.Exchange, e *apiError, hung bool) error {
	switch {
	case x.Host == "":
		return fmt.Errorf("the question cannot be sent: %s", e.Message)
	case x.NotSent():
		return fmt.Errorf("%w: %w", errUnreached, e)
	case x.Err != nil && hung:
		return silent
	case x.Err != nil, e.Status >= 500, e.Status == http.StatusRequestTimeout, e.Status == http.StatusTooManyRequests, hasCode(e, "Throttling"):
		return fmt.Errorf("%w: %w", errNotNow, e)
	case refusedKey.MatchString(e.Code):
		return fmt.Errorf("the credentials were refused: check them, and this machine's clock: %w", e)
	case e.Status == http.StatusNotFound:
		return fmt.Errorf("there is no function %s: deploy it with make deploy, or name another with -function, -region and -qualifier: %w", d, e)
	case strings.EqualFold(e.Code, "FcServiceNotEnabled"):
		return fmt.Errorf("this account does not use Function Compute yet: activate it in the console of Function Compute, then deploy the function: %w", e)
	case e.Status == http.StatusForbidden, e.Status == http.StatusUnauthorized:
		return fmt.Errorf("permission was denied: the credentials need fc:InvokeFunction on acs:fc:%s:*:functions/%s (and on the same with /*); "+
			"adb-backup policy gate prints the policy: %w", d.Region, d.Name, e)
	}
	return e
}
