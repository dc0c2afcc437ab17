package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func snapshotsIn(t *testing.T, names ...string) *Snapshots {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return &Snapshots{dir: dir, node: "one"}
}

func listedNames(t *testing.T, s *Snapshots) []string {
	t.Helper()
	all, err := s.list()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, one := range all {
		out = append(out, one.Name)
	}
	return out
}

func TestSnapshotsAreListedByTheirOwnTime(t *testing.T) {
	s := snapshotsIn(t, "on-demand-one-300", "etcd-snapshot-one-100", "etcd-snapshot-one-200", "on-demand-one-400.part")
	want := []string{"etcd-snapshot-one-100", "etcd-snapshot-one-200", "on-demand-one-300"}
	if got := listedNames(t, s); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestPruneTakesTheOldestOfOneName(t *testing.T) {
	s := snapshotsIn(t, "on-demand-one-1", "etcd-snapshot-one-10", "etcd-snapshot-one-9", "etcd-snapshot-one-11", "etcd-snapshot-two-1")
	gone, err := s.prune("etcd-snapshot", 1)
	if err != nil || !slices.Equal(gone, []string{"etcd-snapshot-one-9", "etcd-snapshot-one-10"}) {
		t.Errorf("removed %v, %v", gone, err)
	}
	if got := listedNames(t, s); !slices.Equal(got, []string{"etcd-snapshot-two-1", "on-demand-one-1", "etcd-snapshot-one-11"}) {
		t.Errorf("left %v", got)
	}
	if gone, err := s.prune("etcd-snapshot", 5); err != nil || len(gone) != 0 {
		t.Errorf("fewer than are kept: removed %v, %v", gone, err)
	}
}

func TestNothingIsRemovedIfOneNameIsWrong(t *testing.T) {
	s := snapshotsIn(t, "on-demand-one-1", "on-demand-one-2")
	for _, wrong := range [][]string{nil, {"on-demand-one-1", "absent"}, {"../" + filepath.Base(s.dir) + "/on-demand-one-1"}} {
		if err := s.remove(wrong); err == nil {
			t.Errorf("%v was accepted", wrong)
		}
	}
	if len(listedNames(t, s)) != 2 {
		t.Error("something was removed")
	}
	if err := s.remove([]string{"on-demand-one-1"}); err != nil || len(listedNames(t, s)) != 1 {
		t.Errorf("not removed: %v", err)
	}
}

func TestListIsShownAsDocumented(t *testing.T) {
	s := snapshotsIn(t, "on-demand-one-1753178523")
	all, _ := s.list()
	var text strings.Builder
	if err := showSnapshots(&text, all, ""); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(text.String()), "\n")
	want := []string{"on-demand-one-1753178523", "file://" + s.dir + "/on-demand-one-1753178523", "24", "2025-07-22T10:02:03Z"}
	if !slices.Equal(strings.Fields(lines[0]), []string{"Name", "Location", "Size", "Created"}) || !slices.Equal(strings.Fields(lines[1]), want) {
		t.Errorf("got %q", text.String())
	}
	if err := showSnapshots(&text, nil, "xml"); err == nil {
		t.Error("an unknown format was accepted")
	}
}

func TestOptionsOfTheSnapshotCommand(t *testing.T) {
	call, err := parseSnapshotArgs([]string{"--data-dir=/d", "prune", "--name", "mine", "--snapshot-retention=3", "-c", "/dev/null"})
	if err != nil || call.action != "prune" || call.name != "mine" {
		t.Fatalf("got %+v, %v", call, err)
	}
	if want := []string{"--data-dir=/d", "--etcd-snapshot-retention=3", "--config=/dev/null"}; !slices.Equal(call.server, want) {
		t.Errorf("options %v, want %v", call.server, want)
	}
	call, err = parseSnapshotArgs([]string{"delete", "a", "b"})
	if err != nil || !slices.Equal(call.names, []string{"a", "b"}) {
		t.Errorf("got %+v, %v", call, err)
	}
	for _, wrong := range [][]string{{"save", "--nothing"}, {"save", "more"}, {"save", "--name"}, {"forget"}, {}} {
		if _, err := parseSnapshotArgs(wrong); err == nil {
			t.Errorf("%v was accepted", wrong)
		}
	}
}
