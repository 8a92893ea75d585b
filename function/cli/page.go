package main

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

//go:embed page.css
var pageStyle string

// Layouts of the page's times.
const (
	pageTime = "Mon 2 Jan 15:04"
	pageDay  = "Mon 2 Jan"
	shortDay = "2 Jan"
)

// htmlPage is the overview as HTML. It has no template: a template engine doubles the program.
type htmlPage struct {
	strings.Builder
	*overview
	days int
}

// write adds markup, which is always a constant, with values in it. All of them but numbers are escaped.
func (p *htmlPage) write(markup string, values ...any) {
	for i, value := range values {
		switch value.(type) {
		case int, float64:
		default:
			values[i] = html.EscapeString(fmt.Sprint(value))
		}
	}
	fmt.Fprintf(p, markup, values...)
}

// html returns the overview as one page that needs nothing else, with so many days of each cluster.
func (o *overview) html(days int) string {
	p := &htmlPage{overview: o, days: days}
	p.head()
	p.write("<main>\n")
	if len(o.Rows) > 0 {
		p.table()
	}
	rows := slices.Clone(o.Rows)
	slices.SortStableFunc(rows, func(a, b row) int { return p.rank(a) - p.rank(b) })
	for _, r := range rows {
		p.card(r)
	}
	p.write("</main>\n")
	p.foot()
	return p.String()
}

// rank orders the cards: clusters in trouble come first, then those of which there is something to say.
func (p *htmlPage) rank(r row) int {
	if p.wrong(r) != "" {
		return 0
	}
	if faults, _ := p.remarks(r); len(faults) > 0 {
		return 1
	}
	return 2
}

// day returns the day that was so many days after the first one.
func (p *htmlPage) day(n int) time.Time { return p.Now.AddDate(0, 0, n-p.days+1) }

// sign marks what is right or wrong by its shape; its colour is that of class.
func sign(right bool) (sign, class string) {
	if right {
		return "✓", "good"
	}
	return "✕", "bad"
}

// head writes the verdict, with a link to each cluster that something is wrong with.
func (p *htmlPage) head() {
	text, unread, lack := p.summary()
	text = strings.ToUpper(text[:1]) + text[1:]
	mark, class := sign(unread+lack == 0 && len(p.Rows) > 0)
	hash := sha256.Sum256([]byte(pageStyle))
	p.write(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-%s'"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta name="color-scheme" content="light dark"/>
<title>%s: AnalyticDB backups</title>
<style>`, base64.StdEncoding.EncodeToString(hash[:]), text)
	p.WriteString(pageStyle)
	p.write("</style>\n</head>\n<body>\n<header>\n<p class=\"what\">AnalyticDB backups</p>\n<h1 class=\"%s\"><span aria-hidden=\"true\">%s</span> %s</h1>\n", class, mark, text)
	p.write("<p class=\"when\">Made %s · %d days, %s to %s · times in %s</p>\n", p.Now.Format("Mon 2 Jan 2006, 15:04"), p.days, p.day(0).Format(shortDay), p.Now.Format(shortDay), p.Zone)
	p.write("<ul>\n")
	for _, err := range p.Failed {
		p.write("<li>%s</li>\n", err)
	}
	for _, r := range p.Rows {
		if p.wrong(r) != "" {
			p.write("<li><a href=\"#%s\">%s</a>: %s</li>\n", r.Cluster.ID, r.Cluster.ID, p.verdict(r))
		}
	}
	p.write("</ul>\n</header>\n")
}

// verdict says how a cluster is, and how old its last complete backup is.
func (p *htmlPage) verdict(r row) string {
	wrong := p.wrong(r)
	if r.Err != nil || r.Last == nil {
		return wrong
	}
	old := age(p.Now.Sub(r.Last.Start.From)) + " old"
	if wrong != "" {
		return old + ", more than " + short(p.MaxAge)
	}
	return "complete, " + old
}

// table writes one row for each cluster, in the order of s.yaml.
func (p *htmlPage) table() {
	p.write("<table class=\"card all\">\n<thead><tr><th>Cluster</th><th>Region</th><th>Last complete backup</th><th class=\"number\">Age</th><th class=\"number\">Size</th><th>Last %d days, today last</th></tr></thead>\n<tbody>\n", p.days)
	for _, r := range p.Rows {
		mark, class := sign(p.wrong(r) == "")
		last, old, large := p.last(r, pageTime)
		p.write("<tr><th scope=\"row\"><a href=\"#%s\">%s</a></th><td>%s</td>", r.Cluster.ID, r.Cluster.ID, r.Cluster.Region)
		p.write("<td class=\"last %s\"><span aria-hidden=\"true\">%s</span> %s</td><td class=\"number\">%s</td><td class=\"number\">%s</td><td>", class, mark, last, old, large)
		if r.Err == nil {
			strip := r.strip(p.Now, p.days)
			p.write("<span class=\"strip\" role=\"img\" aria-label=\"%s\">", inWords(strip))
			for _, m := range strip {
				p.write("<i class=\"%s\"></i>", marks[m].class)
			}
			p.write("</span>")
		}
		p.write("</td></tr>\n")
	}
	p.write("</tbody>\n</table>\n")
}

// inWords counts the marks of a strip.
func inWords(strip []mark) string {
	var parts []string
	for m := markComplete; m > markOpen; m-- {
		n := 0
		for _, day := range strip {
			if day == m {
				n++
			}
		}
		if n > 0 || m == markComplete {
			parts = append(parts, fmt.Sprintf("%d %s", n, marks[m].class))
		}
	}
	return fmt.Sprintf("of %d days: %s", len(strip), strings.Join(parts, ", "))
}

// foot says what the signs mean, and what the page does not show.
func (p *htmlPage) foot() {
	p.write("<footer>\n")
	for _, s := range p.Skipped {
		p.write("<p>%s is skipped: %s.</p>\n", s.Cluster, s.Reason)
	}
	p.write("<p class=\"legend\"><i class=\"complete\"></i> complete <i class=\"failed\"></i> failed <i class=\"running\"></i> running <i class=\"none\"></i> no backup <i class=\"open\"></i> before the first that is listed, or not over</p>\n")
	p.write("<p>Times are those of the backups' start. Copies and incremental backups do not count. What AnalyticDB has deleted, because it expired, is not listed.</p>\n</footer>\n</body>\n</html>\n")
}
