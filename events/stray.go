package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// level is an object or an array on the way to a string.
type level struct {
	name  json.RawMessage // of the field that is being read, in quotes; nil in an array
	index int             // of the item that is being read
}

// findCluster returns the path to the first string in a checked text that is a cluster id or names one, be it a field's name
// or JSON in a string; "" if there is none. It walks without recursion, because a text can be ten thousand levels deep.
func findCluster(text []byte) string {
	var path []level
	for i := 0; i < len(text); {
		switch text[i] {
		case '{', '[':
			path = append(path, level{})
		case '}', ']':
			path = path[:len(path)-1]
		case ',':
			path[len(path)-1].index++
		case '"':
			n := stringEnd(text[i:])
			s := json.RawMessage(text[i : i+n])
			i += n
			if rest := bytes.TrimLeft(text[i:], " \t\r\n"); len(rest) > 0 && rest[0] == ':' {
				path[len(path)-1].name = s
			}
			if means, inner := namesCluster(s); means {
				return strings.TrimSuffix(pathText(path)+"."+inner, ".")
			}
			continue
		}
		i++
	}
	return ""
}

// namesCluster reports whether a string means a cluster: a cluster id in any case, perhaps masked or the first of a list, the
// ARN of a cluster, or the name DBClusterSelector. If it holds JSON, that is searched, and inner is the path in it.
func namesCluster(raw json.RawMessage) (means bool, inner string) {
	unquoted, _ := unquote(raw)
	text := bytes.TrimSpace(unquoted)
	if len(text) > 0 && (text[0] == '{' || text[0] == '[' || text[0] == '"') && json.Valid(text) {
		inner = findCluster(text)
		return inner != "", inner
	}
	if arn := bytes.Index(text, []byte("acs:adb:")); arn >= 0 && bytes.Contains(text[arn:], []byte(":dbcluster/")) {
		return true, ""
	}
	if len(text) < 4 || text[0]|' ' != 'a' || text[1]|' ' != 'm' {
		return isNamed(raw, "DBClusterSelector"), ""
	}
	first, _, _ := bytes.Cut(text, []byte(","))
	return len(first) <= 64 && clusterLike.Match(first), ""
}

// clusterLike is the form of a cluster id, in any case and perhaps masked, as the documentation masks its examples.
var clusterLike = regexp.MustCompile(`(?i)^am[a-z]*-[a-z0-9]+\**\s*$`)

// pathText writes a path such as data.detail.clusters[0].
func pathText(path []level) string {
	var b strings.Builder
	for _, l := range path {
		if l.name == nil {
			fmt.Fprintf(&b, "[%d]", l.index)
			continue
		}
		text, _ := unquote(l.name)
		name := string(text)
		if !isWord(name) {
			name = quoteName(name)
		}
		if b.Len() > 0 {
			b.WriteByte('.')
		}
		b.WriteString(name)
	}
	return b.String()
}

// cut cuts a text of ASCII characters.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n] + "…"
}
