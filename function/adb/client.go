// Package adb is AnalyticDB for MySQL, API version 2021-12-01, as package backup needs it: on the vendor's SDK, with the
// credentials of one invocation, at the pace that the account's limits allow.
package adb

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"adb-backup/function/backup"

	sdk "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
	"github.com/aliyun/credentials-go/credentials"
)

const (
	callTimeout = 10 * time.Second // one API call, reply included; what takes longer counts as unanswered
	maxReply    = 1 << 20          // bytes of a reply, twenty times a page of backup sets
	maxCommas   = 50_000           // of a reply, ten times those of a page of clusters: decoded, each costs up to 150 bytes
)

// Options are the same for every invocation of the process.
type Options struct {
	Endpoint    Endpoint
	Statuses    backup.Statuses   // the words of BackupStatus
	Concurrency int               // API calls in flight at once in the process
	Transport   http.RoundTripper // nil: the network
}

// API is AnalyticDB for the whole process: one transport, and what is kept for each region.
type API struct {
	options  Options
	slots    *slots
	regions  backup.Regions[region]
	decoding sync.Mutex // held while a page is decoded
}

// New returns the API. Nothing is called yet.
func New(o Options) *API {
	if o.Transport == nil {
		o.Transport = NewTransport(o.Concurrency)
	}
	return &API{options: o, slots: newSlots(o.Concurrency)}
}

// region is what the process keeps for a region: where its calls go, and how fast. A region that misbehaves holds up no
// other one, although most of them have the same host.
type region struct {
	client *sdk.Client // without credentials; each call copies it
	pace   *pace
}

// newRegion makes what is kept for a region. That is expensive: the SDK's product client brings a map of all endpoints.
func (a *API) newRegion(name string) (*region, error) {
	config := &openapiutil.Config{RegionId: dara.String(name), UserAgent: dara.String("adb-backup")}
	if a.options.Endpoint.Plain {
		config.Protocol = dara.String("http")
	}
	client, err := sdk.NewClient(config) // no RetryOptions: package backup decides on every repetition
	if err != nil {
		return nil, err
	}
	host, err := a.options.Endpoint.host(name, dara.StringValue(client.Endpoint))
	if err != nil {
		return nil, err
	}
	client.Endpoint, client.EndpointMap = dara.String(host), nil
	return &region{client, newPace(a.slots)}, nil
}

// Credentials are those of one invocation. The token is empty for keys that do not expire.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken string

	// Personal credentials are those of the person or the pipeline that started the program, even if they are temporary.
	// Other temporary ones are taken for the function's role.
	Personal bool
}

// session is the API with one invocation's credentials.
type session struct {
	api        *API
	account    string
	credential credentials.Credential
	role       bool // whether the credentials are those of the function's role
	secrets    []string
}

// With returns the service as one invocation uses it. account is the Alibaba Cloud account id, for messages.
func (a *API) With(c Credentials, account string) backup.Service {
	s := &session{api: a, account: account, role: c.SecurityToken != "" && !c.Personal, secrets: []string{c.AccessKeyID, c.AccessKeySecret, c.SecurityToken}}
	config := &credentials.Config{
		Type:            dara.String("access_key"),
		AccessKeyId:     dara.String(c.AccessKeyID),
		AccessKeySecret: dara.String(c.AccessKeySecret),
	}
	if c.SecurityToken != "" {
		config.Type, config.SecurityToken = dara.String("sts"), dara.String(c.SecurityToken)
	}
	s.credential, _ = credentials.NewCredential(config) // fails if one is empty; the SDK then refuses every call
	return s
}

// call makes one API call when it is its turn. send makes it with a client of its own, because the SDK writes to its client. The
// exchange is valid even if the call failed. If the error is ctx's, nothing was sent.
func (s *session) call(ctx context.Context, action string, cluster backup.Cluster, send func(context.Context, *sdk.Client, *exchange) error) (*exchange, error) {
	x := &exchange{Exchange: Exchange{Transport: s.api.options.Transport, Limit: maxReply}, sent: time.Now()}
	region, err := s.api.regions.Get(cluster.Region, s.api.newRegion)
	if err != nil {
		return x, s.failure(action, cluster, x, err)
	}
	turn, err := takeTurn(ctx, region.pace)
	if err != nil {
		return x, s.heldUp(action, cluster, err, region.pace.paused())
	}
	x.sent = turn.at
	client := *region.client
	client.HttpClient, client.Credential = x, s.credential

	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	err = send(ctx, &client, x)
	var failure *backup.CallError
	if err != nil || x.Status/100 != 2 { // a redirect is not followed, and is no error to the SDK
		failure = s.failure(action, cluster, x, err)
	}
	region.pace.end(turn, failure)
	if failure != nil {
		return x, failure
	}
	return x, nil
}

// CreateBackup is AnalyticDB's operation of that name. It takes no token that would make it repeatable.
func (s *session) CreateBackup(ctx context.Context, c backup.Cluster) (sent time.Time, requestID string, err error) {
	const action = "CreateBackup"
	x, err := s.call(ctx, action, c, func(ctx context.Context, client *sdk.Client, _ *exchange) error {
		request := &sdk.CreateBackupRequest{DBClusterId: dara.String(c.ID), RegionId: dara.String(c.Region)}
		created, err := client.CreateBackupWithContext(ctx, request, &dara.RuntimeOptions{})
		if err == nil && created.Body != nil {
			requestID = dara.StringValue(created.Body.RequestId)
		}
		return err
	})
	if err != nil {
		return x.sent, "", err
	}
	// The typed reply does not show a failure's code, which may stand beside the RequestId.
	var answer document
	if err := answer.read(x.Body); err != nil {
		return x.sent, "", s.failure(action, c, x, err)
	}
	if answer.failed() || requestID == "" {
		return x.sent, "", s.failure(action, c, x, errors.New("it has no RequestId"))
	}
	return x.sent, s.clean(x, requestID), nil
}

// exchange is the HTTP client of one call.
type exchange struct {
	Exchange
	sent time.Time
	mask *Mask // nil: no text needed it yet
}

// clean makes text of the service fit for a log. The call's signature is a secret, too.
func (s *session) clean(x *exchange, text string) string {
	if strings.Trim(text, "0123456789") == "" { // as most ids are
		return text
	}
	if x.mask == nil {
		_, signature, _ := strings.Cut(x.Authorization, "Signature=")
		m := NewMask(append(s.secrets[:len(s.secrets):len(s.secrets)], x.Authorization, signature)...)
		x.mask = &m
	}
	return x.mask.Clean(text)
}
