package alarm

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"time"
)

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

func formOf(path string) form {
	for _, f := range forms {
		if path == f.path || strings.HasSuffix(f.path, "/") && strings.HasPrefix(path, f.path) {
			return f
		}
	}
	return form{content: plain, delivered: func(reply) bool { return true }}
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
