package main

import (
	"cmp"
	_ "embed"
	"fmt"
	"html"
	"slices"
	"strings"
	"time"
)

//go:embed page.css
var pageStyle string

// Layouts of times: in the tables, and on the page.
const (
	tableTime = "2006-01-02 15:04"
	pageTime  = "Mon 2 Jan 15:04"
	pageDay   = "Mon 2 Jan"
	shortDay  = "2 Jan"
)

// htmlPage is the overview as HTML. It has no template: a template engine doubles the program.
type htmlPage struct {
	strings.Builder
	*overview
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

// html returns the overview as one page that needs nothing else. The verdict comes first, with a link to each cluster that something is
// wrong with. Clusters in trouble have the first cards, then come those of which there is something to say.
func (o *overview) html() string {
	p := &htmlPage{overview: o}
	text := strings.ToUpper(p.text[:1]) + p.text[1:]
	p.write(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"/><meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"/>
<title>%s: AnalyticDB backups</title>
<style>`, text)
	p.WriteString(pageStyle)
	p.write("</style>\n</head>\n<body>\n<header>\n<p class=\"what\">AnalyticDB backups</p>\n<h1 class=\"%s\">%s</h1>\n", p.Status, text)
	p.write("<p class=\"when\">Made %s · %d days, %s to %s · times in %s</p>\n<ul>\n", p.now.Format("Mon 2 Jan 2006, 15:04"), p.days, p.day(0).Format(shortDay), p.now.Format(shortDay), p.Zone)
	for _, err := range p.Errors {
		p.write("<li>%s</li>\n", err)
	}
	for _, r := range p.Backups {
		if r.wrong != "" {
			p.write("<li><a href=\"#%[1]s\">%[1]s</a>: %[2]s</li>\n", r.DBClusterId, r.wrong)
		}
	}
	p.write("</ul>\n</header>\n<main>\n")
	if len(o.Backups) > 0 {
		p.table()
	}
	trouble := func(r row) int {
		if r.wrong != "" {
			return 2
		}
		return min(len(p.faults(r)), 1)
	}
	for _, r := range slices.SortedStableFunc(slices.Values(o.Backups), func(a, b row) int { return trouble(b) - trouble(a) }) {
		p.card(r)
	}
	p.write("</main>\n<footer>\n")
	for _, s := range p.Skipped {
		p.write("<p>%s (%s) is skipped: %s.</p>\n", s.DBClusterId, s.RegionId, s.Reason)
	}
	p.write("<p class=\"legend\"><i class=\"complete\"></i> complete <i class=\"failed\"></i> failed <i class=\"running\"></i> running <i class=\"none\"></i> no backup <i class=\"open\"></i> before the first that is listed, or not over</p>\n")
	p.write("<p>Times are those of the backups' start. Copies and incremental backups do not count. What AnalyticDB has deleted, because it expired, is not listed.</p>\n</footer>\n</body>\n</html>\n")
	return p.String()
}

// table writes one row for each cluster, in the order of s.yaml.
func (p *htmlPage) table() {
	p.write("<table class=\"card all\">\n<thead><tr><th>Cluster</th><th>Region</th><th>Last complete backup</th><th class=\"number\">Age</th><th class=\"number\">Size</th><th>Last %d days, today last</th></tr></thead>\n<tbody>\n", p.days)
	for _, r := range p.Backups {
		last, old, large := p.last(r, pageTime)
		p.write("<tr><th scope=\"row\"><a href=\"#%[1]s\">%[1]s</a></th><td>%[2]s</td>", r.DBClusterId, r.RegionId)
		p.write("<td class=\"last %s\">%s</td><td class=\"number\">%s</td><td class=\"number\">%s</td><td>", r.Status, last, old, large)
		if r.Error == "" {
			p.write("<span class=\"strip\" role=\"img\" aria-label=\"%s\">", inWords(r.Days))
			for _, d := range r.Days {
				p.write("<i class=\"%s\"></i>", d.mark.class)
			}
			p.write("</span>")
		}
		p.write("</td></tr>\n")
	}
	p.write("</tbody>\n</table>\n")
}

// inWords counts the marks of a strip.
func inWords(strip []day) string {
	count := map[mark]int{}
	for _, d := range strip {
		count[d.mark]++
	}
	return fmt.Sprintf("of %d days: %d complete, %d running, %d failed, %d none", len(strip), count[markComplete], count[markRunning], count[markFailed], count[markNone])
}

// card writes all that is to be said of a cluster.
func (p *htmlPage) card(r row) {
	_, old, _ := p.last(r, pageTime)
	p.write("<section class=\"card\" id=\"%[1]s\">\n<h2>%[1]s</h2> <span class=\"region\">%s</span> <span class=\"badge %s\">%s</span>\n", r.DBClusterId, r.RegionId, r.Status, cmp.Or(r.wrong, "complete, "+old+" old"))
	p.write("<p class=\"since\">%s</p>\n", p.since(r, pageTime))
	if r.Error != "" {
		p.write("</section>\n")
		return
	}
	p.write("<div class=\"parts\">\n<div>\n")
	faults := p.faults(r)
	if !r.BackupStartTime.IsZero() {
		p.write("<h3>Last complete backup</h3>\n<dl>\n")
		for _, fact := range [][2]string{{"Started", p.at(r.BackupStartTime, pageTime)}, {"Took", r.took()}, {"Size", size(r.BackupSize)},
			{"Kept until", p.at(r.BackupExpiredTime, pageTime)}, {"Id", r.BackupId}} {
			if fact[1] != "" {
				p.write("<dt>%s</dt><dd>%s</dd>\n", fact[0], fact[1])
			}
		}
		p.write("</dl>\n")
		if len(faults) == 0 {
			faults = []string{"Since the first backup that is shown, no day was missed."}
		}
	}
	for _, fault := range faults {
		p.write("<p>%s</p>\n", fault)
	}
	p.write("</div>\n")
	p.calendar(r)
	p.sizes(r)
	p.write("</div>\n</section>\n")
}

// faults says what a person should look at.
func (p *htmlPage) faults(r row) (faults []string) {
	if missed := p.runs(r.Days, markNone); missed != "" {
		faults = append(faults, "No backup: "+missed+".")
	}
	if failed := p.runs(r.Days, markFailed); failed != "" {
		faults = append(faults, "Failed, and not made good that day: "+failed+".")
	}
	sets := sized(r)
	for i, s := range sets {
		if fell(sets, i) {
			faults = append(faults, fmt.Sprintf("The backup of %s is less than half as large as the one before it: %s after %s.", p.at(s.BackupStartTime, pageDay), size(s.BackupSize), size(sets[i-1].BackupSize)))
		}
	}
	return append(faults, r.Warnings...)
}

// runs names the days that have a mark: 16 Nov to 18 Nov (3 days), Wed 25 Nov.
func (p *htmlPage) runs(strip []day, m mark) string {
	var runs []string
	strip = append(slices.Clip(strip), day{}) // it ends the last run
	for from := 0; from < len(strip); from++ {
		n := slices.IndexFunc(strip[from:], func(d day) bool { return d.mark != m })
		switch {
		case n == 1:
			runs = append(runs, p.day(from).Format(pageDay))
		case n > 1:
			runs = append(runs, fmt.Sprintf("%s to %s (%d days)", p.day(from).Format(shortDay), p.day(from+n-1).Format(shortDay), n))
		}
		from += n
	}
	return strings.Join(runs, ", ")
}

// calendar writes the days as weeks from Monday to Sunday. A week is named after its month where that is a new one.
func (p *htmlPage) calendar(r row) {
	p.write("<table class=\"calendar\" role=\"img\" aria-label=\"Calendar %s\">\n<tr><th></th><th>M</th><th>T</th><th>W</th><th>T</th><th>F</th><th>S</th><th>S</th>", inWords(r.Days))
	month := ""
	for n, d := range r.Days {
		day := p.day(n)
		if n == 0 || day.Weekday() == time.Monday {
			p.write("</tr>\n<tr><th>%s</th>", strings.TrimPrefix(day.Format("Jan"), month))
			month = day.Format("Jan")
			p.WriteString(strings.Repeat("<td></td>", (int(day.Weekday())+6)%7)) // the days of the week before the first one
		}
		p.write("<td class=\"%s\" title=\"%s: %s\">%d</td>", d.mark.class, day.Format(pageDay), d.mark.class, day.Day())
	}
	p.write("</tr>\n</table>\n")
}

// sized returns the complete backups of the page's days whose size is known, the oldest first.
func sized(r row) []set {
	sets := slices.DeleteFunc(slices.Clone(r.Sets), func(s set) bool { return s.mark != markComplete || s.BackupSize == 0 })
	slices.Reverse(sets)
	return sets
}

// fell reports whether a backup is less than half as large as the one before it.
func fell(sets []set, i int) bool { return i > 0 && sets[i].BackupSize < sets[i-1].BackupSize/2 }

// sizes draws a bar for the size of each backup, from zero.
func (p *htmlPage) sizes(r row) {
	sets := sized(r)
	if len(sets) == 0 {
		return
	}
	most := slices.MaxFunc(sets, func(a, b set) int { return cmp.Compare(a.BackupSize, b.BackupSize) }).BackupSize
	const left, width, bottom, highest = 8, 300, 112, 96 // of what is drawn
	p.write("<figure>\n<figcaption>Size, at most %s</figcaption>\n<svg viewBox=\"0 0 320 132\" role=\"img\" aria-label=\"Sizes of %d complete backups, at most %s, the last one %s\">\n", size(most), len(sets), size(most), size(sets[len(sets)-1].BackupSize))
	for i, s := range sets {
		x := left + width*(1-p.now.Sub(s.BackupStartTime).Hours()/24/float64(p.days))
		high := highest * float64(s.BackupSize) / float64(most)
		p.write("<path class=\"bar\" d=\"M%.1f %dv-%.1f\"><title>%s: %s</title></path>\n", x, bottom, high, p.at(s.BackupStartTime, pageDay), size(s.BackupSize))
		if fell(sets, i) {
			p.write("<path class=\"fall\" d=\"M%.1f %.1fh14l-7 11z\"/>\n", x-7, bottom-high-16)
		}
	}
	p.write("<path class=\"axis\" d=\"M%d %dh%d\"/><text x=\"%d\" y=\"128\">%s</text><text class=\"end\" x=\"%d\" y=\"128\">%s</text>\n</svg>\n</figure>\n", left, bottom, width, left, p.day(0).Format(shortDay), left+width, p.now.Format(shortDay))
}
