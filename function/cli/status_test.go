package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"

	"github.com/google/go-cmp/cmp"
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

// sYAML writes an s.yaml with these clusters, and returns its path.
func sYAML(t *testing.T, clusters string) string {
	return write(t, filledIn(t, "region", "cn-hangzhou", "imageClusters", `""`, "clusters", "'"+clusters+"'"))
}

func TestStatus(t *testing.T) {
	tags := []fakeadb.Tag{{Key: "backup", Value: "nightly"}}
	service := newFakeADB(t, fakeadb.Options{
		Denied: []fakeadb.Denial{{Cluster: "amv-denied"}},
		Faults: fakeadb.Strike("DescribeDBClusters", fakeadb.Refused(fakeadb.ErrUnavailable), 1),
		Clusters: []fakeadb.Cluster{{ID: "amv-new", Tags: tags, Status: "Creating"}, {ID: "amv-fresh", Tags: tags}, {ID: "amv-old", Tags: tags}, {ID: "amv-failed", Tags: tags}, {ID: "amv-running"}, {ID: "amv-none"}, {ID: "amv-ancient"},
			{ID: "amv-denied"}},
	})
	nights(service, "amv-fresh", 7*time.Hour, 20)
	nights(service, "amv-old", 100*time.Hour, 20)
	nights(service, "amv-ancient", 30*24*time.Hour, 1)
	nights(service, "amv-failed", 31*time.Hour, 20)
	nights(service, "amv-running", 31*time.Hour, 20)
	at := time.Now().Add(-7 * time.Hour)
	service.Add(
		fakeadb.Backup{Cluster: "amv-failed", Start: at, End: at.Add(time.Minute), Ends: fakeadb.Failed},
		fakeadb.Backup{Cluster: "amv-running", Start: at, Ends: fakeadb.Running},
		fakeadb.Backup{Cluster: "amv-none", Start: at, End: at.Add(time.Minute), Type: "IncrementalBackup"},
		fakeadb.Backup{Cluster: "amv-none", Start: at, End: at.Add(time.Minute), Parent: "5"},
	)
	file := filepath.Join(t.TempDir(), "status.html")
	written := "status: the page is " + file + "|on it:"
	nightly := sYAML(t, `"DBClusterSelector": {"Tags": {"backup": "nightly"}}`)
	for name, c := range map[string]struct {
		args   string
		code   int
		stdout string
		stderr string // after written: of the page
	}{
		"named":      {"amv-fresh amv-old", exitDone, "\namv-fresh cn-hangzhou 20| 4.7 GiB ####|\namv-old cn-hangzhou 20| 4d04h 4.7 GiB #|Days and times are in Asia/Shanghai.", ""},
		"each one":   {"amv-old amv-none -backups", exitDone, "\nCLUSTER STARTED TOOK SIZE KIND STATUS EXPIRES ID\namv-old 20| 17m 4.7 GiB full Completed 20| 1m incremental Completed 20| 1m copy Completed 20", ""},
		"a month":    {"amv-ancient", exitDone, " 30d00h 4.7 GiB ..............", ""},
		"three days": {"amv-fresh -days 3", exitDone, "LAST 3 DAYS| 4.7 GiB ##", ""},
		"too old":    {"amv-fresh amv-old -max-age 26h", exitNo, "amv-old cn-hangzhou| old, more than 26h\n", "1 of 2 clusters have no complete backup that started in the last 26h\n"},
		"failed":     {"amv-failed -backups", exitDone, " 31h| failed 20| 1m full Failed ", ""},
		"running":    {"amv-running", exitDone, "#>| running since 20", ""},
		"none":       {"amv-none", exitDone, "amv-none cn-hangzhou none ..............\n\namv-none: no complete backup in 31 days\n", ""},
		"not read":   {"amv-fresh amv-denied amv-unheard -max-age 26h", exitNotAsked, "amv-fresh cn-hangzhou 20|\namv-denied cn-hangzhou not read \n|\namv-denied: DescribeBackups was denied|acs:adb:cn-hangzhou:*:dbcluster/amv-denied|the caller needs adb:DescribeBackups|\namv-unheard: DescribeBackups was refused", "2 of 3 could not be read"},
		"selected":   {"-s " + nightly, exitDone, "\namv-fresh |\namv-old |\namv-failed |\namv-new (cn-hangzhou) is skipped: its status is Creating\n", ""},
		"twice":      {"-s " + sYAML(t, `"DBClusterIds": ["amv-fresh", "amv-fresh"]`), exitDone, "\namv-fresh ", ""},
		"nobody":     {"-s " + sYAML(t, `"DBClusterSelector": {"Tags": {"backup": "never"}}`), exitNo, "", "no cluster is selected; is a tag missing?"},
		"no s.yaml":  {"-s nowhere.yaml -region cn-hangzhou amv-fresh", exitDone, "Days and times are in UTC", ""},
		"elsewhere":  {"-region cn-shanghai amv-fresh", exitNotAsked, "amv-fresh cn-shanghai not read", ""},

		// The page is written beside the table or the JSON, and also where the answer is no.
		"a page":          {"-html " + file + " amv-fresh", exitDone, "LAST 31 DAYS", written + "Each cluster has a complete backup|· 31 days, |Last 31 days, today last"},
		"of fewer days":   {"-html " + file + " amv-fresh -days 5", exitDone, "LAST 5 DAYS", written + "· 5 days, "},
		"beside JSON":     {"-html " + file + " amv-fresh --json", exitDone, `{"Status":"Completed"`, written + "Each cluster has a complete backup"},
		"of an old one":   {"-html " + file + " amv-old -max-age 26h", exitNo, " old, more than 26h", written + "1 of 1 clusters have no complete backup that started in the last 26h|4d04h old, more than 26h"},
		"of one not read": {"-html " + file + " amv-fresh amv-denied", exitNotAsked, "not read", written + "1 of 2 could not be read|DescribeBackups was denied"},

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
	expect(t, exitNotAsked, "", "status.html", "status", "-s", "../../s.yaml", "-html", filepath.Join(file, "no"), "amv-fresh")
	if n := service.Count("CreateBackup"); n > 0 {
		t.Errorf("%d backups were created", n)
	}
}

func TestStatusAsJSON(t *testing.T) {
	service := newFakeADB(t, fakeadb.Options{Words: fakeadb.Words{fakeadb.Failed: "Odd"}})
	nights(service, "amv-1", 7*time.Hour, 30)
	at := time.Now().Add(-time.Hour)
	service.Add(fakeadb.Backup{ID: "7", Cluster: "amv-1", Start: at, End: at.Add(time.Minute), Ends: fakeadb.Failed},
		fakeadb.Backup{ID: "8", Cluster: "amv-1", Start: at, End: at.Add(time.Minute), Size: 80_000_000, Type: "IncrementalBackup"})
	stdout, _ := expect(t, exitNo, "", "", "status", "-s", "nowhere.yaml", "-region", "cn-hangzhou", "--json", "-max-age", "90m", "-days", "3", "amv-1", "amv-2")
	var a statusAnswer
	if err := json.Unmarshal([]byte(stdout), &a); err != nil || strings.Count(stdout, "\n") != 1 {
		t.Fatal(err)
	}
	if a.Status != backup.StatusMissing || a.Zone != "UTC" || a.MaxAge != "1h30m" || len(a.Backups) != 2 {
		t.Fatalf("%+v", a)
	}
	minute := func(t time.Time) time.Time { return t.UTC().Truncate(time.Minute) }
	b, night := a.Backups[0], time.Now().Add(-7*time.Hour)
	last := statusSet{Status: backup.StatusMissing, BackupId: b.BackupId, BackupSize: 5_000_000_000, BackupType: "FullBackup",
		BackupStartTime: minute(night), BackupEndTime: minute(night.Add(17 * time.Minute)), BackupExpiredTime: minute(night.Add(17*time.Minute).AddDate(0, 0, 30))}
	odd := statusSet{Status: backup.StatusUnknown, BackupStatus: "Odd", BackupId: "7", BackupType: "FullBackup", BackupStartTime: minute(at), BackupEndTime: minute(at.Add(time.Minute))}
	incremental := statusSet{Status: backup.StatusCompleted, BackupId: "8", BackupSize: 80_000_000, BackupType: "IncrementalBackup",
		BackupStartTime: minute(at), BackupEndTime: minute(at.Add(time.Minute)), BackupExpiredTime: minute(at.Add(time.Minute).AddDate(0, 0, 30))}
	if diff := cmp.Diff([]any{last, []statusSet{odd}, []statusSet{odd, incremental}}, []any{b.statusSet, b.Since, b.Sets[:2]}); diff != "" {
		t.Error(diff)
	}
	if n := len(b.Sets); b.DBClusterId != "amv-1" || b.RegionId != "cn-hangzhou" || b.BackupId == "" || b.AgeSeconds < 7*3600-60 || len(b.Days) != 3 || n < 4 || n > 5 { // beside those two, two or three nights
		t.Errorf("%+v", b)
	}
	today := time.Now().UTC().Format(time.DateOnly)
	if last := b.Days[2]; last.Date != today && last.Date != at.UTC().Format(time.DateOnly) || b.Days[1].Status != "Completed" {
		t.Errorf("%+v", last)
	}
	if none := (statusBackup{DBClusterId: "amv-2", RegionId: "cn-hangzhou", statusSet: statusSet{Status: backup.StatusMissing}, Days: a.Backups[1].Days}); !reflect.DeepEqual(none, a.Backups[1]) {
		t.Errorf("%+v", a.Backups[1])
	}
}

// The words of BackupStatus are those that the function knows: the environment's, or s.yaml's.
func TestStatusWords(t *testing.T) {
	service := newFakeADB(t, fakeadb.Options{Words: fakeadb.Words{fakeadb.Completed: "Archived"}})
	nights(service, "amv-1", 7*time.Hour, 1)
	named := write(t, changed(t, "region: cn-beijing", "region: cn-hangzhou", "LOG_LEVEL: info", "ADB_STATUS_COMPLETED: archived"))
	for name, c := range map[string]struct {
		file, env string
		code      int
		stdout    string
	}{
		"unknown":         {"../../s.yaml", "", exitNo, `its status "Archived" is not known`},
		"s.yaml's":        {named, "", exitDone, "#"},
		"the environment": {"../../s.yaml", "archived", exitDone, "#"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ADB_STATUS_COMPLETED", c.env)
			expect(t, c.code, c.stdout, "", "status", "amv-1", "-s", c.file, "-max-age", "26h")
		})
	}
}
