package payload

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// pack makes a program with two files and returns its path.
func pack(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	put := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	out := filepath.Join(dir, "k3s")
	files := []File{{"one", put("one", strings.Repeat("first ", 1000))}, {"two", put("two", "second")}}
	if err := Write(out, put("base", "ELF"), files, "v1"); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestFilesComeOutAsTheyWentIn(t *testing.T) {
	p, err := Open(pack(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := p.Extract(dir, "two"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "one")); err == nil {
		t.Error("a file that was not asked for was extracted")
	}
	raw, err := os.ReadFile(filepath.Join(dir, "two"))
	if err != nil || string(raw) != "second" || p.Version != "v1" {
		t.Errorf("got %q, %v, version %s", raw, err, p.Version)
	}
	info, err := os.Stat(filepath.Join(dir, "two"))
	if err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
}

func TestExtractionIsNotRepeated(t *testing.T) {
	p, err := Open(pack(t))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for range 2 {
		if err := p.Extract(dir, "one"); err != nil {
			t.Fatal(err)
		}
	}
	before, _ := os.Stat(filepath.Join(dir, "one"))
	if err := p.Extract(dir, "one"); err != nil {
		t.Fatal(err)
	}
	if after, _ := os.Stat(filepath.Join(dir, "one")); !os.SameFile(before, after) {
		t.Error("the file was written again")
	}
}

func TestSameInputsSameProgram(t *testing.T) {
	a, err := os.ReadFile(pack(t))
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := os.ReadFile(pack(t)); !bytes.Equal(a, b) {
		t.Error("two builds differ")
	}
}

// Wherever a byte changes: an error and no file left behind, or (a bit that the
// compressed form does not use) the right content.
func TestDamageIsFound(t *testing.T) {
	path := pack(t)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for at := len("ELF"); at < len(whole); at++ {
		damaged := bytes.Clone(whole)
		damaged[at] ^= 0x20
		if err := os.WriteFile(path, damaged, 0o600); err != nil {
			t.Fatal(err)
		}
		dir := t.TempDir()
		p, err := Open(path)
		if err == nil {
			err = p.Extract(dir, "one", "two")
		}
		if err == nil {
			one, _ := os.ReadFile(filepath.Join(dir, "one"))
			two, _ := os.ReadFile(filepath.Join(dir, "two"))
			if string(one) != strings.Repeat("first ", 1000) || string(two) != "second" {
				t.Fatalf("byte %d of %d changed unnoticed", at, len(whole))
			}
		}
		if left, _ := filepath.Glob(filepath.Join(dir, ".*")); len(left) > 0 {
			t.Fatalf("left behind: %v", left)
		}
	}
}

func TestATruncatedProgramHasNoPayload(t *testing.T) {
	path := pack(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{0, 10, info.Size() - 1} {
		if err := os.Truncate(path, size); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(path); !errors.Is(err, ErrNone) {
			t.Errorf("%d bytes: got %v", size, err)
		}
	}
}
