package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func serverIn(t *testing.T, files ...string) *Server {
	t.Helper()
	s := &Server{dir: t.TempDir()}
	for _, name := range files {
		path := s.path(name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func TestAnInterruptedRestoreIsNoNewCluster(t *testing.T) {
	if err := serverIn(t, "db/etcd-restoring/member/x").refuseHalfRestored(); err == nil || !strings.Contains(err.Error(), "run the restore again") {
		t.Errorf("got %v", err)
	}
	for _, files := range [][]string{nil, {"db/etcd/member/x"}, {"db/etcd/member/x", "db/etcd-restoring/member/x"}} {
		if err := serverIn(t, files...).refuseHalfRestored(); err != nil {
			t.Errorf("%v: got %v", files, err)
		}
	}
}

func TestAResetIsRefused(t *testing.T) {
	for _, row := range []struct {
		files    []string
		snapshot string
		want     string
	}{
		{[]string{"db/reset-flag", "db/etcd/member/x"}, "", "reset-flag"},
		{nil, "", "nothing to reset"},
		{[]string{"db/etcd/member/x"}, "/none", "/none is not a file here"},
		{[]string{"db/etcd/member/x"}, "/", "/ is not a file here"},
	} {
		if err := serverIn(t, row.files...).mayReset(row.snapshot); err == nil || !strings.Contains(err.Error(), row.want) {
			t.Errorf("%v %q: got %v", row.files, row.snapshot, err)
		}
	}
}

func TestTheFlagGoesWithANormalStart(t *testing.T) {
	s := serverIn(t, "db/reset-flag")
	for range 2 {
		if err := s.endReset(); err != nil || exists(s.resetFlag()) {
			t.Errorf("the flag stays: %v", err)
		}
	}
}
