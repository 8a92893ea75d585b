// Package credentials finds the credentials of the person or the pipeline that started a command. The deployed function does
// not need it, because the platform gives each invocation its own.
package credentials

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"adb-backup/function/config"

	"github.com/aliyun/credentials-go/credentials/providers"
)

// Credentials are an access key pair, with a token if they are temporary.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken string
	Account                                     string // the account id, if the environment names it
	From                                        string // where they were found, for a message
}

// Source gives credentials for as long as a command runs, to several goroutines.
type Source struct {
	mu    sync.Mutex
	chain *providers.DefaultCredentialsProvider
}

// patience is how long the chain may look: it may ask another service for temporary credentials.
const patience = 20 * time.Second

// ServerlessDevs are the variables in which Serverless Devs finds credentials. They count only if all three are set.
var ServerlessDevs = []string{"AccountID", "AccessKeyID", "AccessKeySecret"}

// Get returns credentials that are valid now: it renews temporary ones. Serverless Devs' variables come first, so that a deployment
// and the commands after it use the same account, then Alibaba Cloud's default chain. No header can hold a key's final line feed.
//
// The error shows nothing of what was read: the chain's own errors may hold tokens, signed URLs and whole files.
func (s *Source) Get(ctx context.Context) (Credentials, error) {
	if err := config.CheckDebug(os.Getenv("DEBUG")); err != nil {
		return Credentials{}, fmt.Errorf("the variable DEBUG %w. Unset it", err)
	}
	if len(unset(ServerlessDevs)) == 0 {
		return Credentials{
			AccessKeyID: strings.TrimSpace(os.Getenv("AccessKeyID")), AccessKeySecret: strings.TrimSpace(os.Getenv("AccessKeySecret")),
			SecurityToken: strings.TrimSpace(os.Getenv("SecurityToken")), // empty if the keys are not temporary
			Account:       strings.TrimSpace(os.Getenv("AccountID")), From: "the variables AccountID, AccessKeyID, AccessKeySecret",
		}, nil
	}
	found := make(chan *providers.Credentials, 1)
	go func() { found <- s.ask() }()
	select {
	case c := <-found:
		if c == nil || c.AccessKeyId == "" || c.AccessKeySecret == "" {
			return Credentials{}, none()
		}
		return Credentials{AccessKeyID: strings.TrimSpace(c.AccessKeyId), AccessKeySecret: strings.TrimSpace(c.AccessKeySecret),
			SecurityToken: strings.TrimSpace(c.SecurityToken), From: c.ProviderName}, nil
	case <-time.After(patience): // the chain heeds no context
		return Credentials{}, fmt.Errorf("%w (the search was given up after %s)", none(), patience)
	case <-ctx.Done():
		return Credentials{}, context.Cause(ctx)
	}
}

// ask asks the default chain. After a failure it drops the chain, because that would look only in its last place again.
func (s *Source) ask() *providers.Credentials {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chain == nil {
		s.chain = providers.NewDefaultCredentialsProvider()
	}
	c, err := s.chain.GetCredentials()
	if err != nil {
		s.chain = nil
		return nil
	}
	return c
}

// unset returns those of the variables that are not set.
func unset(names []string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return os.Getenv(name) != "" })
}

// sets are the variables that are of use only together.
var sets = [][]string{
	ServerlessDevs,
	{"ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET"},
	{"ALIBABA_CLOUD_ROLE_ARN", "ALIBABA_CLOUD_OIDC_PROVIDER_ARN", "ALIBABA_CLOUD_OIDC_TOKEN_FILE"},
}

// none returns the error that says that there are no credentials, what is there all the same, and what to do.
func none() error {
	var clues []string
	for _, names := range sets {
		if missing := unset(names); len(missing) == 0 {
			clues = append(clues, strings.Join(names, ", ")+" are set, but no credentials came of them: check what they hold, the role's trust policy and the network")
		} else if len(missing) < len(names) {
			clues = append(clues, strings.Join(missing, " and ")+" is missing; all of them must be set: "+strings.Join(names, ", "))
		}
	}
	if clue := cliClue(); clue != "" {
		clues = append(clues, clue)
	}
	text := `no credentials for Alibaba Cloud: set ALIBABA_CLOUD_ACCESS_KEY_ID and ALIBABA_CLOUD_ACCESS_KEY_SECRET ` +
		`(and ALIBABA_CLOUD_SECURITY_TOKEN, if they are temporary), or run "aliyun configure"`
	return errors.New(strings.Join(append(clues, text), "\n"))
}

// cliModes are those modes of Alibaba Cloud CLI's profiles that the chain can use.
var cliModes = []string{"AK", "RamRoleArn", "EcsRamRole", "OIDC", "ChainableRamRoleArn"}

// cliClue says why Alibaba Cloud CLI's configuration gave nothing; empty: there is none.
func cliClue() string {
	file := cliFile(os.Getenv)
	p, err := readCLI(file, os.Getenv("ALIBABA_CLOUD_PROFILE"))
	switch {
	case errors.Is(err, os.ErrNotExist):
		return ""
	case err != nil:
		return file + " cannot be read, or is not JSON"
	case p.Mode == "":
		return fmt.Sprintf("%s has no profile %q", file, p.Name)
	case !slices.Contains(cliModes, p.Mode):
		return fmt.Sprintf("the profile %q in %s has the mode %q; what can be used is %s", p.Name, file, p.Mode, strings.Join(cliModes, ", "))
	}
	return fmt.Sprintf("the profile %q in %s gave nothing that can be used", p.Name, file)
}

// Region returns the region that the environment names, else that of Alibaba Cloud CLI's current profile, unchecked; empty: none.
func Region(getenv func(string) string) string {
	p, _ := readCLI(cliFile(getenv), getenv("ALIBABA_CLOUD_PROFILE"))
	return cmp.Or(getenv("ALIBABA_CLOUD_REGION_ID"), p.RegionID)
}

// cliProfile is a profile of Alibaba Cloud CLI, without its secrets.
type cliProfile struct {
	Name     string `json:"name"`
	Mode     string `json:"mode"`
	RegionID string `json:"region_id"`
}

func cliFile(getenv func(string) string) string {
	return cmp.Or(getenv("ALIBABA_CLOUD_CONFIG_FILE"), filepath.Join(getenv("HOME"), ".aliyun", "config.json"))
}

// readCLI reads a profile, the current one if name is empty. If the file does not have it, the profile has only its name.
func readCLI(file, name string) (cliProfile, error) {
	var config struct {
		Current  string       `json:"current"`
		Profiles []cliProfile `json:"profiles"`
	}
	content, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(content, &config)
	}
	name = cmp.Or(name, config.Current)
	for _, p := range config.Profiles {
		if p.Name == name {
			return p, err
		}
	}
	return cliProfile{Name: name}, err
}

// Hide returns the parts of an access key id by which a person recognizes it.
func Hide(keyID string) string {
	if len(keyID) < 12 {
		return "…"
	}
	return keyID[:8] + "…" + keyID[len(keyID)-2:]
}
