// Package terminal is what the programs for people have in common: how wide and how colourful their output may be, a question
// with two answers, and a sign of life while something takes long.
package terminal

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// IsTerminal reports whether a reader or a writer is a terminal.
func IsTerminal(stream any) bool {
	file, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// Width returns how many columns a terminal has. It is 0 where there is none, or where it does not say.
func Width(w io.Writer) int {
	if !IsTerminal(w) {
		return 0
	}
	width, _, err := term.GetSize(int(w.(*os.File).Fd()))
	if err != nil {
		return 0
	}
	return width
}

// Colour is a colour of the terminal's own, so that it suits its background.
type Colour string

// The colours. Plain leaves a text as it is.
const (
	Plain  Colour = ""
	Bold   Colour = "1"
	Dim    Colour = "2"
	Red    Colour = "31"
	Green  Colour = "32"
	Yellow Colour = "33"
	Cyan   Colour = "36"
)

// Colourful reports whether a writer may be painted on: a terminal that can, if NO_COLOR does not ask for none.
func Colourful(w io.Writer) bool {
	return IsTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// Paint returns a text in a colour.
func (c Colour) Paint(text string) string {
	if c == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Wrap breaks a text at spaces into lines of so many characters. A longer word has a line of its own. Width 0 is unlimited.
func Wrap(text string, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(text, "\n") {
		line, length := "", -1 // so far without a word
		for word := range strings.SplitSeq(paragraph, " ") {
			n := utf8.RuneCountInString(word)
			if width > 0 && length >= 0 && length+1+n > width {
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

// Why a question has no answer.
var (
	ErrNoTerminal  = errors.New("there is no terminal to ask on")
	ErrInterrupted = errors.New("there was no answer")
)

// Confirm asks a question and reports whether the answer is yes. Anything but y or yes is no. It returns ErrNoTerminal if in
// is a file and no terminal, and ErrInterrupted if somebody presses Ctrl-C instead.
func Confirm(in io.Reader, out io.Writer, question string) (bool, error) {
	if _, file := in.(*os.File); file && !IsTerminal(in) {
		return false, ErrNoTerminal
	}
	pressed, answered := make(chan os.Signal, 1), make(chan string, 1)
	signal.Notify(pressed, os.Interrupt, syscall.SIGTERM)
	defer signal.Stop(pressed)
	fmt.Fprintf(out, "%s [y/N] ", question)
	go func() {
		answer, _ := bufio.NewReader(in).ReadString('\n') // what cannot be read is no yes
		answered <- answer
	}()
	select {
	case <-pressed:
		fmt.Fprintln(out)
		return false, ErrInterrupted
	case answer := <-answered:
		if !strings.HasSuffix(answer, "\n") {
			fmt.Fprintln(out)
		}
		answer = strings.ToLower(strings.TrimSpace(answer))
		return answer == "y" || answer == "yes", nil
	}
}

// silence is how long a program may say nothing while it waits.
const silence = 20 * time.Second

// Progress writes a line now and then until stop is called, so that nobody takes the program for dead: what tell returns of
// the time since the start. When stop returns it writes nothing any more.
func Progress(w io.Writer, tell func(elapsed time.Duration) string) (stop func()) {
	began, quit, ended := time.Now(), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(silence)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				fmt.Fprintln(w, tell(time.Since(began).Round(time.Second)))
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}
