package adb

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"

	"adb-backup/function/backup"

	sdk "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/dara"
)

const version = "2021-12-01"

// session is the API with one invocation's credentials.
type session struct {
	api         *API
	credentials Credentials
	account     string
	headroom    time.Duration

	mu      sync.Mutex
	clients map[string]client // by region
}

type client struct {
	openapi.Client
	pace *pace
}

// client returns the SDK's client for a region. It is a copy: the SDK writes to its client on every call.
func (s *session) client(region string) (client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c, ok := s.clients[region]; ok {
		return c, nil
	}
	host, err := s.api.host(region)
	if err != nil {
		return client{}, err
	}
	config := &openapi.Config{
		AccessKeyId:     dara.String(s.credentials.AccessKeyID),
		AccessKeySecret: dara.String(s.credentials.AccessKeySecret),
		SecurityToken:   dara.String(s.credentials.SecurityToken),
		RegionId:        dara.String(region),
		UserAgent:       dara.String("adb-backup"),
	}
	if s.api.options.Endpoint.Plain {
		config.Protocol = dara.String("http")
	}
	generic, err := openapi.NewClient(config) // no RetryOptions: every repetition is a decision of package backup
	if err != nil {
		return client{}, err
	}
	c := client{Client: *generic, pace: s.api.paces.of(host)}
	c.Endpoint = dara.String(host)
	c.DisableSDKError = dara.Bool(true) // keeps the errors' types, and with them the hint of a throttled call
	s.clients[region] = c
	return c, nil
}

// host returns where a region's calls go. The product's client knows; it is asked once for each region, for making it is
// dear: it brings a map of all endpoints.
func (a *API) host(region string) (string, error) {
	if host, ok := a.hosts.Load(region); ok {
		return host.(string), nil
	}
	product, err := sdk.NewClient(&openapi.Config{RegionId: dara.String(region)})
	if err != nil {
		return "", err
	}
	host, err := a.options.Endpoint.host(region, dara.StringValue(product.Endpoint))
	if err == nil {
		a.hosts.Store(region, host)
	}
	return host, err
}

// call sends one API call in its turn and returns the reply's text. Generic for both operations: the SDK's typed
// DescribeBackups decodes a size beyond 2 GiB wrongly or not at all, and its typed replies cost several JSON round trips.
func (s *session) call(ctx context.Context, action string, cluster backup.Cluster, query map[string]string) ([]byte, *reply, error) {
	r := &reply{transport: s.api.options.Transport}
	c, err := s.client(cluster.Region)
	if err != nil {
		return nil, r, &backup.CallError{Action: action, Cluster: cluster, Kind: backup.KindRefused, Message: s.clean(r, err.Error()), Err: err}
	}
	turn, end, err := s.turn(ctx, c.pace)
	if err != nil {
		return nil, r, err
	}
	defer end()
	r.sent = turn.at

	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c.HttpClient = r
	parameters := map[string]*string{"DBClusterId": dara.String(cluster.ID), "RegionId": dara.String(cluster.Region)}
	for name, value := range query {
		parameters[name] = dara.String(value)
	}
	result, err := c.CallApiWithCtx(ctx, &openapi.Params{
		Action: dara.String(action), Version: dara.String(version), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
		Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"),
		BodyType: dara.String("string"),
	}, &openapi.OpenApiRequest{Query: parameters}, &util.RuntimeOptions{})
	var callErr *backup.CallError
	if err == nil && r.status/100 != 2 { // a redirect, which is not followed
		callErr = s.failure(action, cluster, r, nil)
	} else if err != nil {
		if _, answered := err.(sdkError); !answered && ctx.Err() != nil {
			err = ctx.Err() // the SDK hides it
		}
		callErr = s.failure(action, cluster, r, err)
	}
	switch {
	case callErr == nil:
		c.pace.succeeded()
	case callErr.Kind == backup.KindThrottled:
		c.pace.throttled(turn, callErr.RetryAfter)
	}
	if callErr != nil {
		return nil, r, callErr
	}
	body, _ := result["body"].(string)
	return []byte(body), r, nil
}

// CreateBackup is AnalyticDB's operation of that name. It takes no token that would make it repeatable.
func (s *session) CreateBackup(ctx context.Context, c backup.Cluster) (sent time.Time, requestID string, err error) {
	const action = "CreateBackup"
	body, r, err := s.call(ctx, action, c, nil)
	if err != nil {
		return r.sent, "", err
	}
	var answer struct{ RequestId text }
	if err := json.Unmarshal(body, &answer); err != nil || answer.RequestId == "" {
		return r.sent, "", s.unreadable(action, c, r, err, "the reply has no RequestId")
	}
	return r.sent, s.clean(r, string(answer.RequestId)), nil
}

// Backups is AnalyticDB's DescribeBackups, all pages. A list that grows or shrinks while its pages are read is read again: a
// set that slips from page to page unseen could mean a second backup.
func (s *session) Backups(ctx context.Context, c backup.Cluster, from, to time.Time) (backup.Listing, error) {
	for reading := 1; ; reading++ {
		sets, moved, err := s.pages(ctx, c, from, to)
		if err != nil || !moved || reading == 3 {
			return backup.Listing{Sets: sets}, err
		}
	}
}

// pages reads the list once, and says whether its length changed meanwhile.
func (s *session) pages(ctx context.Context, c backup.Cluster, from, to time.Time) (sets []backup.Set, moved bool, err error) {
	const action, layout, pageSize = "DescribeBackups", "2006-01-02T15:04Z", 100
	query := map[string]string{
		"StartTime": from.UTC().Format(layout),
		"EndTime":   to.UTC().Format(layout),
		"PageSize":  strconv.Itoa(pageSize),
	}
	seen, stale, first := map[string]bool{}, 0, 0
	for page := 1; ; page++ {
		query["PageNumber"] = strconv.Itoa(page)
		body, r, err := s.call(ctx, action, c, query)
		if err != nil {
			return nil, false, err
		}
		l, err := decodeList(body)
		total := l.total()
		if err == nil && page == 1 && len(l.Items.Backup) == 0 && total > 0 {
			err = errNoItems
		}
		if err != nil {
			return nil, false, s.unreadable(action, c, r, err, "")
		}
		if page == 1 {
			first = total
		}
		stale++
		for _, item := range l.Items.Backup {
			key := string(item.BackupId + "|" + item.BackupStartTime + "|" + item.BackupType)
			if seen[key] || item.DBClusterId != "" && string(item.DBClusterId) != c.ID {
				continue
			}
			seen[key], stale = true, 0
			set := item.set(s.api.options.Statuses)
			set.ID, set.Status = s.clean(r, set.ID), s.clean(r, set.Status)
			sets = append(sets, set)
		}
		// A page may be shorter than the one asked for and may repeat the one before, so what ends the list is the total, if
		// the page is not full, an empty page, or page after page without news.
		rows := len(l.Items.Backup)
		if rows == 0 || total >= 0 && len(seen) >= total && rows < pageSize || total < 0 && rows < 30 || stale == 3 {
			return sets, total != first || total > len(seen), nil
		}
	}
}

// reply is the SDK's HTTP client for one call. It keeps what the SDK forgets when a body is not JSON. A single
// RoundTrip, since http.Client would carry the security token along a redirect.
type reply struct {
	transport     http.RoundTripper
	sent          time.Time
	authorization string // the request's
	status        int
	header        http.Header
}

// maxBody is twenty times a page of the list; it bounds memory and time if something else answers.
const maxBody = 1 << 20

// Call implements dara.HttpClient.
func (r *reply) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	r.authorization = request.Header.Get("Authorization")
	request.Header.Del("Proxy-Authorization") // the SDK's; it is for the proxy, to which the transport gives it
	response, err := r.transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	r.status, r.header = response.StatusCode, response.Header
	response.Body = http.MaxBytesReader(nil, response.Body, maxBody)
	return response, nil
}
