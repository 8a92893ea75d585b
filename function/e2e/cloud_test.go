package e2e

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"adb-backup/function/local/fakeadb"
)

// describe says what AnalyticDB is like from now on.
func (s *story) describe(ts *testscript.TestScript, neg bool, args []string) (err error) {
	s.service.Set(func(o *fakeadb.Options) {
		for _, arg := range args {
			switch key, value, _ := strings.Cut(arg, "="); key {
			case "takes":
				o.Takes, err = time.ParseDuration(value)
			case "deny":
				o.Denied = []fakeadb.Denial{{Action: value}}
			case "completed":
				o.Words[fakeadb.Completed] = value
			default:
				err = errors.New("there is no option " + key)
			}
		}
	})
	return err
}

// kinds are what can go wrong. A kind may have a value, as in refused:400:Code:message.
var kinds = map[string]func(value string) fakeadb.Fault{
	"broken": func(string) fakeadb.Fault { return fakeadb.Broken },
	"hang":   func(string) fakeadb.Fault { return fakeadb.Fault{Delay: time.Hour} },
	"body":   func(body string) fakeadb.Fault { return answered(http.StatusOK, body, nil) },
	"redirect": func(to string) fakeadb.Fault {
		return answered(http.StatusTemporaryRedirect, "", map[string]string{"Location": to})
	},
	"switch": func(string) fakeadb.Fault { // the connection stays open
		return answered(http.StatusSwitchingProtocols, "", map[string]string{"Connection": "Upgrade", "Upgrade": "other"})
	},
	"refused": func(value string) fakeadb.Fault {
		v := append(strings.SplitN(value, ":", 3), "", "")
		status, _ := strconv.Atoi(v[0])
		return fakeadb.Refused(&fakeadb.Error{Status: status, Code: v[1], Message: v[2]})
	},
	"endless": func(padding string) fakeadb.Fault { // there is always another page
		n, _ := strconv.Atoi(padding)
		return fakeadb.Fault{Name: "endless", Answer: func(c *fakeadb.Call) fakeadb.Answer {
			entry := `{"DBClusterId":%q,"BackupId":"%d","BackupStatus":"Success","BackupStartTime":"2020-01-01T00:00Z","Padding":"%s"}`
			var sets []string
			for i := range 100 {
				sets = append(sets, fmt.Sprintf(entry, c.Cluster, 100*c.Nth+i, strings.Repeat("x", n)))
			}
			body := `{"RequestId":"E","TotalCount":"2000000000","Items":{"Backup":[` + strings.Join(sets, ",") + `]}}`
			return fakeadb.Answer{Status: http.StatusOK, Body: body}
		}}
	},
}

// answered is an answer of something between the function and the service.
func answered(status int, body string, header map[string]string) fakeadb.Fault {
	answer := fakeadb.Answer{Status: status, Header: header, Body: body}
	return fakeadb.Fault{Name: "answered", Answer: func(*fakeadb.Call) fakeadb.Answer { return answer }}
}

func noFault(fakeadb.Call) fakeadb.Fault { return fakeadb.Fault{} }

// fault adds a fault to those that strike already.
func (s *story) fault(ts *testscript.TestScript, neg bool, args []string) (err error) {
	if args[0] == "none" {
		s.service.Set(func(o *fakeadb.Options) { o.Faults = noFault })
		return nil
	}
	action, cluster, _ := strings.Cut(args[0], "@")
	kind, value, _ := strings.Cut(args[2], ":")
	if kinds[kind] == nil {
		return errors.New("there is no fault " + kind)
	}
	f, nth := kinds[kind](value), 0
	f.After = len(args) > 3 && args[3] == "after"
	if args[1] != "all" {
		nth, err = strconv.Atoi(args[1])
	}
	s.service.Set(func(o *fakeadb.Options) {
		others := o.Faults
		o.Faults = func(c fakeadb.Call) fakeadb.Fault {
			if c.Action == action && cmp.Or(cluster, c.Cluster) == c.Cluster && cmp.Or(nth, c.Nth) == c.Nth {
				return f
			}
			return others(c)
		}
	})
	return err
}

// callsAre counts the calls that arrived, those that a fault struck, too.
func (s *story) callsAre(ts *testscript.TestScript, neg bool, args []string) error {
	n := s.service.Count(args[0])
	if args[0] == "all" {
		n = s.service.Count("CreateBackup") + s.service.Count("DescribeBackups") + s.service.Count("DescribeDBClusters")
	}
	return same("calls of "+args[0], n, args[1])
}

func (s *story) backupsAre(ts *testscript.TestScript, neg bool, args []string) error {
	return same("backups of "+args[0], len(s.service.Backups(strings.TrimPrefix(args[0], "all"))), args[1])
}

func same(what string, got int, want string) error {
	if strconv.Itoa(got) != want {
		return fmt.Errorf("%d %s", got, what)
	}
	return nil
}

// chat is a robot of DingTalk that asks for a signature and for a word in each message.
func (s *story) chat(w http.ResponseWriter, r *http.Request) {
	var message struct{ Text struct{ Content string } }
	json.NewDecoder(r.Body).Decode(&message)
	query := r.URL.Query()
	at, _ := strconv.ParseInt(query.Get("timestamp"), 10, 64)
	mac := hmac.New(sha256.New, []byte("sEcReT-of-the-robot"))
	fmt.Fprintf(mac, "%d\nsEcReT-of-the-robot", at)
	s.mu.Lock()
	defer s.mu.Unlock()
	words := s.refusal
	switch {
	case r.URL.Path != "/robot/send" || query.Get("access_token") != "tOkEn-of-the-robot":
		words = "token is not exist"
	case query.Get("sign") != base64.StdEncoding.EncodeToString(mac.Sum(nil)) || time.Since(time.UnixMilli(at)).Abs() > time.Hour:
		words = "sign not match"
	case !strings.Contains(message.Text.Content, "adb-backup"):
		words = "keywords not in content"
	}
	if words == "" {
		s.heard = append(s.heard, message.Text.Content)
	}
	code := 310000 * min(1, len(words))
	json.NewEncoder(w).Encode(map[string]any{"errcode": code, "errmsg": cmp.Or(words, "ok")})
}

func (s *story) robot(ts *testscript.TestScript, neg bool, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = strings.Join(args, " ")
	return nil
}

func (s *story) told(ts *testscript.TestScript, neg bool, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := same("messages", len(s.heard), args[0]); err != nil || len(args) == 1 {
		return err
	}
	if last := s.heard[len(s.heard)-1]; !regexp.MustCompile(args[1]).MatchString(last) {
		return errors.New("the robot was told: " + last)
	}
	return nil
}

// sing is the canary: it takes note of who talks to it, and refuses.
func (s *story) sing(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.canary = append(s.canary, r.Method+" "+r.Host+r.URL.RequestURI())
	w.WriteHeader(http.StatusBadGateway)
}

func (s *story) canaryHeard(ts *testscript.TestScript, neg bool, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	heard := strings.Join(s.canary, "\n")
	if regexp.MustCompile(args[0]).MatchString(heard) == neg {
		return fmt.Errorf("the canary heard %q", heard)
	}
	return nil
}
