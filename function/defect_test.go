package main

import (
	"net/http"
	"strings"
	"testing"

	"adb-backup/function/local/fakeadb"
)

func TestDefect(t *testing.T) {
	story(t, "a defect is one cluster's failure", fakeadb.Options{}, func(t *testing.T, w *world) {
		p := w.process()
		c := p.config
		inner := c.ADB.Transport
		c.ADB.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.URL.Query().Get("DBClusterId") == "amv-0001" {
				panic("a defect")
			}
			return inner.RoundTrip(r)
		})
		p.handler = newHandler(c, w.log)
		r := p.deliver(fleet(3, ""), delivery{})
		if w.expect(r, "InternalError", 2); !strings.HasPrefix(r.errorMessage, "1 of 3 clusters failed: amv-0001 ") || !strings.Contains(w.log.String(), `"msg":"defect"`) {
			t.Error(r.errorMessage, w.log)
		}
	})
	story(t, "a defect elsewhere is an error, and its stack is in the log", fakeadb.Options{}, func(t *testing.T, w *world) {
		p := w.process()
		p.handler.runner = nil
		r := p.deliver(plain, delivery{requestID: "1-386d4380-defect"})
		if w.expect(r, "InternalError", 0); !strings.Contains(r.errorMessage, "a defect of the function, see its log") {
			t.Error(r.errorMessage)
		}
		for _, part := range []string{`"level":"ERROR","msg":"defect"`, `"panic":"`, `"stack":"`, "handler.go", `"requestId":"1-386d4380-defect"`} {
			if !strings.Contains(w.log.String(), part) {
				t.Errorf("no %s in %s", part, w.log)
			}
		}
	})
}
