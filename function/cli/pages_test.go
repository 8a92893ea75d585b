package main

import (
	"encoding/json"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"adb-backup/events"
	"adb-backup/function/config"

	"github.com/goccy/go-yaml"
	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v3"
)

// The pages that a person reads, and what they tell to type and to paste.

var pageNames = []string{"README.md", chinese, "events/README.md", "function/README.md", "function/cli/README.md", "function/local/README.md", ".github/CONTRIBUTING.md"}

const chinese = ".github/README.zh-CN.md"

// page is a page in its parts.
type page struct {
	name   string
	blocks []codeBlock
	prose  string   // what is left without the blocks
	code   []string // in the prose
}

type codeBlock struct{ Language, Text string }

var (
	fence      = regexp.MustCompile("(?ms)^```([a-z]*)\n(.*?)^```$")
	inlineCode = regexp.MustCompile("`([^`\n]+)`")
)

func readPage(t *testing.T, name string) page {
	source := readSource(t, name)
	p := page{name: name, prose: fence.ReplaceAllString(source, "")}
	for _, m := range fence.FindAllStringSubmatch(source, -1) {
		p.blocks = append(p.blocks, codeBlock{m[1], m[2]})
	}
	p.code = firstGroups(inlineCode, p.prose)
	return p
}

func readSource(t *testing.T, name string) string {
	return string(must(os.ReadFile(filepath.Join("../..", name))))
}

func firstGroups(pattern *regexp.Regexp, text string) []string {
	var all []string
	for _, m := range pattern.FindAllStringSubmatch(text, -1) {
		all = append(all, m[1])
	}
	return all
}

// table returns the code in the first column of the table whose first heading is given, and the second column.
func (p page) table(t *testing.T, heading string) (names []string, second map[string]string) {
	t.Helper()
	_, table, found := strings.Cut(p.prose, "\n| "+heading+" |")
	if !found {
		t.Fatalf("%s has no table of %s", p.name, heading)
	}
	table, _, _ = strings.Cut(table, "\n\n")
	second = map[string]string{}
	for _, line := range strings.Split(table, "\n")[2:] {
		cells := strings.Split(line, " | ")
		for _, name := range firstGroups(inlineCode, cells[0]) {
			names, second[name] = append(names, name), cells[1]
		}
	}
	return names, second
}

// Every link leads to a file of this repository, and to a heading that is there.
func TestPagesLinks(t *testing.T) {
	link, sample := regexp.MustCompile(`\]\(([^)]*)\)`), regexp.MustCompile(`events/[a-z-]+\.(?:json|txt)`)
	for _, name := range pageNames {
		targets := firstGroups(link, readPage(t, name).prose)
		for _, file := range sample.FindAllString(readSource(t, name), -1) {
			targets = append(targets, must(filepath.Rel(path.Dir(name), file)))
		}
		for _, target := range targets {
			file, anchor, anchored := strings.Cut(target, "#")
			if file == "" {
				file = path.Base(name)
			}
			file = path.Join(path.Dir(name), file)
			if _, err := os.Stat(filepath.Join("../..", file)); err != nil {
				t.Errorf("%s: link %s: %v", name, target, err)
			} else if anchored && !slices.Contains(anchors(readPage(t, file)), anchor) {
				t.Errorf("%s: link %s: there is no such heading", name, target)
			}
		}
	}
}

// anchors are the names under which GitHub and GitLab find a page's headings.
func anchors(p page) []string {
	var all []string
	for _, heading := range firstGroups(regexp.MustCompile(`(?m)^#+ (.*)$`), p.prose) {
		heading = regexp.MustCompile(`[^\p{L}\p{N}_ -]`).ReplaceAllString(strings.ToLower(heading), "")
		all = append(all, strings.ReplaceAll(heading, " ", "-"))
	}
	return all
}

// What there is to type is a target of the Makefile with variables that it has, or a command of the programs with flags that it has.
// What there is to paste can be read, and every request and every event is one that the function takes.
func TestPagesCode(t *testing.T) {
	for _, name := range pageNames {
		p := readPage(t, name)
		for _, b := range append(p.blocks, codeBlock{"", strings.Join(p.code, "\n")}) {
			for line := range strings.SplitSeq(b.Text, "\n") {
				if b.Language != "json" && b.Language != "mermaid" {
					checkTyped(t, name, line)
				}
				if strings.HasPrefix(line, `{"`) && b.Language == "" {
					checkJSON(t, name, line)
				}
			}
			switch b.Language {
			case "json":
				checkJSON(t, name, b.Text)
			case "yaml":
				checkYAML(t, name, b.Text)
			}
		}
	}
	if open := unclosed(readSource(t, "function/cli/adb-backup.tf")); open != "" {
		t.Errorf("the Terraform file leaves open or closes too much: %s", open)
	}
}

func checkTyped(t *testing.T, page, line string) {
	makefile := readSource(t, "Makefile")
	for _, m := range regexp.MustCompile(`\bmake (?:-s )?([a-z]+)(?: ([A-Z]+)=)?`).FindAllStringSubmatch(line, -1) {
		if !strings.Contains(makefile, "\n"+m[1]+":") || !strings.Contains(makefile, m[2]) {
			t.Errorf("%s: %q is not in the Makefile", page, m[0])
		}
	}
	program, args, _ := strings.Cut(line[max(0, strings.Index(line, "dist/")):], " ")
	for _, flag := range firstGroups(regexp.MustCompile(` -([a-z][a-z-]*)`), " "+args) {
		known := true
		switch program {
		case "dist/adb-backup":
			c := rootCommand().Command(strings.Fields(args)[0])
			known = flag == "h" || slices.ContainsFunc(c.Flags, func(f cli.Flag) bool { return slices.Contains(f.Names(), flag) })
		case "dist/local":
			known = strings.Contains(readSource(t, "function/local/main.go"), `"`+flag+`"`)
		}
		if !known {
			t.Errorf("%s: %s has no flag -%s", page, program, flag)
		}
	}
}

func checkJSON(t *testing.T, page, text string) {
	if regexp.MustCompile(`"Statement"|"Status"|"errorType"|^\{"source"|^\{"cluster"`).MatchString(text) { // no request
		if !json.Valid([]byte(text)) {
			t.Errorf("%s: not JSON: %s", page, text)
		}
		return
	}
	text = strings.NewReplacer("${cluster}", "amv-1", "${time}", "2026-11-23T02:00:00Z").Replace(text)
	if _, err := events.Decode([]byte(text), events.Invocation{Region: "cn-hangzhou", Received: time.Now(), Timeout: time.Hour}); err != nil {
		t.Errorf("%s: %v: %s", page, err, text)
	}
}

func checkYAML(t *testing.T, page, text string) {
	var into any = new(any)
	if strings.Contains(text, "\n  script:") { // a command with ": " in it is no text to YAML, unless it is quoted
		into = new(map[string]struct{ Script []string })
	}
	if err := yaml.Unmarshal([]byte(text), into); err != nil {
		t.Errorf("%s: %v", page, err)
	}
	if strings.Contains(text, "configure-aliyun-credentials-action") {
		has(t, text, "audience: github-actions|role-session-expiration: 3600")
	}
}

// unclosed returns the brackets and quotes of a text in Terraform's language that have no partner.
func unclosed(text string) string {
	text = regexp.MustCompile(`(?m)^\s*#.*$|\s# .*$`).ReplaceAllString(text, "")
	text = regexp.MustCompile(`"(?:[^"\\\n]|\\.)*"`).ReplaceAllString(text, "")
	pair := regexp.MustCompile(`\[[^][(){}"]*\]|\([^][(){}"]*\)|\{[^][(){}"]*\}`)
	for before := ""; before != text; {
		before, text = text, pair.ReplaceAllString(text, "")
	}
	return regexp.MustCompile(`[^][(){}"]`).ReplaceAllString(text, "")
}

// The tables of the reference have what there is in the code.
func TestPagesTables(t *testing.T) {
	reference := readPage(t, "function/README.md")
	for _, c := range []struct{ page, heading, source, pattern string }{
		{"function/README.md", "variable", "function/config/config.go", `(?m)^\t"([A-Z_]+)": `},
		{"events/README.md", "`errorType`", "function/backup/outcome.go", `ErrorType = "(\w+)"`},
	} {
		names, _ := readPage(t, c.page).table(t, c.heading)
		want := firstGroups(regexp.MustCompile(c.pattern), readSource(t, c.source))
		slices.Sort(names)
		slices.Sort(want)
		if diff := cmp.Diff(want, names); diff != "" || len(want) < 5 {
			t.Errorf("%s, table of %s: -%s, +page\n%s", c.page, c.heading, c.source, diff)
		}
	}
	_, faults, _ := strings.Cut(readSource(t, "function/local/README.md"), "## Faults")
	for _, name := range firstGroups(regexp.MustCompile(`(?m)^\t\{name: "([a-z0-9-]+)"`), readSource(t, "function/local/fault.go")) {
		has(t, faults, "`"+name+"`")
	}
	lines, _ := reference.table(t, "line")
	rule := ""
	for _, file := range []string{"backup/ensure.go", "backup/follow.go", "backup/select.go", "report.go", "handler.go"} {
		rule += readSource(t, "function/"+file)
	}
	for _, line := range lines {
		if !strings.Contains(rule, `"`+line+`"`) {
			t.Errorf("nothing logs %q", line)
		}
	}
	_, defaults := reference.table(t, "variable")
	usual := must(config.Load(nil))
	for name, cell := range defaults {
		for _, value := range firstGroups(inlineCode, cell) {
			if c, err := config.Load([]string{name + "=" + value}); err != nil || !cmp.Equal(c, usual, cmp.AllowUnexported(c)) {
				t.Errorf("%s is not the default of %s: %v", value, name, err)
			}
		}
	}
}

// The table of policies has all of them, and those to paste are those that `make policy` prints.
func TestPagesPolicies(t *testing.T) {
	p := readPage(t, "function/README.md")
	names, _ := p.table(t, "policy")
	all, _ := expect(t, exitDone, "", "", "policy", "-s", write(t, uncommented(filledIn(t))))
	s := filledIn(t, "region", "cn-hangzhou", "clusters", `'"DBClusterIds": ["amv-wz9or2xawpnc", "amv-bp1c8v3q9xk27d"]'`, "imageClusters", `""`)
	printedNames := regexp.MustCompile(`(?m)^# (\w+):`).FindAllStringSubmatch(all, -1)
	if len(names) != len(printedNames) {
		t.Errorf("the table has %q", names)
	}
	for _, m := range printedNames {
		pasted := m[1] != "trust" && m[1] != "wait" || slices.ContainsFunc(p.blocks, func(b codeBlock) bool {
			var d document
			return json.Unmarshal([]byte(b.Text), &d) == nil && cmp.Equal(d, printed(t, s, m[1]))
		})
		if !slices.Contains(names, m[1]) || !pasted {
			t.Errorf("the policy %s is not in the table, or another than make policy prints", m[1])
		}
	}
}

// The Chinese page tells to type and to paste what the first page does.
func TestPagesChinese(t *testing.T) {
	type parts struct {
		Blocks []codeBlock
		Cells  [][]string
		Code   []string // of that in the text each piece stands in both
	}
	of := func(name string) parts {
		p, got := readPage(t, name), parts{}
		got.Blocks = slices.DeleteFunc(p.blocks, func(b codeBlock) bool { return b.Language == "mermaid" })
		for line := range strings.SplitSeq(p.prose, "\n") {
			if strings.HasPrefix(line, "|") {
				got.Cells = append(got.Cells, firstGroups(inlineCode, line))
			}
		}
		got.Code = slices.Compact(slices.Sorted(slices.Values(p.code)))
		return got
	}
	if diff := cmp.Diff(of("README.md"), of(chinese)); diff != "" {
		t.Errorf("-README.md +%s\n%s", chinese, diff)
	}
}
