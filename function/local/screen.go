package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// columns is the width where there is no terminal.
const columns = 80

// screen is what the person sees: lines and, on a terminal, colours and a bar at the bottom. Several goroutines write to it.
type screen struct {
	mu       sync.Mutex
	w        io.Writer
	terminal bool // a bar can be drawn, and long lines are folded
	colour   bool
	width    func() int // in characters; a terminal's may change
	began    time.Time
	bar      string // as it is drawn now
}

func newScreen(w io.Writer, environ []string) *screen {
	env := environment(environ)
	s := &screen{w: w, width: func() int { return columns }, began: time.Now()}
	if file, ok := w.(*os.File); ok && env["TERM"] != "dumb" && term.IsTerminal(int(file.Fd())) {
		s.terminal, s.colour = true, env["NO_COLOR"] == ""
		s.width = func() int {
			width, _, err := term.GetSize(int(file.Fd()))
			if err != nil || width <= 0 {
				return columns
			}
			return min(max(width, 40), 160) // a narrower one has no room for ids, and longer lines are hard to read
		}
	}
	return s
}

// The colours are the terminal's own, so that they suit its background.
const (
	plain  = ""
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	cyan   = "\x1b[36m"
)

func (s *screen) paint(colour, text string) string {
	if !s.colour || colour == plain || text == "" {
		return text
	}
	return colour + text + "\x1b[0m"
}

// write puts whole lines above the bar.
func (s *screen) write(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear := ""
	if s.bar != "" {
		clear = "\r\x1b[K"
	}
	fmt.Fprint(s.w, clear, strings.TrimSuffix(text, "\n"), "\n", s.bar)
}

// text writes a paragraph.
func (s *screen) text(colour, text string) {
	for _, line := range wrap(text, s.width()) {
		s.write(s.paint(colour, line))
	}
}

func (s *screen) blank() { s.write("") }

const labelWidth = 10

// field writes a label and a paragraph beside it.
func (s *screen) field(label, text string) {
	for _, line := range wrap(text, s.width()-labelWidth) {
		s.write(s.paint(bold, fmt.Sprintf("%-*s", labelWidth, label)) + line)
		label = ""
	}
}

// event writes a line with the time since the start and what it is about. On a terminal it is folded under itself; in a file it
// stays one line, so that a search finds the whole.
func (s *screen) event(colour, what, text string) {
	const indent = 19
	head := fmt.Sprintf("%7.2fs  %-*s  ", time.Since(s.began).Seconds(), indent-12, what)
	for _, line := range s.fold(text, indent) {
		s.write(s.paint(dim, head) + s.paint(colour, line))
		head = strings.Repeat(" ", indent)
	}
}

// fold breaks a text into lines that fit a terminal beside an indent. Elsewhere it stays as it is.
func (s *screen) fold(text string, indent int) []string {
	if !s.terminal {
		return []string{text}
	}
	return wrap(text, s.width()-indent)
}

// setBar draws the bar, or takes it away; only on a terminal.
func (s *screen) setBar(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bar == text || !s.terminal {
		return
	}
	s.bar = text
	fmt.Fprint(s.w, "\r\x1b[K", text)
}

// wrap breaks a text at spaces into lines of so many characters; a word that is longer has a line of its own.
func wrap(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line, length := "", -1 // so far without a word
		for word := range strings.SplitSeq(paragraph, " ") {
			n := utf8.RuneCountInString(word)
			if length >= 0 && length+1+n > width {
				lines = append(lines, line)
				line, length = "", -1
			}
			if length >= 0 {
				line += " "
			}
			line, length = line+word, length+1+n
		}
		lines = append(lines, line)
	}
	return lines
}
