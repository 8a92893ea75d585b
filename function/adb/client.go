// Package adb is AnalyticDB for MySQL, API version 2021-12-01, as package backup needs it: on the vendor's SDK, with the
// credentials of one invocation, at the pace that the account's limits allow.
package adb

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"time"

	"adb-backup/function/backup"

	sdk "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"golang.org/x/sync/semaphore"
)

const (
	callTimeout = 10 * time.Second       // one API call, reply included; what takes longer counts as unanswered
	lastCall    = 300 * time.Millisecond // before the deadline: a create that is cut off leaves its outcome unknown
	maxReply    = 1 << 20                // bytes of a reply, twenty times a page of backup sets
	largeReply  = 64 << 10               // bytes from which on a reply counts as large
	maxLarge    = 4                      // large replies at once: each takes up to ten times its size when it is decoded
	maxInFlight = 256                    // calls of all regions, each of which takes some 50 KiB of memory; more if one region may have as many
)

// Options are the same for every invocation of the process.
type Options struct {
	Endpoint    Endpoint
	Statuses    backup.Statuses   // the words of BackupStatus
	Concurrency int               // API calls in flight at once in each region
	Transport   http.RoundTripper // nil: the network
}

// API is AnalyticDB for the whole process: one transport, and a limiter for each region.
type API struct {
	options  Options
	limiters sync.Map            // of *limiter, by region
	inFlight *semaphore.Weighted // of maxInFlight
	large    *semaphore.Weighted // of maxLarge
}

// New returns the API. Nothing is called yet.
func New(o Options) *API {
	if o.Transport == nil {
		o.Transport = NewTransport(o.Concurrency)
	}
	return &API{options: o, inFlight: semaphore.NewWeighted(max(maxInFlight, 2*int64(o.Concurrency))), large: semaphore.NewWeighted(maxLarge)}
}

// Credentials are those of one invocation. The token is empty for keys that do not expire.
type Credentials struct{ AccessKeyID, AccessKeySecret, SecurityToken string }

// session is the API with one invocation's credentials.
type session struct {
	api     *API
	keys    Credentials
	account string
}

// With returns the service as one invocation uses it. account is the Alibaba Cloud account id, for messages.
func (a *API) With(c Credentials, account string) backup.Service { return &session{a, c, account} }

// client returns the vendor's client for one call, since the SDK writes to its client at each call.
func (s *session) client(region string, x *Exchange) (*sdk.Client, error) {
	config := &openapiutil.Config{
		RegionId:        dara.String(region),
		AccessKeyId:     dara.String(s.keys.AccessKeyID),
		AccessKeySecret: dara.String(s.keys.AccessKeySecret),
		SecurityToken:   dara.String(s.keys.SecurityToken),
		UserAgent:       dara.String("adb-backup"),
		HttpClient:      x,
	}
	if s.api.options.Endpoint.Plain {
		config.Protocol = dara.String("http")
	}
	client, err := sdk.NewClient(config) // no RetryOptions: package backup decides on every repetition
	if err != nil {
		return nil, err
	}
	host, err := s.api.options.Endpoint.host(region, dara.StringValue(client.Endpoint))
	client.Endpoint = dara.String(host)
	return client, err
}

// call is one API call, and what came of it.
type call struct {
	Exchange
	session *session
	action  string
	cluster backup.Cluster // without an id for a list of clusters
	sent    time.Time
	mask    Mask // of the secrets in the call
}

// do makes one call when it is its turn: send makes it, and read reads the reply of one that succeeded. The call is valid even
// if it failed. An error is a *backup.CallError, or ctx's if the turn did not come in time: then nothing was sent.
func (s *session) do(ctx context.Context, action string, cluster backup.Cluster,
	send func(context.Context, *sdk.Client) error, read func(body []byte) error) (*call, error) {
	c := &call{session: s, action: action, cluster: cluster, sent: time.Now()}
	c.Transport, c.Limit, c.large = s.api.options.Transport, maxReply, s.api.large
	defer c.forget()
	kept, _ := s.api.limiters.LoadOrStore(cluster.Region, newLimiter(s.api.options.Concurrency))
	limiter := kept.(*limiter)
	alone, err := limiter.take(ctx)
	if err != nil {
		return c, err
	}
	defer limiter.release()
	if err := s.api.inFlight.Acquire(ctx, 1); err != nil {
		return c, err
	}
	defer s.api.inFlight.Release(1)
	client, err := s.client(cluster.Region, &c.Exchange)
	if err != nil {
		return c, c.failed(err)
	}
	c.sent = time.Now()
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = send(ctx, client)
	if err == nil && c.Status/100 == 2 { // a redirect is not followed, and is no error to the SDK
		err = read(c.Body)
	}
	_, signature, _ := strings.Cut(c.Authorization, "Signature=")
	c.mask = NewMask(c.Authorization, signature, s.keys.AccessKeyID, s.keys.AccessKeySecret, s.keys.SecurityToken)
	if err == nil && c.Status/100 == 2 {
		limiter.learn(alone, false)
		return c, nil
	}
	failure := c.failed(err)
	if failure.Status/100 == 4 || failure.Kind == backup.KindThrottled { // a refused call was not throttled, either
		limiter.learn(alone, failure.Kind == backup.KindThrottled)
	}
	return c, failure
}

// CreateBackup is AnalyticDB's operation of that name. It takes no token that would make it repeatable.
func (s *session) CreateBackup(ctx context.Context, cluster backup.Cluster) (sent time.Time, requestID string, err error) {
	var said document
	c, err := s.do(ctx, "CreateBackup", cluster, func(ctx context.Context, client *sdk.Client) error {
		request := &sdk.CreateBackupRequest{DBClusterId: dara.String(cluster.ID), RegionId: dara.String(cluster.Region)}
		_, err := client.CreateBackupWithContext(ctx, request, &dara.RuntimeOptions{})
		return err
	}, func(body []byte) error { // the SDK's typed answer does not show a failure's code, which may stand beside the RequestId
		if json.Unmarshal(body, &said) != nil || said.failed() || said.RequestId == "" {
			return errors.New("it has no RequestId")
		}
		return nil
	})
	if err != nil {
		return c.sent, "", err
	}
	return c.sent, c.mask.Clean(string(said.RequestId)), nil
}

// Exchange is the SDK's HTTP client for one call. It keeps the reply as it came, because the SDK forgets status and headers
// where a body is not JSON, and decodes some numbers wrongly. It is a single RoundTrip, because http.Client would carry the
// security token along a redirect.
type Exchange struct {
	Transport http.RoundTripper
	Limit     int64 // of the reply's body, in bytes

	// What is known after the call:
	Host          string      // to which the request was addressed; empty: the SDK made no request
	Authorization string      // the request's header, which is a secret
	Status        int         // 0: there was no reply
	Header        http.Header // of the reply
	Body          []byte
	Err           error // of the network, or of reading the body

	connecting bool                // the transport was opening a connection, and nothing had been written
	large      *semaphore.Weighted // is taken while Body is large; nil: any number may be
}

// Call implements dara.HttpClient.
func (x *Exchange) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	x.Host, x.Authorization = request.Host, request.Header.Get("Authorization")
	request.Header.Del("Proxy-Authorization") // the SDK's; it is for the proxy, to which the transport gives it
	// The transport replaces a reused connection that turns out to be closed, but for a POST only if nothing of it was written.
	traced := httptrace.WithClientTrace(request.Context(), &httptrace.ClientTrace{
		GetConn: func(string) { x.connecting = true },
		GotConn: func(httptrace.GotConnInfo) { x.connecting = false },
	})
	response, err := x.Transport.RoundTrip(request.WithContext(traced))
	if err != nil {
		x.Err = err
		return nil, err
	}
	defer response.Body.Close()
	x.Status, x.Header = response.StatusCode, response.Header
	if x.Status >= 200 { // the body of a 101 is the open connection, and reading it would heed no time limit
		x.Body, x.Err = x.read(request.Context(), http.MaxBytesReader(nil, response.Body, x.Limit))
	}
	if int64(bytes.Count(x.Body, []byte(","))) > x.Limit/40 { // decoded, each value may take 250 bytes
		x.Err = errors.New("it has too many values")
	}
	response.Body = io.NopCloser(bytes.NewReader(x.Body))
	return response, x.Err
}

// read reads a body. The rest of a large one waits until there are few others.
func (x *Exchange) read(ctx context.Context, body io.Reader) ([]byte, error) {
	start, err := io.ReadAll(io.LimitReader(body, largeReply))
	if err != nil || len(start) < largeReply {
		return start, err
	}
	if x.large != nil && x.large.Acquire(ctx, 1) != nil {
		return nil, ctx.Err()
	}
	rest, err := io.ReadAll(body)
	return append(start, rest...), err
}

// forget lets others have a large reply.
func (x *Exchange) forget() {
	if len(x.Body) >= largeReply {
		x.Body = nil
		x.large.Release(1)
	}
}

// NotSent reports whether the request never left, because its connection could not be opened: the name, the dial or the TLS
// handshake failed, or the certificate is not trusted.
func (x *Exchange) NotSent() bool { return x.Err != nil && x.Status == 0 && x.connecting }
