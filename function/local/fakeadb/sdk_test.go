package fakeadb

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"
)

const (
	keyID  = "STS.NTkey"
	secret = "secret"
	token  = "token"
	one    = "amv-wz9or2xawpnc"
	two    = "amv-bp1r053byu48p"
	from   = "1999-12-31T00:00Z" // virtual time begins a day later
	to     = "2000-12-31T00:00Z"
)

var credentials = map[string]Credential{keyID: {Secret: secret, Token: token}}

// bubble runs a test in virtual time against a service, through the vendor's SDK.
func bubble(t *testing.T, o Options, test func(t *testing.T, s *Service, client *adb.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		o.Credentials = credentials
		s := New(o)
		test(t, s, sdk(t, s, nil))
	})
}

// roundTripper lets the SDK use a transport of the test's own.
type roundTripper struct{ http.RoundTripper }

func (r roundTripper) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	return r.RoundTrip(request)
}

// sdk is the vendor's client behind a transport. change may be nil.
func sdk(t *testing.T, transport http.RoundTripper, change func(*openapi.Config)) *adb.Client {
	t.Helper()
	config := &openapi.Config{
		AccessKeyId: dara.String(keyID), AccessKeySecret: dara.String(secret), SecurityToken: dara.String(token),
		Endpoint: dara.String("adb.aliyuncs.com"), HttpClient: roundTripper{transport},
	}
	if change != nil {
		change(config)
	}
	client, err := adb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.DisableSDKError = dara.Bool(true)
	client.Client.DisableSDKError = dara.Bool(true)
	return client
}

// create returns the request id, or why there is none: code and status of a refusal, else the error.
func create(ctx context.Context, client *adb.Client, cluster string) (requestID, refused string) {
	r, err := client.CreateBackupWithContext(ctx, &adb.CreateBackupRequest{DBClusterId: &cluster, RegionId: dara.String("cn-hangzhou")}, &dara.RuntimeOptions{})
	if err != nil || r.Body == nil {
		return "", refusal(err)
	}
	return dara.StringValue(r.Body.RequestId), ""
}

// backups lists a cluster's backups in short: id, times, status and size of every entry.
func backups(ctx context.Context, client *adb.Client, change ...func(*adb.DescribeBackupsRequest)) (shown string, body *adb.DescribeBackupsResponseBody) {
	request := &adb.DescribeBackupsRequest{DBClusterId: dara.String(one), StartTime: dara.String(from), EndTime: dara.String(to)}
	for _, c := range change {
		c(request)
	}
	r, err := client.DescribeBackupsWithContext(ctx, request, &dara.RuntimeOptions{})
	if err != nil {
		return refusal(err), &adb.DescribeBackupsResponseBody{}
	}
	var lines []string
	for _, e := range r.Body.Items.Backup {
		lines = append(lines, fmt.Sprintf("%s %s-%s %s %d", *e.BackupId, *e.BackupStartTime, dara.StringValue(e.BackupEndTime), *e.BackupStatus, dara.Int32Value(e.BackupSize)))
	}
	return strings.Join(lines, "; "), r.Body
}

// clusters lists clusters, and returns their ids.
func clusters(ctx context.Context, client *adb.Client, change func(*adb.DescribeDBClustersRequest)) (ids string, body *adb.DescribeDBClustersResponseBody) {
	request := &adb.DescribeDBClustersRequest{RegionId: dara.String("cn-hangzhou"), DBClusterVersion: dara.String("All")}
	change(request)
	r, err := client.DescribeDBClustersWithContext(ctx, request, &dara.RuntimeOptions{})
	if err != nil {
		return refusal(err), nil
	}
	var all []string
	for _, c := range r.Body.Items.DBCluster {
		all = append(all, *c.DBClusterId)
	}
	return strings.Join(all, " "), r.Body
}

// refusal is the code and status of an error of the service, or what another error says.
func refusal(err error) string {
	var own interface { // of each of the SDK's types
		GetCode() *string
		GetStatusCode() *int
		GetRetryAfter() *int64
	}
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &own):
		return err.Error()
	}
	text := fmt.Sprint(*own.GetCode(), " ", *own.GetStatusCode())
	if after := own.GetRetryAfter(); after != nil {
		text += fmt.Sprint(" for ", *after)
	}
	return text
}
