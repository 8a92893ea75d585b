package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"adb-backup/function/backup"
)

// card writes all that is to be said of a cluster.
func (p *htmlPage) card(r row) {
	mark, class := sign(p.wrong(r) == "")
	p.write("<section class=\"card\" id=\"%s\">\n<h2>%s</h2> <span class=\"region\">%s</span> <span class=\"badge %s\"><span aria-hidden=\"true\">%s</span> %s</span>\n", r.Cluster.ID, r.Cluster.ID, r.Cluster.Region, class, mark, p.verdict(r))
	if since := r.since(p.Now, pageTime); since != "" {
		p.write("<p class=\"since\">%s</p>\n", since)
	}
	if r.Err == nil {
		p.write("<div class=\"parts\">\n<div>\n")
		p.facts(r)
		p.write("</div>\n")
		p.calendar(r)
		p.sizes(r)
		p.write("</div>\n")
	}
	p.write("</section>\n")
}

// facts writes what is known of the last complete backup, and the remarks.
func (p *htmlPage) facts(r row) {
	if s := r.Last; s != nil {
		p.write("<h3>Last complete backup</h3>\n<dl>\n")
		for _, fact := range [][2]string{{"Started", p.at(s.Start, pageTime)}, {"Took", took(*s)}, {"Size", size(s.Size)}, {"Kept until", p.at(s.Expires, pageTime)}, {"Id", s.ID}} {
			if fact[1] != "" {
				p.write("<dt>%s</dt><dd>%s</dd>\n", fact[0], fact[1])
			}
		}
		p.write("</dl>\n")
	}
	faults, others := p.remarks(r)
	for _, remark := range slices.Concat(faults, others) {
		p.write("<p>%s</p>\n", remark)
	}
}

// remarks returns what a person should look at, and what else there is to say.
func (p *htmlPage) remarks(r row) (faults, others []string) {
	strip := r.strip(p.Now, p.days)
	if missed := p.runs(strip, markNone); missed != "" {
		faults = append(faults, "No backup: "+missed+".")
	}
	if failed := p.runs(strip, markFailed); failed != "" {
		faults = append(faults, "Failed, and not made good that day: "+failed+".")
	}
	if first := slices.IndexFunc(strip, func(m mark) bool { return m != markOpen }); len(faults) == 0 && r.Last != nil {
		text := "No day was missed."
		if first > 0 {
			text = "No day was missed since " + p.day(first).Format(shortDay) + ", the first that is listed."
		}
		others = append(others, text)
	}
	sets := r.sized(p)
	for i, s := range sets {
		if i > 0 && fell(sets[i-1], s) {
			faults = append(faults, fmt.Sprintf("The backup of %s is less than half as large as the one before it: %s after %s.", p.at(s.Start, pageDay), size(s.Size), size(sets[i-1].Size)))
		}
	}
	if n := len(sets); n > 1 {
		change := float64(sets[n-1].Size)/float64(sets[0].Size)*100 - 100
		word := "Grew"
		if change < 0 {
			word, change = "Shrank", -change
		}
		if change >= 0.5 {
			others = append(others, fmt.Sprintf("%s by %.0f %% since %s.", word, change, p.at(sets[0].Start, shortDay)))
		}
	}
	return append(faults, r.Warnings...), others
}

// runs names the days that have a mark: 16 Nov to 18 Nov (3 days), Wed 25 Nov.
func (p *htmlPage) runs(strip []mark, m mark) string {
	var runs []string
	for from := 0; from < len(strip); from++ {
		n := 0
		for from+n < len(strip) && strip[from+n] == m {
			n++
		}
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
	strip := r.strip(p.Now, p.days)
	p.write("<table class=\"calendar\" role=\"img\" aria-label=\"Calendar %s\">\n<tr><th></th><th>M</th><th>T</th><th>W</th><th>T</th><th>F</th><th>S</th><th>S</th></tr>\n", inWords(strip))
	month := ""
	monday := -(int(p.day(0).Weekday()) + 6) % 7 // of the first week, counted from the first day
	for ; monday < p.days; monday += 7 {
		name := p.day(max(monday, 0)).Format("Jan")
		if name == month {
			name = ""
		} else {
			month = name
		}
		p.write("<tr><th>%s</th>", name)
		for n := monday; n < monday+7; n++ {
			if n < 0 || n >= p.days {
				p.write("<td></td>")
				continue
			}
			p.write("<td class=\"%s\" title=\"%s: %s\">%d</td>", marks[strip[n]].class, p.day(n).Format(pageDay), marks[strip[n]].class, p.day(n).Day())
		}
		p.write("</tr>\n")
	}
	p.write("</table>\n")
}

// sized returns the complete backups of the page's days whose size is known, the oldest first.
func (r row) sized(p *htmlPage) []backup.Set {
	sets := slices.DeleteFunc(r.recent(p.Now, p.days), func(s backup.Set) bool {
		return !counts(s) || s.State != backup.SetComplete || s.Size == 0
	})
	slices.Reverse(sets)
	return sets
}

// fell reports whether a backup is less than half as large as the one before it.
func fell(before, s backup.Set) bool { return s.Size < before.Size/2 }

// sizes draws the sizes over time, from zero.
func (p *htmlPage) sizes(r row) {
	sets := r.sized(p)
	if len(sets) == 0 {
		return
	}
	most := slices.MaxFunc(sets, func(a, b backup.Set) int { return cmp.Compare(a.Size, b.Size) }).Size
	const width, height, left, top = 240, 100, 8, 10 // of what is drawn
	point := func(s backup.Set) (x, y float64) {
		ago := p.Now.Sub(s.Start.From).Hours() / 24 / float64(p.days)
		return left + width*(1-ago), top + height*(1-float64(s.Size)/float64(most))
	}
	var line strings.Builder
	for _, s := range sets {
		x, y := point(s)
		fmt.Fprintf(&line, "%.1f,%.1f ", x, y)
	}
	first, _ := point(sets[0])
	lastX, lastY := point(sets[len(sets)-1])
	p.write("<figure>\n<figcaption>Size, at most %s</figcaption>\n<svg viewBox=\"0 0 320 132\" role=\"img\" aria-label=\"Sizes of %d complete backups, at most %s, the last one %s\">\n", size(most), len(sets), size(most), size(sets[len(sets)-1].Size))
	p.write("<polygon points=\"%s%.1f,110 %.1f,110\"/><polyline points=\"%s\"/><path class=\"axis\" d=\"M%d 110h%d\"/>\n", line.String(), lastX, first, line.String(), left, width)
	for i, s := range sets {
		x, y := point(s)
		if i > 0 && fell(sets[i-1], s) {
			p.write("<path class=\"fall\" d=\"M%.1f %.1fh14l-7 11z\"><title>%s</title></path>\n", x-7, y-5, size(s.Size))
		} else {
			p.write("<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2.4\"/>", x, y)
		}
	}
	p.write("\n<text class=\"value\" x=\"%.1f\" y=\"%.1f\">%s</text><text x=\"%d\" y=\"126\">%s</text><text class=\"end\" x=\"%d\" y=\"126\">%s</text>\n</svg>\n</figure>\n",
		lastX+9, lastY+4, size(sets[len(sets)-1].Size), left, p.day(0).Format(shortDay), left+width, p.Now.Format(shortDay))
}
