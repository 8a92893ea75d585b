package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os/exec"
	"slices"
	"strings"
	"time"

	"adb-backup/function/backup"
	"adb-backup/function/config"

	"github.com/urfave/cli/v3"
)

// doctorCommand says what is missing to deploy, and what would fail only later: the deploy tool itself accepts nearly anything.
func doctorCommand() *cli.Command {
	return &cli.Command{
		Name: "doctor", Usage: "say whether everything is as s.yaml says, and the clusters protected",
		Flags: []cli.Flag{fileFlag("the `FILE` that says what is deployed")},
		Action: func(_ context.Context, c *cli.Command) error {
			_, err := ready(c.String("s"), time.Now(), c.Root().Writer)
			return errors.Join(err, missingTools())
		},
	}
}

// ready reads s.yaml, says when its timers fire and what is worth a note, and returns all that is wrong with it.
func ready(file string, now time.Time, stdout io.Writer) (settings, error) {
	s, err := readSettings(file)
	if err != nil {
		return s, err
	}
	found := s.inspect(now)
	for _, note := range found.notes {
		found.text += fmt.Sprintf("note: %s\n", note)
	}
	say(stdout, "%s", found.text)
	for i, fault := range found.faults {
		found.faults[i] = fmt.Errorf("%s: %w", file, fault)
	}
	return s, errors.Join(found.faults...)
}

// findings are what an inspection of s.yaml finds.
type findings struct {
	text   string // what will happen, for a person
	notes  []string
	faults []error
}

func (f *findings) note(format string, a ...any) {
	f.notes = append(f.notes, fmt.Sprintf(format, a...))
}

func (f *findings) fault(format string, a ...any) {
	f.faults = append(f.faults, fmt.Errorf(format, a...))
}

// region checks the region that a setting names.
func (f *findings) region(setting, region string) {
	if note, err := checkRegion(region); err != nil {
		f.fault("%s: %w", setting, err)
	} else if note != "" {
		f.note("%s: %s", setting, note)
	}
}

// placeholder is the cluster that s.yaml ships with. No cluster has that id, so a function that is deployed with it calls nothing.
const placeholder = "amv-your-cluster"

var errPlaceholder = errors.New("vars.clusters is still the placeholder " + placeholder + ": put your own cluster's id there")

// inspect finds what is wrong with s.yaml, and what is worth a note.
func (s settings) inspect(now time.Time) findings {
	now = now.Truncate(time.Second) // an @every counts from now; no message needs parts of a second
	var f findings
	s.inspectFunction(&f)
	if s.hasPlaceholder() {
		f.faults = append(f.faults, errPlaceholder)
	} else {
		s.inspectClusters(&f, now)
	}
	s.inspectTriggers(&f)
	s.inspectEnvironment(&f)
	all := s.readTimers(now)
	f.faults = append(f.faults, all.faults...)
	notes, faults := s.disagreements(all, now)
	f.notes, f.faults = append(f.notes, notes...), append(f.faults, faults...)
	f.text += all.coming(now)
	return f
}

// inspectFunction looks at the region, the name, the role and the network.
func (s settings) inspectFunction(f *findings) {
	f.region("vars.region", s.Region)
	if !functionName.MatchString(s.FunctionName) {
		f.fault("vars.functionName: %s is not the name of a function", backup.Quote(s.FunctionName))
	}
	if _, _, err := roleName(s.Role); err != nil {
		f.fault("vars.role: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(s.VPC)) {
		if strings.Contains(s.VPC[name], "-your-") {
			f.fault("vpcConfig.%s is still a placeholder: put your own there, or comment the block out", name)
		}
	}
	if s.Environment["ADB_NETWORK"] == "vpc" && len(s.VPC) == 0 {
		f.fault("environmentVariables: ADB_NETWORK is vpc, but vpcConfig is missing: AnalyticDB cannot be reached")
	}
}

// inspectClusters reads the clusters as the function will, and says which they are.
func (s settings) inspectClusters(f *findings, now time.Time) {
	requests, err := s.requests(now)
	if err != nil {
		f.faults = append(f.faults, err)
		if strings.Contains(err.Error(), "not JSON") {
			f.fault(`vars.clusters holds a field of the request: '"DBClusterIds": ["amv-1", "amv-2"]' or '"DBClusterSelector": {"Tags": {"backup": "nightly"}}'`)
		}
		return
	}
	if len(requests) == 0 {
		f.note("no timer is enabled, and no cluster is named: the function does nothing by itself")
		return
	}
	scope := scopeOf(requests)
	for _, region := range scope.regions() {
		if region != s.Region { // inspectFunction looks at that one
			f.region("vars.clusters", region)
		}
	}
	f.text += fmt.Sprintf("clusters     %s\n", scope)
}

// inspectEnvironment checks the variables as the function does when it starts.
func (s settings) inspectEnvironment(f *findings) {
	var environ []string
	for _, name := range slices.Sorted(maps.Keys(s.Environment)) {
		value := s.Environment[name]
		if name == "ADB_DEFAULT_CLUSTERS" || strings.Contains(value, "${") {
			value = "" // vars.imageClusters, which inspectClusters reads; or a value that only the deploy tool knows
		}
		environ = append(environ, name+"="+value)
	}
	if _, err := config.Load(environ); err != nil {
		f.fault("environmentVariables: %w", err)
	}
}

// inspectTriggers finds the triggers that would never do anything.
func (s settings) inspectTriggers(f *findings) {
	for _, t := range s.Triggers {
		if t.Type != "eventbridge" || !t.Enabled || !strings.Contains(t.Filter, `"acs.cr"`) {
			continue
		}
		switch {
		case strings.Contains(t.Filter, `"your-namespace"`) || strings.Contains(t.Filter, `"your-repository"`):
			f.note("trigger %s does nothing until vars.imageNamespace and vars.imageRepository are set", t.Name)
		case len(s.defaultClusters()) == 0:
			f.fault("trigger %s reacts to images, which name no cluster: set vars.imageClusters, too, or disable the trigger (triggerEnable: false)", t.Name)
		}
	}
}

func (s settings) hasPlaceholder() bool {
	return slices.ContainsFunc(s.Triggers, func(t trigger) bool { return strings.Contains(t.Payload, placeholder) })
}

// missingTools returns an error that says what Serverless Devs needs and this machine lacks, and how to get it.
func missingTools() error {
	var faults []error
	if _, err := exec.LookPath("node"); err != nil {
		faults = append(faults, errors.New("no Node.js, which Serverless Devs runs on: install version 18 or later from https://nodejs.org"))
	}
	if _, err := exec.LookPath("s"); err != nil {
		faults = append(faults, errors.New("no Serverless Devs, the command s: npm install -g @serverless-devs/s"))
	}
	return errors.Join(faults...)
}
