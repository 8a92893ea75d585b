package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"strings"
)

// The actions that the function's own calls need. A test holds them against what the code can call.
const (
	createAction   = "adb:CreateBackup"
	describeAction = "adb:DescribeBackups"
)

// document is a RAM policy.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Action    []string
	Resource  []string   `json:",omitempty"`
	Principal *principal `json:",omitempty"`
}

type principal struct{ Service []string }

func allow(actions, resources []string) document {
	return document{"1", []statement{{Effect: "Allow", Action: actions, Resource: resources}}}
}

// policy is one policy to paste.
type policy struct {
	Name     string
	About    string
	Document document
}

// policies are all that can be needed, the usual ones first.
func policies(s settings) []policy {
	var clusters []string
	for _, id := range s.clusterIDs() {
		// The account is *: a role is granted nothing outside its own account whatever stands here.
		clusters = append(clusters, fmt.Sprintf("acs:adb:%s:*:dbcluster/%s", s.Region, id))
	}
	function := fmt.Sprintf("acs:fc:%s:*:functions/%s", s.Region, s.FunctionName)
	all := []policy{
		{"trust", "Trust policy of the role: Function Compute may work as it", document{"1", []statement{{
			Effect: "Allow", Action: []string{"sts:AssumeRole"}, Principal: &principal{[]string{"fc.aliyuncs.com"}},
		}}}},
		{"wait", "For the role, as s.yaml uses it: request backups, wait for them, verify them",
			allow([]string{createAction, describeAction}, clusters)},
		{"request", "For the role, instead of wait: request only. The function then sees no backups: it cannot wait or verify,\n" +
			"and every delivery of an event creates a backup, the second delivery of the same one too",
			allow([]string{createAction}, clusters)},
		{"gate", "For the pipeline's own user: invoke this function and nothing else",
			allow([]string{"fc:InvokeFunction"}, []string{function, function + "/*"})},
	}
	if s.AlarmInUse {
		all = append(all, policy{"alarm", "For the role, as well: report failures to the topic",
			allow([]string{"mns:PublishMessage"}, []string{fmt.Sprintf("acs:mns:%s:*:/topics/%s/messages", s.Region, s.AlarmTopic)})})
	}
	return all
}

func policyCommand(_ context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("policy", flag.ContinueOnError)
	file := flags.String("s", "s.yaml", "the `file` to read vars from")
	if err := parse(flags, args, stderr, 1); err != nil {
		return err
	}
	s, err := readSettings(*file)
	if err != nil {
		return err
	}
	for _, w := range s.warnings() {
		fmt.Fprintln(stderr, "warning: "+*file+":", w)
	}
	name := flags.Arg(0)
	var names []string
	for _, p := range policies(s) {
		names = append(names, p.Name)
		if name != "" && name != p.Name {
			continue
		}
		text, err := json.MarshalIndent(p.Document, "", "  ")
		if err != nil {
			return err
		}
		if name != "" { // for a script: the JSON alone
			_, err := fmt.Fprintf(stdout, "%s\n", text)
			return err
		}
		fmt.Fprintf(stdout, "# %s: %s.\n%s\n\n", p.Name, strings.ReplaceAll(p.About, "\n", "\n# "), text)
	}
	if name != "" {
		return usage("there is no policy %q; there are %s (alarm only where s.yaml sets a failure destination)", name, strings.Join(names, ", "))
	}
	return nil
}
