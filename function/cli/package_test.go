package main

import (
	"archive/zip"
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPackage(t *testing.T) {
	dir := t.TempDir()
	binary, out := filepath.Join(dir, "main"), filepath.Join(dir, "function.zip")
	pack := func() []byte {
		var stdout, stderr bytes.Buffer
		if code := run(context.Background(), []string{"package", "-binary", binary, "-o", out}, &stdout, &stderr); code != exitDone {
			t.Fatalf("exit code %d: %s", code, &stderr)
		}
		content, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	// What a careless checkout, umask or file system does to the binary makes no difference.
	source := bytes.Repeat([]byte("a function "), 1000)
	if err := os.WriteFile(binary, source, 0o600); err != nil {
		t.Fatal(err)
	}
	first := pack()
	if err := os.Chtimes(binary, time.Time{}, time.Unix(1e9, 0)); err != nil {
		t.Fatal(err)
	}
	if second := pack(); !bytes.Equal(first, second) {
		t.Error("the same binary gave two different packages")
	}

	z, err := zip.NewReader(bytes.NewReader(first), int64(len(first)))
	if err != nil || len(z.File) != 1 {
		t.Fatal(err, z)
	}
	f := z.File[0]
	if f.Name != "main" || f.Mode() != 0o755 || f.CompressedSize64 >= f.UncompressedSize64 {
		t.Errorf("%s, %s, %d bytes of %d", f.Name, f.Mode(), f.CompressedSize64, f.UncompressedSize64)
	}
	r, err := f.Open()
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(r); err != nil || !bytes.Equal(content, source) {
		t.Error("the package holds another binary", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".function-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestPackageWithoutABinary(t *testing.T) {
	var stdout, stderr bytes.Buffer
	dir := t.TempDir()
	code := run(context.Background(), []string{"package", "-binary", filepath.Join(dir, "main"), "-o", filepath.Join(dir, "zip")}, &stdout, &stderr)
	if code != exitNotAsked || !strings.Contains(stderr.String(), "run `make build` first") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}
