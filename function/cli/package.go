package main

import (
	"archive/zip"
	"compress/flate"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

func packageCommand(_ context.Context, args []string, _, stderr io.Writer) error {
	flags := flag.NewFlagSet("package", flag.ContinueOnError)
	binary := flags.String("binary", "dist/main", "the `file` to pack")
	out := flags.String("o", "dist/function.zip", "the `file` to write")
	if err := parse(flags, args, stderr, 0); err != nil {
		return err
	}
	if err := writePackage(*out, *binary); err != nil {
		return err
	}
	say(stderr, "%s: deploy it with runtime go1 and handler %s\n", *out, filepath.Base(*binary))
	return nil
}

// writePackage writes a zip that holds only the binary. Its bytes depend only on the binary's: the entry has no owner, and
// always the same time and mode. The mode has the execute bit, without which Function Compute runs nothing.
func writePackage(out, binary string) error {
	content, err := os.ReadFile(binary)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is not there: run `make build` first", binary)
	} else if err != nil {
		return err
	}
	// It is written under another name and renamed, so that a failure does not leave half a package.
	f, err := os.CreateTemp(filepath.Dir(out), ".function-*.zip")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(zipExecutable(f, filepath.Base(binary), content), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), out)
}

func zipExecutable(w io.Writer, name string, content []byte) error {
	z := zip.NewWriter(w)
	z.RegisterCompressor(zip.Deflate, func(w io.Writer) (io.WriteCloser, error) {
		return flate.NewWriter(w, flate.BestCompression)
	})
	header := &zip.FileHeader{Name: name, Method: zip.Deflate, Modified: time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)}
	header.SetMode(0o755)
	entry, err := z.CreateHeader(header)
	if err != nil {
		return err
	}
	if _, err := entry.Write(content); err != nil {
		return err
	}
	return z.Close()
}
