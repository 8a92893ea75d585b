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

// next is what to do, where the message alone does not say it.
var next = map[backup.ErrorType]string{
	Drill:                        "nothing: this is a drill, and alarms of this function arrive here.",
	backup.ErrorPermissionDenied: "make doctor says which permission is missing, and make role grants it.",
	backup.ErrorBackupFailed:     "look at the cluster in the console. make gate creates another backup.",
	backup.ErrorBackupMissing:    "make gate creates one. make doctor says whether the timers are there.",
	backup.ErrorNothingSelected:  "look whether somebody removed the clusters' tags.",
}

// text returns the message in a few lines. Robots take different lengths: 2,048 bytes is the least, WeCom's.
func (m Message) text() string {
	return fmt.Sprintf("adb-backup: %s\n%s\nNext: %s\nFunction %s in %s, account %s\nLog: make logs, request id %s", m.ErrorType, m.ErrorMessage,
		cmp.Or(next[m.ErrorType], "act on this. make gate tries again, and make doctor looks at everything."), m.Function, m.Region, m.Account, m.RequestID)
}

// The kinds of robots, by how the path of the URL begins.
const (
	dingTalk = "/robot/send"
	feishu   = "/open-apis/bot/v2/hook/"
	weCom    = "/cgi-bin/webhook/send"
	slack    = "/services/"
)

// Robot is what listens at a webhook. The process has one.
type Robot struct {
	Transport http.RoundTripper
	url       *url.URL
	secret    string
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
	if _, err := adb.ParseEndpoint(u.Scheme + "://" + u.Host); err != nil || u.User != nil {
		return nil, errors.New("must be a URL with https, or with http and a loopback address, and without a user")
	}
	secrets := append(strings.Split(u.Path, "/"), secret, u.RawQuery) // nobody can tell which part is the token
	for _, values := range u.Query() {
		secrets = append(secrets, values...)
	}
	return &Robot{Transport: adb.NewTransport(1), url: u, secret: secret, mask: adb.NewMask(secrets...)}, nil
}

func (r *Robot) is(kind string) bool { return strings.HasPrefix(r.url.Path, kind) }

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
	m.ErrorMessage = adb.Cut(m.ErrorMessage, 1000)
	crowded, err := r.post(ctx, m)
	if crowded && backup.Sleep(ctx, time.Second) {
		_, err = r.post(ctx, m)
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
	body, _ := json.Marshal(r.content(m, &to)) // it is made of texts, so it cannot fail
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
	delivered, crowded := r.understand(x.Body)
	if x.Status/100 == 2 && delivered {
		return false, nil
	}
	return crowded || x.Status == http.StatusTooManyRequests, fmt.Errorf("the robot answered %d: %s", x.Status, x.Body)
}

// content returns what the robot takes, signed if there is a secret. DingTalk's signature stands in the URL. Feishu's is of
// nothing, with a key that is made of the secret.
func (r *Robot) content(m Message, to *url.URL) any {
	now, text := time.Now(), m.text()
	switch {
	case r.is(feishu):
		content := map[string]any{"msg_type": "text", "content": map[string]string{"text": text}}
		if r.secret != "" {
			timestamp := strconv.FormatInt(now.Unix(), 10)
			content["timestamp"], content["sign"] = timestamp, sign(timestamp+"\n"+r.secret, "")
		}
		return content
	case r.is(dingTalk), r.is(weCom):
		if r.is(dingTalk) && r.secret != "" {
			timestamp, query := strconv.FormatInt(now.UnixMilli(), 10), to.Query()
			query.Set("timestamp", timestamp)
			query.Set("sign", sign(r.secret, timestamp+"\n"+r.secret))
			to.RawQuery = query.Encode()
		}
		return map[string]any{"msgtype": "text", "text": map[string]string{"content": text}}
	case r.is(slack):
		return map[string]string{"text": strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(text)}
	}
	return map[string]string{"text": text, "errorType": string(m.ErrorType), "errorMessage": m.ErrorMessage,
		"requestId": m.RequestID, "function": m.Function, "region": m.Region}
}

func sign(key, data string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(data))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// understand reads a robot's reply. A robot refuses with HTTP status 200, too, so its words count. crowded reports whether
// Feishu asks to come again later, as it does at full and half hours.
func (r *Robot) understand(reply []byte) (delivered, crowded bool) {
	var said map[string]any
	json.Unmarshal(reply, &said) // what cannot be read says nothing
	switch {
	case r.is(dingTalk), r.is(weCom):
		return said["errcode"] == 0.0, false
	case r.is(feishu):
		code := cmp.Or(said["code"], said["StatusCode"])
		return code == 0.0, code == 11232.0
	case r.is(slack):
		return strings.TrimSpace(string(reply)) == "ok", false
	}
	return true, false
}
