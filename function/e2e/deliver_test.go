package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

// errorTypes are all that the contract has.
var errorTypes = []string{"InvalidEvent", "PermissionDenied", "ClusterNotFound", "BackupFailed", "BackupPending", "BackupMissing",
	"OutcomeUnknown", "Throttled", "ServiceError", "InternalError", "NothingSelected", "AlarmFailed", "Mixed"}

// grace is for how long after its deadline an answer is still taken, so that no story depends on how busy this machine is. It is
// less than the 10 s after which the function gives up a call by itself: an invocation that does not heed its deadline is found
// out all the same.
const grace = 5 * time.Second

// deliver hands an event to the function, and waits for what comes of it.
func (s *story) deliver(ts *testscript.TestScript, neg bool, args []string) error {
	flags := newFlags()
	var (
		retry   = flags.Int("retry", 0, "the platform's count")
		id      = flags.String("id", "", "request id")
		timeout = flags.Duration("timeout", 30*time.Second, "of the function")
		role    = flags.String("role", "release", "none, stranger (unknown to the service), or a name")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	event := flags.Arg(0)
	if !strings.ContainsAny(event, "{[\"") {
		event = strings.TrimSuffix(ts.ReadFile(event), "\n")
	}
	inv := fakefc.Invocation{Payload: expand(event), RequestID: string(expand(*id)), Timeout: *timeout, RetryCount: *retry, Grace: grace}
	s.assume(&inv, *role)
	ctx, cancel := context.WithTimeout(context.Background(), *timeout+time.Minute)
	defer cancel()
	r, err := s.process.Invoke(ctx, inv)
	if err != nil {
		return err
	}
	if r.ErrorType == "" {
		fmt.Fprintf(ts.Stdout(), "%s\n", r.Payload)
	} else {
		fmt.Fprintf(ts.Stderr(), "%s: %s\n", r.ErrorType, r.ErrorMessage)
	}
	if (r.ErrorType != "") != neg {
		return fmt.Errorf("unexpected: %s%s: %s", r.Payload, r.ErrorType, r.ErrorMessage)
	}
	return check(r)
}

// check holds for every answer of every story.
func check(r fakefc.Result) error {
	if answered := string(r.Payload) + r.ErrorMessage; marked.MatchString(answered) {
		return errors.New("a secret was answered: " + answered)
	}
	if r.ErrorType != "" {
		if !slices.Contains(errorTypes, r.ErrorType) || r.ErrorMessage == "" || strings.ContainsAny(r.ErrorMessage, "\r\n") {
			return fmt.Errorf("an error that is not the contract's: %q %q", r.ErrorType, r.ErrorMessage)
		}
		return nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, r.Payload); err != nil || compact.String() != string(r.Payload) {
		return fmt.Errorf("the answer is not compact JSON: %s", r.Payload)
	}
	return nil
}

// assume gives an invocation the role's credentials of the moment.
func (s *story) assume(inv *fakefc.Invocation, role string) {
	if role == "none" {
		return
	}
	inv.AccessKeyID, inv.AccessKeySecret, inv.SecurityToken = keyOf(role), "sEcReT-of-"+role, "tOkEn-of-"+role
	if role == "stranger" {
		return
	}
	s.roles[inv.AccessKeyID] = fakeadb.Credential{Secret: inv.AccessKeySecret, Token: inv.SecurityToken}
	known := maps.Clone(s.roles)
	s.service.Set(func(o *fakeadb.Options) { o.Credentials = known })
}

func keyOf(role string) string { return "STS.kEy-of-" + role }

var templates = regexp.MustCompile(`\{\{(now|unix:now|ids|repeat)([+-][0-9a-z]+)?(?: (\d+))?(?: (.*?))?\}\}`)

// expand fills in the templates of an event or a request id.
func expand(event string) []byte {
	now := time.Now().UTC()
	return templates.ReplaceAllFunc([]byte(event), func(match []byte) []byte {
		m := templates.FindStringSubmatch(string(match))
		offset, _ := time.ParseDuration(m[2])
		count, _ := strconv.Atoi(m[3])
		switch m[1] {
		case "now":
			return now.Add(offset).AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00")
		case "unix:now":
			return fmt.Appendf(nil, "%08x", now.Add(offset).Unix())
		case "ids":
			ids := make([]string, count)
			for i := range ids {
				ids[i] = fmt.Sprintf(`"amv-fleet%04d"`, i)
			}
			return []byte(strings.Join(ids, ","))
		}
		return bytes.Repeat([]byte(m[4]), count)
	})
}
