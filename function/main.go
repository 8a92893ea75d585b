// Command function is adb-backup as it is deployed to Alibaba Cloud Function Compute: an event names AnalyticDB for MySQL
// clusters, and the function makes sure that each has a backup from that moment on.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"adb-backup/function/config"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
)

func main() {
	// The function waits for answers, on a fraction of a processor. A second thread would only be woken to find nothing to
	// do: that costs a third more CPU for each invocation (make bench).
	runtime.GOMAXPROCS(1)
	// Garbage is collected earlier where replies are large: the process must stay below 64 MiB, binary included.
	debug.SetMemoryLimit(48 << 20)
	c, err := config.Load(os.Environ())
	if err != nil {
		fmt.Fprintf(os.Stderr, "adb-backup does not start, because its environment is wrong:\n%v\n", err)
		os.Exit(1)
	}
	fc.Start(newHandler(c, os.Stdout).handle)
}
