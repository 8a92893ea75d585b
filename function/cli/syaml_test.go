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

	"github.com/goccy/go-yaml"

	"adb-backup/events"
	"adb-backup/function/backup"
)

func readSYAML(t *testing.T) []byte {
	t.Helper()
	source, err := os.ReadFile("../../s.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return source
}

// A # before anything but a single space is a setting that stands ready, as s.yaml says at its top.
var ready = regexp.MustCompile(`(?m)^( *)#(\S|  )`)

func uncommented(source []byte) []byte { return ready.ReplaceAll(source, []byte("$1$2")) }

// sFile is what the tests look at in s.yaml, after its vars are put in.
type sFile struct {
	Resources map[string]struct {
		Component string
		Props     struct {
			Role, Runtime, Handler, Code string
			Timeout                      int
			AsyncInvokeConfig            struct {
				MaxAsyncRetryAttempts     int `yaml:"maxAsyncRetryAttempts"`
				MaxAsyncEventAgeInSeconds int `yaml:"maxAsyncEventAgeInSeconds"`
				DestinationConfig         any `yaml:"destinationConfig"`
			} `yaml:"asyncInvokeConfig"`
			EnvironmentVariables map[string]string `yaml:"environmentVariables"`
			VpcConfig            any               `yaml:"vpcConfig"`
			Triggers             []struct {
				TriggerName   string `yaml:"triggerName"`
				TriggerType   string `yaml:"triggerType"`
				TriggerConfig struct {
					CronExpression string `yaml:"cronExpression"`
					Payload        string
				} `yaml:"triggerConfig"`
			}
		}
	}
}

func parseSYAML(t *testing.T, source []byte) sFile {
	t.Helper()
	var vars struct{ Vars map[string]any }
	if err := yaml.Unmarshal(source, &vars); err != nil {
		t.Fatal(err)
	}
	vars.Vars["clusters"] = `"amv-1", "amv-2"`
	_, body, _ := strings.Cut(string(source), "\nresources:")
	for name, value := range vars.Vars {
		// Within single quotes a quote of the value stays as it is, as in the tool, which puts values in after reading YAML.
		body = strings.ReplaceAll(body, "${vars."+name+"}", fmt.Sprint(value))
	}
	if i := strings.Index(body, "${vars."); i >= 0 {
		t.Errorf("unknown variable: %.40s", body[i:])
	}
	var s sFile
	if err := yaml.Unmarshal([]byte("resources:"+body), &s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSYAML(t *testing.T) {
	source := readSYAML(t)
	for name, source := range map[string][]byte{"as it is": source, "uncommented": uncommented(source)} {
		t.Run(name, func(t *testing.T) {
			props := parseSYAML(t, source).Resources["backup"].Props
			if props.Runtime != "go1" || props.Handler != "main" || props.Code != "./dist/main" || props.Role == "" {
				t.Errorf("%+v", props)
			}
			// The event must live until its last attempt.
			attempts := 1 + props.AsyncInvokeConfig.MaxAsyncRetryAttempts
			if age := props.AsyncInvokeConfig.MaxAsyncEventAgeInSeconds; props.Timeout < 600 || attempts*props.Timeout >= age {
				t.Errorf("%d attempts of %d s do not fit into %d s", attempts, props.Timeout, age)
			}
			order := ""
			for _, trigger := range props.Triggers {
				order += trigger.TriggerType + " "
				if trigger.TriggerType != "timer" {
					continue
				}
				checkTimer(t, trigger.TriggerName, trigger.TriggerConfig.Payload)
			}
			ready := props.AsyncInvokeConfig.DestinationConfig != nil && props.VpcConfig != nil && props.EnvironmentVariables["ADB_NETWORK"] == "vpc"
			want := "timer timer eventbridge "
			if name == "uncommented" {
				want += "eventbridge "
			}
			if order != want || ready != (name == "uncommented") {
				t.Errorf("triggers %s; ready blocks in use: %v", order, ready)
			}
			checkSYAML(t, source)
		})
	}
}

// checkTimer holds a timer's payload against the function's own reading of it.
func checkTimer(t *testing.T, name, payload string) {
	t.Helper()
	event, err := events.Decode(fmt.Appendf(nil, `{"triggerTime":"2026-11-23T02:00:00Z","triggerName":%q,"payload":%q}`, name, payload),
		events.Invocation{Region: "cn-hangzhou", Received: time.Date(2026, 11, 23, 2, 0, 1, 0, time.UTC), Timeout: time.Hour})
	if err != nil || len(event.Requests) != 2 || len(event.Warnings) > 0 {
		t.Fatalf("%s: %v %+v", name, err, event)
	}
	switch r := event.Requests[0]; name {
	case "nightly":
		if r.Action != backup.ActionEnsure || r.WaitFor != backup.WaitCompleted {
			t.Errorf("%+v", r)
		}
	case "verify":
		if r.Action != backup.ActionVerify {
			t.Errorf("%+v", r)
		}
	default:
		t.Errorf("timer %s has no test", name)
	}
}

// checkSYAML holds s.yaml against the deploy tool's own schema, whose folder CHECK_S_YAML names.
func checkSYAML(t *testing.T, source []byte) {
	t.Helper()
	checker := os.Getenv("CHECK_S_YAML")
	if checker == "" {
		return
	}
	file := filepath.Join(t.TempDir(), "s.yaml")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "run", "-C", checker, ".", "-no-binary", file).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}

func TestSYAMLHoldsNoCredentials(t *testing.T) {
	if found := regexp.MustCompile(`(?i)LTAI[A-Za-z0-9]{8,}|access_?key|secret`).Find(readSYAML(t)); found != nil {
		t.Errorf("%s", found)
	}
}
