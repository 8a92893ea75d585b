package events

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"adb-backup/function/backup"
)

// byDefault makes requests for ADB_DEFAULT_CLUSTERS, because the event, such as an image push, only says when. The clusters
// are the function's own, and so is their region. They must not stand in for a cluster that somebody meant in a place that is
// not read. So the whole event is searched first.
func (d *decoder) byDefault(src source, e *cloudEvent, places []field) ([]backup.Request, error) {
	const hint = "where no request is looked for: give it in data, as DBClusterId, DBClusterIds or DBClusterSelector"
	switch path, id, found := findCluster(e.raw); {
	case id != "": // any word such as amd-64 has the form of an id
		return nil, fault("the CloudEvent names the cluster %v in %s, %s; if it is not a cluster, leave it out of the event by a TEMPLATE transform", quoted(id), path[1:], hint)
	case found:
		return nil, fault("the CloudEvent names a cluster in %s, %s", path[1:], hint)
	case e.DataBase64.given:
		return nil, fault("the CloudEvent has data_base64, which is not read: send data")
	}
	for _, p := range places {
		if name := misspeltCluster(p.raw); name != "" {
			return nil, fault("%s has a field %s but %s", p.name, name, missingCluster)
		}
	}
	if len(d.DefaultClusters) == 0 {
		return nil, fault("the CloudEvent names no cluster, neither in data nor by an ARN in subject, and ADB_DEFAULT_CLUSTERS is not set")
	}
	src.prototype.Cluster, src.badRegion = d.direct.prototype.Cluster, d.direct.badRegion
	return src.named("ADB_DEFAULT_CLUSTERS", d.DefaultClusters...)
}

// misspeltCluster returns the name, in quotes, of the first field that was probably meant to name clusters.
func misspeltCluster(object json.RawMessage) string {
	if !isObject(object) {
		return ""
	}
	for raw := range fields(object) {
		text, _ := unquote(raw)
		name := string(text)
		if f := folded(name); strings.HasPrefix(f, "dbcluster") || strings.HasPrefix(f, "db") && Nearest(name, requestFields[:3]) != "" {
			return quoteName(name)
		}
	}
	return ""
}

// level is an object or an array on the way to a string.
type level struct {
	name  json.RawMessage // of the field that is being read, in quotes; nil in an array
	index int             // of the item that is being read
}

// findCluster returns the path, such as .data.x[0], to the first string in a checked text that means a cluster. It looks at
// fields' names, too, and into JSON that a string holds. id is that string if it is an id, and empty if it is an ARN or a
// selector. A text can be ten thousand levels deep, so findCluster does not call itself for each level.
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

// meansCluster reports whether a string means a cluster: it is a cluster id, perhaps masked, perhaps the first of a list; or it
// holds the ARN of a cluster; or it is the name DBClusterSelector. Capital letters do not matter. If the string holds JSON,
// that is searched, and inner is the path in it.
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

// clusterLike is the form of a cluster id, also in capital letters, and masked as the documentation masks its examples.
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
