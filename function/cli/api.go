package main

import (
	"bytes"
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

// network is the one transport of the program. It takes a proxy from the environment and checks certificates. HTTP/1.1
// alone: Go then repeats a POST by itself only if no byte of it was written. How long a reply may take is the caller's
// context's to say: a function may work for an hour.
var network http.RoundTripper = &http.Transport{
	Proxy:                  http.ProxyFromEnvironment,
	DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
	TLSHandshakeTimeout:    10 * time.Second,
	IdleConnTimeout:        50 * time.Second,
	MaxResponseHeaderBytes: 64 << 10,
}

// exchange is the SDK's HTTP client for one call. It reads the whole reply and keeps it, because the SDK forgets the status
// of a reply that it cannot read. A single RoundTrip, since http.Client would carry the security token along a redirect.
type exchange struct {
	limit int64 // of the reply's body, in bytes

	sent   bool // the request was written; false: nothing reached the service
	status int  // 0: there was no reply
	header http.Header
	body   []byte
}

// Call implements dara.HttpClient.
func (x *exchange) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	request.Header.Del("Proxy-Authorization") // the SDK's; the transport gives it to the proxy, and to nobody else
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

// networkReason is a network error in words, without the URL: it may hold a password of a proxy.
func networkReason(err error) string {
	if u := new(url.Error); errors.As(err, &u) {
		err = u.Err
	}
	if dns := new(net.DNSError); errors.As(err, &dns) && dns.IsNotFound {
		return "no host has the name " + dns.Name
	}
	return err.Error()
}

// sdkConfig is the SDK's configuration for a client of c's. No RetryOptions: every repetition is decided here.
func sdkConfig(c credentials.Credentials, e adb.Endpoint) *openapi.Config {
	config := &openapi.Config{
		AccessKeyId:     dara.String(c.AccessKeyID),
		AccessKeySecret: dara.String(c.AccessKeySecret),
		SecurityToken:   dara.String(c.SecurityToken),
		UserAgent:       dara.String("adb-backup"),
		Endpoint:        dara.String(e.Host),
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

// Error says what happened, in one line.
func (e *apiError) Error() string {
	switch {
	case e.Status == 0:
		return fmt.Sprintf("%s: no answer from %s: %s", e.Action, e.Host, e.Message)
	case e.Code == "":
		return fmt.Sprintf("%s: %s answered HTTP %d: %s", e.Action, e.Host, e.Status, e.Message)
	}
	return fmt.Sprintf("%s was refused: %s: %s (HTTP %d, request id %s)", e.Action, e.Code, e.Message, e.Status, e.RequestID)
}

// caller calls an API of the RPC style, such as RAM's and STS's, with the SDK's generic client.
type caller struct {
	credentials credentials.Credentials
	endpoint    adb.Endpoint
}

const (
	apiTimeout = 15 * time.Second
	apiReply   = 1 << 20
)

// call sends one call and reads the reply into a pointer. An error is an *apiError.
func (c caller) call(ctx context.Context, action, version string, query map[string]string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	x := &exchange{limit: apiReply}
	config := sdkConfig(c.credentials, c.endpoint)
	config.HttpClient = x
	client, err := openapi.NewClient(config)
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

// refusal reads an error's reply.
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

// callerAccount asks STS whose credentials these are, and returns the account id. Where e is zero it asks the region's STS.
func callerAccount(ctx context.Context, c credentials.Credentials, region string, e adb.Endpoint) (string, error) {
	if c.Account != "" {
		return c.Account, nil
	}
	if err := backup.CheckRegion(region); err != nil {
		return "", err
	}
	if e.Host == "" {
		e.Host = "sts." + region + ".aliyuncs.com"
	}
	var identity struct{ AccountId string }
	if err := (caller{c, e}).call(ctx, "GetCallerIdentity", "2015-04-01", nil, &identity); err != nil {
		return "", err
	}
	if _, err := strconv.ParseUint(identity.AccountId, 10, 64); err != nil {
		return "", errors.New("GetCallerIdentity: the reply has no account id")
	}
	return identity.AccountId, nil
}

// harmless is a text of a service fit for a screen: one line, not endless. A text that repeats a secret, in whatever
// spelling or in part, is not shown at all.
func harmless(text string, c credentials.Credentials) string {
	plain := unspelled(text)
	for _, secret := range []string{c.AccessKeySecret, c.SecurityToken} {
		if secret = unspelled(secret); len(secret) > 12 {
			secret = secret[:12] // also where it was cut short
		}
		if len(secret) >= 8 && strings.Contains(plain, secret) { // a shorter one is made up, and part of many words
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

// unspelled takes from a text what can spell the same secret in several ways: percent encoding and JSON's escapes, also
// twice, HTML entities and white space.
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
