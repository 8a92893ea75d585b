package fakeadb

import (
	"context"
	"net/http"
	"testing"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	"github.com/alibabacloud-go/tea/dara"

	"adb-backup/function/local/fakeadb/inmemory"
)

const (
	keyID  = "STS.NTkey"
	secret = "secret"
	token  = "token"
	one    = "amv-wz9or2xawpnc"
	two    = "amv-bp1r053byu48p"
)

func credentials() map[string]Credential {
	return map[string]Credential{keyID: {Secret: secret, Token: token}}
}

// roundTripper lets the SDK use a transport of the test's own.
type roundTripper struct{ http.RoundTripper }

func (r roundTripper) Call(request *http.Request, _ *http.Transport) (*http.Response, error) {
	return r.RoundTrip(request)
}

// sdk is the vendor's client, talking to a handler in memory.
func sdk(t *testing.T, h http.Handler, change ...func(*openapi.Config)) *adb.Client {
	t.Helper()
	config := &openapi.Config{
		AccessKeyId: dara.String(keyID), AccessKeySecret: dara.String(secret), SecurityToken: dara.String(token),
		Endpoint: dara.String("adb.aliyuncs.com"), HttpClient: roundTripper{inmemory.New(h)},
	}
	for _, c := range change {
		c(config)
	}
	client, err := adb.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.DisableSDKError = dara.Bool(true)
	client.Client.DisableSDKError = dara.Bool(true)
	return client
}

func create(ctx context.Context, client *adb.Client, cluster string) (requestID string, err error) {
	r, err := client.CreateBackupWithContext(ctx, &adb.CreateBackupRequest{DBClusterId: &cluster, RegionId: dara.String("cn-hangzhou")}, &dara.RuntimeOptions{})
	if err != nil {
		return "", err
	}
	if r.Body == nil {
		return "", nil
	}
	return dara.StringValue(r.Body.RequestId), nil
}

func describe(ctx context.Context, client *adb.Client, cluster, from, to string, more ...func(*adb.DescribeBackupsRequest)) (*adb.DescribeBackupsResponseBody, error) {
	request := &adb.DescribeBackupsRequest{DBClusterId: &cluster, StartTime: &from, EndTime: &to}
	for _, m := range more {
		m(request)
	}
	r, err := client.DescribeBackupsWithContext(ctx, request, &dara.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	return r.Body, nil
}
