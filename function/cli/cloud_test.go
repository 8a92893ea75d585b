package main

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"adb-backup/function/adb"
	"adb-backup/function/credentials"
)

func TestWhoseCredentials(t *testing.T) {
	known := credentials.Credentials{AccessKeyID: testKeyID, AccessKeySecret: testSecret, SecurityToken: testToken}
	another := known
	another.AccessKeySecret = "another"
	for name, c := range map[string]struct {
		reply step
		who   credentials.Credentials
		in    string
		want  string
		err   string
	}{
		"known":    {step{}, known, "cn-hangzhou", testAccount, ""},
		"named":    {step{Broken: true}, credentials.Credentials{Account: "42"}, "", "42", ""},
		"no place": {step{}, known, "evil.example/", "", "region"},
		"another":  {step{}, another, "cn-hangzhou", "", "SignatureDoesNotMatch"},
		"nothing":  {step{Body: `{}`}, known, "cn-hangzhou", "", "the reply has no account id"},
		"a page":   {step{Body: `<html>`}, known, "cn-hangzhou", "", "answered HTTP 200: the reply cannot be read"},
		"denied":   {step{Status: 403, Body: `{"Code":"NoPermission","Message":"you are ` + testToken + `"}`}, known, "cn-hangzhou", "", "GetCallerIdentity was refused: NoPermission: you are ***"},
		"redirect": {step{Status: 302, Header: map[string]string{"Location": "http://127.0.0.1:1"}}, known, "cn-hangzhou", "", "HTTP 302"},
		"broken":   {step{Broken: true}, known, "cn-hangzhou", "", "GetCallerIdentity: no answer from 127.0.0.1:"},
		"endless":  {step{Body: strings.Repeat(" ", maxReply+1)}, known, "cn-hangzhou", "", "too large"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newCloud(t)
			if name != "known" && name != "another" {
				f.script["GetCallerIdentity"] = []step{c.reply}
			}
			got, err := callerAccount(t.Context(), c.who, c.in, must(adb.ParseEndpoint(f.url)))
			if got != c.want || (err == nil) != (c.err == "") || err != nil && (!strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), testToken)) {
				t.Errorf("%q, %v", got, err)
			}
			if e := new(apiError); name == "another" && (!errors.As(err, &e) || e.Status != http.StatusBadRequest || e.RequestID == "") {
				t.Errorf("%v", err)
			}
		})
	}
}
