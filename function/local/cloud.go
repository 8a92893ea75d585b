package main

import (
	"cmp"
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

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
	"adb-backup/function/terminal"
)

// useLocal starts AnalyticDB and the chat robot here.
func (r *run) useLocal() (err error) {
	now := time.Now()
	r.adb = fakeadb.New(fakeadb.Options{})
	r.robot = &robot{show: func(text string) { r.screen.event(terminal.Yellow, "chat", text) }}
	adbURL, adbServer, err1 := serve(r.adb)
	robotURL, robotServer, err2 := serve(r.robot)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	r.servers = []*http.Server{adbServer, robotServer}
	r.invocation = fakefc.Invocation{
		Region: localRegion, Timeout: max(5*time.Minute, 3*r.takes),
		AccessKeyID: localKeyID, AccessKeySecret: localSecret, SecurityToken: localToken,
	}
	r.env = slices.Concat(settings(r.takes), ownSettings(r.std.environ, localOnly...), []string{
		"ADB_ENDPOINT=" + adbURL, "ADB_ALARM_WEBHOOK=" + robotURL + robotPath, "ADB_ALARM_SECRET=" + robotSecret})
	r.in.decode(r.env, r.invocation)
	if r.fault, err = findFault(r.options.fault, &r.in); err != nil {
		return err
	}
	o := account(now, r.in.clusters()...)
	o.Takes, o.OnCall = r.takes, r.showCall
	r.adb.Add(history(now, false)...)
	if r.fault.begins != nil {
		r.fault.begins(r, &o)
	}
	r.adb.Set(func(old *fakeadb.Options) { *old = o })
	return nil
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

// useReal takes the person's credentials and region, as every tool of Alibaba Cloud does. Ctrl-C ends the run before the timeout,
// and the backup goes on.
func (r *run) useReal(ctx context.Context) error {
	env := environment(r.std.environ)
	region := credentials.Region(func(name string) string { return env[name] })
	if region == "" {
		return errors.New("in which region? Set it, as in ALIBABA_CLOUD_REGION_ID=cn-hangzhou make run …, or in Alibaba Cloud CLI's configuration")
	}
	if err := backup.CheckRegion(region); err != nil {
		return fmt.Errorf("the region of your configuration: %w", err)
	}
	found, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return err
	}
	r.invocation = fakefc.Invocation{
		Region: region, Timeout: 4 * time.Hour,
		AccountID:   cmp.Or(found.Account, "*"), // a * stands for it where the function names the resource to grant
		AccessKeyID: found.AccessKeyID, AccessKeySecret: found.AccessKeySecret, SecurityToken: found.SecurityToken,
	}
	// The function gets the person's settings, and the proxies and certificates that it may need, but no credentials: the invocation
	// brings them. The calls cannot be shown here, so the log shows each one that fails, unless the person has chosen otherwise.
	r.env = append([]string{"LOG_LEVEL=debug"}, slices.DeleteFunc(slices.Clone(r.std.environ), isCredential)...)
	r.in.decode(r.env, r.invocation)
	return nil
}

// localOnly are the settings that only the local cloud decides, because nothing may leave this machine.
var localOnly = []string{"ADB_ENDPOINT", "ADB_NETWORK", "ADB_ALARM_WEBHOOK", "ADB_ALARM_SECRET"}

// is reports whether NAME=value has one of the names.
func is(variable string, names []string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return slices.Contains(names, name)
}

// isCredential reports whether a variable could give a program the person's own account.
func isCredential(variable string) bool {
	return strings.HasPrefix(variable, "ALIBABA_CLOUD_") || is(variable, []string{"AccountID", "AccessKeyID", "AccessKeySecret", "SecurityToken"})
}

// ownSettings are the settings for the function in a person's environment.
func ownSettings(environ []string, except ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(e string) bool {
		return !strings.HasPrefix(e, "ADB_") && !strings.HasPrefix(e, "LOG_LEVEL=") || is(e, except)
	})
}

// execute runs a command in the local cloud: its environment names the endpoint, the credentials and the region in the
// variables that every tool of Alibaba Cloud reads, and the clusters that can be backed up in LOCAL_CLUSTERS. The exit code is
// the command's.
func execute(ctx context.Context, args []string, std streams) (int, error) {
	adb := fakeadb.New(account(time.Now()))
	adb.Add(history(time.Now(), true)...)
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
	command.Env = append(slices.DeleteFunc(slices.Clone(std.environ), func(e string) bool { return isCredential(e) || is(e, localOnly) }),
		"ADB_ENDPOINT="+url, "ALIBABA_CLOUD_REGION_ID="+localRegion, "LOCAL_CLUSTERS="+strings.Join(ids, " "),
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+localKeyID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET="+localSecret, "ALIBABA_CLOUD_SECURITY_TOKEN="+localToken)
	err = command.Run()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode(), nil
	}
	return exitDone, err
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
