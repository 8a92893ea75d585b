// Command plain is the least that backs up a cluster from Function Compute: what OpenAPI Explorer generates for CreateBackup,
// in a handler. It checks nothing, remembers nothing and waits for nothing. The benchmarks measure the function beside it.
package main

import (
	"context"
	"os"

	adb "github.com/alibabacloud-go/adb-20211201/v4/client"
	openapi "github.com/alibabacloud-go/darabonba-openapi/v2/client"
	util "github.com/alibabacloud-go/tea-utils/v2/service"
	"github.com/alibabacloud-go/tea/tea"
	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

type event struct{ DBClusterId, RegionId string }

func handle(ctx context.Context, e event) (*adb.CreateBackupResponseBody, error) {
	invocation, _ := fccontext.FromContext(ctx)
	client, err := adb.NewClient(&openapi.Config{
		AccessKeyId:     tea.String(invocation.Credentials.AccessKeyId),
		AccessKeySecret: tea.String(invocation.Credentials.AccessKeySecret),
		SecurityToken:   tea.String(invocation.Credentials.SecurityToken),
		RegionId:        tea.String(e.RegionId),
		Endpoint:        tea.String(os.Getenv("ENDPOINT")),
		Protocol:        tea.String("http"), // the emulated endpoint's
	})
	if err != nil {
		return nil, err
	}
	request := &adb.CreateBackupRequest{DBClusterId: tea.String(e.DBClusterId), RegionId: tea.String(e.RegionId)}
	response, err := client.CreateBackupWithOptions(request, &util.RuntimeOptions{})
	if err != nil {
		return nil, err
	}
	return response.Body, nil
}

func main() { fc.Start(handle) }
