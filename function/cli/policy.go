package main

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"adb-backup/function/backup"

	"github.com/urfave/cli/v3"
)

// The actions that the function's calls need. A test compares them with what the code can call.
const (
	createAction   = "adb:CreateBackup"
	describeAction = "adb:DescribeBackups"
	listAction     = "adb:DescribeDBClusters"
)

// destinationActions are what the role must be allowed to do at a destination, by the service and the kind of its ARN.
var destinationActions = map[string]string{
	"mns/topics": "mns:PublishMessage", "mns/queues": "mns:SendMessage", "fc/functions": "fc:InvokeFunction",
	"eventbridge/eventbus": "eventbridge:PutEvents",
}

// documentLimit is how many characters a policy document may have.
const documentLimit = 6144

// document is a policy.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Action    list
	Resource  list            `json:",omitempty"`
	Principal map[string]list `json:",omitempty"`
}

type list []string

// UnmarshalJSON takes a plain value for a list of one item: a policy may be written so.
func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

func allow(action string, resources ...string) statement {
	return statement{Effect: "Allow", Action: []string{action}, Resource: resources}
}

// trust lets Function Compute work as the role.
var trust = statement{Effect: "Allow", Action: []string{"sts:AssumeRole"}, Principal: map[string]list{"Service": {"fc.aliyuncs.com"}}}

// scope are the clusters that the function works on.
type scope []backup.Request

// String names the clusters for a person, if there are at most five.
func (s scope) String() string {
	var names []string
	for _, r := range s {
		name := r.Cluster.ID + " in " + r.Cluster.Region
		if r.Selector != nil {
			name = "those that a selector chooses in " + strings.Join(r.Selector.Regions, " and ")
		}
		names = append(names, name)
	}
	if len(names) > 5 {
		return fmt.Sprintf("%s and %d more", names[0], len(names)-1)
	}
	return strings.Join(names, ", ")
}

// dbcluster is the resource of a cluster. The account stays open: a policy grants nothing outside the role's own.
func dbcluster(region, id string) string { return "acs:adb:" + region + ":*:dbcluster/" + id }

// grant returns the policy for actions on the clusters, with more statements after those. For a selector it grants every
// cluster of a region, because that chooses clusters that do not exist yet, and also from the size on at which the ARNs do not
// fit into a document. why says so for a person, and is empty otherwise.
func (s scope) grant(actions []string, more ...statement) (d document, why string) {
	var clusters, regions, chosen []string // chosen are the regions of selectors
	for _, r := range s {
		if r.Selector == nil {
			clusters, regions = append(clusters, dbcluster(r.Cluster.Region, r.Cluster.ID)), append(regions, dbcluster(r.Cluster.Region, "*"))
			continue
		}
		why = ". A selector chooses clusters that do not exist yet, so the policy covers every cluster of its regions"
		for _, region := range r.Selector.Regions {
			chosen = append(chosen, dbcluster(region, "*"))
		}
	}
	if chosen = distinct(chosen); chosen != nil {
		more = append([]statement{allow(listAction, chosen...)}, more...)
	}
	d = document{"1", append([]statement{{Effect: "Allow", Action: actions, Resource: slices.Concat(chosen, clusters)}}, more...)}
	if len(shown(d)) > documentLimit {
		d.Statement[0].Resource = distinct(slices.Concat(chosen, regions))
		why = fmt.Sprintf(". The clusters do not fit into the %d characters of a policy, so it covers every cluster of their regions", documentLimit)
	}
	return d, why
}

func distinct(texts []string) []string { return slices.Compact(slices.Sorted(slices.Values(texts))) }

// destinationGrants let the role tell the destinations how an invocation ended.
func (s settings) destinationGrants() (all []statement) {
	for _, d := range s.AsyncInvokeConfig.destinations() {
		if m := arn.FindStringSubmatch(d); m != nil {
			kind, _, _ := strings.Cut(strings.TrimPrefix(m[3], "/"), "/")
			if action, ok := destinationActions[m[1]+"/"+kind]; ok { // the account may be a variable of the deploy tool
				all = append(all, allow(action, "acs:"+m[1]+":"+m[2]+":*:"+m[3]))
			}
		}
	}
	return all
}

func policyCommand() *cli.Command {
	return settingsCommand("policy [NAME]", "print the RAM policies that are needed, filled in from s.yaml", printPolicies)
}

// printPolicies prints all that can be needed, the usual ones first, or the one that the argument names.
func printPolicies(_ context.Context, c *cli.Command, s settings) error {
	stdout, name := c.Root().Writer, c.Args().First()
	if s.unclear != nil && name != "trust" && name != "gate" { // these two name no cluster
		return wrong("%s: %w", s.file, s.unclear)
	}
	function := fmt.Sprintf("acs:fc:%s:*:functions/%s", s.Region, s.FunctionName)
	wait, why := s.scope.grant([]string{createAction, describeAction})
	status, _ := s.scope.grant([]string{describeAction})
	var names []string
	for _, p := range []struct {
		name, about string
		statements  []statement
	}{
		{"trust", "Trust policy of the role: Function Compute may work as it", []statement{trust}},
		{"wait", "For the role: request backups, wait for them, verify them" + why, wait.Statement},
		{"gate", "For the pipeline's own user: invoke this function and nothing else", []statement{allow("fc:InvokeFunction", function, function+"/*")}},
		{"status", "For whoever runs make status: see the backups", status.Statement},
		{"alarm", "For the role, as well: report the end of an invocation to the destinations", s.destinationGrants()},
	} {
		if p.statements == nil { // there are no destinations
			continue
		}
		text, _ := json.MarshalIndent(document{"1", p.statements}, "", "  ") // strings cannot fail
		if len(text) > documentLimit {                                       // no room for spaces
			text = []byte(shown(document{"1", p.statements}))
		}
		switch names = append(names, p.name); name {
		case "":
			fmt.Fprintf(stdout, "# %s: %s.\n%s\n\n", p.name, p.about, text)
		case p.name: // for a script: the JSON alone
			fmt.Fprintf(stdout, "%s\n", text)
			return nil
		}
	}
	if name != "" {
		return wrong("there is no policy %q; there are %s", name, strings.Join(names, ", "))
	}
	return nil
}
