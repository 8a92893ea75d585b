// Command function is adb-backup as it is deployed to Alibaba Cloud Function Compute: an event names AnalyticDB for MySQL
// clusters, and the function makes sure that each has a backup from that moment on.
package main

import (
	"fmt"
	"os"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
)

func main() {
	config, err := loadConfig(os.Getenv)
	if err != nil {
		fmt.Fprintf(os.Stderr, "adb-backup does not start, since its environment is wrong:\n%v\n", err)
		os.Exit(1)
	}
	fc.Start(newHandler(config, os.Stdout).handle)
}
