// Package alarm tells a chat robot what a person must act on.
package alarm

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"adb-backup/function/adb"
	"adb-backup/function/backup"
)

// Drill is the ErrorType of a message that only tests the way.
const Drill backup.ErrorType = "Drill"

// Message is what a person reads, perhaps on a phone at night.
type Message struct {
	ErrorType                            backup.ErrorType
	ErrorMessage                         string // it names the clusters
	RequestID, Function, Region, Account string
}

// advice is what happened, in words, and what to do next.
var advice = map[backup.ErrorType][2]string{
	Drill:                        {"this is a drill, nothing has failed", "nothing. Alarms of this function arrive here."},
	backup.ErrorInvalidEvent:     {"an event cannot be understood", "correct the trigger's payload, or what sends the event."},
	backup.ErrorPermissionDenied: {"a permission is missing", "make doctor says which one, and make role grants it."},
	backup.ErrorClusterNotFound:  {"a cluster does not exist", "correct its id or its region, or take it out of s.yaml."},
	backup.ErrorBackupFailed:     {"a backup failed", "look at the cluster in the console. make gate creates another backup."},
	backup.ErrorBackupMissing:    {"a backup is missing", "make gate creates one. make doctor says whether the timers are there."},
	backup.ErrorServiceError:     {"AnalyticDB refused a call", "act on the reason that it gives, then create the backup with make gate."},
	backup.ErrorInternalError:    {"the function has a defect", "its log says where. make gate tries again."},
	backup.ErrorNothingSelected:  {"no cluster was selected", "look whether somebody removed the clusters' tags."},
	backup.ErrorMixed:            {"several clusters failed", "the log has the reason of each one."},
}

// text returns the message in a few lines. Robots take different lengths: 2,048 bytes is the least, WeCom's.
func (m Message) text() string {
	words := advice[m.ErrorType]
	return Cut(fmt.Sprintf("adb-backup: %s (%s)\n%s\nNext: %s\nFunction %s in %s, account %s\nLog: make logs, request id %s",
		words[0], m.ErrorType, m.ErrorMessage, words[1], m.Function, m.Region, m.Account, m.RequestID), 2048)
}

// Cut shortens s to n bytes, at a character. An ellipsis shows that something is missing.
func Cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n-len("…")], "") + "…"
}

// Robot is what listens at a webhook. The process has one.
type Robot struct {
	Transport http.RoundTripper
	url       *url.URL
	secret    string
	form      form
	mask      adb.Mask // hides the secret, and the token in the URL

	mu   sync.Mutex // held while a message is sent
	told []string   // the request ids of the last thousand that were delivered
}

// New returns the robot at a URL. The secret is empty if the robot asks for no signature. The error does not quote the URL,
// which holds a token.
func New(webhook, secret string) (*Robot, error) {
	u, err := url.Parse(webhook)
	if err != nil {
		return nil, errors.New("is not a URL")
	}
	query, wrongQuery := url.ParseQuery(u.RawQuery)
	if _, err := adb.ParseEndpoint(u.Scheme + "://" + u.Host); err != nil || wrongQuery != nil || u.User != nil {
		return nil, errors.New("must be a URL with https, or with http and a loopback address, and without a user")
	}
	secrets := append(strings.Split(u.Path, "/"), secret, u.RawQuery) // nobody can tell which part is the token
	for _, values := range query {
		secrets = append(secrets, values...)
	}
	return &Robot{Transport: adb.NewTransport(1), url: u, secret: secret, form: formOf(u.Path), mask: adb.NewMask(secrets...)}, nil
}

// Send delivers a message within five seconds, and before ctx ends. An invocation is told once, however often it is retried.
// The error has the robot's own words, in one line without secrets. A nil Robot delivers nothing.
func (r *Robot) Send(ctx context.Context, m Message) error {
	if r == nil {
		return errors.New("no webhook is set: ADB_ALARM_WEBHOOK is empty")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.Contains(r.told, m.RequestID) {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	m.ErrorMessage = Cut(m.ErrorMessage, 1000)
	crowded, err := r.post(ctx, m)
	if crowded {
		select {
		case <-time.After(time.Second):
			_, err = r.post(ctx, m)
		case <-ctx.Done():
		}
	}
	if err != nil {
		return errors.New(r.mask.Clean(err.Error()))
	}
	r.told = append(r.told[max(0, len(r.told)-999):], m.RequestID)
	return nil
}

// post sends a message once. It reports whether the robot was only too busy to take it.
func (r *Robot) post(ctx context.Context, m Message) (crowded bool, err error) {
	to := *r.url
	body, _ := json.Marshal(r.form.content(m, r.secret, time.Now(), &to)) // it is made of texts, so it cannot fail
	request := &http.Request{
		Method: http.MethodPost, URL: &to, Header: http.Header{"Content-Type": {"application/json; charset=utf-8"}},
		Body: io.NopCloser(bytes.NewReader(body)), ContentLength: int64(len(body)),
		Close: true, // the platform freezes the process between invocations, which breaks open connections
	}
	x := adb.Exchange{Transport: r.Transport, Limit: 64 << 10}
	x.Call(request.WithContext(ctx), nil)
	if x.Status == 0 {
		return false, errors.New("the robot was not reached: " + adb.Reason(x.Err))
	}
	said := readReply(x.Body)
	if x.Status/100 == 2 && r.form.delivered(said) {
		return false, nil
	}
	return x.Status == http.StatusTooManyRequests || said.crowded(), fmt.Errorf("the robot answered %d: %s", x.Status, x.Body)
}

// form is how a kind of robot is spoken to.
type form struct {
	path      string // of the URL; where it ends in a slash, anything may follow
	content   func(m Message, secret string, now time.Time, to *url.URL) any
	delivered func(reply) bool // a robot refuses with HTTP status 200, too, so its words count
}

var forms = []form{
	{"/robot/send", dingTalk, func(r reply) bool { return isZero(r.ErrCode) }},
	{"/open-apis/bot/v2/hook/", feishu, func(r reply) bool { return isZero(cmp.Or(r.Code, r.StatusCode)) }},
	{"/cgi-bin/webhook/send", weCom, func(r reply) bool { return isZero(r.ErrCode) }},
	{"/services/", slack, func(r reply) bool { return r.text == "ok" }},
}

// formOf returns the form that a URL's path asks for. Whatever else listens there gets plain JSON.
func formOf(path string) form {
	i := slices.IndexFunc(forms, func(f form) bool {
		return path == f.path || strings.HasSuffix(f.path, "/") && strings.HasPrefix(path, f.path)
	})
	if i < 0 {
		return form{content: plain, delivered: func(reply) bool { return true }}
	}
	return forms[i]
}

// dingTalk takes the same text as WeCom. The signature stands in the URL.
func dingTalk(m Message, secret string, now time.Time, to *url.URL) any {
	if secret != "" {
		timestamp := strconv.FormatInt(now.UnixMilli(), 10)
		query := to.Query()
		query.Set("timestamp", timestamp)
		query.Set("sign", sign(secret, timestamp+"\n"+secret))
		to.RawQuery = query.Encode()
	}
	return weCom(m, secret, now, to)
}

// feishu signs nothing, with a key that is made of the secret.
func feishu(m Message, secret string, now time.Time, _ *url.URL) any {
	content := map[string]any{"msg_type": "text", "content": map[string]string{"text": m.text()}}
	if secret != "" {
		timestamp := strconv.FormatInt(now.Unix(), 10)
		content["timestamp"], content["sign"] = timestamp, sign(timestamp+"\n"+secret, "")
	}
	return content
}

func weCom(m Message, _ string, _ time.Time, _ *url.URL) any {
	return map[string]any{"msgtype": "text", "text": map[string]string{"content": m.text()}}
}

func slack(m Message, _ string, _ time.Time, _ *url.URL) any {
	return map[string]string{"text": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(m.text())}
}

func plain(m Message, _ string, _ time.Time, _ *url.URL) any {
	return map[string]string{"text": m.text(), "errorType": string(m.ErrorType), "errorMessage": m.ErrorMessage,
		"requestId": m.RequestID, "function": m.Function, "region": m.Region}
}

func sign(key, data string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(data))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// reply is what a robot says. A code that is not there is nil.
type reply struct {
	ErrCode, Code, StatusCode *int
	text                      string
}

func readReply(body []byte) (said reply) {
	if json.Unmarshal(body, &said) != nil {
		said = reply{} // a code of another type would look like a zero
	}
	said.text = strings.TrimSpace(string(body))
	return said
}

// crowded reports whether Feishu asks to come again later, as it does at full and half hours.
func (r reply) crowded() bool { return r.Code != nil && *r.Code == 11232 }

func isZero(code *int) bool { return code != nil && *code == 0 }
