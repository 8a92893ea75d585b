package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

// What a person's environment may hold: settings of the function that may be shown, unlike ADB_ALARM_…, which are secrets; and what
// could give a program the person's own account.
var (
	shown      = regexp.MustCompile(`^(LOG_LEVEL=|ADB_[B-Z])`)
	credential = regexp.MustCompile(`^(ALIBABA_CLOUD_|(AccountID|AccessKeyID|AccessKeySecret|SecurityToken)=)`)
)

// environment is the person's without credentials, and with other variables, which count more.
func (s streams) environment(others ...string) []string {
	return append(slices.DeleteFunc(slices.Clone(s.environ), credential.MatchString), others...)
}

// useLocal starts AnalyticDB and the chat robot here, and nothing may leave this machine.
func (r *run) useLocal() (err error) {
	r.invocation = fakefc.Invocation{
		Region: localRegion, Timeout: max(5*time.Minute, 3*r.takes),
		AccessKeyID: localKeyID, AccessKeySecret: localSecret, SecurityToken: localToken,
	}
	// The intervals depend on how long a backup takes, so that what takes minutes in the cloud can be watched in seconds.
	r.env = append([]string{
		fmt.Sprint("ADB_POLL_INTERVAL=", min(max(r.takes/20, 50*time.Millisecond), 5*time.Second)),
		fmt.Sprint("ADB_SETTLE_TIME=", min(r.takes/2, time.Minute)),
		fmt.Sprint("ADB_DDL_PAUSE=", min(r.takes*3/2, 10*time.Minute)),
		"ADB_DEFAULT_CLUSTERS=" + sampleCluster,
	}, r.std.environment()...)
	r.in.decode(r.env, r.invocation)
	if r.fault, err = findFault(r.options.fault, &r.in); err != nil {
		return err
	}
	r.cloud, r.history = account(r.in.Requests...), history(time.Now())
	r.cloud.Takes, r.cloud.OnCall = r.takes, r.showCall
	if r.fault.begins != nil {
		r.fault.begins(r)
	}
	url, err := r.open()
	r.env = append(r.env, "ADB_NETWORK=public", "ADB_ENDPOINT="+url, "ADB_ALARM_WEBHOOK="+url+"/robot/send")
	return err
}

// open starts AnalyticDB and the chat robot on a loopback port.
func (r *run) open() (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	r.adb = fakeadb.New(r.cloud)
	r.adb.Add(r.history...)
	both := http.NewServeMux()
	both.Handle("/", r.adb)
	both.HandleFunc("/robot/send", r.chat)
	r.server.Handler = both
	go r.server.Serve(listener)
	return "http://" + listener.Addr().String(), nil
}

// useReal takes the person's credentials and region, as every tool of Alibaba Cloud does. Ctrl-C ends the run before the timeout,
// and the backup goes on.
func (r *run) useReal(ctx context.Context) error {
	region := credentials.Region(r.std.getenv)
	if region == "" {
		return errors.New("CLOUD=real needs a region, as in ALIBABA_CLOUD_REGION_ID=cn-hangzhou make run …, or in ~/.aliyun/config.json")
	}
	if err := backup.CheckRegion(region); err != nil {
		return fmt.Errorf("ALIBABA_CLOUD_REGION_ID or ~/.aliyun/config.json: %w", err)
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
	r.env = append([]string{"LOG_LEVEL=debug"}, r.std.environment()...)
	r.in.decode(r.env, r.invocation)
	return nil
}

// execute runs a command in the local cloud: its environment names the endpoint, the credentials and the region in the
// variables that every tool of Alibaba Cloud reads, and the clusters that can be backed up in LOCAL_CLUSTERS. The exit code is
// the command's.
func execute(ctx context.Context, args []string, std streams) (int, error) {
	running := fakeadb.Backup{Cluster: runningCluster, Start: time.Now().Add(-5 * time.Minute), Ends: fakeadb.Running}
	r := &run{screen: &screen{w: std.err}, cloud: account(), history: append(history(time.Now()), running)}
	url, err := r.open()
	if err != nil {
		return exitNotAsked, err
	}
	defer r.close()
	var ids []string
	for _, c := range samples {
		if c.Region == "" && takesBackups(c.Cluster) {
			ids = append(ids, c.ID)
		}
	}
	command := exec.CommandContext(ctx, args[0], args[1:]...)
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) } // as Ctrl-C does
	command.Stdin, command.Stdout, command.Stderr = std.in, std.out, std.err
	command.Env = std.environment("ADB_NETWORK=public", "ADB_ENDPOINT="+url, "LOCAL_CLUSTERS="+strings.Join(ids, " "),
		"ALIBABA_CLOUD_REGION_ID="+localRegion, "ALIBABA_CLOUD_ACCESS_KEY_ID="+localKeyID,
		"ALIBABA_CLOUD_ACCESS_KEY_SECRET="+localSecret, "ALIBABA_CLOUD_SECURITY_TOKEN="+localToken)
	err = command.Run()
	if code := command.ProcessState.ExitCode(); code >= 0 { // nil, if it did not start, gives -1
		return code, nil
	}
	return exitNotAsked, err
}

// chat is a DingTalk group's robot. The screen shows what the chat would show.
func (r *run) chat(w http.ResponseWriter, request *http.Request) {
	var message struct{ Text struct{ Content string } }
	json.NewDecoder(request.Body).Decode(&message) // one that cannot be read has no text
	r.screen.event("chat", strings.TrimSpace(message.Text.Content))
	fmt.Fprint(w, `{"errcode":0,"errmsg":"ok"}`)
}

// The made-up account. Its credentials are valid nowhere else.
const (
	localKeyID     = "STS.LocalCloud"
	localSecret    = "local-secret"
	localToken     = "local-token"
	localRegion    = "cn-hangzhou"
	sampleCluster  = "amv-wz9or2xawpnc"   // that of the sample events
	runningCluster = "amv-2ze6m0t4hj85sg" // in execute, a backup of it runs
	setSize        = 9_000_000_000        // bytes of a backup that the function makes here
)

// sample is a cluster of the made-up account, and its last nights: one letter each, the last one at the end. o is a complete
// backup, h one of less than half the size, x a failed one, and . none.
type sample struct {
	nights string
	fakeadb.Cluster
}

// samples show each case that the status page knows: all is well, gaps, failures and one that runs, sizes that fell, old ones
// alone, none. Three more are in another region, or cannot be backed up.
var samples = []sample{
	{"oooooooooooooooooooooooooooooo", fakeadb.Cluster{ID: sampleCluster, Description: "orders", Tags: tagged("nightly")}},
	{"oooooooooooooooooooooo...ooo.o", fakeadb.Cluster{ID: "amv-bp1c8v3q9xk27d", Description: "payments", Tags: tagged("nightly")}},
	{"ooooooooooooooooxoooooooooxxoo", fakeadb.Cluster{ID: runningCluster, Description: "reports", Tags: tagged("weekly")}},
	{"ooooooooooooooooooooooohhhhhhh", fakeadb.Cluster{ID: "amv-uf61r7d9kw30xq", Description: "search"}},
	{"oooooooooooooooooo............", fakeadb.Cluster{ID: "amv-bp1s4nd80xg5ty", Description: "sandbox", Tags: tagged("off")}},
	{"", fakeadb.Cluster{ID: "amv-bp1q6t2m8z4e0k", Description: "metrics", Tags: tagged("off")}},
	{"", fakeadb.Cluster{ID: "am-bp1x4k7r2vt96m", Description: "archive", Tags: tagged("nightly"), DBVersion: "3.0"}},
	{"", fakeadb.Cluster{ID: "amv-bp1n3w5c0f8u2a", Description: "trial", Tags: tagged("nightly"), Status: "Creating"}},
	{"oooooooooooooooooooooooooooooo", fakeadb.Cluster{ID: "amv-uf6d5p8l3w6y1x", Description: "orders", Tags: tagged("nightly"), Region: "cn-shanghai"}},
}

func tagged(backup string) []fakeadb.Tag { return []fakeadb.Tag{{Key: "backup", Value: backup}} }

func takesBackups(c fakeadb.Cluster) bool { return c.Status != "Creating" && c.DBVersion != "3.0" }

// history is what the clusters' own schedules have made: a full backup in each night, the last one 20 hours ago.
func history(now time.Time) (sets []fakeadb.Backup) {
	for _, s := range samples {
		for i, mark := range s.nights {
			nights := len(s.nights) - i
			start := now.Add(-time.Duration(24*nights-4) * time.Hour)
			b := fakeadb.Backup{Cluster: s.ID, Region: s.Region, Start: start, End: start.Add(17 * time.Minute), Size: setSize - int64(nights)*50_000_000}
			switch mark {
			case '.':
				continue
			case 'x':
				b.Ends = fakeadb.Failed
			case 'h':
				b.Size /= 3
			}
			sets = append(sets, b)
		}
	}
	slices.SortStableFunc(sets, func(a, b fakeadb.Backup) int { return a.Start.Compare(b.Start) }) // ids grow with time
	return sets
}

// account are the options of an AnalyticDB with the made-up clusters, and others that requests name. Lists show times in seconds,
// as an older page of the reference does: with minutes, a wait of seconds could last a minute longer.
func account(requests ...backup.Request) fakeadb.Options {
	var clusters []fakeadb.Cluster
	for _, s := range samples {
		clusters = append(clusters, s.Cluster)
	}
	for _, r := range requests {
		c := fakeadb.Cluster{ID: r.Cluster.ID, Region: r.Cluster.Region}
		known := func(s fakeadb.Cluster) bool { return s.ID == c.ID && cmp.Or(s.Region, localRegion) == c.Region }
		if r.Selector == nil && !slices.ContainsFunc(clusters, known) {
			clusters = append(clusters, c)
		}
	}
	return fakeadb.Options{
		Credentials: map[string]fakeadb.Credential{localKeyID: {Secret: localSecret, Token: localToken}},
		Clusters:    clusters, Layout: fakeadb.Seconds, Latency: 20 * time.Millisecond, Size: setSize,
	}
}
