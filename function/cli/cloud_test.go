package main

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"adb-backup/function/adb"
	"adb-backup/function/credentials"
)

// sts emulates GetCallerIdentity of STS.
func sts(t *testing.T, answer func(w http.ResponseWriter)) adb.Endpoint {
	t.Helper()
	e, err := adb.ParseEndpoint(signed(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("X-Acs-Action") != "GetCallerIdentity" || r.Header.Get("X-Acs-Version") != "2015-04-01" {
			t.Errorf("headers: %v", r.Header)
		}
		answer(w)
	})))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestWhoseCredentials(t *testing.T) {
	c := credentials.Credentials{AccessKeyID: testKeyID, AccessKeySecret: testSecret, SecurityToken: testToken}
	said := func(text string) func(http.ResponseWriter) {
		return func(w http.ResponseWriter) { io.WriteString(w, text) }
	}
	for name, x := range map[string]struct {
		answer func(http.ResponseWriter)
		want   string
		err    string
	}{
		"known":    {said(`{"AccountId":"1234567890123456","Arn":"acs:ram::1234567890123456:user/x"}`), "1234567890123456", ""},
		"nothing":  {said(`{}`), "", "the reply has no account id"},
		"a page":   {said(`<html>`), "", "answered HTTP 200: the reply cannot be read"},
		"denied":   {func(w http.ResponseWriter) { refuse(w, 403, "NoPermission", "you are "+testToken) }, "", "GetCallerIdentity was refused: NoPermission: you are ***"},
		"redirect": {func(w http.ResponseWriter) { w.Header().Set("Location", "http://127.0.0.1:1"); w.WriteHeader(302) }, "", "HTTP 302"},
		"broken":   {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, "", "GetCallerIdentity: no answer from 127.0.0.1:"},
		"endless":  {said(strings.Repeat(" ", maxReply+1)), "", "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := callerAccount(t.Context(), c, "cn-hangzhou", sts(t, x.answer))
			if got != x.want || (err == nil) != (x.err == "") || err != nil && (!strings.Contains(err.Error(), x.err) || strings.Contains(err.Error(), testToken)) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
	if got, err := callerAccount(t.Context(), credentials.Credentials{Account: "42"}, "", adb.Endpoint{}); got != "42" || err != nil {
		t.Errorf("named: %q, %v", got, err)
	}
	if _, err := callerAccount(t.Context(), c, "evil.example/", adb.Endpoint{}); err == nil {
		t.Error("a region that is none")
	}
	c.AccessKeySecret = "another"
	_, err := callerAccount(t.Context(), c, "cn-hangzhou", sts(t, said(`{}`)))
	if e := new(apiError); !errors.As(err, &e) || e.Code != "SignatureDoesNotMatch" || e.Status != 400 || e.RequestID == "" {
		t.Errorf("another secret: %v", fmt.Sprint(err))
	}
}
