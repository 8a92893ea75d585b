package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// The made-up account. Its credentials are valid nowhere else.
const (
	localKeyID  = "STS.LocalCloud"
	localSecret = "local-secret"
	localToken  = "local-token"
	localRegion = "cn-hangzhou"
)

// times are how long a backup takes here and the function's settings that depend on it, so that what takes minutes in the cloud
// can be watched in seconds.
type times struct{ takes, poll, settle, ddlPause time.Duration }

func (o options) times() times {
	return times{
		takes:    o.takes,
		poll:     min(max(o.takes/20, 50*time.Millisecond), 5*time.Second),
		settle:   min(o.takes/2, time.Minute),
		ddlPause: min(o.takes*3/2, 10*time.Minute),
	}
}

// settings are those of the function in the local cloud, except where AnalyticDB is.
func (t times) settings() []string {
	return []string{
		fmt.Sprintf("ADB_POLL_INTERVAL=%v", t.poll),
		fmt.Sprintf("ADB_SETTLE_TIME=%v", t.settle),
		fmt.Sprintf("ADB_DDL_PAUSE=%v", t.ddlPause),
		"ADB_DEFAULT_CLUSTERS=" + sampleCluster,
	}
}

// service is the emulated AnalyticDB on a loopback port.
type service struct {
	*fakeadb.Service
	address string
	server  *http.Server
}

func openService() (*service, error) {
	s := &service{Service: fakeadb.New(fakeadb.Options{}), address: "127.0.0.1:0"}
	return s, s.reopen()
}

// reopen listens, after close at the same address as before.
func (s *service) reopen() error {
	listener, err := net.Listen("tcp", s.address)
	if err != nil {
		return err
	}
	s.address = listener.Addr().String()
	s.server = &http.Server{Handler: s.Service}
	go s.server.Serve(listener)
	return nil
}

// close ends all connections; new ones are refused.
func (s *service) close() { s.server.Close() }

// localOptions are the made-up account and the other clusters that the event names. Lists show times in seconds, as an older page
// of the reference does. With minutes, a wait of seconds could last a minute longer.
func localOptions(named []backup.Cluster, now time.Time) fakeadb.Options {
	clusters := account(now)
	for _, c := range named {
		if !slices.ContainsFunc(clusters, func(o fakeadb.Cluster) bool { return o.ID == c.ID && o.Region == c.Region }) {
			clusters = append(clusters, fakeadb.Cluster{ID: c.ID, Region: c.Region, Created: now.AddDate(-1, 0, 0)})
		}
	}
	return fakeadb.Options{
		Credentials: map[string]fakeadb.Credential{localKeyID: {Secret: localSecret, Token: localToken}},
		Clusters:    clusters,
		Layout:      fakeadb.Seconds,
		Latency:     20 * time.Millisecond,
	}
}

// environment is a list of NAME=value as a map; of several the last counts, as for a process.
func environment(environ []string) map[string]string {
	m := make(map[string]string, len(environ))
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		m[name] = value
	}
	return m
}

// settingsIn are the settings for the function in a person's environment.
func settingsIn(environ []string, except ...string) []string {
	return slices.DeleteFunc(slices.Clone(environ), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return !strings.HasPrefix(name, "ADB_") && name != "LOG_LEVEL" || slices.Contains(except, name)
	})
}

// localOnly are the settings that only the local cloud decides.
var localOnly = []string{"ADB_ENDPOINT", "ADB_NETWORK"}

// localEnv is the environment of the function in the local cloud. The person's settings come last, so that they count.
func localEnv(endpoint string, t times, environ []string) []string {
	return slices.Concat([]string{"ADB_ENDPOINT=http://" + endpoint}, t.settings(), settingsIn(environ, localOnly...))
}

// execute runs a command in the local cloud: its environment names the endpoint, the credentials and the region in the
// variables that every tool of Alibaba Cloud reads, and the made-up clusters in LOCAL_CLUSTERS. The exit code is the
// command's.
func execute(ctx context.Context, o options, std streams) int {
	s, err := openService()
	if err != nil {
		return fail(std, err)
	}
	defer s.close()
	options := localOptions(nil, s.Now())
	s.Add(history(options.Clusters, s.Now(), true)...)
	s.Set(func(o *fakeadb.Options) { *o = options })

	command := exec.CommandContext(ctx, o.command[0], o.command[1:]...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // as Ctrl-C does
	command.WaitDelay = 10 * time.Second
	command.Stdin, command.Stdout, command.Stderr = std.in, std.out, std.err
	command.Env = append(slices.DeleteFunc(slices.Clone(std.environ), isCredential),
		"ADB_ENDPOINT=http://"+s.address,
		"ALIBABA_CLOUD_ACCESS_KEY_ID="+localKeyID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET="+localSecret,
		"ALIBABA_CLOUD_SECURITY_TOKEN="+localToken,
		"ALIBABA_CLOUD_REGION_ID="+localRegion,
		"LOCAL_CLUSTERS="+strings.Join(canBeBackedUp(options.Clusters), " "))
	err = command.Run()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return exitSuccess
	case errors.As(err, &exit) && exit.ExitCode() >= 0:
		return exit.ExitCode()
	}
	return fail(std, err)
}

// canBeBackedUp are the ids of the clusters of the function's region that take backups.
func canBeBackedUp(clusters []fakeadb.Cluster) (ids []string) {
	for _, c := range clusters {
		if c.Region == localRegion && takesBackups(c) {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// isCredential reports whether a variable could give the command the person's own account.
func isCredential(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	return strings.HasPrefix(name, "ALIBABA_CLOUD_") || slices.Contains(localOnly, name) ||
		slices.Contains([]string{"AccountID", "AccessKeyID", "AccessKeySecret", "SecurityToken"}, name)
}
