package main

import (
	"encoding/json"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/local/fakeadb"

	"github.com/google/go-cmp/cmp"
)

// newFakeADB starts an emulated AnalyticDB that knows the caller's credentials, and lets status find it.
func newFakeADB(t *testing.T, o fakeadb.Options) *fakeadb.Service {
	t.Helper()
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
func sYAML(t *testing.T, clusters string, variables ...string) string {
	t.Helper()
	text := regexp.MustCompile(`(?m)^  clusters: .*`).ReplaceAllLiteralString(string(readSYAML(t)), "  clusters: '"+clusters+"'")
	for _, v := range variables {
		text = strings.Replace(text, "        LOG_LEVEL: info", "        LOG_LEVEL: info\n        "+v, 1)
	}
	path := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// squeezed is a text with every run of blanks as one, so that columns do not matter.
func squeezed(text string) string { return regexp.MustCompile(` +`).ReplaceAllString(text, " ") }

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
	nightly := sYAML(t, `"DBClusterSelector": {"Tags": {"backup": "nightly"}}`)
	for name, c := range map[string]struct {
		args   []string
		code   int
		stdout []string
		stderr string
	}{
		"named":      {[]string{"amv-fresh", "amv-old"}, exitDone, []string{"\namv-fresh cn-hangzhou 20", " 4.7 GiB ####", "\namv-old cn-hangzhou 20", " 4d04h 4.7 GiB #", "Days and times are in Asia/Shanghai."}, ""},
		"young":      {[]string{"-max-age", "26h", "amv-fresh"}, exitDone, []string{"amv-fresh"}, ""},
		"each one":   {[]string{"amv-old", "amv-none", "-backups"}, exitDone, []string{"\nCLUSTER STARTED TOOK SIZE KIND STATUS EXPIRES ID\namv-old 20", " 17m 4.7 GiB full Completed 20", " 1m incremental Completed 20", " 1m copy Completed 20"}, ""},
		"a month":    {[]string{"amv-ancient"}, exitDone, []string{" 30d00h 4.7 GiB .............."}, ""},
		"three days": {[]string{"amv-fresh", "-days", "3"}, exitDone, []string{"LAST 3 DAYS", " 4.7 GiB ##"}, ""},
		"too old":    {[]string{"amv-fresh", "amv-old", "-max-age", "26h"}, exitNo, []string{"amv-old cn-hangzhou", " old, more than 26h\n"}, "1 of 2 clusters have no complete backup that started in the last 26h\n"},
		"failed":     {[]string{"amv-failed", "-backups"}, exitDone, []string{" 31h", " failed 20", " 1m full Failed "}, ""},
		"running":    {[]string{"amv-running"}, exitDone, []string{"#>", " running since 20"}, ""},
		"none":       {[]string{"amv-none"}, exitDone, []string{"amv-none cn-hangzhou none ..............\n\namv-none: no complete backup in 31 days\n"}, ""},
		"none young": {[]string{"amv-none", "-max-age", "26h"}, exitNo, nil, "1 of 1 clusters have no complete backup"},
		"not read":   {[]string{"amv-fresh", "amv-denied", "amv-unheard", "-max-age", "26h"}, exitNotAsked, []string{"amv-fresh cn-hangzhou 20", "\namv-denied cn-hangzhou not read \n", "\namv-denied: DescribeBackups was denied", "acs:adb:cn-hangzhou:*:dbcluster/amv-denied", "the caller needs adb:DescribeBackups", "\namv-unheard: DescribeBackups was refused"}, "2 of 3 could not be read"},
		"selected":   {[]string{"-s", nightly}, exitDone, []string{"\namv-fresh ", "\namv-old ", "\namv-failed ", "\namv-new (cn-hangzhou) is skipped: its status is Creating\n"}, ""},
		"of s.yaml":  {[]string{"-s", sYAML(t, `"DBClusterIds": ["amv-fresh"]`)}, exitDone, []string{"\namv-fresh "}, ""},
		"twice":      {[]string{"-s", sYAML(t, `"DBClusterIds": ["amv-fresh", "amv-fresh"]`)}, exitDone, []string{"\namv-fresh "}, ""},
		"nobody":     {[]string{"-s", sYAML(t, `"DBClusterSelector": {"Tags": {"backup": "never"}}`)}, exitNo, nil, "no cluster is selected; is a tag missing?"},
		"no s.yaml":  {[]string{"-s", "nowhere.yaml", "-region", "cn-hangzhou", "amv-fresh"}, exitDone, []string{"Days and times are in UTC"}, ""},
		"elsewhere":  {[]string{"-region", "cn-shanghai", "amv-fresh"}, exitNotAsked, []string{"amv-fresh cn-shanghai not read"}, ""},

		"no clusters":  {[]string{"-s", "nowhere.yaml"}, exitWrong, nil, "which clusters? Name them"},
		"no region":    {[]string{"-s", "nowhere.yaml", "amv-fresh"}, exitWrong, nil, "in which region?"},
		"placeholder":  {nil, exitWrong, nil, "amv-your-cluster"},
		"not an id":    {[]string{"amv_1", "amv-2!"}, exitWrong, nil, `"amv-2!" is not a cluster id`},
		"not a region": {[]string{"-region", "evil.example/", "amv-1"}, exitWrong, nil, "is not a region"},
		"no days":      {[]string{"-days", "0", "amv-1"}, exitWrong, nil, "-days must be 1 to 31"},
		"too many":     {[]string{"-days", "32", "amv-1"}, exitWrong, nil, "-days must be 1 to 31"},
		"no age":       {[]string{"-max-age", "0s", "amv-1"}, exitWrong, nil, "-max-age must be more than 0"},
		"no file":      {[]string{"-html", "-", "amv-1"}, exitWrong, nil, "-html needs the name of a file"},
		"plain http":   {[]string{"-endpoint", "http://adb.example", "amv-1"}, exitWrong, nil, "plain http"},
		"no duration":  {[]string{"-max-age", "26", "amv-1"}, exitWrong, nil, "durations are written 20s, 5m or 2h"},
		"no number":    {[]string{"-max-age", "soon", "amv-1"}, exitWrong, nil, "durations are written"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("HOME", t.TempDir())
			args := c.args
			if !strings.Contains(strings.Join(args, " "), "-s ") {
				args = append([]string{"-s", "../../s.yaml"}, args...)
			}
			code, stdout, stderr := runs(t, append([]string{"status"}, args...)...)
			if code != c.code || !strings.Contains(stderr, c.stderr) || (code == exitWrong) != (stdout == "") && name != "nobody" {
				t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
			for _, want := range c.stdout {
				if !strings.Contains(squeezed("\n"+stdout), want) {
					t.Errorf("%q is not in\n%s", want, stdout)
				}
			}
			if strings.Count(stdout, "amv-fresh ") > 1 || strings.Contains(stdout, "\x1b") {
				t.Errorf("\n%s", stdout)
			}
		})
	}
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
	code, stdout, stderr := runs(t, "status", "-s", "nowhere.yaml", "-region", "cn-hangzhou", "--json", "-max-age", "90m", "-days", "3", "amv-1", "amv-2")
	if code != exitNo || strings.Count(stdout, "\n") != 1 {
		t.Fatalf("exit code %d\n%s\n%s", code, stdout, stderr)
	}
	var a statusAnswer
	if err := json.Unmarshal([]byte(stdout), &a); err != nil {
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

// The page is written beside the table or the JSON, and also where the answer is no.
func TestStatusAsPage(t *testing.T) {
	service := newFakeADB(t, fakeadb.Options{Denied: []fakeadb.Denial{{Cluster: "amv-denied"}}})
	nights(service, "amv-1", 50*time.Hour, 30)
	file := filepath.Join(t.TempDir(), "status.html")
	for name, c := range map[string]struct {
		args   []string
		code   int
		stdout string
		page   []string
	}{
		"a month":     {[]string{"amv-1"}, exitDone, "LAST 31 DAYS", []string{"Each cluster has a complete backup", "· 31 days, ", "Last 31 days, today last"}},
		"fewer days":  {[]string{"amv-1", "-days", "5"}, exitDone, "LAST 5 DAYS", []string{"· 5 days, "}},
		"beside JSON": {[]string{"amv-1", "--json"}, exitDone, `{"Status":"Completed"`, []string{"Each cluster has a complete backup"}},
		"too old":     {[]string{"amv-1", "-max-age", "26h"}, exitNo, "2d02h old, more than 26h", []string{"1 of 1 clusters have no complete backup that started in the last 26h", "2d02h old, more than 26h"}},
		"not read":    {[]string{"amv-1", "amv-denied"}, exitNotAsked, "not read", []string{"1 of 2 could not be read", "DescribeBackups was denied"}},
	} {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := runs(t, append([]string{"status", "-s", "../../s.yaml", "-html", file}, c.args...)...)
			page, err := os.ReadFile(file)
			if code != c.code || err != nil || !strings.Contains(stdout, c.stdout) || !strings.Contains(stderr, "status: the page is "+file) {
				t.Errorf("exit code %d, %v\n%s\n%s", code, err, stdout, stderr)
			}
			for _, want := range c.page {
				if !strings.Contains(string(page), want) {
					t.Errorf("%q is not on the page", want)
				}
			}
		})
	}
	if code, _, stderr := runs(t, "status", "-s", "../../s.yaml", "-html", filepath.Join(file, "no"), "amv-1"); code != exitNotAsked || !strings.Contains(stderr, "status.html") {
		t.Errorf("a file that cannot be written: exit code %d, %s", code, stderr)
	}
}

// The words of BackupStatus are those that the function knows: the environment's, or s.yaml's.
func TestStatusWords(t *testing.T) {
	service := newFakeADB(t, fakeadb.Options{Words: fakeadb.Words{fakeadb.Completed: "Archived"}})
	nights(service, "amv-1", 7*time.Hour, 1)
	file, named := sYAML(t, `"DBClusterId": "amv-1"`), sYAML(t, `"DBClusterId": "amv-1"`, "ADB_STATUS_COMPLETED: archived")
	for name, c := range map[string]struct {
		file, env string
		code      int
		stdout    string
	}{
		"unknown":         {file, "", exitNo, `its status "Archived" is not known`},
		"s.yaml's":        {named, "", exitDone, "#"},
		"the environment": {file, "archived", exitDone, "#"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("ADB_STATUS_COMPLETED", c.env)
			code, stdout, stderr := runs(t, "status", "-s", c.file, "-max-age", "26h")
			if code != c.code || !strings.Contains(stdout, c.stdout) {
				t.Errorf("exit code %d\n%s\n%s", code, stdout, stderr)
			}
		})
	}
}
