package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// filledIn is s.yaml as a user fills it in: name and value of each var, in turn.
func filledIn(t *testing.T, vars ...string) string {
	t.Helper()
	source := readSource(t, "s.yaml")
	vars = append([]string{"region", "cn-beijing", "functionName", "backups", "clusters", `'"DBClusterIds": ["amv-1", "amv-2"]'`, "imageClusters", "amv-2,am-3"}, vars...)
	for i := 0; i < len(vars); i += 2 {
		line := regexp.MustCompile(`(?m)^  ` + vars[i] + `: .*$`)
		if !line.MatchString(source) {
			t.Fatalf("s.yaml has no vars.%s", vars[i])
		}
		source = line.ReplaceAllLiteralString(source, "  "+vars[i]+": "+vars[i+1])
	}
	return source
}

// changed is s.yaml, filled in, with other text: old and new, in turn.
func changed(t *testing.T, texts ...string) string {
	t.Helper()
	source := filledIn(t)
	other := strings.NewReplacer(texts...).Replace(source)
	if other == source {
		t.Fatalf("s.yaml does not hold %q", texts[0])
	}
	return other
}

// A # before anything but a single space is a setting that stands ready, as s.yaml says at its top.
var standsReady = regexp.MustCompile(`(?m)^( *)#(\S|  )`)

func uncommented(source string) string { return standsReady.ReplaceAllString(source, "$1$2") }

func settingsOf(source string) settings { return must(parseSettings([]byte(source), "")) }

// write writes an s.yaml to a folder of its own.
func write(t *testing.T, source string) (file string) {
	file = filepath.Join(t.TempDir(), "s.yaml")
	return must(file, os.WriteFile(file, []byte(source), 0o600))
}

// bySelector chooses in two regions.
const bySelector = `'"DBClusterSelector": {"All": true}, "RegionIds": ["cn-hangzhou", "cn-beijing"]'`

// destination is s.yaml with somebody who is told of failures.
func destination(t *testing.T, to string) string {
	return changed(t, "#destinationConfig:", "destinationConfig:", "#  onFailure:", "  onFailure:",
		"#    destination: acs:mns:${vars.region}:${config('AccountID')}:/topics/${vars.alarmTopic}/messages", "    destination: "+to)
}

var thursday = time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)

// refuses tries whether an s.yaml is refused, with something of what is said. If that is empty, it must be right.
func refuses(t *testing.T, source, want string) {
	t.Helper()
	var faults []string
	for _, f := range settingsOf(source).inspect(thursday).Findings {
		if f.State == stateWrong {
			faults = append(faults, f.Text)
		}
	}
	if said := strings.Join(faults, "\n"); (said == "") != (want == "") || !strings.Contains(said, want) {
		t.Errorf("%q\nwant %q", said, want)
	}
}

// What the deploy tool would accept and the night would refuse is found before anything is deployed, and nothing that is right
// is refused.
func TestInspect(t *testing.T) {
	const image, namespace = `"type": ["cr:Artifact:PushCompleted"]`, `"RepoNamespaceName": ["${vars.imageNamespace}"], "RepoName": ["${vars.imageRepository}"]`
	filter := func(pattern string) string {
		return changed(t, `{"source": ["acs.cr"],`, pattern, "              "+image+",\n", "", `              "data": {`+namespace+"}}\n", "", "imageClusters: amv-2,am-3", `imageClusters: ""`)
	}
	mine := []string{"imageNamespace", "mine", "imageRepository", "app"}
	for name, c := range map[string]struct{ source, want string }{ // want is part of what is wrong; empty: nothing is
		"filled in":                    {filledIn(t), ""},
		"a byte order mark":            {"\ufeff" + filledIn(t), ""},
		"an interval":                  {filledIn(t, "backupCron", `"@every 1h"`), ""},
		"as it ships":                  {readSource(t, "s.yaml"), "still the placeholder"},
		"a masked id":                  {filledIn(t, "clusters", `'"DBClusterIds": ["amv-2****"]'`), "masked"},
		"a bare id":                    {filledIn(t, "clusters", "amv-1"), "trigger nightly: the function would refuse it"},
		"image clusters":               {filledIn(t, "imageClusters", "amv-2 amv-3"), "with commas"},
		"a drill":                      {strings.Replace(changed(t, `'{${vars.clusters}, "WaitFor": "Completed"}'`, `'{"Action": "Drill"}'`), "enable: true\n            payload: '{\"Action\": \"Verify\"", "enable: false\n            payload: '{\"Action\": \"Verify\"", 1), ""},
		"a region that cannot be":      {filledIn(t, "region", "x.example/"), "region"},
		"five fields":                  {filledIn(t, "backupCron", "0 2 * * *"), "trigger nightly: its schedule"},
		"role auto":                    {filledIn(t, "role", "auto"), "neither the name of a role"},
		"no role":                      {filledIn(t, "role", `""`), "neither the name of a role"},
		"an ARN with a variable":       {filledIn(t, "role", `"acs:ram::${config('AccountID')}:role/a"`), ""},
		"names of the shell's":         {filledIn(t, "role", `${env("NOT_SET_HERE")}`, "functionName", `${env("NOT_SET_HERE")}`), ""},
		"a variable of a variable":     {strings.Replace(filledIn(t, "queue", "${vars.alarmTopic}", "alarmTopic", "debug"), "LOG_LEVEL: info", "LOG_LEVEL: ${vars.queue}", 1), ""},
		"a variable of another kind":   {filledIn(t, "log", "{project: p, logstoer: l}"), "did you mean logstore?"},
		"with a default":               {changed(t, "LOG_LEVEL: info", "LOG_LEVEL: ${env(NOT_SET_HERE, debug)}"), ""},
		"with a wrong default":         {changed(t, "LOG_LEVEL: info", `LOG_LEVEL: ${env("NOT_SET_HERE", "loud")}`), "LOG_LEVEL must be"},
		"a variable that is not there": {changed(t, "${vars.log}", "${vars.lag}"), "${vars.lag} is still there"},
		"a function's name":            {filledIn(t, "functionName", "my.function"), "functionName"},
		"the VPC's placeholders":       {uncommented(filledIn(t)), "vpc-your-vpc is still there"},
		"a misspelt setting":           {changed(t, "LOG_LEVEL: info", "ADB_POLL_INTERVL: 5s"), "did you mean ADB_POLL_INTERVAL?"},
		"a setting that is a number":   {changed(t, "LOG_LEVEL: info", "ADB_MAX_CONCURRENCY: 16"), "must be a text"},
		"too large an environment":     {changed(t, "LOG_LEVEL: info", "OTHER: "+strings.Repeat("x", 6000)), "Function Compute takes 4096"},

		"runtime":            {changed(t, "runtime: go1", "runtime: go2"), `runtime is "go2", and must be go1`},
		"disabled with a no": {strings.Replace(filledIn(t), "enable: true", "enable: no", 1), "trigger nightly: enable must be true or false"},
		"enabled in quotes":  {changed(t, "triggerEnable: true", `triggerEnable: "true"`), "trigger before-deployment: triggerEnable must be true or false"},

		"no timeout":        {changed(t, "      timeout: 3600\n", ""), "timeout is missing, and must be given"},
		"a short timeout":   {changed(t, "timeout: 3600", "timeout: 3"), "at least 60"},
		"too many attempts": {changed(t, "maxAsyncRetryAttempts: 3", "maxAsyncRetryAttempts: 9"), "maxAsyncRetryAttempts is 9, and must be at least 0 and at most 8"},
		"no sizes":          {changed(t, "      cpu: 0.05\n", "", "      memorySize: 128\n", "", "      diskSize: 512\n", ""), ""},
		"a size between":    {changed(t, "memorySize: 128", "memorySize: 130"), "in steps of 64"},
		"much for little":   {changed(t, "memorySize: 128", "memorySize: 1024"), "1 to 4 GB for each cpu"},
		"an unknown key":    {changed(t, "diskSize: 512", "diskSize: 512\n      favourite: blue"), "passes over the key favourite"},
		"handler":           {changed(t, "handler: main", "handler: maim"), `handler is "maim", and must be main`},

		"one name twice":         {changed(t, "triggerName: verify", "triggerName: nightly"), "a name of its own"},
		"an http trigger":        {changed(t, "triggerType: timer", "triggerType: http"), `the type "http" sends`},
		"a source":               {changed(t, "eventSourceType: Default", "eventSourceType: DTS"), `the source "DTS"`},
		"a queue":                {changed(t, "eventSourceType: Default", "eventSourceType: MNS"), ""},
		"a filter that is none":  {filter(`{"source": ["acs.cr"}`), "no JSON object"},
		"a filter of everything": {filter(`{}`), "the function's own calls"},
		"ActionTrail":            {filter(`{"source": ["acs.ads"], "type": [{"prefix": "ads:ActionTrail"}]}`), "the function's own calls"},
		"all but one call":       {filter(`{"type": ["adb:ActionTrail:ApiCall"], "data": {"eventName": [{"anything-but": "CreateBackup"}]}}`), "the function's own calls"},
		"an operator not known":  {filter(`{"source": [{"suffix": "s.ads"}], "data": {"eventName": [{"suffix": "Backup"}]}}`), "the function's own calls"},
		"all but its own calls":  {filter(`{"source": ["acs.ads"], "data": {"eventName": [{"anything-but": ["CreateBackup", "DescribeBackups", "DescribeDBClusters"]}]}}`), ""},
		"no report":              {filter(`{"source": ["acs.ads"], "type": [{"exists": false}]}`), ""},
		"a check, no timer":      {strings.Replace(filledIn(t, "backupCron", "0 2 * * *"), "enable: true", "enable: false", 1), ""},
		"another call":           {filter(`{"type": ["ads:ActionTrail:ApiCall"], "data": {"eventName": ["ModifyDBClusterDescription"]}}`), ""},
		"another product":        {filter(`{"source": ["acs.oss"]}`), "name no cluster"},
		"an image, no cluster":   {filledIn(t, append(mine, "imageClusters", `""`)...), "name no cluster"},
		"an image":               {filledIn(t, mine...), ""},
		"an image, disabled":     {strings.Replace(filledIn(t, append(mine, "imageClusters", `""`)...), "triggerEnable: true", "triggerEnable: false", 1), ""},

		"a topic":      {destination(t, "acs:mns:cn-beijing:${config('AccountID')}:/topics/${vars.functionName}/messages"), ""},
		"the function": {destination(t, "acs:fc:cn-beijing:${config('AccountID')}:functions/${vars.functionName}/LATEST"), "is the function itself"},
		"a URL":        {destination(t, "https://example.com/hook"), `destination is "https://example.com/hook", and must be an ARN`},
	} {
		t.Run(name, func(t *testing.T) { refuses(t, c.source, c.want) })
	}
}

// A key that the deploy tool passes over is told with the one that was meant.
func TestMisspeltKeys(t *testing.T) {
	for misspelt, right := range map[string]string{
		"timeOut": "timeout", "asyncInvokeconfig": "asyncInvokeConfig", "codeUri": "code", "enviromentVariables": "environmentVariables",
		"logconfig": "logConfig", "enabled": "enable", "deliveryoption": "deliveryOption",
	} {
		refuses(t, changed(t, right+": ", misspelt+": ", right+":\n", misspelt+":\n"), "passes over the key "+misspelt+", which it does not know; did you mean "+right+"?")
	}
}

func TestInspectSaysWhatWillHappen(t *testing.T) {
	var out strings.Builder
	settingsOf(filledIn(t)).inspect(thursday).print(&out)
	const want = `s.yaml
  note     trigger before-deployment does nothing until vars.imageNamespace and vars.imageRepository are set
  right    next backup Fri 27 Nov 2026 02:00 CST (in 8h), trigger nightly
  right    next check Fri 27 Nov 2026 08:00 CST (in 14h), trigger verify, for a backup that started at Fri 27 Nov 2026 01:00 CST or later
  right    clusters: amv-1 in cn-beijing, amv-2 in cn-beijing, am-3 in cn-beijing
`
	if out.String() != want {
		t.Error(out.String())
	}
}

// A file that cannot be read as one function is wrong, for every command.
func TestSettingsThatCannotBe(t *testing.T) {
	const function = "resources:\n  a:\n    component: fc3\n    props: "
	for text, want := range map[string]string{
		function + "{region: cn-hangzhou, functionName: f, vpcConfig: auto, logConfig: auto}":         "",
		"vars: {a: {b: x}, c: '${vars.a.b}'}\n" + function + "{region: '${vars.c}', functionName: f}": "",
		function + "{region: cn-hangzhou}":                                 "needs region and functionName",
		function + "{region: cn-hangzhou, functionName: f, timeout: '60'}": "imeout must not be a string",
		"resources: {}": "one function (component fc3), not 0",
		function + "{region: r, functionName: f}\n  b:\n    component: fc3": "not 2",
		"a: [": "[1:",
		"":     "not 0",
		"vars: {a: '${vars.a}'}\n" + function + "{region: '${vars.a}', functionName: f}": "",
	} {
		_, err := parseSettings([]byte(text), "")
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	for _, command := range []string{"doctor", "role", "policy", "status", "deploy"} {
		expect(t, exitWrong, "", "", command, "-s", "../../s.yaml")
	}
	expect(t, exitWrong, "", "the endpoint is plain http", "doctor", "-s", write(t, filledIn(t)), "-endpoint", "http://example.com")
}

func TestParseSchedule(t *testing.T) {
	for expression, want := range map[string]string{ // its next firing, or a part of what is wrong
		"CRON_TZ=Asia/Shanghai 0 0 2 * * *":   "Fri 27 Nov 2026 02:00 CST",
		"  0 0 2 ? * MON-THU  ":               "Mon 30 Nov 2026 02:00 UTC",
		"0 0 3 29 2 *":                        "Tue 29 Feb 2028 03:00 UTC",
		"CRON_TZ=Asia/Shanghai @every 30m":    "Thu 26 Nov 2026 18:30 CST",
		"":                                    "six fields",
		"CRON_TZ=Asia/Shanghai 0 8 * * *":     "six fields",
		"CRON_TZ=":                            "six fields",
		"CRON_TZ=Mars 0 0 2 * * *":            "time zone",
		"CRON_TZ=UTC CRON_TZ=UTC 0 0 2 * * *": "six fields",
		"TZ=UTC 0 2 * * *":                    "six fields",
		"@daily":                              "six fields",
		"@every soon":                         "cannot be read",
		"0 0 24 * * *":                        "cannot be read",
		"0 0 2 30 2 *":                        "never",
	} {
		s, err := parseSchedule(expression)
		said := fmt.Sprint(err)
		if err == nil {
			said = s.show(s.Next(thursday))
		}
		if !strings.Contains(said, want) {
			t.Errorf("%q: %s, want %q", expression, said, want)
		}
	}
}

// A check must find the backup that is due, and no other in its place. Everything else about two schedules is the user's
// to choose.
func TestSchedulesThatContradict(t *testing.T) {
	const shanghai = "CRON_TZ=Asia/Shanghai "
	for name, c := range map[string]struct{ backup, check, maxAge, fault string }{ // fault is part of it; empty: none
		"as it ships":                {shanghai + "0 0 2 * * *", shanghai + "0 0 8 * * *", "7h", ""},
		"just late enough":           {"0 0 2 * * *", "0 0 7 * * *", "6h", ""},
		"before the last retry ends": {"0 0 2 * * *", "0 59 6 * * *", "7h", "at Fri 27 Nov 2026 06:59 UTC it takes a backup that started at Thu 26 Nov 2026 23:59 UTC or later"},
		"before the backup":          {"0 0 2 * * *", "0 0 1 * * *", "7h", "too little"},
		"looks back too little":      {"0 0 2 * * *", "0 0 8 * * *", "5h", "too little"},
		"weekly":                     {"0 0 2 ? * SUN", "0 0 8 ? * SUN", "7h", ""},
		"weekly, checked daily":      {"0 0 2 ? * SUN", "0 0 8 * * *", "7h", "too little"},
		"every six hours, too early": {"0 0 0/6 * * *", "0 0 3 * * *", "4h", "too early"},
		"checked at some hour":       {"0 0 4 * * *", "@every 24h", "7h", ""},
		"at an interval":             {"@every 1h", "0 0 8 * * *", "6h", ""},
	} {
		t.Log(name)
		refuses(t, filledIn(t, "backupCron", `"`+c.backup+`"`, "verifyCron", `"`+c.check+`"`, "verifyMaxAge", c.maxAge), c.fault)
	}
	// A nightly timer that takes an older backup for its own makes that backup the one to be found.
	older := strings.NewReplacer(`"WaitFor": "Completed"`, `"MaxAge": "2h"`)
	refuses(t, older.Replace(filledIn(t)), "too little")
	refuses(t, older.Replace(filledIn(t, "verifyMaxAge", "8h")), "")
	refuses(t, changed(t, `'{${vars.clusters}, "WaitFor": "Completed"}'`, `'{"DBClusterSelector": {"All": true}}'`), "")
}

// s.yaml, with everything that stands ready in it, deploys what make package makes, and holds no credentials.
func TestSYAML(t *testing.T) {
	if found := regexp.MustCompile(`(?i)LTAI[A-Za-z0-9]{8,}|access_?key|secret: *[^$ ]|https?://`).FindString(readSource(t, "s.yaml")); found != "" {
		t.Errorf("s.yaml holds %s", found)
	}
	ready := strings.ReplaceAll(uncommented(filledIn(t)), "-your-", "-")
	refuses(t, ready, "")
	if checker := os.Getenv("CHECK_S_YAML"); checker != "" { // the deploy tool's own schema
		for _, source := range []string{filledIn(t), ready, filledIn(t, "clusters", bySelector)} {
			if out, err := exec.Command("go", "run", "-C", checker, ".", "-no-binary", write(t, source)).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		}
	}
}
