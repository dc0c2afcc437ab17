package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"forge.test/k3s_standin/internal/payload"
)

// onDemand is the base name of snapshots that nobody named.
const onDemand = "on-demand"

// Snapshots are the etcd snapshots of one server.
// Source: https://docs.k3s.io/cli/etcd-snapshot
type Snapshots struct {
	cfg  *Config
	pay  *payload.Payload
	dir  string
	node string
}

// Snapshot is one file of them.
type Snapshot struct {
	Name     string    `json:"name"`
	Location string    `json:"location"`
	Size     int64     `json:"size"`
	Created  time.Time `json:"createdAt"`
}

func newSnapshots(cfg *Config, pay *payload.Payload) (*Snapshots, error) {
	dir := cfg.Text("etcd-snapshot-dir")
	if dir == "" {
		dir = filepath.Join(cfg.Text("data-dir"), "server", "db", "snapshots")
	}
	node, err := nodeName(cfg)
	return &Snapshots{cfg: cfg, pay: pay, dir: dir, node: node}, err
}

// save asks the running etcd for a snapshot. etcdctl writes beside the file and
// renames at the end: a file without `.part` is whole.
func (s *Snapshots) save(ctx context.Context, base string) (string, error) {
	if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return "", err
	}
	bin := dataBin(s.cfg, s.pay)
	if err := s.pay.Extract(bin, "etcdctl"); err != nil {
		return "", err
	}
	tls := filepath.Join(s.cfg.Text("data-dir"), "server", "tls", "etcd")
	if !exists(tls + "/client.crt") {
		return "", fmt.Errorf("etcd database not found in %s: this host is no server with embedded etcd", s.cfg.Text("data-dir"))
	}
	name := fmt.Sprintf("%s-%s-%d", base, s.node, time.Now().Unix())
	out, err := command(ctx, filepath.Join(bin, "etcdctl"), "--endpoints=https://127.0.0.1:"+etcdClientPort,
		"--dial-timeout=10s", "--command-timeout=5m",
		"--cacert="+tls+"/server-ca.crt", "--cert="+tls+"/client.crt", "--key="+tls+"/client.key",
		"snapshot", "save", filepath.Join(s.dir, name)).CombinedOutput()
	if err != nil {
		_ = os.Remove(filepath.Join(s.dir, name+".part"))
		return "", fmt.Errorf("etcdctl snapshot save: %w: %s (does k3s run here?)", err, strings.TrimSpace(string(out)))
	}
	return name, nil
}

// list returns the whole snapshots, oldest first.
func (s *Snapshots) list() ([]Snapshot, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	var out []Snapshot
	for _, entry := range entries {
		if entry.IsDir() || strings.HasSuffix(entry.Name(), ".part") {
			continue
		}
		info, err := entry.Info()
		if err != nil {
			return nil, err
		}
		out = append(out, Snapshot{entry.Name(), "file://" + filepath.Join(s.dir, entry.Name()), info.Size(), created(entry.Name(), info.ModTime()).UTC()})
	}
	slices.SortStableFunc(out, func(a, b Snapshot) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.Name, b.Name))
	})
	return out, nil
}

// created reads the time that a name ends in: a copied file has another one.
func created(name string, modified time.Time) time.Time {
	seconds, err := strconv.ParseInt(name[strings.LastIndexByte(name, '-')+1:], 10, 64)
	if err != nil {
		return modified
	}
	return time.Unix(seconds, 0)
}

// prune removes this node's oldest snapshots of one base name beyond keep.
func (s *Snapshots) prune(base string, keep int) ([]string, error) {
	all, err := s.list()
	if err != nil {
		return nil, err
	}
	mine := slices.DeleteFunc(all, func(one Snapshot) bool { return !strings.HasPrefix(one.Name, base+"-"+s.node) })
	var gone []string
	for _, one := range mine[:max(0, len(mine)-keep)] {
		if err := os.Remove(filepath.Join(s.dir, one.Name)); err != nil {
			return gone, err
		}
		gone = append(gone, one.Name)
	}
	return gone, nil
}

// remove deletes snapshots by name, none of them if one is not there.
func (s *Snapshots) remove(names []string) error {
	if len(names) == 0 {
		return errors.New("no snapshots given for removal")
	}
	all, err := s.list()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.ContainsFunc(all, func(one Snapshot) bool { return one.Name == name }) {
			return fmt.Errorf("snapshot %s not found in %s", name, s.dir)
		}
	}
	for _, name := range names {
		if err := os.Remove(filepath.Join(s.dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func showSnapshots(out io.Writer, all []Snapshot, format string) error {
	switch format {
	case "json":
		return json.NewEncoder(out).Encode(append([]Snapshot{}, all...))
	case "":
	default:
		return fmt.Errorf("invalid output format: %s (the stand-in has json)", format)
	}
	table := tabwriter.NewWriter(out, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "Name\tLocation\tSize\tCreated")
	for _, one := range all {
		fmt.Fprintf(table, "%s\t%s\t%d\t%s\n", one.Name, one.Location, one.Size, one.Created.Format(time.RFC3339))
	}
	return table.Flush()
}

// schedule takes snapshots at the declared times, and keeps as many as declared.
func (s *Snapshots) schedule(ctx context.Context) {
	times, err := parseCron(s.cfg.Text("etcd-snapshot-schedule-cron"))
	keep, _ := strconv.Atoi(s.cfg.Text("etcd-snapshot-retention"))
	for err == nil { // the schedule was checked at the start
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Until(times.next(time.Now()))):
		}
		name, failed := s.save(ctx, s.cfg.Text("etcd-snapshot-name"))
		if failed == nil && keep > 0 {
			_, failed = s.prune(s.cfg.Text("etcd-snapshot-name"), keep)
		}
		if failed != nil {
			logf("scheduled snapshot: %v", failed)
			continue
		}
		logf("Snapshot %s saved.", name)
	}
}
