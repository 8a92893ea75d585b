package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

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
var standsReady = regexp.MustCompile(`(?m)^( *)#(\S|  )`)

func uncommented(source []byte) []byte { return standsReady.ReplaceAll(source, []byte("$1$2")) }

func TestSYAML(t *testing.T) {
	for name, source := range map[string][]byte{"as it is": filledIn(t), "uncommented": uncommented(filledIn(t)), "with a selector": filledIn(t, "clusters", bySelector)} {
		t.Run(name, func(t *testing.T) {
			s := settingsOf(t, source)
			order := ""
			for _, trigger := range s.Triggers {
				order += trigger.Type + " "
				if trigger.Type == "timer" {
					checkTimer(t, s, trigger)
				}
			}
			ready := len(s.Destinations) > 0 && len(s.VPC) > 0 && s.Environment["ADB_NETWORK"] == "vpc"
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

// What is deployed must be what make package makes.
func TestSYAMLDeploysThePackage(t *testing.T) {
	for _, line := range []string{"runtime: go1", "handler: main", "code: ./dist/function.zip", "- run: make package"} {
		if !strings.Contains(string(readSYAML(t)), " "+line+"\n") {
			t.Errorf("s.yaml does not say %s", line)
		}
	}
}

// checkTimer holds a timer's payload against what it is for.
func checkTimer(t *testing.T, s settings, timer trigger) {
	t.Helper()
	requests, err := s.decode(timer, time.Now())
	if err != nil || len(requests) == 0 {
		t.Fatalf("%s: %v", timer.Name, err)
	}
	switch r := requests[0]; timer.Name {
	case "nightly":
		if r.Action != backup.ActionEnsure || r.WaitFor != backup.WaitCompleted {
			t.Errorf("%+v", r)
		}
	case "verify":
		if r.Action != backup.ActionVerify {
			t.Errorf("%+v", r)
		}
	default:
		t.Errorf("timer %s has no test", timer.Name)
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
