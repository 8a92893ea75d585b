package e2e

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
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
			default:
				err = errors.New("there is no option " + key)
			}
		}
	})
	return err
}

// step is what goes wrong with one call, or with every call of an action.
type step struct {
	action, cluster string // an empty cluster stands for any
	nth             int    // 0: all
	kind, value     string
	after           bool // the call takes effect before
}

// kinds are what can go wrong. A kind may have a value, as in refused:400:Code:message. Where the call took effect, truth is its
// answer.
var kinds = map[string]func(value string, w http.ResponseWriter, r *http.Request, truth *httptest.ResponseRecorder){
	"broken": func(string, http.ResponseWriter, *http.Request, *httptest.ResponseRecorder) {
		panic(http.ErrAbortHandler)
	},
	"hang": func(_ string, _ http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		<-r.Context().Done()
	},
	"redirect": func(to string, w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		http.Redirect(w, r, to, http.StatusTemporaryRedirect)
	},
	"refused": func(value string, w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) {
		v := append(strings.SplitN(value, ":", 3), "", "")
		status, _ := strconv.Atoi(v[0])
		w.WriteHeader(status)
		message := strings.ReplaceAll(v[2], "AUTHORIZATION", r.Header.Get("Authorization"))
		json.NewEncoder(w).Encode(map[string]string{"RequestId": "4B17C05A", "Code": v[1], "Message": message})
	},
	"replace": func(value string, w http.ResponseWriter, _ *http.Request, truth *httptest.ResponseRecorder) { // REGEXP/TEXT
		from, to, _ := strings.Cut(value, "/")
		fmt.Fprint(w, regexp.MustCompile(from).ReplaceAllString(truth.Body.String(), to))
	},
	"switch": func(_ string, w http.ResponseWriter, _ *http.Request, _ *httptest.ResponseRecorder) { // the connection stays open
		if connection, _, err := http.NewResponseController(w).Hijack(); err == nil {
			fmt.Fprint(connection, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n")
			io.Copy(io.Discard, connection)
			connection.Close()
		}
	},
	"endless": func(padding string, w http.ResponseWriter, r *http.Request, _ *httptest.ResponseRecorder) { // there is always another page
		q, n := r.URL.Query(), 0
		page, _ := strconv.Atoi(q.Get("PageNumber"))
		size, _ := strconv.Atoi(q.Get("PageSize"))
		n, _ = strconv.Atoi(padding)
		entry := fmt.Sprintf(`{"DBClusterId":%q,"BackupType":"FullBackup","BackupStatus":"Success","BackupStartTime":"2020-01-01T00:00Z","Padding":"%s","BackupId":`, q.Get("DBClusterId"), strings.Repeat("x", n))
		var sets []string
		for i := range size {
			sets = append(sets, fmt.Sprintf(`%s"%d"}`, entry, page*size+i))
		}
		fmt.Fprintf(w, `{"RequestId":"E","TotalCount":"2000000000","PageNumber":"%d","PageSize":"%d","Items":{"Backup":[%s]}}`, page, size, strings.Join(sets, ","))
	},
}

func (s *story) fault(ts *testscript.TestScript, neg bool, args []string) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if args[0] == "none" {
		s.steps = nil
		return nil
	}
	x := step{after: len(args) > 3 && args[3] == "after"}
	x.action, x.cluster, _ = strings.Cut(args[0], "@")
	if x.kind, x.value, _ = strings.Cut(args[2], ":"); kinds[x.kind] == nil {
		return errors.New("there is no fault " + x.kind)
	}
	if args[1] != "all" {
		x.nth, err = strconv.Atoi(args[1])
	}
	s.steps = append(s.steps, x)
	return err
}

// serve is the way to the service. A fault can lie on it.
func (s *story) serve(w http.ResponseWriter, r *http.Request) {
	action, cluster := r.Header.Get("X-Acs-Action"), r.URL.Query().Get("DBClusterId")
	s.mu.Lock()
	s.arrived[action]++
	s.arrived["all"]++
	i := slices.IndexFunc(s.steps, func(x step) bool {
		return x.action == action && (x.cluster == "" || x.cluster == cluster) && (x.nth == 0 || x.nth == s.arrived[action])
	})
	var x step
	if i >= 0 {
		x = s.steps[i]
	}
	s.mu.Unlock()
	if i < 0 {
		s.service.ServeHTTP(w, r)
		return
	}
	truth := httptest.NewRecorder()
	if x.after {
		s.service.ServeHTTP(truth, r)
	}
	kinds[x.kind](x.value, w, r, truth)
}

// callsAre counts the calls that arrived, those that a fault struck, too.
func (s *story) callsAre(ts *testscript.TestScript, neg bool, args []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return same("calls of "+args[0], s.arrived[args[0]], args[1])
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
