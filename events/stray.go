package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// A CloudEvent that names a cluster in a place where no request is read must not be answered with a backup of the default
// clusters. So before they are taken, the whole event is searched.

// level is an object or an array on the way to a string.
type level struct {
	name  json.RawMessage // of the field that is being read, in quotes; nil in an array
	index int             // of the item that is being read
}

// findCluster returns the path, such as .data.x[0], to the first string in a checked text that means a cluster, be it a
// field's name, or in JSON that a string holds. id is that string, if it is an id and not an ARN or a selector. It walks
// without recursion, because a text can be ten thousand levels deep.
func findCluster(text []byte) (path, id string, found bool) {
	var levels []level
	for i := 0; i < len(text); {
		switch text[i] {
		case '{', '[':
			levels = append(levels, level{})
		case '}', ']':
			levels = levels[:len(levels)-1]
		case ',':
			levels[len(levels)-1].index++
		case '"':
			raw := json.RawMessage(text[i : i+stringEnd(text[i:])])
			i += len(raw)
			isName := bytes.HasPrefix(bytes.TrimLeft(text[i:], " \t\r\n"), []byte(":"))
			if isName {
				levels[len(levels)-1].name = raw
			}
			if inner, id, found := meansCluster(raw, isName); found {
				return pathText(levels) + inner, id, true
			}
			continue
		}
		i++
	}
	return "", "", false
}

// meansCluster reports whether a string means a cluster: it is a cluster id, in any case, perhaps masked, perhaps the first of
// a list; or it holds the ARN of a cluster, in any case; or it is the name DBClusterSelector. If the string holds JSON, that is
// searched, and inner is the path in it.
func meansCluster(raw json.RawMessage, isName bool) (inner, id string, means bool) {
	if len(raw) < len(`"am-1"`) {
		return "", "", false
	}
	text, _ := unquote(raw)
	text = bytes.TrimSpace(text)
	if len(text) == 0 {
		return "", "", false
	}
	switch text[0] {
	case '{', '[', '"':
		if json.Valid(text) {
			return findCluster(text)
		}
	case 'a', 'A':
		first, _, _ := bytes.Cut(text, []byte(","))
		if len(first) <= 64 && clusterLike.Match(first) {
			return "", string(bytes.TrimSpace(first)), true
		}
	}
	if _, arn, isARN := bytes.Cut(bytes.ToLower(text), []byte("acs:adb:")); isARN && bytes.Contains(arn, []byte(":dbcluster/")) {
		return "", "", true
	}
	return "", "", isName && bytes.EqualFold(text, []byte("DBClusterSelector"))
}

// clusterLike is the form of a cluster id, in any case, and masked as the documentation masks its examples.
var clusterLike = regexp.MustCompile(`(?i)^am[a-z]*-[a-z0-9]+\**\s*$`)

// pathText writes a path such as .data.detail.clusters[0].
func pathText(levels []level) string {
	var b strings.Builder
	for _, l := range levels {
		if b.Len() > 200 {
			b.WriteString("…")
			break
		}
		if l.name == nil {
			fmt.Fprintf(&b, "[%d]", l.index)
			continue
		}
		text, _ := unquote(l.name)
		name := string(text)
		if !isWord(name) {
			name = quoteName(name)
		}
		b.WriteString("." + name)
	}
	return b.String()
}
