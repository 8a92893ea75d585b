// Package adb is AnalyticDB for MySQL, API version 2021-12-01, as package backup asks for it: on the vendor's SDK, with the
// credentials of one invocation, at the pace that the account's limits allow.
package adb

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"adb-backup/function/backup"
)

// callTimeout is how long one API call may take; what takes longer counts as unanswered.
const callTimeout = 10 * time.Second

// Options are the same for every invocation of the process.
type Options struct {
	Endpoint    Endpoint
	Statuses    backup.Statuses   // the words of BackupStatus
	Concurrency int               // API calls in flight at once in the process
	Transport   http.RoundTripper // nil: the network
}

// API is AnalyticDB for the whole process: one transport, one pace for each endpoint.
type API struct {
	options  Options
	inFlight chan struct{} // holds a token for each call
	paces    paces
	hosts    sync.Map // region to host
}

// New returns the API. Nothing is called yet.
func New(o Options) *API {
	if o.Transport == nil {
		o.Transport = newTransport(o.Concurrency)
	}
	return &API{options: o, inFlight: make(chan struct{}, o.Concurrency)}
}

// newTransport is one for the process, so that connections are kept. HTTP/1.1 alone: Go then repeats a POST by itself only
// if no byte of it was written. The SDK's own transport has no time limits at all.
func newTransport(connections int) *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second, // TLS 1.2 is the least that crypto/tls accepts from a server
		ResponseHeaderTimeout:  callTimeout,
		MaxIdleConnsPerHost:    connections,
		IdleConnTimeout:        50 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// Credentials are those of one invocation. The token is empty for keys that do not expire.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
}

// With returns the service as one invocation uses it. account is the Alibaba Cloud account id, for messages. No call is
// sent in the last stretch before a deadline that headroom names: a create that is cut off leaves open what became of it.
func (a *API) With(c Credentials, account string, headroom time.Duration) backup.Service {
	return &session{api: a, credentials: c, account: account, headroom: headroom, clients: map[string]client{}}
}

// turn waits until a call to host may be sent, and returns when that was and what ends the turn. Its error is ctx's: nothing was sent.
func (s *session) turn(ctx context.Context, p *pace) (sent turn, end func(), err error) {
	if deadline, ok := ctx.Deadline(); ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithDeadline(ctx, deadline.Add(-s.headroom))
		defer cancel()
	}
	if sent, err = p.wait(ctx, s.api.inFlight); err != nil {
		return sent, nil, err
	}
	return sent, func() {
		p.landed()
		<-s.api.inFlight
	}, nil
}
