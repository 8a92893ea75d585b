package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/urfave/cli/v3"
)

// The actions that the function's calls need. A test compares them with what the code can call.
const (
	createAction   = "adb:CreateBackup"
	describeAction = "adb:DescribeBackups"
	listAction     = "adb:DescribeDBClusters"
)

// documentLimit is how many characters a policy document may have.
const documentLimit = 6144

// document is a policy as this program writes it.
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

func allow(actions, resources []string) statement {
	return statement{Effect: "Allow", Action: actions, Resource: resources}
}

// compact returns the document as it is sent to RAM.
func (d document) compact() string {
	text, _ := json.Marshal(d) // strings cannot fail
	return string(text)
}

// printed returns the document for a person to read and to paste: on several lines if a policy has room for them.
func (d document) printed() string {
	text, _ := json.MarshalIndent(d, "", "  ")
	if len(text) > documentLimit {
		return d.compact()
	}
	return string(text)
}

// resources returns the clusters' ARNs, and dbcluster/* instead for every region of whole.
func (s scope) resources(whole map[string]bool) []string {
	var arns []string
	for _, region := range s.regions() {
		if whole[region] {
			arns = append(arns, clusterARN(region, "*"))
			continue
		}
		for _, id := range s.ids[region] {
			arns = append(arns, clusterARN(region, id))
		}
	}
	return arns
}

// clusterARN leaves the account open, because a policy cannot grant anything outside the role's own account.
func clusterARN(region, id string) string {
	return fmt.Sprintf("acs:adb:%s:*:dbcluster/%s", region, id)
}

// statements grants actions on the clusters, and the list of clusters if a selector needs it.
func (s scope) statements(whole map[string]bool, actions []string) []statement {
	all := []statement{allow(actions, s.resources(whole))}
	if len(s.selected) > 0 {
		all = append(all, allow([]string{listAction}, scope{selected: s.selected}.resources(s.selected)))
	}
	return all
}

// grant returns the policy for actions on the clusters, with more statements after those. If the clusters' ARNs do not fit
// into one document, it grants every cluster of a region. why says so for a person, and is empty otherwise.
func (s scope) grant(actions []string, more ...statement) (d document, why string) {
	whole := map[string]bool{}
	if len(s.selected) > 0 {
		why = fmt.Sprintf("A selector chooses clusters that do not exist yet, so the policy covers every cluster of %s.", strings.Join(slices.Sorted(maps.Keys(s.selected)), ", "))
		for region := range s.selected {
			whole[region] = true
		}
	}
	for {
		d = document{"1", append(s.statements(whole, actions), more...)}
		region := s.largest(whole)
		if len(d.compact()) <= documentLimit || region == "" {
			return d, why
		}
		whole[region] = true
		why = strings.TrimSpace(fmt.Sprintf("%s %d clusters do not fit into the %d characters of a policy, so it covers every cluster of %s.", why, len(s.ids[region]), documentLimit, region))
	}
}

// largest returns the region with the most ids that is not granted as a whole.
func (s scope) largest(whole map[string]bool) string {
	var largest string
	for _, region := range s.regions() {
		if !whole[region] && len(s.ids[region]) > len(s.ids[largest]) {
			largest = region
		}
	}
	return largest
}

// trustPolicy lets Function Compute work as the role.
func trustPolicy() document {
	return document{"1", []statement{{
		Effect: "Allow", Action: []string{"sts:AssumeRole"}, Principal: &principal{[]string{"fc.aliyuncs.com"}},
	}}}
}

// destinationActions are what the role must be allowed to do at a destination, by the service and the kind of its ARN.
var destinationActions = map[string]string{
	"mns/topics": "mns:PublishMessage", "mns/queues": "mns:SendMessage", "fc/functions": "fc:InvokeFunction",
	"eventbridge/eventbus": "eventbridge:PutEvents",
}

// destinationGrants let the role tell the destinations how an invocation ended.
func (s settings) destinationGrants() []statement {
	var all []statement
	for _, arn := range s.Destinations {
		parts := strings.SplitN(arn, ":", 5)
		if len(parts) != 5 || parts[0] != "acs" {
			continue
		}
		parts[3] = "*" // the account may be a variable of the deploy tool
		kind, _, _ := strings.Cut(strings.TrimPrefix(parts[4], "/"), "/")
		if action, ok := destinationActions[parts[1]+"/"+kind]; ok {
			all = append(all, allow([]string{action}, []string{strings.Join(parts, ":")}))
		}
	}
	return all
}

// policy is one policy to paste.
type policy struct {
	Name     string
	About    string
	Document document
}

// policies returns all that can be needed, the usual ones first.
func policies(s settings, clusters scope) []policy {
	function := fmt.Sprintf("acs:fc:%s:*:functions/%s", s.Region, s.FunctionName)
	wait, why := clusters.grant([]string{createAction, describeAction})
	request, _ := clusters.grant([]string{createAction})
	status, _ := clusters.grant([]string{describeAction})
	if why != "" {
		why = ".\n" + strings.TrimSuffix(why, ".")
	}
	all := []policy{
		{"trust", "Trust policy of the role: Function Compute may work as it", trustPolicy()},
		{"wait", "For the role, as s.yaml uses it: request backups, wait for them, verify them" + why, wait},
		{"request", "For the role, instead of wait: request only. The function then sees no backups: it cannot wait or verify,\n" +
			"and every delivery of an event creates a backup, the second delivery of the same one too" + why, request},
		{"gate", "For the pipeline's own user: invoke this function and nothing else",
			document{"1", []statement{allow([]string{"fc:InvokeFunction"}, []string{function, function + "/*"})}}},
		{"status", "For whoever runs make status: see the backups" + why, status},
	}
	if grants := s.destinationGrants(); len(grants) > 0 {
		all = append(all, policy{"alarm", "For the role, as well: report the end of an invocation to the destinations", document{"1", grants}})
	}
	return all
}

func policyCommand() *cli.Command {
	return &cli.Command{
		Name: "policy", Usage: "print the RAM policies that are needed, filled in from s.yaml", ArgsUsage: "[NAME]",
		ArgValidator: atMost(1),
		Flags:        []cli.Flag{fileFlag("the `FILE` that names clusters and function")},
		Action:       printPolicies,
	}
}

func printPolicies(_ context.Context, c *cli.Command) error {
	file, stdout := c.String("s"), c.Root().Writer
	s, err := readSettings(file)
	if err != nil {
		return err
	}
	name := c.Args().First()
	clusters, err := s.scope()
	all := policies(s, clusters)
	var names []string
	for _, p := range all {
		names = append(names, p.Name)
	}
	if name != "" && !slices.Contains(names, name) {
		return wrong("there is no policy %q; there are %s (alarm only where s.yaml sets a destination)", name, strings.Join(names, ", "))
	}
	if err != nil && name != "trust" && name != "gate" { // these two name no cluster
		return fmt.Errorf("%s: %w", file, err)
	}
	for _, p := range all {
		switch name {
		case "":
			about := strings.ReplaceAll(p.Name+": "+p.About+".", "\n", "\n# ")
			fmt.Fprintf(stdout, "# %s\n%s\n\n", about, p.Document.printed())
		case p.Name: // for a script: the JSON alone
			fmt.Fprintln(stdout, p.Document.printed())
		}
	}
	return nil
}
