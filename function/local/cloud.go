package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"adb-backup/function/local/fakeadb"
)

// settings are those of the function that depend on how long a backup takes, so that what takes minutes in the cloud
// can be watched in seconds.
func settings(takes time.Duration) []string {
	return []string{
		fmt.Sprint("ADB_POLL_INTERVAL=", min(max(takes/20, 50*time.Millisecond), 5*time.Second)),
		fmt.Sprint("ADB_SETTLE_TIME=", min(takes/2, time.Minute)),
		fmt.Sprint("ADB_DDL_PAUSE=", min(takes*3/2, 10*time.Minute)),
		"ADB_DEFAULT_CLUSTERS=" + sampleCluster,
	}
}

// serve serves a handler on a loopback port.
func serve(h http.Handler) (url string, s *http.Server, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	s = &http.Server{Handler: h}
	go s.Serve(listener)
	return "http://" + listener.Addr().String(), s, nil
}

// localOnly are the settings that only the local cloud decides, because nothing may leave this machine.
var localOnly = []string{"ADB_ENDPOINT", "ADB_NETWORK", "ADB_ALARM_WEBHOOK", "ADB_ALARM_SECRET"}

// ownSettings are the settings for the function in a person's environment.
func ownSettings(environ []string, except ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return !strings.HasPrefix(name, "ADB_") && name != "LOG_LEVEL" || slices.Contains(except, name)
	})
}

// execute runs a command in the local cloud: its environment names the endpoint, the credentials and the region in the
// variables that every tool of Alibaba Cloud reads, and the clusters that can be backed up in LOCAL_CLUSTERS. The exit code is
// the command's.
func execute(ctx context.Context, args []string, std streams) (int, error) {
	now := time.Now()
	adb := fakeadb.New(account(now))
	adb.Add(history(now, true)...)
	url, server, err := serve(adb)
	if err != nil {
		return exitNotAsked, err
	}
	defer server.Close()
	var ids []string
	for _, c := range samples {
		if c.Region == "" && takesBackups(c.Cluster) {
			ids = append(ids, c.ID)
		}
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // as Ctrl-C does
	command.WaitDelay = 10 * time.Second
	command.Stdin, command.Stdout, command.Stderr = std.in, std.out, std.err
	command.Env = append(slices.DeleteFunc(slices.Clone(std.environ), isCredential),
		"ADB_ENDPOINT="+url, "ALIBABA_CLOUD_REGION_ID="+localRegion, "LOCAL_CLUSTERS="+strings.Join(ids, " "),
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+localKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+localSecret, "ALIBABA_CLOUD_SECURITY_TOKEN="+localToken)
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode(), nil
	}
	return exitDone, err
}

// isCredential reports whether a variable could give the command the person's own account.
func isCredential(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return strings.HasPrefix(name, "ALIBABA_CLOUD_") || slices.Contains(localOnly, name) ||
		slices.Contains([]string{"AccountID", "AccessKeyID", "AccessKeySecret", "SecurityToken"}, name)
}

// robot is a DingTalk group's robot, with a signature and the keyword adb-backup. It shows what the chat would show.
type robot struct {
	refuses bool // it is told to refuse everything
	show    func(text string)
}

const (
	robotPath   = "/robot/send?access_token=local-robot"
	robotSecret = "SEC-local-robot"
)

func (b robot) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var message struct {
		Text     struct{ Content string }
		Markdown struct{ Title, Text string }
	}
	body, _ := io.ReadAll(r.Body)
	json.Unmarshal(body, &message) // a message that cannot be read has no keyword
	text := strings.TrimSpace(message.Text.Content + message.Markdown.Text)
	q := r.URL.Query()
	mac := hmac.New(sha256.New, []byte(robotSecret))
	io.WriteString(mac, q.Get("timestamp")+"\n"+robotSecret)
	code, says := 0, "ok"
	switch sent, err := time.ParseDuration(q.Get("timestamp") + "ms"); {
	case r.URL.Path != "/robot/send" || q.Get("access_token") != "local-robot":
		code, says = 300005, "token is not exist"
	case err != nil || time.Since(time.Unix(0, 0).Add(sent)).Abs() > time.Hour || q.Get("sign") != base64.StdEncoding.EncodeToString(mac.Sum(nil)):
		code, says = 310000, "sign not match"
	case b.refuses || !strings.Contains(text, "adb-backup"):
		code, says = 310000, "keywords not in content"
	}
	if code == 0 {
		b.show(text)
	} else {
		b.show("the robot refuses a message: " + says)
	}
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"errcode":%d,"errmsg":%q}`, code, says)
}
