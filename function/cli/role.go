package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"

	"adb-backup/function/backup"
	"adb-backup/function/credentials"
	"adb-backup/function/terminal"

	"github.com/urfave/cli/v3"
)

// made begins the description of every role and policy that this command makes. It changes no role or policy without it.
const made = "Made by adb-backup: "

// errForeign is the error about a role or a policy that this command did not make.
var errForeign = errors.New("so it is left alone: name another role in s.yaml, or give it the policies that make policy prints")

func roleCommand() *cli.Command {
	return &cli.Command{
		Name: "role", Usage: "make the RAM role that the function works as, or bring it up to date with s.yaml",
		Flags:  append(placeFlags(), yesFlag()),
		Action: makeRole,
	}
}

func yesFlag() cli.Flag {
	return &cli.BoolFlag{Name: "yes", Usage: "do not ask before anything is changed"}
}

// goOn asks whether to go on, unless -yes does not want that. Where nobody can answer it is the command that is wrong.
func goOn(cmd *cli.Command, question string) error {
	if cmd.Bool("yes") {
		return nil
	}
	yes, err := terminal.Confirm(os.Stdin, cmd.Root().ErrWriter, question)
	switch {
	case errors.Is(err, terminal.ErrNoTerminal):
		return wrong("nothing was changed: there is no terminal to ask on. With -yes (in make: YES=1) it does not ask")
	case err != nil || !yes:
		return no("nothing was changed")
	}
	return nil
}

func makeRole(ctx context.Context, cmd *cli.Command) error {
	stdout := cmd.Root().Writer
	e, err := parseEndpoint(cmd.String("endpoint"))
	if err != nil {
		return err
	}
	s, err := readSettings(cmd.String("s"))
	if err != nil {
		return err
	}
	if _, err := s.wantedRole(""); err != nil {
		return wrong("%s: %w", cmd.String("s"), err)
	}
	c, err := new(credentials.Source).Get(ctx)
	if err != nil {
		return err
	}
	account, err := callerAccount(ctx, c, s.Region, e)
	if err != nil {
		return ramHint(err)
	}
	want, err := s.wantedRole(account)
	if err != nil {
		return fmt.Errorf("%s: %w (%s)", cmd.String("s"), err, c.From)
	}
	r := newRAM(c, e)
	p, err := r.plan(ctx, want)
	if err != nil {
		return ramHint(err)
	}
	fmt.Fprintf(stdout, "Account %s, role %s, policy %s\n", account, want.name, want.policyName)
	p.print(stdout)
	if !p.changes() {
		fmt.Fprintln(stdout, "Nothing to do.")
		return nil
	}
	if err := goOn(cmd, "Go on?"); err != nil {
		return err
	}
	return p.carryOut(ctx, r, stdout)
}

// wanted is the role as s.yaml needs it.
type wanted struct {
	name       string
	policyName string // the role's name, as far as RAM allows it for a policy
	policy     document
	about      string // what the policy is for, and why it covers more than that
}

// notInPolicyNames matches the characters that the name of a role may have and the name of a policy may not.
var notInPolicyNames = regexp.MustCompile(`[^A-Za-z0-9-]`)

// wantedRole returns the role for an account, empty if it is not known yet.
func (s settings) wantedRole(account string) (wanted, error) {
	name, owner, err := roleName(s.Role)
	if err != nil {
		return wanted{}, fmt.Errorf("role: %w", err)
	}
	if owner != "" && account != "" && owner != account {
		return wanted{}, fmt.Errorf("the role is in account %s, but the credentials are of account %s", owner, account)
	}
	clusters, err := s.scope()
	if err != nil {
		return wanted{}, err
	}
	d, why := clusters.grant(list{createAction, describeAction}, s.destinationGrants()...)
	if len(d.compact()) > documentLimit {
		return wanted{}, errors.New("the policy would be too long: name fewer destinations or regions")
	}
	about := "back up " + clusters.String()
	if why != "" {
		about += ". " + why
	}
	return wanted{name, notInPolicyNames.ReplaceAllString(name, "-"), d, about}, nil
}

var (
	roleForm = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)
	roleARN  = regexp.MustCompile(`^acs:ram::(?:(\d+)|\$\{config\(['"]AccountID['"]\)\}):role/([^/]+)$`)
)

// roleName reads the role of s.yaml: a name, or an ARN, which names the account as well.
func roleName(role string) (name, account string, err error) {
	name = role
	if m := roleARN.FindStringSubmatch(role); m != nil {
		account, name = m[1], m[2]
	}
	switch {
	case role == "":
		return "", "", errors.New("there is none, so the function would have no credentials: name one, and let make role create it")
	case role == "auto":
		return "", "", errors.New("auto does not work in the deploy tool: name a role, and let make role create it")
	case !roleForm.MatchString(name):
		return "", "", fmt.Errorf("%s is neither the name of a role nor an ARN such as acs:ram::1234567890123456:role/adb-backup", backup.Quote(role))
	}
	return name, account, nil
}

// ramHint adds to an error what to do about it.
func ramHint(err error) error {
	switch {
	case hasCode(err, "NoPermission"), hasCode(err, "Forbidden"):
		return fmt.Errorf("%w: these credentials may not manage RAM. Somebody who may can run this, or grant what make policy prints", err)
	case hasCode(err, "LimitExceeded"):
		return fmt.Errorf("%w: the account cannot have more of these", err)
	}
	return err
}
