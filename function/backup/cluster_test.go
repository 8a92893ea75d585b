package backup

import (
	"strings"
	"testing"
)

func TestCheckClusterID(t *testing.T) {
	for _, id := range []string{"amv-wz9or2xawpnc", "am-bp1", "am-0", "amvx-a", "am-" + strings.Repeat("a", 61)} {
		if err := CheckClusterID(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"", "am", "am-", "amv_wz9", "rm-1234", "amv-A", "AMV-1", "amv-a-b", "amv1-a", "amv-wz9 ", " amv-wz9", "amv-wz9\n",
		"amv-wz9/../x", "amv-ä", "xam-1", "am-" + strings.Repeat("a", 62), "*"} {
		if err := CheckClusterID(id); err == nil || strings.Contains(err.Error(), "masked") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{"amv-wz9or2xawpnc****", "am-bp1****************", "amv-*"} {
		if err := CheckClusterID(id); err == nil || !strings.Contains(err.Error(), "is a masked example") {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestCheckRegion(t *testing.T) {
	for _, region := range []string{"cn-hangzhou", "ap-southeast-1", "cn-beijing-finance-1", "us-west-1", "me-central-1", "cn-" + strings.Repeat("a", 29)} {
		if err := CheckRegion(region); err != nil {
			t.Errorf("%q: %v", region, err)
		}
	}
	for _, region := range []string{"", "cn", "cn-", "c-hangzhou", "cn--x", "CN-hangzhou", "cn-hangzhou.example.com", "x.example/", "cn-hangzhou/", "cn-hangzhou:80",
		"cn-hangzhou@x", "cn-hangzhou\n", " cn-hangzhou", "cn_hangzhou", "cn-hängzhou", "1n-x", "-cn-x", "cn-hangzhou-", "cn-" + strings.Repeat("a", 30)} {
		if err := CheckRegion(region); err == nil {
			t.Errorf("%q is accepted", region)
		}
	}
}

// TestQuote: only what is short and plain is shown, because events may carry secrets.
func TestQuote(t *testing.T) {
	for s, want := range map[string]string{
		"": `""`, "cn-hangzhou": `"cn-hangzhou"`, "two words": `"two words"`, `a "b"`: `"a \"b\""`,
		strings.Repeat("a", 64): `"` + strings.Repeat("a", 64) + `"`,
		strings.Repeat("a", 65): "a string of 65 characters",
		strings.Repeat("ä", 65): "a string of 65 characters",
		"ä":                     "a string with other than printable ASCII characters",
		"a\tb":                  "a string with other than printable ASCII characters",
		"a\x7f":                 "a string with other than printable ASCII characters",
		"~":                     `"~"`,
	} {
		if got := Quote(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
}
