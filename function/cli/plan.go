package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// ramStep is one thing that the role needs. Without an action there is nothing to do about it.
type ramStep struct {
	what    string // it is, or what will be done
	details []string
	action  string // RAM's
	query   map[string]string
}

// plan is what has to be there in RAM, in order, and what of it has to be changed.
type plan []ramStep

func (p plan) changes() bool {
	return slices.ContainsFunc(p, func(s ramStep) bool { return s.action != "" })
}

func (p plan) print(w io.Writer) {
	for _, s := range p {
		sign := "right already"
		if s.action != "" {
			sign = "to do"
		}
		fmt.Fprintf(w, "  %-14s %s\n", sign, s.what)
		for _, detail := range s.details {
			fmt.Fprintf(w, "  %-14s %s\n", "", detail)
		}
	}
}

// plan looks at what there is. An error means that nothing may be changed.
func (r ram) plan(ctx context.Context, want wanted) (plan, error) {
	role, err := r.role(ctx, want.name)
	if err != nil {
		return nil, err
	}
	policy, err := r.policy(ctx, want.policyName)
	if err != nil {
		return nil, err
	}
	if role != nil && !strings.HasPrefix(role.Description, made) {
		return nil, fmt.Errorf("the role %s exists, and this command did not make it, %w", want.name, errForeign)
	}
	if policy != nil && !strings.HasPrefix(policy.Description, made) {
		return nil, fmt.Errorf("the policy %s exists, and this command did not make it, %w", want.policyName, errForeign)
	}
	roleStep, err := want.roleStep(role)
	if err != nil {
		return nil, err
	}
	policyStep, err := want.policyStep(policy)
	if err != nil {
		return nil, err
	}
	var has []attached
	if role != nil {
		has, err = r.attachedTo(ctx, want.name)
	}
	return plan{roleStep, policyStep, want.attachStep(has)}, err
}

// attachStep returns what has to be done so that the role has the policy, beside those that it has.
func (want wanted) attachStep(has []attached) ramStep {
	s := ramStep{what: "give the role the policy", action: attachAction, query: map[string]string{
		"RoleName": want.name, "PolicyName": want.policyName, "PolicyType": "Custom",
	}}
	for _, other := range has {
		if other == (attached{want.policyName, "Custom"}) {
			s.what, s.action = "the role has the policy", ""
		} else {
			s.details = append(s.details, fmt.Sprintf("left alone: %s (%s), which the role has as well", other.PolicyName, other.PolicyType))
		}
	}
	return s
}

// roleStep returns what has to become of the role, nil if there is none.
func (want wanted) roleStep(role *ramRole) (ramStep, error) {
	if role == nil {
		return ramStep{what: "create the role, which Function Compute may work as", action: "CreateRole", query: map[string]string{
			"RoleName": want.name, "AssumeRolePolicyDocument": document{"1", []statement{trust}}.compact(),
			"Description": made + "Function Compute works as this role to back up AnalyticDB for MySQL",
		}}, nil
	}
	d, err := parseDocument(role.AssumeRolePolicyDocument)
	if err != nil {
		return ramStep{}, fmt.Errorf("the trust policy of the role %s cannot be read: %w", want.name, err)
	}
	if d.trustsFunctionCompute() {
		return ramStep{what: "Function Compute may work as it"}, nil
	}
	d.Version, d.Statement = "1", append(d.Statement, trust)
	return ramStep{what: "let Function Compute work as the role, in addition to those who may already", action: "UpdateRole", query: map[string]string{
		"RoleName": want.name, "NewAssumeRolePolicyDocument": d.compact(),
	}}, nil
}

// policyStep returns what has to become of the policy, nil if there is none.
func (want wanted) policyStep(policy *ramPolicy) (ramStep, error) {
	if policy == nil {
		return ramStep{what: "create the policy: " + want.about, action: "CreatePolicy", query: map[string]string{
			"PolicyName": want.policyName, "PolicyDocument": want.policy.compact(), "Description": made + "what the function of adb-backup may do",
		}}, nil
	}
	d, err := parseDocument(policy.Document)
	if err != nil {
		return ramStep{}, fmt.Errorf("the policy %s cannot be read: %w", want.policyName, err)
	}
	has, plain := d.grants()
	needs, _ := want.policy.grants()
	if foreign := slices.DeleteFunc(slices.Clone(has), writtenHere); !plain || len(foreign) > 0 {
		return ramStep{}, fmt.Errorf("the policy %s holds something that this command did not write %s: move that into another policy", want.policyName, foreign)
	}
	if slices.Equal(has, needs) {
		return ramStep{what: "the policy: " + want.about}, nil
	}
	s := ramStep{what: "renew the policy: " + want.about, action: "CreatePolicyVersion", query: map[string]string{
		"PolicyName": want.policyName, "PolicyDocument": want.policy.compact(), "SetAsDefault": "true",
		"RotateStrategy": "DeleteOldestNonDefaultVersionWhenLimitExceeded",
	}}
	taken := lacking("-", has, needs)
	if s.details = append(lacking("+", needs, has), taken...); len(taken) > 0 {
		s.details = append(s.details, "Does another function work as this role? Then give one of them a role of its own.")
	}
	return s, nil
}

// writtenHere reports whether this command may have written a line of grants.
func writtenHere(line string) bool {
	action, _, _ := strings.Cut(line, " on ")
	actions := slices.AppendSeq([]string{createAction, describeAction, listAction}, maps.Values(destinationActions))
	return slices.Contains(actions, action)
}

// lacking returns a line for what these grants hold and those do not.
func lacking(sign string, these, those []string) (lines []string) {
	const most = 10
	for _, line := range these {
		if !slices.Contains(those, line) {
			lines = append(lines, sign+" "+line)
		}
	}
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("%s and %d more", sign, len(lines)-most))
	}
	return lines
}

const attachAction = "AttachPolicyToRole"

// carryOut makes the changes, in order, and stops at the first failure.
func (p plan) carryOut(ctx context.Context, r ram, stdout io.Writer) error {
	for _, s := range p {
		if s.action == "" {
			continue
		}
		err := r.do(ctx, s.action, s.query, new(any))
		exists := hasCode(err, "EntityAlreadyExists")
		switch {
		case exists && s.action == attachAction: // somebody else did it meanwhile
		case exists:
			return fmt.Errorf("somebody else made it a moment ago; nothing of theirs was changed: run it again to see what there is now: %w", err)
		case err != nil:
			return fmt.Errorf("%w; correct that and run it again: it goes on where it stopped", ramHint(err))
		}
		fmt.Fprintln(stdout, "done:", s.what)
	}
	return nil
}
