// Package payload reads and writes the files appended to the k3s program.
//
// Layout: ELF image | one zstd frame per file | JSON index | trailer. The
// trailer is the index's length (8 bytes, big endian), its SHA-256 and a magic
// string. Each file is a frame of its own so that an agent extracts only what
// an agent runs.
package payload

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/klauspost/compress/zstd"
)

const (
	magic       = "FORGEK3S"
	trailerSize = 8 + sha256.Size + len(magic)
	maxIndex    = 1 << 20 // bytes; the real index is about 3 KB
)

// ErrNone says that the program carries no payload at all (a plain `go build`).
var ErrNone = errors.New("this k3s carries no payload: build it with forge artifacts, not with go build alone")

// Entry describes one appended file.
type Entry struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes, uncompressed
	SHA256 string `json:"sha256"` // of the uncompressed bytes
	Offset int64  `json:"offset"` // of the frame, from the start of the program
	Length int64  `json:"length"` // of the frame, bytes
}

// Index lists the appended files.
type Index struct {
	Version string  `json:"version"`
	Entries []Entry `json:"entries"`
}

// Payload is an opened program with its index.
type Payload struct {
	Index
	Hash string // SHA-256 of the index, hex: keys the extracted files
	path string
}

// Open reads and checks the index of the program at path.
func Open(path string) (*Payload, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	tail := make([]byte, trailerSize)
	if info.Size() < int64(trailerSize) {
		return nil, ErrNone
	}
	if _, err := f.ReadAt(tail, info.Size()-int64(trailerSize)); err != nil {
		return nil, err
	}
	if string(tail[trailerSize-len(magic):]) != magic {
		return nil, ErrNone
	}
	length := int64(binary.BigEndian.Uint64(tail))
	start := info.Size() - int64(trailerSize) - length
	if length <= 0 || length > maxIndex || start < 0 {
		return nil, fmt.Errorf("%s: payload index is %d bytes long, which cannot be: copy the file again", path, length)
	}
	raw := make([]byte, length)
	if _, err := f.ReadAt(raw, start); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if want := hex.EncodeToString(tail[8 : 8+sha256.Size]); hex.EncodeToString(sum[:]) != want {
		return nil, fmt.Errorf("%s: payload index has SHA-256 %x, expected %s: copy the file again", path, sum, want)
	}
	p := &Payload{path: path, Hash: hex.EncodeToString(sum[:])}
	if err := json.Unmarshal(raw, &p.Index); err != nil {
		return nil, fmt.Errorf("%s: payload index: %w", path, err)
	}
	return p, nil
}

// Extract writes the named files into dir unless they are there already, each
// under a temporary name first, so that a file with its final name is whole.
func (p *Payload) Extract(dir string, names ...string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, name := range names {
		entry, err := p.entry(name)
		if err != nil {
			return err
		}
		target := filepath.Join(dir, name)
		if info, err := os.Stat(target); err == nil && info.Size() == entry.Size {
			continue
		}
		if err := p.extract(entry, target); err != nil {
			return err
		}
	}
	return nil
}

func (p *Payload) entry(name string) (Entry, error) {
	for _, e := range p.Entries {
		if e.Name == name {
			return e, nil
		}
	}
	return Entry{}, fmt.Errorf("%s: the payload holds no %q", p.path, name)
}

func (p *Payload) extract(entry Entry, target string) error {
	src, err := os.Open(p.path)
	if err != nil {
		return err
	}
	defer src.Close()
	zr, err := zstd.NewReader(io.NewSectionReader(src, entry.Offset, entry.Length), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer zr.Close()
	tmp, err := os.CreateTemp(filepath.Dir(target), "."+entry.Name+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(tmp, hash), zr); err != nil {
		return fmt.Errorf("%s: extracting %s: %w (the file is damaged: copy it again)", p.path, entry.Name, err)
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != entry.SHA256 {
		return fmt.Errorf("%s: %s has SHA-256 %s, expected %s: copy the file again", p.path, entry.Name, got, entry.SHA256)
	}
	if err := tmp.Chmod(0o755); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), target)
}

// File is one input of Write.
type File struct{ Name, Path string }

// Write makes the program at out: the executable base, then files, index and
// trailer. The result depends on nothing but the inputs' bytes.
func Write(out, base string, files []File, version string) error {
	tmp, err := os.CreateTemp(filepath.Dir(out), ".k3s-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	src, err := os.Open(base)
	if err != nil {
		return err
	}
	offset, err := io.Copy(tmp, src)
	src.Close()
	if err != nil {
		return err
	}
	index := Index{Version: version}
	for _, file := range files {
		entry, err := appendFile(tmp, file, offset)
		if err != nil {
			return err
		}
		offset += entry.Length
		index.Entries = append(index.Entries, entry)
	}
	if err := appendIndex(tmp, index); err != nil {
		return err
	}
	if err := tmp.Chmod(0o755); err != nil {
		return err
	}
	if err := tmp.Close(); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), out)
}

type counter struct {
	io.Writer
	n int64
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.Writer.Write(b)
	c.n += int64(n)
	return n, err
}

func appendFile(out io.Writer, file File, offset int64) (Entry, error) {
	src, err := os.Open(file.Path)
	if err != nil {
		return Entry{}, err
	}
	defer src.Close()
	frame := &counter{Writer: out}
	zw, err := zstd.NewWriter(frame, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return Entry{}, err
	}
	hash := sha256.New()
	size, err := io.Copy(io.MultiWriter(zw, hash), src)
	if err != nil {
		return Entry{}, fmt.Errorf("%s: %w", file.Path, err)
	}
	if err := zw.Close(); err != nil {
		return Entry{}, err
	}
	return Entry{Name: file.Name, Size: size, SHA256: hex.EncodeToString(hash.Sum(nil)), Offset: offset, Length: frame.n}, nil
}

func appendIndex(out io.Writer, index Index) error {
	raw, err := json.Marshal(index)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(raw)
	trailer := binary.BigEndian.AppendUint64(nil, uint64(len(raw)))
	trailer = append(append(trailer, sum[:]...), magic...)
	if _, err := out.Write(raw); err != nil {
		return err
	}
	_, err = out.Write(trailer)
	return err
}
