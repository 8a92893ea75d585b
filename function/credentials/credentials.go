// Package credentials finds the credentials of the person or the pipeline that started a command. The deployed function does
// not need it, because the platform gives each invocation its own.
package credentials

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"time"

	"adb-backup/function/config"

	"github.com/aliyun/credentials-go/credentials/providers"
)

// Credentials are an access key pair, with a token if they are temporary.
type Credentials struct {
	AccessKeyID, AccessKeySecret, SecurityToken string

	Account string // the account id, if the environment names it
	From    string // where they were found, for a message
}

// Source gives credentials for as long as a command runs. Several goroutines may use it.
type Source struct {
	mu    sync.Mutex
	chain *providers.DefaultCredentialsProvider
}

// patience is how long the chain may look: it may ask another service for temporary credentials.
const patience = 30 * time.Second

// ServerlessDevs are the variables in which Serverless Devs finds credentials. They count only if all three are set.
var ServerlessDevs = []string{"AccountID", "AccessKeyID", "AccessKeySecret"}

// Get returns credentials that are valid now: it renews temporary ones. Serverless Devs' variables come first, so that a
// deployment and the commands after it use the same account, then Alibaba Cloud's default chain.
//
// Unless DEBUG is set wrongly, the error is an *Error. It shows nothing of what was read, because the chain's own errors may
// hold tokens, signed URLs and whole configuration files.
func (s *Source) Get(ctx context.Context) (Credentials, error) {
	if err := config.CheckDebug(os.Getenv("DEBUG")); err != nil {
		return Credentials{}, fmt.Errorf("the variable DEBUG %w. Unset it", err)
	}
	if c, ok := ofServerlessDevs(); ok {
		return c, nil
	}
	type result struct {
		found *providers.Credentials
		err   error
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	done := make(chan result, 1)
	go func() {
		found, err := s.ask()
		done <- result{found, err}
	}()
	select {
	case r := <-done:
		if r.err != nil || r.found == nil || r.found.AccessKeyId == "" || r.found.AccessKeySecret == "" {
			return Credentials{}, newError(r.err)
		}
		return Credentials{
			AccessKeyID:     r.found.AccessKeyId,
			AccessKeySecret: r.found.AccessKeySecret,
			SecurityToken:   r.found.SecurityToken,
			From:            r.found.ProviderName,
		}, nil
	case <-ctx.Done():
		return Credentials{}, newError(ctx.Err())
	}
}

// ask asks the default chain. After a failure it drops the chain, because that would look only in its last place again.
func (s *Source) ask() (*providers.Credentials, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.chain == nil {
		s.chain = providers.NewDefaultCredentialsProvider()
	}
	c, err := s.chain.GetCredentials()
	if err != nil {
		s.chain = nil
	}
	return c, err
}

// ofServerlessDevs returns the credentials in Serverless Devs' variables, and reports whether they are set.
func ofServerlessDevs() (Credentials, bool) {
	if len(unset(ServerlessDevs...)) > 0 {
		return Credentials{}, false
	}
	return Credentials{
		AccessKeyID:     os.Getenv("AccessKeyID"),
		AccessKeySecret: os.Getenv("AccessKeySecret"),
		SecurityToken:   os.Getenv("SecurityToken"), // empty if the keys are not temporary
		Account:         os.Getenv("AccountID"),
		From:            "the variables AccountID, AccessKeyID, AccessKeySecret",
	}, true
}

// unset returns those of the variables that are not set.
func unset(names ...string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(name string) bool { return os.Getenv(name) != "" })
}

// Hide returns the parts of an access key id by which a person recognizes it.
func Hide(keyID string) string {
	if len(keyID) < 12 {
		return "…"
	}
	return keyID[:8] + "…" + keyID[len(keyID)-2:]
}
