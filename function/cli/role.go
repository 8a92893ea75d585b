package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

	"github.com/urfave/cli/v3"
)

func roleCommand() *cli.Command {
	return settingsCommand("role", "make the RAM role that the function works as, or bring it up to date with s.yaml", makeRole, endpointFlag(), yesFlag())
}

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Usage: "do not ask before anything is changed"}
}

// goOn asks whether to go on, unless -yes does not want that. Where nobody can answer it is the command that is wrong.
func goOn(ctx context.Context, cmd *cli.Command, question string) error {
	if cmd.Bool("yes") {
		return nil
	}
	yes, err := terminal.Confirm(ctx, os.Stdin, cmd.Root().ErrWriter, question)
	switch {
	case errors.Is(err, terminal.ErrNoTerminal):
		return wrong("nothing was changed: there is no terminal to ask on. With -yes (in make: YES=1) it does not ask")
	case !yes:
		return no("nothing was changed")
	}
	return nil
}

func makeRole(ctx context.Context, cmd *cli.Command, s settings) error {
	name, err := roleName(s.Role)
	if err = cmp.Or(err, s.unclear); err != nil {
		return wrong("%s: %w", s.file, err)
	}
	who, account, err := s.identify(ctx)
	if err != nil {
		return err
	}
	plan, err := s.planRole(ctx, who, name)
	if err != nil {
		return err
	}
	stdout := cmd.Root().Writer
	fmt.Fprintf(stdout, "Account %s, role %s, policy %s\n", account, name, policyName(name))
	var todo []ramStep
	for _, step := range plan {
		sign := "right already"
		if step.action != "" {
			sign, todo = "to do", append(todo, step)
		}
		fmt.Fprintf(stdout, "  %-14s %s\n", sign, step.what)
	}
	if todo == nil {
		fmt.Fprintln(stdout, "Nothing to do.")
		return nil
	}
	if err := goOn(ctx, cmd, "Go on?"); err != nil {
		return err
	}
	for _, step := range todo {
		if err := s.ram(ctx, who, step.action, step.query, new(any)); err != nil {
			return fmt.Errorf("%w; correct that and run it again: it goes on where it stopped", err)
		}
		fmt.Fprintln(stdout, "done:", step.what)
	}
	return nil
}

var (
	roleForm         = regexp.MustCompile(`^(?:acs:ram::(?:\d+|\$\{config\(['"]AccountID['"]\)\}):role/)?([A-Za-z0-9._-]{1,64})$`)
	notInPolicyNames = regexp.MustCompile(`[^A-Za-z0-9-]`) // of what the name of a role may hold
)

// policyName is the name of a role, as far as RAM allows it for a policy.
func policyName(role string) string { return notInPolicyNames.ReplaceAllString(role, "-") }

// roleName reads the role of s.yaml: a name, or an ARN.
func roleName(role string) (name string, err error) {
	m := roleForm.FindStringSubmatch(role)
	switch {
	case open(role) && m == nil: // the deploy tool fills it in
		return role, nil
	case m == nil || role == "auto": // which does not work in the deploy tool
		return "", fmt.Errorf("role: %s is neither the name of a role nor an ARN such as acs:ram::1234567890123456:role/adb-backup: name one, and make role creates it", backup.Quote(role))
	}
	return m[1], nil
}

// ram makes one call of Resource Access Management.
func (s settings) ram(ctx context.Context, who credentials.Credentials, action string, query map[string]string, into any) error {
	s.cloud.Host = cmp.Or(s.cloud.Host, "ram.aliyuncs.com")
	err := call{who: who, endpoint: s.cloud, action: action, version: "2015-05-01", query: query}.do(ctx, into)
	if hasCode(err, "NoPermission") || hasCode(err, "Forbidden") {
		return fmt.Errorf("%w: these credentials may not manage RAM. Somebody who may can run make role, or grant what make policy prints", err)
	}
	return err
}

// hasCode reports whether err is a service's error whose code begins with prefix.
func hasCode(err error, prefix string) bool {
	e := new(apiError)
	return errors.As(err, &e) && strings.HasPrefix(e.Code, prefix)
}

// made begins the description of every role and policy that this command makes. It changes no role or policy without it.
const made = "Made by adb-backup: "

// errForeign is the error about a role or a policy that this command did not make.
var errForeign = errors.New("RAM has a role or a policy of this name that this command did not make, so it is left alone: " +
	"name another role in s.yaml, or give it the policies that make policy prints")

// ramStep is one thing that the role needs. Without an action there is nothing to do about it.
type ramStep struct {
	what   string // it is, or what will be done
	action string // RAM's
	query  map[string]string
}

// attached is a policy that is attached to a role.
type attached struct{ PolicyName, PolicyType string }

// inRAM is what there is of a role and its policy.
type inRAM struct {
	Role                 *struct{ Description, AssumeRolePolicyDocument string }
	Policy               *struct{ Description string }
	DefaultPolicyVersion struct{ PolicyDocument string }
	Policies             struct{ Policy []attached }
}

// planRole returns what has to be there, in order, and what of it has to be changed. An error means that nothing may be.
func (s settings) planRole(ctx context.Context, who credentials.Credentials, name string) ([]ramStep, error) {
	var has inRAM
	role, policy := map[string]string{"RoleName": name}, map[string]string{"PolicyName": policyName(name), "PolicyType": "Custom"}
	for _, look := range []ramStep{{"", "GetRole", role}, {"", "GetPolicy", policy}, {"", "ListPoliciesForRole", role}} {
		err := s.ram(ctx, who, look.action, look.query, &has) // each call fills in its part
		if err != nil && !hasCode(err, "EntityNotExist") {
			return nil, err
		}
	}
	if has.Role != nil && !strings.HasPrefix(has.Role.Description, made) || has.Policy != nil && !strings.HasPrefix(has.Policy.Description, made) {
		return nil, fmt.Errorf("%s: %w", name, errForeign)
	}
	trusted, badTrust := has.trusted(name)
	granted, badPolicy := s.granted(name, has)
	if err := cmp.Or(badTrust, badPolicy); err != nil {
		return nil, err
	}
	policy["RoleName"] = name
	attach := ramStep{"give the role the policy", "AttachPolicyToRole", policy}
	if slices.Contains(has.Policies.Policy, attached{policyName(name), "Custom"}) {
		attach = ramStep{what: "the role has the policy"}
	}
	return []ramStep{trusted, granted, attach}, nil
}

// trusted returns what has to become of the role and its trust policy. Whoever else may work as the role still may afterwards.
func (has inRAM) trusted(name string) (ramStep, error) {
	if has.Role == nil {
		return ramStep{"create the role, which Function Compute may work as", "CreateRole", map[string]string{
			"RoleName": name, "AssumeRolePolicyDocument": shown(document{"1", []statement{trust}}),
			"Description": made + "Function Compute works as this role to back up AnalyticDB for MySQL",
		}}, nil
	}
	var d struct {
		Version   string
		Statement []any // RAM may write a list of one item as a plain value
	}
	if err := json.Unmarshal([]byte(has.Role.AssumeRolePolicyDocument), &d); err != nil {
		return ramStep{}, fmt.Errorf("the trust policy of the role %s cannot be read: %w", name, err)
	}
	for _, s := range d.Statement {
		says := func(word string) bool { return strings.Contains(shown(s), `"`+word+`"`) }
		if says("Allow") && says("sts:AssumeRole") && says("fc.aliyuncs.com") && !says("Condition") {
			return ramStep{what: "Function Compute may work as it"}, nil
		}
	}
	d.Statement = append(d.Statement, trust)
	return ramStep{"let Function Compute work as the role, in addition to those who may already", "UpdateRole", map[string]string{
		"RoleName": name, "NewAssumeRolePolicyDocument": shown(d),
	}}, nil
}

// granted returns what has to become of the policy. What this command did not write must not be taken away.
func (s settings) granted(name string, has inRAM) (ramStep, error) {
	want, why := s.scope.grant([]string{createAction, describeAction}, s.destinationGrants()...)
	about := "the policy: back up " + s.scope.String() + why
	query := map[string]string{"PolicyName": policyName(name), "PolicyDocument": shown(want)}
	if has.Policy == nil {
		query["Description"] = made + "what the function of adb-backup may do"
		return ramStep{"create " + about, "CreatePolicy", query}, nil
	}
	var d document
	decoder := json.NewDecoder(strings.NewReader(has.DefaultPolicyVersion.PolicyDocument))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&d)
	written := slices.AppendSeq([]string{createAction, describeAction, listAction}, maps.Values(destinationActions))
	for _, s := range d.Statement {
		if s.Effect != "Allow" || slices.ContainsFunc(s.Action, func(action string) bool { return !slices.Contains(written, action) }) {
			err = fmt.Errorf("%s of %s", s.Effect, strings.Join(s.Action, ", "))
		}
	}
	if err != nil {
		return ramStep{}, fmt.Errorf("the policy %s holds something that this command did not write: move that into another policy: %w", policyName(name), err)
	}
	if shown(d) == shown(want) {
		return ramStep{what: about}, nil
	}
	query["SetAsDefault"], query["RotateStrategy"] = "true", "DeleteOldestNonDefaultVersionWhenLimitExceeded"
	return ramStep{"renew " + about, "CreatePolicyVersion", query}, nil
}
