package credentials

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Error says that no source gave credentials.
type Error struct {
	Looked []Looked // in the order of the search
	Err    error    // why the search ended early; nil if it did not. It is never a source's own error
}

// Looked is one source, and why it gave nothing.
type Looked struct{ At, Why string }

// advice says what to do if no credentials were found.
const advice = `Set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET (and ALIBABA_CLOUD_SECURITY_TOKEN, if they are temporary), or run "aliyun configure". What "s config add" has stored is encrypted, and only s can read it.`

// Error lists the sources, and says what to do.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("no credentials for Alibaba Cloud. These places were looked at, in this order:\n")
	for _, l := range e.Looked {
		b.WriteString("  " + l.At + ": " + l.Why + "\n")
	}
	if e.Err != nil {
		b.WriteString("The search took longer than " + patience.String() + " and was given up.\n")
	}
	return b.String() + advice
}

func (e *Error) Unwrap() error { return e.Err }

// newError describes the sources as they are now. Of the chain's error, said, it keeps only a service's code.
func newError(said error) *Error {
	e := &Error{Looked: []Looked{
		{"AccountID, AccessKeyID, AccessKeySecret", variables(ServerlessDevs...)},
		{"ALIBABA_CLOUD_ACCESS_KEY_ID, …_SECRET", variables("ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET")},
		{"ALIBABA_CLOUD_ROLE_ARN, …_OIDC_PROVIDER_ARN, …_OIDC_TOKEN_FILE", oidc(said)},
		{cliFile(os.Getenv), cli()},
		{sharedFile(), shared(sharedFile())},
		{"the RAM role of an ECS instance", instance()},
	}}
	if uri := os.Getenv("ALIBABA_CLOUD_CREDENTIALS_URI"); uri != "" {
		e.Looked = append(e.Looked, Looked{"ALIBABA_CLOUD_CREDENTIALS_URI", "set, and it gave nothing that can be used"})
	}
	if errors.Is(said, context.Canceled) || errors.Is(said, context.DeadlineExceeded) {
		e.Err = said
	}
	return e
}

// variables says why the variables gave nothing.
func variables(names ...string) string {
	missing := unset(names...)
	switch len(missing) {
	case 0:
		return "set, and they gave nothing that can be used"
	case len(names):
		return "not set"
	}
	return strings.Join(missing, " and ") + " is missing; all of them must be set"
}

// code finds a service's code in the chain's error. It takes only a word after "Code:", so that nothing else is shown.
var code = regexp.MustCompile(`"?Code"?: *"?([A-Z][A-Za-z]{2,39}(?:\.[A-Z][A-Za-z]{1,39})?)\b`)

func oidc(said error) string {
	names := []string{"ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"}
	if len(unset(names...)) > 0 {
		return variables(names...)
	}
	if _, err := os.Stat(os.Getenv(names[2])); err != nil {
		return "the token file cannot be read"
	}
	why := "set, but no temporary credentials came of it: check the role's trust policy, the provider and the network"
	if said != nil {
		if m := code.FindStringSubmatch(said.Error()); m != nil {
			why += " (the service said " + m[1] + ")"
		}
	}
	return why
}

// cliModes are those modes of Alibaba Cloud CLI's profiles that the chain can use.
var cliModes = []string{"AK", "RamRoleArn", "EcsRamRole", "OIDC", "ChainableRamRoleArn"}

func cli() string {
	current, err := readCLI(os.Getenv)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return "no such file"
	case err != nil:
		return "it cannot be read, or is not JSON"
	case current.Mode == "":
		return "it has no profile " + strconv.Quote(current.Name)
	case !slices.Contains(cliModes, current.Mode):
		return fmt.Sprintf("its profile %q has the mode %q; what can be used is %s", current.Name, current.Mode, strings.Join(cliModes, ", "))
	}
	return fmt.Sprintf("its profile %q gave nothing that can be used", current.Name)
}

func shared(path string) string {
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
		return "no such file"
	}
	return "it gave nothing that can be used"
}

func instance() string {
	if strings.EqualFold(os.Getenv("ALIBABA_CLOUD_ECS_METADATA_DISABLED"), "true") {
		return "ALIBABA_CLOUD_ECS_METADATA_DISABLED is set"
	}
	return "none here"
}

func sharedFile() string {
	return cmp.Or(os.Getenv("ALIBABA_CLOUD_CREDENTIALS_FILE"), filepath.Join(os.Getenv("HOME"), ".alibabacloud", "credentials"))
}
