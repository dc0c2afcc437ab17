package main

import (
	"context"
	"crypto/sha256"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

//go:embed manifests/*.yaml
var packagedManifests embed.FS

// scanInterval is how soon a changed manifest is noticed.
const scanInterval = 3 * time.Second

// applied remembers which content of each manifest was applied since the start.
type applied map[string][sha256.Size]byte

// changed returns the manifests to apply now: new content, not skipped, not of
// a disabled component. A file that vanished is forgotten, its objects stay.
// Source: https://docs.k3s.io/installation/packaged-components
func (a applied) changed(files map[string][]byte, disabled []string) []string {
	var out []string
	for path := range a {
		if _, ok := files[path]; !ok {
			delete(a, path)
		}
	}
	for path, content := range files {
		if _, skip := files[path+".skip"]; skip || strings.HasSuffix(path, ".skip") {
			continue
		}
		if slices.Contains(disabled, component(path)) {
			continue
		}
		if sum, ok := a[path]; !ok || sum != sha256.Sum256(content) {
			out = append(out, path)
		}
	}
	slices.Sort(out)
	return out
}

func component(path string) string {
	base := filepath.Base(path)
	return strings.TrimSuffix(base, filepath.Ext(base))
}

// readManifests reads the folder and its subfolders.
func readManifests(dir string) (map[string][]byte, error) {
	out := map[string][]byte{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch filepath.Ext(path) {
		case ".yaml", ".yml", ".json":
			out[path], err = os.ReadFile(path)
		case ".skip":
			out[path] = nil
		}
		if errors.Is(err, fs.ErrNotExist) { // removed meanwhile
			delete(out, path)
			return nil
		}
		return err
	})
	return out, err
}

func (s *Server) manifestsDir() string { return s.path("manifests") }

// writePackaged puts the packaged components' manifests in place, and removes
// those of disabled ones together with their objects.
func (s *Server) writePackaged(ctx context.Context) error {
	if err := os.MkdirAll(s.manifestsDir(), 0o700); err != nil {
		return err
	}
	entries, err := packagedManifests.ReadDir("manifests")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		path := filepath.Join(s.manifestsDir(), entry.Name())
		if slices.Contains(s.cfg.List("disable"), component(path)) {
			if err := s.removeComponent(ctx, path); err != nil {
				return err
			}
			continue
		}
		raw, err := packagedManifests.ReadFile("manifests/" + entry.Name())
		if err != nil {
			return err
		}
		text := strings.NewReplacer("%{CLUSTER_DNS}%", s.clusterDNS(), "%{CLUSTER_DOMAIN}%", s.cfg.Text("cluster-domain"),
			"%{COREDNS_IMAGE}%", "forge.test/coredns:"+imageTag(s.payload.Version)).Replace(string(raw))
		if err := writeFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// imageTag makes a version a tag: a tag holds no "+".
func imageTag(version string) string { return strings.ReplaceAll(version, "+", "-") }

func (s *Server) removeComponent(ctx context.Context, path string) error {
	if !exists(path) {
		return nil
	}
	logf("removing the disabled component %s", component(path))
	if err := s.kubectl(ctx, "delete", "--ignore-not-found", "--wait=false", "-f", path); err != nil {
		return err
	}
	return os.Remove(path)
}

// runManifests applies the manifests at the start and whenever one changes.
func (s *Server) runManifests(ctx context.Context) {
	err := retry(ctx, "the packaged components", 2*time.Second, func() error { return s.writePackaged(ctx) })
	if err != nil {
		return // ctx ended
	}
	done, failed := applied{}, map[string]string{}
	for {
		files, err := readManifests(s.manifestsDir())
		if err != nil {
			logf("manifests: %v", err)
		}
		for _, path := range done.changed(files, s.cfg.List("disable")) {
			err := s.kubectl(ctx, "apply", "-f", path)
			if ctx.Err() != nil {
				return
			}
			if err == nil {
				done[path] = sha256.Sum256(files[path])
				delete(failed, path)
				logf("applied manifest %s", path)
			} else if failed[path] != err.Error() { // tried again at the next scan
				failed[path] = err.Error()
				logf("manifest %s: %v", path, err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(scanInterval):
		}
	}
}

func (s *Server) kubectl(ctx context.Context, args ...string) error {
	base := []string{"--kubeconfig", s.path("cred/admin.kubeconfig"), "--cache-dir", s.path("cache"), "--request-timeout=30s"}
	out, err := command(ctx, s.bin("kubectl"), append(base, args...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("kubectl %s: %w: %s", args[0], err, strings.TrimSpace(string(out)))
	}
	return nil
}
