package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"
)

// newFakeADB starts an emulated AnalyticDB that knows the caller's credentials, and lets status find it.
func newFakeADB(t *testing.T, o fakeadb.Options) *fakeadb.Service {
	o.Credentials = map[string]fakeadb.Credential{testKeyID: {Secret: testSecret, Token: testToken}}
	service := fakeadb.New(o)
	server := httptest.NewServer(service)
	t.Cleanup(server.Close)
	useCredentials(t)
	t.Setenv("ADB_ENDPOINT", server.URL)
	return service
}

// nights gives a cluster a complete backup for each of so many nights, the last one some hours ago.
func nights(service *fakeadb.Service, cluster string, last time.Duration, n int) {
	for i := range n {
		start := time.Now().Add(-last - time.Duration(i)*24*time.Hour)
		service.Add(fakeadb.Backup{Cluster: cluster, Start: start, End: start.Add(17 * time.Minute), Size: 5_000_000_000})
	}
}

func TestStatus(t *testing.T) {
	tags := []fakeadb.Tag{{Key: "backup", Value: "nightly"}}
	service := newFakeADB(t, fakeadb.Options{
		Denied: []fakeadb.Denial{{Cluster: "amv-denied"}},
		Words:  fakeadb.Words{fakeadb.Running: "Archived"},
		Faults: fakeadb.Strike("DescribeDBClusters", fakeadb.Refused(fakeadb.ErrUnavailable), 1),
		Clusters: []fakeadb.Cluster{{ID: "amv-new", Tags: tags, Status: "Creating"}, {ID: "amv-fresh", Tags: tags}, {ID: "amv-old", Tags: tags}, {ID: "amv-failed", Tags: tags}, {ID: "amv-running"}, {ID: "amv-none"}, {ID: "amv-ancient"},
			{ID: "amv-denied"}},
	})
	for cluster, last := range map[string]time.Duration{"amv-fresh": 7 * time.Hour, "amv-old": 100 * time.Hour, "amv-failed": 31 * time.Hour, "amv-running": 31 * time.Hour} {
		nights(service, cluster, last, 20)
	}
	nights(service, "amv-ancient", 30*24*time.Hour, 1)
	at := time.Now().Add(-7 * time.Hour)
	service.Add(
		fakeadb.Backup{Cluster: "amv-failed", Start: at, End: at.Add(time.Minute), Ends: fakeadb.Failed},
		fakeadb.Backup{Cluster: "amv-running", Start: at, Ends: fakeadb.Running},
		fakeadb.Backup{Cluster: "amv-none", Start: at, End: at.Add(time.Minute), Type: "IncrementalBackup"},
		fakeadb.Backup{Cluster: "amv-none", Start: at, End: at.Add(time.Minute), Parent: "5"},
	)
	file := filepath.Join(t.TempDir(), "status.html")
	written := "status: the page is " + file + "|on it:"
	selecting := func(tag string) string {
		return write(t, filledIn(t, "region", "cn-hangzhou", "imageClusters", `""`, "clusters", `'"DBClusterSelector": {"Tags": {"backup": "`+tag+`"}}'`))
	}
	archived := write(t, changed(t, "region: cn-beijing", "region: cn-hangzhou", "LOG_LEVEL: info", "ADB_STATUS_COMPLETED: archived",
		"CRON_TZ=Asia/Shanghai 0 0 8", "CRON_TZ=Europe/Berlin 0 0 8"))
	for name, c := range map[string]struct {
		args   string
		code   int
		stdout string
		stderr string // after written: of the page
	}{
		"named":     {"amv-fresh amv-old amv-fresh", exitDone, "\namv-fresh cn-hangzhou 20| 4.7 GiB ####|\namv-old cn-hangzhou 20| 4d04h 4.7 GiB #|Days and times are in Asia/Shanghai.", ""},
		"each one":  {"amv-old amv-none -backups", exitDone, "\nCLUSTER STARTED TOOK SIZE KIND STATUS EXPIRES ID\namv-old 20| 17m 4.7 GiB full Completed 20| 1m incremental Completed 20| 1m copy Completed 20", ""},
		"a month":   {"amv-ancient", exitDone, " 30d00h 4.7 GiB ..............", ""},
		"too old":   {"amv-fresh amv-old -max-age 26h", exitNo, "amv-old cn-hangzhou| old, more than 26h\n", "1 of 2 clusters have no complete backup that started in the last 26h\n"},
		"failed":    {"amv-failed -backups", exitDone, " 31h| failed 20| 1m full Failed ", ""},
		"running":   {"amv-running -max-age 26h", exitNo, "#>| running since 20|its status \"Archived\" is not known", ""},
		"its word":  {"amv-running -max-age 26h -s " + archived, exitDone, "#|Days and times are in Asia/Shanghai", ""},
		"none":      {"amv-none", exitDone, "amv-none cn-hangzhou none ..............\n\namv-none: no complete backup in 31 days\n", ""},
		"not read":  {"amv-fresh amv-denied amv-unheard -max-age 26h", exitNotAsked, "amv-fresh cn-hangzhou 20|\namv-denied cn-hangzhou not read \n|\namv-denied: DescribeBackups was denied|acs:adb:cn-hangzhou:*:dbcluster/amv-denied|the caller needs adb:DescribeBackups|\namv-unheard: DescribeBackups was refused", "2 of 3 could not be read"},
		"selected":  {"-s " + selecting("nightly"), exitDone, "\namv-fresh |\namv-old |\namv-failed |\namv-new (cn-hangzhou) is skipped: its status is Creating\n", ""},
		"nobody":    {"-s " + selecting("never"), exitNo, "", "no cluster is selected; is a tag missing?"},
		"no s.yaml": {"-s nowhere.yaml -region cn-hangzhou amv-fresh", exitDone, "Days and times are in UTC", ""},
		"elsewhere": {"-region cn-shanghai amv-fresh", exitNotAsked, "amv-fresh cn-shanghai not read", ""},
		"all moved": {"-region cn-shanghai -s " + archived, exitNotAsked, "amv-1 cn-shanghai not read", ""},

		// The page is written beside the table or the JSON, and also where the answer is no.
		"a page":        {"-html " + file + " amv-fresh", exitDone, "LAST 31 DAYS", written + "Each cluster has a complete backup|· 31 days, |Last 31 days, today last"},
		"of fewer days": {"-html " + file + " amv-fresh amv-old -days 5 -max-age 26h", exitNo, "LAST 5 DAYS| 4.7 GiB ####", written + "· 5 days, |1 of 2 clusters have no complete backup that started in the last 26h|4d04h old, more than 26h"},
		"beside JSON":   {"-html " + file + " amv-fresh --json", exitDone, `{"Status":"Completed"`, written + "Each cluster has a complete backup"},

		"no clusters":  {"-s nowhere.yaml", exitWrong, "", "which clusters? Name them"},
		"no region":    {"-s nowhere.yaml amv-fresh", exitWrong, "", "in which region?"},
		"placeholder":  {"", exitWrong, "", "amv-your-cluster"},
		"not an id":    {"amv_1 amv-2!", exitWrong, "", `"amv-2!" is not a cluster id`},
		"not a region": {"-region evil.example/ amv-1", exitWrong, "", "is not a region"},
		"no days":      {"-days 0 amv-1", exitWrong, "", "-days must be 1 to 31"},
		"too many":     {"-days 32 amv-1", exitWrong, "", "-days must be 1 to 31"},
		"no age":       {"-max-age 0s amv-1", exitWrong, "", "-max-age must be more than 0"},
		"no file":      {"-html - amv-1", exitWrong, "", "-html needs the name of a file"},
		"plain http":   {"-endpoint http://adb.example amv-1", exitWrong, "", "plain http"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			inErrors, onPage, asPage := strings.Cut(c.stderr, "|on it:")
			stdout, _ := expect(t, c.code, c.stdout, inErrors, append([]string{"status", "-s", "../../s.yaml"}, strings.Fields(c.args)...)...)
			if (c.code == exitWrong) != (stdout == "") || strings.Count(stdout, "amv-fresh ") > 1 || strings.Contains(stdout, "\x1b") {
				t.Error(stdout)
			}
			if asPage {
				has(t, string(must(os.ReadFile(file))), onPage)
			}
		})
	}
	t.Setenv("ADB_STATUS_COMPLETED", "archived") // the environment's words do as well as s.yaml's
	expect(t, exitDone, "#", "", "status", "-s", "../../s.yaml", "-max-age", "26h", "amv-running")
	expect(t, exitNotAsked, "", "status.html", "status", "-s", "../../s.yaml", "-html", filepath.Join(file, "no"), "amv-fresh")
	if n := service.Count("CreateBackup"); n > 0 {
		t.Errorf("%d backups were created", n)
	}
}

// What the service cannot answer now is asked for again, five times in all, and soon, whatever it asks for; a refusal is final.
func TestAgain(t *testing.T) {
	unanswered, throttled := &backup.CallError{Kind: backup.KindUnanswered}, &backup.CallError{Kind: backup.KindThrottled, RetryAfter: 5 * time.Hour}
	for name, c := range map[string]struct {
		errs   []error // the last is repeated
		within time.Duration
		calls  int
	}{
		"refused":       {[]error{&backup.CallError{Kind: backup.KindDenied}}, time.Hour, 1},
		"another error": {[]error{errors.New("ended")}, time.Hour, 1},
		"at last":       {[]error{unanswered, throttled, nil}, 10 * time.Second, 3},
		"for ever":      {[]error{throttled}, 10 * time.Second, 5},
		"interrupted":   {[]error{unanswered}, time.Millisecond, 1},
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), c.within)
			defer cancel()
			calls := 0
			_, err := again(ctx, func() (any, error) {
				calls++
				return nil, c.errs[min(calls, len(c.errs))-1]
			})
			if calls != c.calls || (err == nil) != (c.errs[len(c.errs)-1] == nil) {
				t.Errorf("%s: %d calls: %v", name, calls, err)
			}
		})
	}
}

// The status of the whole is that of the cluster that is worst off.
func TestStatusOfTheWhole(t *testing.T) {
	now := time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	const young, old, none, unread = "1h complete", "30h complete", "none", "unread"
	for name, c := range map[string]struct {
		rows   []string
		maxAge time.Duration
		failed []string
		want   backup.Status
		code   int
	}{
		"complete":           {[]string{young, old}, 0, nil, backup.StatusCompleted, exitDone},
		"one has none":       {[]string{none, young}, 0, nil, backup.StatusMissing, exitDone},
		"none, as a check":   {[]string{none, young}, 26 * time.Hour, nil, backup.StatusMissing, exitNo},
		"one is not read":    {[]string{unread, none, young}, 26 * time.Hour, nil, backup.StatusUnknown, exitNotAsked},
		"a region is not":    {[]string{young}, 0, []string{"why"}, backup.StatusUnknown, exitNotAsked},
		"no region is":       {nil, 0, []string{"why"}, backup.StatusUnknown, exitNotAsked},
		"nothing is chosen":  {nil, 0, nil, backup.StatusMissing, exitNo},
		"a minute too old":   {[]string{"26h1m complete"}, 26 * time.Hour, nil, backup.StatusMissing, exitNo},
		"exactly of max-age": {[]string{"26h complete"}, 26 * time.Hour, nil, backup.StatusCompleted, exitDone},
	} {
		o := newOverview(now, c.maxAge, 14)
		for _, sets := range c.rows {
			switch sets {
			case none: // it has no start
				o.told("amv-1", []backup.Set{{Full: true, State: backup.SetComplete}}, nil)
			case unread:
				o.told("amv-1", nil, errors.New("why"))
			default:
				o.told("amv-1", listed(now, sets), nil)
			}
		}
		o.Errors = c.failed
		o.judge()
		if code := exitCode(o.outcome()); o.Status != c.want || code != c.code || (o.MaxAge == "") != (c.maxAge == 0) {
			t.Errorf("%s: %s, max age %q, exit code %d", name, o.Status, o.MaxAge, code)
		}
	}
}

// slowService lists no backups, and takes a minute for it.
type slowService struct{ backup.Service }

func (slowService) Backups(context.Context, backup.Cluster, time.Time, time.Time) (backup.Listing, error) {
	time.Sleep(time.Minute)
	return backup.Listing{}, nil
}

// Several clusters are read at once, and nobody waits for long without a word.
func TestStatusTellsThatItReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		requests := []backup.Request{{Cluster: backup.Cluster{ID: "amv-1"}}, {Cluster: backup.Cluster{ID: "amv-2"}}}
		var said strings.Builder
		o := newOverview(time.Now(), 0, 1)
		o.read(t.Context(), slowService{}, requests, &said)
		if took := time.Since(o.now); len(o.Backups) != 2 || took != time.Minute || strings.Count(said.String(), "status: still reading, after ") < 2 {
			t.Errorf("%d clusters in %s\n%s", len(o.Backups), took, &said)
		}
	})
}
