package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// plan is what has to be changed in RAM, in order.
type plan struct {
	lines   []string // what there is and what will be done, for a person
	changes []change
}

// change is one call of RAM that changes something.
type change struct {
	done   string // said when it is done
	action string
	query  map[string]string
}

func (p *plan) keep(what string) {
	p.lines = append(p.lines, "  right already  "+what)
}

func (p *plan) add(what string, c change) {
	p.lines = append(p.lines, "  to do          "+what)
	p.changes = append(p.changes, c)
}

func (p *plan) text() string { return strings.Join(p.lines, "\n") + "\n" }

// plan looks at what there is. An error means that nothing may be changed.
func (r ram) plan(ctx context.Context, want wanted) (*plan, error) {
	role, err := r.role(ctx, want.name)
	if err != nil {
		return nil, err
	}
	policy, err := r.policy(ctx, want.policyName)
	if err != nil {
		return nil, err
	}
	if role != nil && !strings.HasPrefix(role.Description, made) {
		return nil, fmt.Errorf("the role %s exists, and this command did not make it, so it is left alone: name another one under vars.role, or give it the policies that make policy prints", want.name)
	}
	if policy != nil && !strings.HasPrefix(policy.Description, made) {
		return nil, fmt.Errorf("the policy %s exists, and this command did not make it, so it is left alone: name another role under vars.role, or give the role the policies that make policy prints", want.policyName)
	}
	p := new(plan)
	if err := p.role(want, role); err != nil {
		return nil, err
	}
	if err := p.policy(want, policy); err != nil {
		return nil, err
	}
	var has []attached
	if role != nil {
		if has, err = r.attachedTo(ctx, want.name); err != nil {
			return nil, err
		}
	}
	p.attachment(want, has)
	return p, nil
}

func (p *plan) role(want wanted, role *ramRole) error {
	if role == nil {
		p.add("create the role, which Function Compute may work as", change{"created the role", "CreateRole", map[string]string{
			"RoleName": want.name, "AssumeRolePolicyDocument": trustPolicy().compact(),
			"Description": made + "Function Compute works as this role to back up AnalyticDB for MySQL",
		}})
		return nil
	}
	trust, err := parseDocument(role.AssumeRolePolicyDocument)
	if err != nil {
		return fmt.Errorf("the trust policy of the role %s cannot be read: %w", want.name, err)
	}
	if trust.trustsFunctionCompute() {
		p.keep("the role: Function Compute may work as it")
		return nil
	}
	ours, err := parseDocument(trustPolicy().compact())
	if err != nil {
		return err
	}
	trust.Version, trust.Statement = ours.Version, append(trust.Statement, ours.Statement...)
	text, err := json.Marshal(trust)
	if err != nil {
		return err
	}
	p.add("let Function Compute work as the role, in addition to those who may already", change{"changed the role's trust policy", "UpdateRole", map[string]string{
		"RoleName": want.name, "NewAssumeRolePolicyDocument": string(text),
	}})
	return nil
}

func (p *plan) policy(want wanted, policy *ramPolicy) error {
	if policy == nil {
		p.add("create the policy: back up "+want.about, change{"created the policy", "CreatePolicy", map[string]string{
			"PolicyName": want.policyName, "PolicyDocument": want.policy.compact(), "Description": made + "what the function of adb-backup may do",
		}})
		p.explain(want)
		return nil
	}
	before, err := parseDocument(policy.Document)
	if err != nil {
		return fmt.Errorf("the policy %s cannot be read: %w", want.policyName, err)
	}
	after, err := parseDocument(want.policy.compact())
	if err != nil {
		return err
	}
	has, only := before.grants()
	needs, _ := after.grants()
	if foreign := slices.DeleteFunc(slices.Clone(has), writtenHere); !only || len(foreign) > 0 {
		return fmt.Errorf("the policy %s holds something that this command did not write %s: move that into another policy", want.policyName, foreign)
	}
	if slices.Equal(has, needs) {
		p.keep("the policy: back up " + want.about)
		return nil
	}
	p.add("renew the policy: back up "+want.about, change{"renewed the policy", "CreatePolicyVersion", map[string]string{
		"PolicyName": want.policyName, "PolicyDocument": want.policy.compact(), "SetAsDefault": "true",
		"RotateStrategy": "DeleteOldestNonDefaultVersionWhenLimitExceeded",
	}})
	p.compare("+", needs, has)
	if p.compare("-", has, needs) {
		p.lines = append(p.lines, "                 Does another function work as this role? Then give one of them a role of its own.")
	}
	p.explain(want)
	return nil
}

// writtenHere reports whether this command may have written a line of grants.
func writtenHere(line string) bool {
	action, _, _ := strings.Cut(line, " on ")
	actions := slices.AppendSeq([]string{createAction, describeAction, listAction}, maps.Values(destinationActions))
	return slices.Contains(actions, action)
}

// compare adds a line for what these grants hold and those do not, and reports whether there is any.
func (p *plan) compare(sign string, these, those []string) bool {
	const most = 10
	var lines []string
	for _, line := range these {
		if !slices.Contains(those, line) {
			lines = append(lines, "                 "+sign+" "+line)
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("                 %s and %d more", sign, len(lines)-most))
	}
	p.lines = append(p.lines, lines...)
	return len(lines) > 0
}

func (p *plan) explain(want wanted) {
	if want.why != "" {
		p.lines = append(p.lines, "                 "+want.why)
	}
}

func (p *plan) attachment(want wanted, has []attached) {
	ours := attached{want.policyName, "Custom"}
	if slices.Contains(has, ours) {
		p.keep("the role has the policy")
	} else {
		p.add("give the role the policy", change{"gave the role the policy", attachAction, map[string]string{
			"RoleName": want.name, "PolicyName": want.policyName, "PolicyType": "Custom",
		}})
	}
	for _, other := range has {
		if other != ours {
			p.lines = append(p.lines, fmt.Sprintf("  left alone     %s (%s), which the role has as well", other.PolicyName, other.PolicyType))
		}
	}
}

const attachAction = "AttachPolicyToRole"

// carryOut makes the calls, in order, and stops at the first failure.
func (p *plan) carryOut(ctx context.Context, r ram, stdout io.Writer) error {
	for _, c := range p.changes {
		err := r.do(ctx, c.action, c.query, new(any))
		exists := hasCode(err, "EntityAlreadyExists")
		switch {
		case exists && c.action == attachAction: // somebody else did it meanwhile
		case exists:
			return fmt.Errorf("somebody else made it a moment ago; nothing of theirs was changed: run it again to see what there is now: %w", err)
		case err != nil:
			return fmt.Errorf("%w; correct that and run it again: it goes on where it stopped", ramHint(err))
		}
		fmt.Fprintln(stdout, c.done)
	}
	return nil
}
