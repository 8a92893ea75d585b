package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/term"
)

func TestNoTerminal(t *testing.T) {
	file, _ := os.Open(os.DevNull)
	var out bytes.Buffer
	if Width(file) != 0 || Width(&out) != 0 || Red.Paint(file, "x") != "x" || Red.Paint(&out, "x") != "x" {
		t.Error("taken for a terminal")
	}
	if yes, err := Confirm(t.Context(), file, &out, "Go on?"); yes || !errors.Is(err, ErrNoTerminal) || out.Len() > 0 {
		t.Errorf("%v, %v, %q", yes, err, &out)
	}
}

// A program that is interrupted does not stay in its question.
func TestConfirm(t *testing.T) {
	silent, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(time.Millisecond, cancel)
	if yes, err := Confirm(ctx, silent, io.Discard, "Go on?"); yes || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", yes, err)
	}
	for answer, want := range map[string]bool{"y\n": true, " YES \n": true, "yes": true, "n\n": false, "\n": false, "": false, "yessir\n": false} {
		var out bytes.Buffer
		if yes, err := Confirm(t.Context(), strings.NewReader(answer), &out, "Go on?"); yes != want || err != nil || !strings.HasPrefix(out.String(), "Go on? [y/N] ") {
			t.Errorf("%q: %v, %v, %q", answer, yes, err, &out)
		}
	}
}

func TestWrap(t *testing.T) {
	const text = "a text of five words\nand äöü"
	for width, want := range map[int][]string{
		0: {"a text of five words", "and äöü"}, 20: {"a text of five words", "and äöü"},
		19: {"a text of five", "words", "and äöü"}, 3: {"a", "text", "of", "five", "words", "and", "äöü"},
	} {
		if got := Wrap(text, width); !slices.Equal(got, want) {
			t.Errorf("%d: %q", width, got)
		}
	}
}

// The other end of a pseudo terminal is a terminal, too.
func TestColours(t *testing.T) {
	tty, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil || !term.IsTerminal(int(tty.Fd())) {
		t.Skip("this system has no pseudo terminals")
	}
	for environ, want := range map[string]string{"xterm ": "\x1b[31mx\x1b[0m", "xterm 1": "x", "dumb ": "x"} {
		name, noColor, _ := strings.Cut(environ, " ")
		t.Setenv("TERM", name)
		t.Setenv("NO_COLOR", noColor)
		if got := Red.Paint(tty, "x"); got != want || Plain.Paint(tty, "x") != "x" || Red.Paint(tty, "") != "" {
			t.Errorf("%s: %q", environ, got)
		}
	}
}

// Nothing is silent for half a minute, and nothing is written after the end.
func TestProgress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		stop := Progress(&out, "waiting")
		time.Sleep(59 * time.Second)
		stop()
		time.Sleep(time.Minute)
		if out.String() != "waiting, after 20s\nwaiting, after 40s\n" {
			t.Errorf("%q", &out)
		}
	})
}
