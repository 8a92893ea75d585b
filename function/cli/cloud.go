package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/config"
	"adb-backup/function/credentials"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

// network is the program's only transport. It does not limit how long a reply takes: the caller's context does.
var network http.RoundTripper = adb.NewTransport(8)

// Limits of one call. The function's own answer has others.
const (
	apiTimeout = 15 * time.Second
	maxReply   = 1 << 20 // bytes
)

// call is one call of an API of Alibaba Cloud.
type call struct {
	who             credentials.Credentials
	endpoint        adb.Endpoint // its Host is set
	action, version string
	method, path    string // empty: POST and /, as in the RPC style, which has its parameters in the query
	query, headers  map[string]string
	body            []byte
}

// send makes the call on the core of the vendor's SDK, which signs it. All that is known afterwards is in the exchange: the
// SDK's own error forgets the status of a reply that it cannot read. Its Host is empty if the SDK refused to make the call. Nothing
// is sent twice.
func (c call) send(ctx context.Context, limit int64) *adb.Exchange {
	x := &adb.Exchange{Transport: network, Limit: limit}
	config := &openapi.Config{
		AccessKeyId: dara.String(c.who.AccessKeyID), AccessKeySecret: dara.String(c.who.AccessKeySecret),
		SecurityToken: dara.String(c.who.SecurityToken), UserAgent: dara.String("adb-backup"),
		Endpoint: dara.String(c.endpoint.Host), HttpClient: x,
	}
	if c.endpoint.Plain {
		config.Protocol = dara.String("http")
	}
	request := &openapi.OpenApiRequest{Query: openapiutil.Query(c.query), Headers: openapiutil.Query(c.headers)}
	if c.body != nil {
		request.Stream = bytes.NewReader(c.body)
	}
	client, err := openapi.NewClient(config)
	if err == nil {
		_, err = client.CallApiWithCtx(ctx, &openapi.Params{
			Action: dara.String(c.action), Version: dara.String(c.version), Protocol: dara.String("HTTPS"),
			Method: dara.String(cmp.Or(c.method, http.MethodPost)), Pathname: dara.String(cmp.Or(c.path, "/")),
			AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"), BodyType: dara.String("string"),
		}, request, &dara.RuntimeOptions{})
	}
	if x.Host == "" {
		x.Err = err
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

// callerAccount returns the id of the account that the credentials belong to. If they do not say it, it asks STS at e, or the
// region's STS if e is zero.
func callerAccount(ctx context.Context, c credentials.Credentials, region string, e adb.Endpoint) (string, error) {
	if c.Account != "" {
		return c.Account, nil
	}
	if err := backup.CheckRegion(region); err != nil {
		return "", err
	}
	e.Host = cmp.Or(e.Host, "sts."+region+".aliyuncs.com")
	var identity struct{ AccountId string }
	whose := call{who: c, endpoint: e, action: "GetCallerIdentity", version: "2015-04-01"}
	if err := whose.do(ctx, &identity); err != nil {
		return "", err
	}
	if _, err := strconv.ParseUint(identity.AccountId, 10, 64); err != nil {
		return "", errors.New("GetCallerIdentity: the reply has no account id")
	}
	return identity.AccountId, nil
}

// parseEndpoint reads the flag -endpoint. An empty one gives a zero Endpoint, which stands for the service's own host.
func parseEndpoint(value string) (e adb.Endpoint, err error) {
	if value != "" {
		if e, err = adb.ParseEndpoint(value); err != nil {
			err = wrong("-endpoint %w", err)
		}
	}
	return e, err
}

// openADB returns AnalyticDB with the caller's own credentials. The words of BackupStatus are the built-in ones, and those that
// this program's environment sets or, if it sets none, s.yaml.
func openADB(ctx context.Context, e adb.Endpoint, s settings) (backup.Service, error) {
	var environ []string
	for _, name := range []string{"ADB_STATUS_COMPLETED", "ADB_STATUS_FAILED"} {
		environ = append(environ, name+"="+cmp.Or(os.Getenv(name), s.variable(name)))
	}
	words, err := config.Load(environ)
	if err != nil {
		return nil, wrong("%w", err)
	}
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return nil, err
	}
	api := adb.New(adb.Options{Endpoint: e, Statuses: words.ADB.Statuses, Concurrency: statusCalls})
	own := adb.Credentials{AccessKeyID: c.AccessKeyID, AccessKeySecret: c.AccessKeySecret, SecurityToken: c.SecurityToken}
	return api.With(own, cmp.Or(c.Account, "*")), nil
}
