package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"forge.test/k3s_standin/internal/payload"
)

// revisionsAhead is by how much a restored store's revision is raised, so that
// what watched the cluster sees later revisions only. It is far above what is
// written between a snapshot and its restore.
// Source: https://etcd.io/docs/v3.6/op-guide/recovery#restoring-with-revision-bump
const revisionsAhead = "1000000000"

// resetDone is what K3s prints at the end.
// Source: https://docs.k3s.io/cli/etcd-snapshot#restoring-snapshots
const resetDone = "Managed etcd cluster membership has been reset, restart without --cluster-reset flag now. " +
	"Backup and delete ${datadir}/server/db on each peer etcd server and rejoin the nodes."

// resetFlag is there from a reset until the next normal start.
func (s *Server) resetFlag() string { return s.path("db/reset-flag") }

// restoring is the new store until it takes the place of the old one.
func (s *Server) restoring() string { return s.path("db/etcd-restoring") }

// refuseHalfRestored ends a start where a restore was interrupted between the
// moves of the old and the new store: an empty cluster would be made.
func (s *Server) refuseHalfRestored() error {
	if exists(s.restoring()) && !s.hasData() {
		return fmt.Errorf("a restore was interrupted: the earlier data is in %s/etcd-old-*; run the restore again", s.path("db"))
	}
	return nil
}

// endReset removes the flag once the server runs normally.
func (s *Server) endReset() error {
	if err := os.Remove(s.resetFlag()); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// startSnapshots runs the schedule in the background.
func (s *Server) startSnapshots(ctx context.Context) error {
	if s.cfg.Bool("etcd-disable-snapshots") {
		return nil
	}
	all, err := newSnapshots(s.cfg, s.payload)
	if err == nil {
		go all.schedule(ctx)
	}
	return err
}

// resetCluster makes this server the only etcd member, of its own data or of a
// snapshot's. Nothing is replaced before the new store was started and opened.
// Source: https://docs.k3s.io/cli/etcd-snapshot#restoring-snapshots
func resetCluster(sup *Supervisor, cfg *Config, pay *payload.Payload) error {
	node, err := identify(cfg)
	if err != nil {
		return err
	}
	s := &Server{cfg: cfg, payload: pay, sup: sup, node: node, dir: filepath.Join(cfg.Text("data-dir"), "server")}
	snapshot := cfg.Text("cluster-reset-restore-path")
	if err := s.mayReset(snapshot); err != nil {
		return err
	}
	if err := os.MkdirAll(s.path("db"), 0o700); err != nil {
		return err
	}
	if err := s.resolveToken(); err != nil {
		return err
	}
	if err := pay.Extract(dataBin(cfg, pay), "etcd", "etcdutl"); err != nil {
		return err
	}
	if err := s.temporaryPKI(); err != nil {
		return err
	}
	defer os.RemoveAll(s.pki.dir)
	if snapshot == "" {
		err = s.resetMembers(sup.ctx)
	} else {
		err = s.restore(sup.ctx, snapshot)
	}
	if err != nil {
		return err
	}
	if err := writeFile(s.resetFlag(), nil, 0o600); err != nil {
		return err
	}
	logf("%s", resetDone)
	return nil
}

func (s *Server) mayReset(snapshot string) error {
	if exists(s.resetFlag()) {
		return fmt.Errorf("managed etcd cluster membership was reset before: start k3s without --cluster-reset, or remove %s to reset it once more", s.resetFlag())
	}
	if snapshot == "" && !s.hasData() {
		return fmt.Errorf("etcd database not found in %s: there is nothing to reset", s.etcdDir())
	}
	if info, err := os.Stat(snapshot); snapshot != "" && (err != nil || !info.Mode().IsRegular()) {
		return fmt.Errorf("--cluster-reset-restore-path: %s is not a file here", snapshot)
	}
	if conn, err := net.DialTimeout("tcp", "127.0.0.1:"+etcdClientPort, time.Second); err == nil {
		conn.Close()
		return errors.New("etcd runs on this host: stop it first (systemctl stop k3s)")
	}
	return nil
}

// temporaryPKI makes authorities for the time of the reset. On a new host the
// cluster's own are only known once the snapshot is open.
func (s *Server) temporaryPKI() error {
	dir, err := os.MkdirTemp(s.path("db"), "reset-tls-")
	if err != nil {
		return err
	}
	if s.pki, err = loadPKI(dir); err != nil {
		return err
	}
	return s.pki.ensureLeaves(names{node: s.node.name, domain: s.cfg.Text("cluster-domain"), serviceIP: "127.0.0.1", addresses: []string{s.node.address}})
}

// resetMembers leaves this member alone in its own data.
func (s *Server) resetMembers(ctx context.Context) error {
	if err := s.startEtcdIn(s.etcdDir(), []string{s.node.name + "=" + s.peerURL()}, "existing", "--force-new-cluster"); err != nil {
		return err
	}
	if err := s.awaitEtcd(ctx); err != nil {
		return err
	}
	s.sup.Stop()
	return nil
}

// restore replaces the data by a snapshot's.
func (s *Server) restore(ctx context.Context, snapshot string) error {
	dir := s.restoring()
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	b, err := s.open(ctx, snapshot, dir)
	if err != nil {
		s.sup.Stop()
		return errors.Join(err, os.RemoveAll(dir))
	}
	s.sup.Stop()
	if exists(s.etcdDir()) {
		old := s.path(fmt.Sprintf("db/etcd-old-%d", time.Now().Unix()))
		if err := os.Rename(s.etcdDir(), old); err != nil {
			return err
		}
		logf("the earlier data is in %s", old)
	}
	if err := os.Rename(dir, s.etcdDir()); err != nil {
		return err
	}
	return s.writeBundle(b)
}

// open extracts a snapshot, whose checksum etcdutl verifies, starts etcd on it
// and opens the bundle of authorities and keys in it.
func (s *Server) open(ctx context.Context, snapshot, dir string) (bundle, error) {
	member := s.node.name + "=" + s.peerURL()
	out, err := command(ctx, s.bin("etcdutl"), "snapshot", "restore", snapshot, "--data-dir="+dir,
		"--name="+s.node.name, "--initial-cluster="+member, "--initial-advertise-peer-urls="+s.peerURL(),
		"--bump-revision="+revisionsAhead, "--mark-compacted").CombinedOutput()
	if err != nil {
		return bundle{}, fmt.Errorf("snapshot %s cannot be restored: %w: %s", snapshot, err, strings.TrimSpace(string(out)))
	}
	if err := s.startEtcdIn(dir, []string{member}, "existing"); err != nil {
		return bundle{}, err
	}
	if err := s.awaitEtcd(ctx); err != nil {
		return bundle{}, err
	}
	return s.loadBootstrap(ctx)
}

// bootstrapKey is where the bundle lies in etcd, by the token that opens it.
func (s *Server) bootstrapKey() string {
	sum := sha256.Sum256([]byte(s.token.Secret))
	return base64.StdEncoding.EncodeToString([]byte("/bootstrap/" + hex.EncodeToString(sum[:6])))
}

// storeBootstrap keeps the bundle beside Kubernetes' own keys, which are
// encrypted with a key that is in it: only so a new host can open a snapshot.
// Source: https://docs.k3s.io/cli/etcd-snapshot#restoring-to-new-hosts
func (s *Server) storeBootstrap(ctx context.Context, raw []byte) error {
	if old, err := s.readBootstrap(ctx); err != nil || string(old) == string(raw) {
		return err
	}
	sealed, err := seal(raw, s.token.Secret)
	if err != nil {
		return err
	}
	client, err := s.etcdClient("127.0.0.1")
	if err != nil {
		return err
	}
	return client.post(ctx, "/v3/kv/put", object{"key": s.bootstrapKey(), "value": base64.StdEncoding.EncodeToString(sealed)}, nil)
}

// readBootstrap returns the opened bundle, nil if there is none for this token.
func (s *Server) readBootstrap(ctx context.Context) ([]byte, error) {
	client, err := s.etcdClient("127.0.0.1")
	if err != nil {
		return nil, err
	}
	var found struct{ Kvs []struct{ Value string } }
	if err := client.post(ctx, "/v3/kv/range", object{"key": s.bootstrapKey()}, &found); err != nil || len(found.Kvs) == 0 {
		return nil, err
	}
	sealed, err := base64.StdEncoding.DecodeString(found.Kvs[0].Value)
	if err != nil {
		return nil, err
	}
	return unseal(sealed, s.token.Secret)
}

func (s *Server) loadBootstrap(ctx context.Context) (bundle, error) {
	var b bundle
	raw, err := s.readBootstrap(ctx)
	if err == nil && raw == nil {
		err = errors.New("bootstrap data of the snapshot is encrypted with different token: give the token of the cluster when the snapshot was taken (token or token-file)")
	}
	if err == nil {
		err = json.Unmarshal(raw, &b)
	}
	return b, err
}
