package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"html"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
	"adb-backup/function/credentials"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
)

// network is the program's only transport. It takes a proxy from the environment and checks certificates. It speaks only
// HTTP/1.1, because Go then repeats a POST by itself only if no byte of it was written. It does not limit how long a reply
// takes, because a function may work for an hour: the caller's context does.
var network http.RoundTripper = &http.Transport{
	Proxy:                  http.ProxyFromEnvironment,
	DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
	TLSHandshakeTimeout:    10 * time.Second,
	IdleConnTimeout:        50 * time.Second,
	MaxResponseHeaderBytes: 64 << 10,
}

// exchange is the SDK's HTTP client for one call. It reads the whole reply and keeps it, because the SDK forgets the status
// of a reply that it cannot read. It follows no redirect, because the security token would go along.
type exchange struct {
	limit int64 // of the reply's body, in bytes

	sent   bool // the request was written; false: nothing reached the service
	status int  // 0: there was no reply
	header http.Header
	body   []byte
}

// Call implements dara.HttpClient.
func (x *exchange) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	request.Header.Del("Proxy-Authorization") // the SDK adds it for everybody; the transport sends one to the proxy alone
	trace := &httptrace.ClientTrace{WroteRequest: func(w httptrace.WroteRequestInfo) { x.sent = x.sent || w.Err == nil }}
	response, err := network.RoundTrip(request.WithContext(httptrace.WithClientTrace(request.Context(), trace)))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, x.limit+1))
	if err == nil && int64(len(body)) > x.limit {
		err = fmt.Errorf("the reply is longer than %d bytes", x.limit)
	}
	if err != nil {
		return nil, err
	}
	x.status, x.header, x.body = response.StatusCode, response.Header, body
	response.Body = io.NopCloser(bytes.NewReader(body))
	return response, nil
}

// networkReason returns a network error in words, without the URL, which may hold a proxy's password.
func networkReason(err error) string {
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err
	}
	if dns := new(net.DNSError); errors.As(err, &dns) && dns.IsNotFound {
		return "no host has the name " + dns.Name
	}
	return err.Error()
}

// sdkConfig is the SDK's configuration for a client of c's that sends through x. It has no RetryOptions, because this program
// decides itself what is sent again.
func sdkConfig(c credentials.Credentials, e adb.Endpoint, x *exchange) *openapi.Config {
	config := &openapi.Config{
		AccessKeyId:     dara.String(c.AccessKeyID),
		AccessKeySecret: dara.String(c.AccessKeySecret),
		SecurityToken:   dara.String(c.SecurityToken),
		UserAgent:       dara.String("adb-backup"),
		Endpoint:        dara.String(e.Host),
		HttpClient:      x,
	}
	if e.Plain {
		config.Protocol = dara.String("http")
	}
	return config
}

// apiError is a call of RAM or STS that did not succeed.
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

// caller calls RAM and STS with the SDK's generic client for APIs of the RPC style.
type caller struct {
	credentials credentials.Credentials
	endpoint    adb.Endpoint
}

// Limits of one API call.
const (
	apiTimeout = 15 * time.Second
	maxReply   = 1 << 20 // bytes
)

// call makes one call and decodes the reply into into, a pointer. An error is an *apiError.
func (c caller) call(ctx context.Context, action, version string, query map[string]string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	x := &exchange{limit: maxReply}
	client, err := openapi.NewClient(sdkConfig(c.credentials, c.endpoint, x))
	if err != nil {
		return &apiError{Action: action, Host: c.endpoint.Host, Message: harmless(err.Error(), c.credentials)}
	}
	parameters := map[string]*string{}
	for name, value := range query {
		parameters[name] = dara.String(value)
	}
	_, err = client.CallApiWithCtx(ctx, &openapi.Params{
		Action: dara.String(action), Version: dara.String(version), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
		Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"),
		BodyType: dara.String("string"),
	}, &openapi.OpenApiRequest{Query: parameters}, &dara.RuntimeOptions{})
	if x.status == 0 {
		if ctx.Err() != nil {
			err = fmt.Errorf("no answer within %s", apiTimeout)
		}
		return &apiError{Action: action, Host: c.endpoint.Host, Message: harmless(networkReason(err), c.credentials)}
	}
	if x.status/100 == 2 && json.Unmarshal(x.body, into) == nil {
		return nil
	}
	return c.refusal(action, x)
}

// refusal returns the error that a reply holds.
func (c caller) refusal(action string, x *exchange) error {
	var said struct{ Code, Message, RequestId string }
	if json.Unmarshal(x.body, &said) != nil || said.Message == "" {
		said.Message = "the reply cannot be read"
	}
	return &apiError{
		Action: action, Host: c.endpoint.Host, Status: x.status, Code: harmless(said.Code, c.credentials),
		Message: harmless(said.Message, c.credentials), RequestID: harmless(said.RequestId, c.credentials),
	}
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
	if err := (caller{c, e}).call(ctx, "GetCallerIdentity", "2015-04-01", nil, &identity); err != nil {
		return "", err
	}
	if _, err := strconv.ParseUint(identity.AccountId, 10, 64); err != nil {
		return "", errors.New("GetCallerIdentity: the reply has no account id")
	}
	return identity.AccountId, nil
}

// harmless makes a service's text fit for a screen: one line of limited length. It does not show a text that repeats a
// secret, in whatever spelling or in part.
func harmless(text string, c credentials.Credentials) string {
	plain := unspelled(text)
	for _, secret := range []string{c.AccessKeySecret, c.SecurityToken} {
		if secret = unspelled(secret); len(secret) > 12 {
			secret = secret[:12] // the text may hold only its beginning
		}
		if len(secret) >= 8 && strings.Contains(plain, secret) { // a shorter one is not real, and may be part of any word
			return "(a text that repeats a secret, and so is not shown)"
		}
	}
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if most := 400; len(text) > most {
		text = strings.ToValidUTF8(text[:most], "") + "…"
	}
	return text
}

// spellings are escapes that stand for one character: percent encoding, and JSON's.
var spellings = regexp.MustCompile(`%[0-9A-Fa-f]{2}|\\u00[0-9A-Fa-f]{2}|\\/`)

// unspelled returns a text without what can spell the same secret in several ways: percent encoding, JSON's escapes and HTML
// entities, up to three of them over one another, and white space.
func unspelled(text string) string {
	for range 3 {
		text = spellings.ReplaceAllStringFunc(html.UnescapeString(text), func(escape string) string {
			if code, err := strconv.ParseUint(escape[max(1, len(escape)-2):], 16, 8); err == nil {
				return string([]byte{byte(code)})
			}
			return "/"
		})
	}
	return strings.Join(strings.Fields(text), "")
}
