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

// destinationActions are what the role must be allowed to do at a destination, by the service and the kind of its ARN.
var destinationActions = map[string]string{
	"mns/topics": "mns:PublishMessage", "mns/queues": "mns:SendMessage", "fc/functions": "fc:InvokeFunction",
	"eventbridge/eventbus": "eventbridge:PutEvents",
}

// documentLimit is how many characters a policy document may have.
const documentLimit = 6144

// document is a policy. RAM returns a list of one item as a plain value, too.
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Effect    string
	Action    list
	Resource  list            `json:",omitempty"`
	Principal map[string]list `json:",omitempty"`
	Condition any             `json:",omitempty"`

	NotAction, NotResource any `json:",omitempty"`
}

type list []string

// UnmarshalJSON takes a plain value for a list of one item.
func (l *list) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*l = list{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(l))
}

// parseDocument reads a policy of RAM's. One that holds what is not known here is an error: it could not be written again whole.
func parseDocument(text string) (d document, err error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	return d, decoder.Decode(&d)
}

func allow(actions, resources list) statement {
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

// grants returns what the document allows, one line for each action and resource, sorted, so that documents that grant the
// same give the same lines. plain reports whether it holds nothing else, such as a condition or a Deny.
func (d document) grants() (lines []string, plain bool) {
	plain = true
	for _, s := range d.Statement {
		plain = plain && s.Effect == "Allow" && s.Principal == nil && s.Condition == nil && s.NotAction == nil && s.NotResource == nil
		for _, action := range s.Action {
			for _, resource := range s.Resource {
				lines = append(lines, action+" on "+resource)
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines), plain
}

// trust lets Function Compute work as the role.
var trust = statement{Effect: "Allow", Action: list{"sts:AssumeRole"}, Principal: map[string]list{"Service": {"fc.aliyuncs.com"}}}

// trustsFunctionCompute reports whether Function Compute may work as a role with this trust policy.
func (d document) trustsFunctionCompute() bool {
	return slices.ContainsFunc(d.Statement, func(s statement) bool {
		return s.Effect == "Allow" && s.Condition == nil && slices.Contains(s.Action, trust.Action[0]) && slices.Contains(s.Principal["Service"], "fc.aliyuncs.com")
	})
}

// grant returns the policy for actions on the clusters, with more statements after those. From the size on at which the
// clusters' ARNs do not fit into a document it grants every cluster of their regions, and for a selector as well, because that
// chooses clusters that do not exist yet. why says so for a person, and is empty otherwise.
func (s scope) grant(actions list, more ...statement) (d document, why string) {
	resources, lists := list{}, list{}
	for _, region := range s.regions() {
		all := clusterARN(region, "*") // the account stays open: a policy grants nothing outside the role's own
		if s.selected[region] {
			lists, resources = append(lists, all), append(resources, all)
			why = "A selector chooses clusters that do not exist yet, so the policy covers every cluster of its regions."
			continue
		}
		for _, id := range s.ids[region] {
			resources = append(resources, clusterARN(region, id))
		}
	}
	d = document{"1", []statement{allow(actions, resources)}}
	if len(lists) > 0 {
		d.Statement = append(d.Statement, allow(list{listAction}, lists))
	}
	d.Statement = append(d.Statement, more...)
	if largest := s.largest(); len(d.compact()) > documentLimit && largest != "" {
		n := len(s.ids[largest])
		whole := scope{maps.Clone(s.ids), maps.Clone(s.selected)}
		whole.ids[largest] = []string{"*"}
		d, why = whole.grant(actions, more...)
		return d, strings.TrimSpace(fmt.Sprintf("%s %d clusters do not fit into the %d characters of a policy, so it covers every cluster of %s.", why, n, documentLimit, largest))
	}
	return d, why
}

func clusterARN(region, id string) string { return "acs:adb:" + region + ":*:dbcluster/" + id }

// largest returns the region with the most ids, empty if no region has more than one.
func (s scope) largest() (largest string) {
	for _, region := range s.regions() {
		if n := len(s.ids[region]); !s.selected[region] && n > max(1, len(s.ids[largest])) {
			largest = region
		}
	}
	return largest
}

// destinationGrants let the role tell the destinations how an invocation ended.
func (s settings) destinationGrants() (all []statement) {
	for _, d := range s.AsyncInvokeConfig.destinations() {
		parts := strings.SplitN(d, ":", 5)
		if len(parts) < 5 {
			continue
		}
		parts[3] = "*" // the account may be a variable of the deploy tool
		kind, _, _ := strings.Cut(strings.TrimPrefix(parts[4], "/"), "/")
		if action, ok := destinationActions[parts[1]+"/"+kind]; ok {
			all = append(all, allow(list{action}, list{strings.Join(parts, ":")}))
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
	wait, why := clusters.grant(list{createAction, describeAction})
	request, _ := clusters.grant(list{createAction})
	status, _ := clusters.grant(list{describeAction})
	all := []policy{
		{"trust", "Trust policy of the role: Function Compute may work as it.", document{"1", []statement{trust}}},
		{"wait", strings.TrimSpace("For the role, as s.yaml uses it: request backups, wait for them, verify them. " + why), wait},
		{"request", "For the role, instead of wait: request only. The function then sees no backups: it cannot wait or verify,\n" +
			"and every delivery of an event creates a backup, the second delivery of the same one too.", request},
		{"gate", "For the pipeline's own user: invoke this function and nothing else.",
			document{"1", []statement{allow(list{"fc:InvokeFunction"}, list{function, function + "/*"})}}},
		{"status", "For whoever runs make status: see the backups.", status},
	}
	if grants := s.destinationGrants(); len(grants) > 0 {
		all = append(all, policy{"alarm", "For the role, as well: report the end of an invocation to the destinations.", document{"1", grants}})
	}
	return all
}

func policyCommand() *cli.Command {
	return &cli.Command{
		Name: "policy", Usage: "print the RAM policies that are needed, filled in from s.yaml", ArgsUsage: "[NAME]",
		Flags:        []cli.Flag{fileFlag("the `FILE` that names clusters and function")},
		ArgValidator: atMost(1),
		Action:       printPolicies,
	}
}

func printPolicies(_ context.Context, c *cli.Command) error {
	s, err := readSettings(c.String("s"))
	if err != nil {
		return err
	}
	name := c.Args().First()
	clusters, err := s.scope()
	all := policies(s, clusters)
	i := slices.IndexFunc(all, func(p policy) bool { return p.Name == name })
	switch {
	case name != "" && i < 0:
		return wrong("there is no policy %q; there are trust, wait, request, gate, status, and alarm where s.yaml sets a destination", name)
	case err != nil && name != "trust" && name != "gate": // these two name no cluster
		return wrong("%s: %w", c.String("s"), err)
	case name != "": // for a script: the JSON alone
		fmt.Fprintln(c.Root().Writer, all[i].Document.printed())
		return nil
	}
	for _, p := range all {
		fmt.Fprintf(c.Root().Writer, "# %s: %s\n%s\n\n", p.Name, strings.ReplaceAll(p.About, "\n", "\n# "), p.Document.printed())
	}
	return nil
}
