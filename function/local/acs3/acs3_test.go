package acs3

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// The vectors are those of Alibaba Cloud's "V3 request syntax and signature method".
func TestThePublishedVectors(t *testing.T) {
	for _, v := range []struct{ date, nonce, want string }{
		{"2023-10-26T10:22:32Z", "3156853299f313e23d1673dc12e1703d", "06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"},
		{"2023-10-26T09:01:01Z", "d410180a5abf7fe235dd9b74aca91fc0", "e521358f7776c97df52e6b2891a8bc73026794a071b50c3323388c4e0df64804"},
	} {
		r := httptest.NewRequest("POST", "https://ecs.cn-shanghai.aliyuncs.com/?RegionId=cn-shanghai&ImageId=win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd", nil)
		for name, value := range map[string]string{
			"x-acs-action": "RunInstances", "x-acs-version": "2014-05-26", "x-acs-date": v.date, "x-acs-signature-nonce": v.nonce,
			"x-acs-content-sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		} {
			r.Header.Set(name, value)
		}
		signed := strings.Split("host;x-acs-action;x-acs-content-sha256;x-acs-date;x-acs-signature-nonce;x-acs-version", ";")
		if got := sign(stringToSign(r, signed), "YourAccessKeySecret"); got != v.want {
			t.Errorf("%s: %s, want %s", v.date, got, v.want)
		}
	}
}

func TestAnotherDialectIsNamed(t *testing.T) {
	for call, want := range map[string]*Error{
		"GET /?Action=CreateBackup&SignatureMethod=HMAC-SHA1&Signature=x": ErrOldSignature,
		"POST / Action=CreateBackup&SignatureMethod=HMAC-SHA1":            ErrOldSignature,
		"GET /?DBClusterId=amv-a":                                         ErrMethod,
		"POST / DBClusterId=amv-a":                                        ErrForm,
		"POST /?DBClusterId=amv-a":                                        nil,
		"POST /?DBClusterId=amv-signature=":                               nil,
	} {
		method, rest, _ := strings.Cut(call, " ")
		target, body, _ := strings.Cut(rest, " ")
		r := httptest.NewRequest(method, target, nil)
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if got := Dialect(r, []byte(body)); got != want {
			t.Errorf("%s: %+v, want %+v", call, got, want)
		}
	}
}
