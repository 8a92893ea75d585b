package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakeadb"
	"adb-backup/function/local/fakefc"
)

// errorTypes are all that the contract has.
var errorTypes = []string{"InvalidEvent", "PermissionDenied", "ClusterNotFound", "BackupFailed", "BackupPending", "BackupMissing",
	"OutcomeUnknown", "Throttled", "ServiceError", "InternalError", "NothingSelected", "Mixed"}

// grace is for how long after its deadline an answer is still taken, so that no story depends on how busy this machine is. It is
// less than the 10 s after which the function gives up a call by itself: an invocation that does not heed its deadline is found
// out all the same.
const grace = 5 * time.Second

// deliver hands an event to one process, or to several, once or several times at once, and waits for all that comes of it.
func (s *story) deliver(ts *testscript.TestScript, neg bool, args []string) error {
	flags := newFlags("deliver")
	var (
		to      = flags.String("p", "a", "processes: a,b")
		times   = flags.Int("n", 1, "deliveries to each process")
		retry   = flags.Int("retry", 0, "the platform's count")
		id      = flags.String("id", "", "request id")
		timeout = flags.Duration("timeout", 30*time.Second, "of the function")
		role    = flags.String("role", "release", "none, each (its own for every delivery), stranger (unknown to the service), mixed (another's token), or a name")
		region  = flags.String("region", "", "of the function")
	)
	if err := flags.Parse(args); err != nil {
		return err
	}
	event := flags.Arg(0)
	if !strings.ContainsAny(event, "{[\"") {
		event = strings.TrimSuffix(ts.ReadFile(event), "\n")
	}

	var wg sync.WaitGroup
	var results []fakefc.Result
	var mu sync.Mutex
	var failed error
	began, n := time.Now(), 0
	for name := range strings.SplitSeq(*to, ",") {
		p := s.processes[name]
		if p == nil {
			return fmt.Errorf("there is no process %s", name)
		}
		for range *times {
			n++
			inv := fakefc.Invocation{Payload: expand(event, n), RequestID: string(expand(*id, n)), Timeout: *timeout, RetryCount: *retry, Region: *region, Grace: grace}
			s.assume(&inv, *role, n)
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(context.Background(), *timeout+20*time.Second)
				defer cancel()
				r, err := p.Invoke(ctx, inv)
				mu.Lock()
				defer mu.Unlock()
				if results = append(results, r); err != nil {
					failed = err
				}
			})
		}
	}
	wg.Wait()
	ts.Logf("%d in %v", len(results), time.Since(began).Round(time.Millisecond))
	slices.SortFunc(results, func(a, b fakefc.Result) int { return bytes.Compare(a.Payload, b.Payload) })
	for _, r := range results {
		if r.ErrorType == "" {
			fmt.Fprintf(ts.Stdout(), "%s\n", r.Payload)
		} else {
			fmt.Fprintf(ts.Stderr(), "%s: %s\n", r.ErrorType, r.ErrorMessage)
		}
		if err := s.check(r); err != nil {
			failed = err
		}
		if (r.ErrorType != "") != neg {
			failed = fmt.Errorf("unexpected: %s%w", r.Payload, r.Err())
		}
	}
	return failed
}

// check holds for every answer of every story.
func (s *story) check(r fakefc.Result) error {
	text := string(r.Payload) + r.ErrorMessage
	if leak := marked.FindString(text); leak != "" {
		return fmt.Errorf("a secret was answered (%s): %s", leak, text)
	}
	if r.ErrorType != "" {
		if !slices.Contains(errorTypes, r.ErrorType) || r.ErrorMessage == "" || strings.ContainsAny(r.ErrorMessage, "\r\n") {
			return fmt.Errorf("an error that is not the contract's: %q %q", r.ErrorType, r.ErrorMessage)
		}
		return nil
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, r.Payload); err != nil {
		return fmt.Errorf("the answer is not JSON: %w: %s", err, r.Payload)
	}
	if compact.String() != string(r.Payload) {
		return fmt.Errorf("the answer is not compact: %s", r.Payload)
	}
	d := json.NewDecoder(&compact)
	d.UseNumber()
	s.reply = nil
	return d.Decode(&s.reply)
}

// assume gives an invocation the role's credentials of the moment.
func (s *story) assume(inv *fakefc.Invocation, role string, n int) {
	if role == "none" {
		return
	}
	if role == "each" {
		role = strconv.Itoa(n)
	}
	inv.AccessKeyID, inv.AccessKeySecret, inv.SecurityToken = keyOf(role), "sEcReT-of-"+role, "tOkEn-of-"+role
	switch role {
	case "stranger":
		return
	case "mixed":
		inv.SecurityToken += "-another"
	}
	s.roles[inv.AccessKeyID] = fakeadb.Credential{Secret: inv.AccessKeySecret, Token: "tOkEn-of-" + role}
	known := map[string]fakeadb.Credential{}
	for id, c := range s.roles {
		known[id] = c
	}
	s.service.Set(func(o *fakeadb.Options) { o.Credentials = known })
}

func keyOf(role string) string { return "STS.kEy-of-" + role }

var templates = regexp.MustCompile(`\{\{(unix:)?(now|ids|n|repeat)([+-][0-9a-z]+)?(?: (\d+))?(?: (.*?))?\}\}`)

// expand fills in an event's or a request id's templates.
func expand(text string, n int) []byte {
	now := time.Now().UTC()
	return templates.ReplaceAllFunc([]byte(text), func(match []byte) []byte {
		m := templates.FindSubmatch(match)
		offset, _ := time.ParseDuration(string(m[3]))
		count, _ := strconv.Atoi(string(m[4]))
		switch {
		case string(m[2]) == "ids":
			ids := make([]string, count)
			for i := range ids {
				ids[i] = fmt.Sprintf(`"amv-fleet%04d"`, i)
			}
			return []byte(strings.Join(ids, ","))
		case string(m[2]) == "repeat":
			return bytes.Repeat(m[5], count)
		case string(m[2]) == "n":
			return strconv.AppendInt(nil, int64(n), 10)
		case len(m[1]) > 0:
			return fmt.Appendf(nil, "%08x", now.Add(offset).Unix())
		}
		return now.Add(offset).AppendFormat(nil, "2006-01-02T15:04:05.000Z07:00")
	})
}

// answerHas looks into the last answer.
func (s *story) answerHas(ts *testscript.TestScript, neg bool, args []string) error {
	value, found := s.reply, true
	for name := range strings.SplitSeq(args[0], ".") {
		switch v := value.(type) {
		case map[string]any:
			value, found = v[name]
		case []any:
			i, err := strconv.Atoi(name)
			if found = err == nil && i < len(v); found {
				value = v[i]
			}
		default:
			found = false
		}
		if !found {
			break
		}
	}
	text, isText := value.(string)
	if !isText {
		b, _ := json.Marshal(value)
		text = string(b)
	}
	switch {
	case neg && found:
		return fmt.Errorf("%s is there: %s", args[0], text)
	case !neg && !found:
		return fmt.Errorf("there is no %s", args[0])
	case !neg && len(args) > 1 && text != args[1]:
		return fmt.Errorf("%s is %s", args[0], text)
	}
	return nil
}

// wrong delivers each event of a file, none of which may do anything but be refused, for a reason that it names.
func (s *story) wrong(ts *testscript.TestScript, neg bool, args []string) error {
	s.mu.Lock()
	before := fmt.Sprint(s.arrived)
	s.mu.Unlock()
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		want, event, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " | ")
		if !ok {
			continue
		}
		r, err := s.processes["a"].Invoke(context.Background(), fakefc.Invocation{Payload: expand(event, 1), AccessKeyID: keyOf("x"), AccessKeySecret: "sEcReT-of-x"})
		if err == nil {
			err = s.check(r)
		}
		re, bad := regexp.Compile(want)
		s.mu.Lock()
		after := fmt.Sprint(s.arrived)
		s.mu.Unlock()
		if err != nil || bad != nil || r.ErrorType != "InvalidEvent" || !re.MatchString(r.ErrorMessage) || before != after {
			ts.Logf("%.200s\n  wanted InvalidEvent %q: %s %s %s %v %v", event, want, r.ErrorType, r.ErrorMessage, r.Payload, err, bad)
			neg = true
		}
	}
	if neg {
		return fmt.Errorf("some were not refused as they should be")
	}
	return nil
}

// canaryHeard looks through what came to the canary.
func (s *story) canaryHeard(ts *testscript.TestScript, neg bool, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := strings.Join(s.canary, "\n")
	if found := regexp.MustCompile(args[0]).MatchString(heard); found == neg {
		return fmt.Errorf("the canary heard %q", heard)
	}
	return nil
}
