package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What the README tells a reader to type and to paste is there, and is what it says.
func TestREADME(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	makefile, err := os.ReadFile("../../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	text := string(readme)
	for _, m := range regexp.MustCompile(`events/[a-z-]+\.(?:json|txt)`).FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join("../..", m)); err != nil {
			t.Errorf("sample: %v", err)
		}
	}
	code := strings.Join(regexp.MustCompile("`[^`\n]+`").FindAllString(text, -1), "\n")
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(text, -1)
	for _, m := range blocks {
		code += "\n" + m[1]
	}
	for _, m := range regexp.MustCompile("(?m)(?:^|`|\\$\\()make (?:-s )?([a-z-]+)").FindAllStringSubmatch(code, -1) {
		if !strings.Contains(string(makefile), "\n"+m[1]+":") {
			t.Errorf("make %s is not a target", m[1])
		}
	}
	blocks = regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(text, -1)
	for _, m := range blocks {
		if !json.Valid([]byte(m[1])) {
			t.Errorf("not JSON:\n%s", m[1])
		}
	}
	// The policies to paste are those that `make policy` prints.
	for _, name := range []string{"trust", "wait"} {
		want := documentOf(t, settingsOf(t, filledIn(t, "region", "cn-hangzhou", "clusters", `'"DBClusterIds": ["amv-wz9or2xawpnc", "amv-bp1c8v3q9xk27d"]'`, "imageClusters", `""`)), name)
		found := false
		for _, m := range blocks {
			var d document
			found = found || json.Unmarshal([]byte(m[1]), &d) == nil && cmp.Equal(d, want)
		}
		if !found {
			t.Errorf("the policy %s in the README is another than make policy prints", name)
		}
	}
}
