package main

import (
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"
)

type execCmd = exec.Cmd

func command(ctx context.Context, path string, args ...string) *execCmd {
	return exec.CommandContext(ctx, path, args...)
}

// imported remembers what an archive brought, so that a restart imports only
// changed archives. It lies in containerd's own folder and goes with it.
type imported struct {
	Size    int64    `json:"size"`
	Changed int64    `json:"changed"` // modification time, ns
	Images  []string `json:"images"`
}

// importImages loads every archive of agent/images and pins its images, so
// that the kubelet's clean-up leaves them.
// Source: https://docs.k3s.io/installation/airgap
func (a *Agent) importImages(ctx context.Context) error {
	dir, record := a.path("images"), a.path("containerd/k3s-imported.json")
	known := map[string]imported{}
	if raw, err := os.ReadFile(record); err == nil {
		_ = json.Unmarshal(raw, &known) // a damaged record only means importing again
	}
	present, err := a.listImages(ctx)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	next := map[string]imported{}
	for _, entry := range entries {
		if !isArchive(entry.Name()) {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		old, ok := known[entry.Name()]
		if ok && old.Size == info.Size() && old.Changed == info.ModTime().UnixNano() && containsAll(present, old.Images) {
			next[entry.Name()] = old
			continue
		}
		images, err := a.importArchive(ctx, filepath.Join(dir, entry.Name()))
		if err != nil {
			logf("image archive %s was not imported: %v", entry.Name(), err)
			continue
		}
		next[entry.Name()] = imported{Size: info.Size(), Changed: info.ModTime().UnixNano(), Images: images}
	}
	return writeFile(record, toJSON(next), 0o600)
}

func isArchive(name string) bool {
	for _, suffix := range []string{".tar", ".tar.gz", ".tgz", ".tar.zst", ".tzst"} {
		if strings.HasSuffix(name, suffix) {
			return true
		}
	}
	return false
}

func containsAll(have, want []string) bool {
	return !slices.ContainsFunc(want, func(w string) bool { return !slices.Contains(have, w) })
}

func (a *Agent) listImages(ctx context.Context) ([]string, error) {
	out, err := a.ctr(ctx, "images", "list", "-q").Output()
	if err != nil {
		return nil, fmt.Errorf("listing images: %w", err)
	}
	return strings.Fields(string(out)), nil
}

func (a *Agent) importArchive(ctx context.Context, path string) ([]string, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	reader, err := decompress(path, file)
	if err != nil {
		return nil, err
	}
	cmd := a.ctr(ctx, "images", "import", "--local", "--no-unpack=false", "-")
	cmd.Stdin = reader
	raw, err := cmd.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", err, strings.TrimSpace(string(raw)))
	}
	var images []string
	for line := range strings.Lines(string(raw)) {
		// Lines read "NAME<tab>saved" or "unpacking NAME (sha256:...)...done".
		fields := strings.Fields(strings.TrimPrefix(line, "unpacking "))
		if len(fields) > 1 && strings.Contains(fields[0], "/") && !slices.Contains(images, fields[0]) {
			images = append(images, fields[0])
		}
	}
	for _, image := range images {
		if raw, err := a.ctr(ctx, "images", "label", image, "io.cri-containerd.pinned=pinned").CombinedOutput(); err != nil {
			return nil, fmt.Errorf("pinning %s: %w: %s", image, err, raw)
		}
	}
	logf("imported %s: %s", filepath.Base(path), strings.Join(images, ", "))
	return images, nil
}

func decompress(path string, r io.Reader) (io.Reader, error) {
	switch {
	case strings.HasSuffix(path, "gz"):
		return gzip.NewReader(r)
	case strings.HasSuffix(path, "zst"):
		zr, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
		if err != nil {
			return nil, err
		}
		return zr.IOReadCloser(), nil
	}
	return r, nil
}
