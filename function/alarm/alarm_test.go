package alarm

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"adb-backup/function/backup"
)

const (
	token    = "0123456789abcdef/+=="
	secret   = "SECfedcba9876543210"
	dingURL  = "https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef%2F%2B%3D%3D"
	larkURL  = "https://open.feishu.cn/open-apis/bot/v2/hook/0123456789abcdef"
	weComURL = "https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=0123456789abcdef"
	slackURL = "https://hooks.slack.com/services/T0/B0/0123456789abcdef"
	otherURL = "https://ops.example/hooks/0123456789abcdef"
)

// robot is the other end: it answers with each of its replies once, and then with the last one for ever.
type robot struct {
	replies []any // a body, a status and a body, an error, or a time for which it stays silent
	got     []*http.Request
	bodies  []string
	took    time.Duration
}

type status struct {
	code int
	body string
}

func (r *robot) RoundTrip(request *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(request.Body)
	r.got, r.bodies = append(r.got, request), append(r.bodies, string(body))
	switch reply := r.replies[min(len(r.got), len(r.replies))-1].(type) {
	case error:
		return nil, reply
	case time.Duration:
		select {
		case <-time.After(reply):
		case <-request.Context().Done():
			return nil, request.Context().Err()
		}
		return response(200, `{"errcode":0}`), nil
	case status:
		return response(reply.code, reply.body), nil
	default:
		return response(200, fmt.Sprint(reply)), nil
	}
}

func response(code int, body string) *http.Response {
	return &http.Response{StatusCode: code, Header: http.Header{"Location": {"https://elsewhere.example/"}}, Body: io.NopCloser(strings.NewReader(body))}
}

var night = Message{
	ErrorType: backup.ErrorBackupMissing, ErrorMessage: "1 of 1 clusters failed: amv-x (cn-hangzhou): BackupMissing: <none> & so on",
	RequestID: "1-386d4380-night", Function: "adb-backup", Region: "cn-hangzhou", Account: "1234567890123456",
}

// send delivers a message to a robot in virtual time.
func send(t *testing.T, webhook, secret string, m Message, replies ...any) (*robot, error) {
	t.Helper()
	r, err := New(webhook, secret)
	if err != nil {
		t.Fatal(err)
	}
	other := &robot{replies: replies}
	r.Transport = other
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		err = r.Send(t.Context(), m)
		other.took = time.Since(start)
	})
	return other, err
}

// TestForms: what each robot gets.
func TestForms(t *testing.T) {
	text := "adb-backup: BackupMissing\n" + night.ErrorMessage +
		"\nNext: make gate creates one. make doctor says whether the timers are there.\nFunction adb-backup in cn-hangzhou, account 1234567890123456\nLog: make logs, request id 1-386d4380-night"
	escaped := strings.NewReplacer("<", "&lt;", ">", "&gt;", "&", "&amp;").Replace(text)
	for url, c := range map[string]struct {
		ok   string
		want any
	}{
		dingURL:  {`{"errcode":0,"errmsg":"ok"}`, map[string]any{"msgtype": "text", "text": map[string]any{"content": text}}},
		larkURL:  {`{"code":0,"msg":"success"}`, map[string]any{"msg_type": "text", "content": map[string]any{"text": text}}},
		weComURL: {`{"errcode":0}`, map[string]any{"msgtype": "text", "text": map[string]any{"content": text}}},
		slackURL: {"ok", map[string]any{"text": escaped}},
		otherURL: {"", map[string]any{"text": text, "errorType": "BackupMissing", "errorMessage": night.ErrorMessage, "requestId": night.RequestID, "function": "adb-backup", "region": "cn-hangzhou"}},
	} {
		r, err := send(t, url, "", night, c.ok)
		if err != nil || len(r.got) != 1 {
			t.Errorf("%s: %v, %d requests", url, err, len(r.got))
			continue
		}
		request := r.got[0]
		var got any
		json.Unmarshal([]byte(r.bodies[0]), &got)
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s got\n%v, want\n%v", url, got, c.want)
		}
		if request.Method != "POST" || request.URL.String() != url || !request.Close || request.ContentLength != int64(len(r.bodies[0])) || !strings.HasPrefix(request.Header.Get("Content-Type"), "application/json") {
			t.Errorf("%+v", request)
		}
	}
}

// TestSignatures holds the signatures against vectors that OpenSSL made, of the moment at which virtual time begins:
//
//	printf '946684800000\nSECfedcba9876543210' | openssl dgst -sha256 -hmac SECfedcba9876543210 -binary | base64
//	printf '' | openssl dgst -sha256 -hmac "$(printf '946684800\nSECfedcba9876543210')" -binary | base64
func TestSignatures(t *testing.T) {
	r, err := send(t, dingURL, secret, night, `{"errcode":0}`)
	query := r.got[0].URL.Query()
	if err != nil || query.Get("timestamp") != "946684800000" || query.Get("sign") != "AFhEi9e69jXqlS5Ov/O5hg13126ORbFu1p89ajwNrD8=" || query.Get("access_token") != token {
		t.Errorf("%v: %v", err, query)
	}
	r, err = send(t, larkURL, secret, night, `{"code":0}`)
	var body struct{ Timestamp, Sign string }
	json.Unmarshal([]byte(r.bodies[0]), &body)
	if err != nil || body.Timestamp != "946684800" || body.Sign != "xigIMUDyaG7npF4juoQSIq4josoL3Z4YNVyocNPpc5Y=" {
		t.Errorf("%v: %+v", err, body)
	}
	for _, url := range []string{weComURL, slackURL, otherURL} { // they ask for none
		if r, _ := send(t, url, secret, night, "ok"); r.got[0].URL.String() != url || strings.Contains(r.bodies[0], "sign") {
			t.Errorf("%s %s", r.got[0].URL, r.bodies[0])
		}
	}
}

// TestDelivered: a robot's own words count, whatever HTTP says.
func TestDelivered(t *testing.T) {
	const words = "keywords not in content"
	for url, replies := range map[string]struct{ yes, no []any }{
		dingURL:  {[]any{`{"errcode":0}`, `{"errmsg":"ok","errcode":0}`}, []any{`{"errcode":310000,"errmsg":"` + words + `"}`, `{}`, `{"errcode":"0"}`, `{"errcode":null}`, `{"code":0}`, "ok", "", "<html>", `{"errcode":0}{`, status{302, `{"errcode":0}`}, status{500, `{"errcode":0}`}}},
		weComURL: {[]any{`{"errcode":0}`}, []any{`{"errcode":93000}`, `{}`, "ok"}},
		larkURL:  {[]any{`{"code":0}`, `{"StatusCode":0,"StatusMessage":"success"}`}, []any{`{"code":19021,"msg":"` + words + `"}`, `{"StatusCode":1}`, `{"code":9499,"StatusCode":0}`, `{}`, `{"errcode":0}`}},
		slackURL: {[]any{"ok", "ok\n"}, []any{"invalid_token", "", "okay", `{"ok":true}`, status{404, "no_team"}, status{500, "ok"}}},
		otherURL: {[]any{"", "no", status{204, ""}, `{"errcode":1}`}, []any{status{302, ""}, status{404, words}, status{500, ""}}},
	} {
		for _, reply := range replies.yes {
			if r, err := send(t, url, "", night, reply); err != nil || len(r.got) != 1 {
				t.Errorf("%s, %v: %v", url, reply, err)
			}
		}
		for _, reply := range replies.no {
			r, err := send(t, url, "", night, reply)
			if err == nil || len(r.got) != 1 || strings.Contains(fmt.Sprint(reply), words) && !strings.Contains(err.Error(), words) {
				t.Errorf("%s, %v: %v, %d requests", url, reply, err, len(r.got))
			}
		}
	}
}

// TestCrowded: a robot that is only busy is asked once more, after a second and signed anew.
func TestCrowded(t *testing.T) {
	for url, busy := range map[string]any{larkURL: `{"code":11232,"msg":"frequency limited"}`, slackURL: status{429, "rate_limited"}, otherURL: status{429, ""}} {
		if r, err := send(t, url, "", night, busy, map[string]any{larkURL: `{"code":0}`, slackURL: "ok", otherURL: ""}[url]); err != nil || len(r.got) != 2 {
			t.Errorf("%s: %v, %d requests", url, err, len(r.got))
		}
		r, err := send(t, url, secret, night, busy)
		if err == nil || len(r.got) != 2 || r.took != time.Second || url == larkURL && r.bodies[0] == r.bodies[1] {
			t.Errorf("%s: %v, %d requests in %v: %v", url, err, len(r.got), r.took, r.bodies)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		r, _ := New(larkURL, secret)
		other := &robot{replies: []any{`{"code":11232,"msg":"frequency limited"}`}}
		r.Transport = other
		ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
		defer cancel()
		if err := r.Send(ctx, night); err == nil || !strings.Contains(err.Error(), "frequency limited") || len(other.got) != 1 {
			t.Errorf("without time for another attempt: %v", err)
		}
	})
}

// TestSilence: a delivery takes five seconds at most.
func TestSilence(t *testing.T) {
	if r, err := send(t, dingURL, "", night, time.Hour); err == nil || r.took != 5*time.Second || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("after %v: %v", r.took, err)
	}
}

// TestOnce: an invocation is told once, but what was not delivered is tried again.
func TestOnce(t *testing.T) {
	r, _ := New(dingURL, "")
	other := &robot{replies: []any{`{"errcode":1}`, `{"errcode":0}`}}
	r.Transport = other
	ctx, again := context.Background(), night
	again.RequestID = "1-386d4380-another"
	for i, c := range []struct {
		m        Message
		err      bool
		requests int
	}{{night, true, 1}, {night, false, 2}, {night, false, 2}, {again, false, 3}, {night, false, 3}} {
		if err := r.Send(ctx, c.m); (err != nil) != c.err || len(other.got) != c.requests {
			t.Errorf("%d: %v, %d requests", i, err, len(other.got))
		}
	}
	for i := range 5000 {
		r.Send(ctx, Message{RequestID: fmt.Sprint(i)})
	}
	if len(r.told) > 1000 || r.told[len(r.told)-1] != "4999" {
		t.Errorf("%d are remembered", len(r.told))
	}
}

// TestSecrets: neither the secret nor the URL's token is ever told, in what spelling the robot or the network repeats them.
func TestSecrets(t *testing.T) {
	for _, reply := range []any{
		fmt.Sprintf(`{"errcode":310000,"errmsg":"%s, %s, 0123456789abcdef%%2F%%2B%%3D%%3D, %s"}`, token, secret, strings.ReplaceAll(token, "/", `\/`)),
		errors.New(`Post "` + dingURL + `": dial tcp: refused`),
	} {
		if _, err := send(t, dingURL, secret, night, reply); err == nil || strings.Contains(err.Error(), "0123456789") || strings.Contains(err.Error(), "fedcba") || !strings.Contains(err.Error(), "***") {
			t.Error(err)
		}
	}
	for _, url := range []string{larkURL, slackURL, otherURL, weComURL, otherURL + "/send", "https://ops.example/?0123456789abcdef"} {
		if _, err := send(t, url, "", night, status{400, "no such robot: 0123456789abcdef\nhere"}); err == nil || !strings.HasSuffix(err.Error(), "the robot answered 400: no such robot: *** here") {
			t.Error(err)
		}
	}
	if _, err := send(t, otherURL, "", night, status{400, strings.Repeat("long ", 50_000)}); err == nil || len(err.Error()) > 500 {
		t.Error(err)
	}
}

// TestLengths: the message is cut at 1,000 bytes, and no character is cut in half. Then the text has no more than WeCom takes.
func TestLengths(t *testing.T) {
	for shift := range 3 {
		long := night
		long.ErrorMessage = strings.Repeat("x", shift) + strings.Repeat("备份", 5000)
		var got struct{ Text, ErrorMessage string }
		r, _ := send(t, otherURL, "", long, "")
		json.Unmarshal([]byte(r.bodies[0]), &got)
		if n := len(got.ErrorMessage); n > 1000 || n < 995 || !strings.HasSuffix(got.ErrorMessage, "…") || !strings.Contains(got.Text, long.RequestID) || strings.ContainsRune(got.Text, utf8.RuneError) || len(got.Text) > 2048 {
			t.Errorf("%d bytes: %s", n, got.Text)
		}
	}
}

// TestNew: only https, and http to this machine. The error does not show the URL.
func TestNew(t *testing.T) {
	for _, url := range []string{dingURL, "http://127.0.0.1:8080/robot/send?access_token=x", "http://localhost/x", "http://[::1]:80/", "https://hooks.example"} {
		if _, err := New(url, ""); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{
		"http://oapi.dingtalk.com/robot/send?access_token=hidden-token", "oapi.dingtalk.com/robot/send?access_token=hidden-token", "hidden-token", "https:///hidden-token",
		"ftp://hidden-token", "https://user:hidden-token@host/", "https://host:99999/hidden-token", "https://%zz/hidden-token", "https://host\x7f/hidden-token",
	} {
		if _, err := New(url, ""); err == nil || strings.Contains(err.Error(), "hidden-token") {
			t.Errorf("%s: %v", url, err)
		}
	}
	var none *Robot
	if err := none.Send(context.Background(), night); err == nil || !strings.Contains(err.Error(), "ADB_ALARM_WEBHOOK") {
		t.Error(err)
	}
}
