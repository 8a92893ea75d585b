package fakeadb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"testing"
	"testing/synctest"

	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	openapiutil "github.com/alibabacloud-go/darabonba-openapi/v2/utils"
	"github.com/alibabacloud-go/tea/dara"
)

const (
	keyID  = "STS.NTkey"
	secret = "secret"
	token  = "token"
	one    = "amv-wz9or2xawpnc"
	two    = "amv-bp1r053byu48p"
	// window is a list of the backups of one cluster. Virtual time begins a day later.
	window = "DBClusterId=" + one + "&StartTime=1999-12-31T00:00Z&EndTime=2000-12-31T00:00Z"
)

var credentials = map[string]Credential{keyID: {Secret: secret, Token: token}}

// bubble runs a test in virtual time against a service, through the vendor's SDK.
func bubble(t *testing.T, o Options, test func(t *testing.T, s *Service, client *openapi.Client)) {
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
func sdk(t *testing.T, transport http.RoundTripper, change func(*openapi.Config)) *openapi.Client {
	t.Helper()
	config := &openapi.Config{
		AccessKeyId: dara.String(keyID), AccessKeySecret: dara.String(secret), SecurityToken: dara.String(token),
		Endpoint: dara.String("adb.aliyuncs.com"), HttpClient: roundTripper{transport},
	}
	if change != nil {
		change(config)
	}
	client, err := openapi.NewClient(config)
	if err != nil {
		t.Fatal(err)
	}
	client.DisableSDKError = dara.Bool(true)
	return client
}

// reply is what of the replies is looked at.
type reply struct {
	RequestId                        string
	TotalCount, PageNumber, PageSize any
	Items                            struct{ Backup, DBCluster []map[string]any }
}

// call calls an action. Of a parameter in several queries the last one counts. It returns the reply, or why there is none: code and
// status of a refusal, else what the error says.
func call(ctx context.Context, client *openapi.Client, action string, queries ...string) (r reply, refused string) {
	params := &openapiutil.Params{
		Action: dara.String(action), Version: dara.String("2021-12-01"), Protocol: dara.String("HTTPS"), Pathname: dara.String("/"),
		Method: dara.String("POST"), AuthType: dara.String("AK"), Style: dara.String("RPC"), ReqBodyType: dara.String("formData"), BodyType: dara.String("string"),
	}
	query := map[string]*string{"RegionId": dara.String("cn-hangzhou")}
	for _, more := range queries {
		values, _ := url.ParseQuery(more)
		for name := range values {
			query[name] = dara.String(values.Get(name))
		}
	}
	answer, err := client.CallApiWithCtx(ctx, params, &openapiutil.OpenApiRequest{Query: query}, &dara.RuntimeOptions{})
	var own interface { // of each of the SDK's types
		GetCode() *string
		GetStatusCode() *int
		GetRetryAfter() *int64
	}
	switch {
	case err == nil:
		body, _ := answer["body"].(string)
		json.Unmarshal([]byte(body), &r)
		return r, ""
	case !errors.As(err, &own):
		return r, err.Error()
	}
	refused = fmt.Sprint(*own.GetCode(), " ", *own.GetStatusCode())
	if after := own.GetRetryAfter(); after != nil {
		refused += fmt.Sprint(" for ", *after)
	}
	return r, refused
}
