// Command k3s is the K3s stand-in of the Forge's testbed: it answers K3s's
// documented interface and runs upstream Kubernetes, containerd and etcd as
// children of one service. It is not K3s.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"forge.test/k3s_standin/internal/payload"
)

const usage = `k3s stand-in of the Forge testbed (upstream Kubernetes behind K3s's interface; not K3s)

Usage:
  k3s server [options]          run a server (control plane, and a node unless --disable-agent)
  k3s agent [options]           run a node
  k3s kubectl ...               upstream kubectl with this cluster's kubeconfig
  k3s ctr ...                   upstream ctr on this node's containerd
  k3s etcd-snapshot save|ls|delete|prune
                                snapshots of the embedded etcd
  k3s server --cluster-reset [--cluster-reset-restore-path=FILE]
                                one etcd member again, from its data or a snapshot
  k3s secrets-encrypt status    whether Secrets are encrypted
  k3s --version
`

func main() {
	if err := run(filepath.Base(os.Args[0]), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(called string, args []string) error {
	if called == "kubectl" || called == "ctr" || called == "crictl" {
		args = append([]string{called}, args...)
	}
	if len(args) == 0 {
		fmt.Print(usage)
		return nil
	}
	switch args[0] {
	case "--help", "-h", "help":
		fmt.Print(usage)
		return nil
	case "crictl":
		return fmt.Errorf("crictl is not part of the stand-in: use k3s ctr, or kubectl")
	case "--version", "-v", "kubectl", "ctr", "server", "agent", "etcd-snapshot", "secrets-encrypt":
	default:
		return fmt.Errorf("unknown command %q: the stand-in answers server, agent, kubectl, ctr, etcd-snapshot, secrets-encrypt and --version", args[0])
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	pay, err := payload.Open(self)
	if err != nil {
		return err
	}
	switch args[0] {
	case "--version", "-v":
		fmt.Printf("k3s version %s (K3s stand-in of the Forge: upstream Kubernetes, not K3s)\ngo version %s\n", pay.Version, runtime.Version())
		return nil
	case "kubectl", "ctr":
		return tool(pay, args[0], args[1:])
	case "etcd-snapshot":
		return snapshot(pay, args[1:])
	case "secrets-encrypt":
		return encryptionStatus(args[1:])
	}
	return serve(pay, args[0], args[1:])
}

// serve runs the server or the agent until a signal or a failure.
func serve(pay *payload.Payload, command string, args []string) error {
	cfg, err := Load(command, args, os.Getenv)
	if err != nil {
		return err
	}
	if path := cfg.Text("log"); path != "" {
		file, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return fmt.Errorf("--log: %w", err)
		}
		defer file.Close()
		logOutput = file
		if cfg.Bool("alsologtostderr") {
			logOutput = io.MultiWriter(file, os.Stderr)
		}
	}
	logf("starting the K3s stand-in %s as %s", pay.Version, command)
	for _, text := range cfg.Absent() {
		logf("NOTE: %s", text)
	}
	if cfg.isServer && !cfg.Bool("disable-network-policy") {
		logf("NOTE: NetworkPolicy objects are stored and not enforced")
	}
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	sup := NewSupervisor(ctx)
	defer func() {
		notify("STOPPING=1")
		sup.Stop()
	}()
	if cfg.isServer && cfg.Bool("cluster-reset") {
		return resetCluster(sup, cfg, pay) // interrupted, it has failed
	}
	if cfg.isServer {
		err = runServer(sup, cfg, pay)
	} else {
		err = runAgent(sup, cfg, pay)
	}
	if ctx.Err() != nil {
		logf("stopping")
		return nil
	}
	return err
}

// tool replaces this process by an extracted program.
func tool(pay *payload.Payload, name string, args []string) error {
	data := os.Getenv("K3S_DATA_DIR")
	if data == "" {
		data = "/var/lib/rancher/k3s"
	}
	dir := filepath.Join(data, "data", pay.Hash, "bin")
	if err := pay.Extract(dir, name); err != nil {
		return err
	}
	env := os.Environ()
	if name == "kubectl" && os.Getenv("KUBECONFIG") == "" {
		env = append(env, "KUBECONFIG=/etc/rancher/k3s/k3s.yaml")
	}
	if name == "ctr" {
		env = append(env, "CONTAINERD_ADDRESS="+containerdSocket)
		if os.Getenv("CONTAINERD_NAMESPACE") == "" {
			env = append(env, "CONTAINERD_NAMESPACE=k8s.io")
		}
	}
	path := filepath.Join(dir, name)
	return fmt.Errorf("%s: %w", path, syscall.Exec(path, append([]string{name}, args...), env))
}

// dataDir takes --data-dir or -d out of a sub-command's options.
func dataDir(args []string) (string, []string) {
	dir, rest := "/var/lib/rancher/k3s", []string{}
	for i := 0; i < len(args); i++ {
		name, value, hasValue := strings.Cut(args[i], "=")
		if name != "--data-dir" && name != "-d" {
			rest = append(rest, args[i])
			continue
		}
		if !hasValue && i+1 < len(args) {
			i++
			value = args[i]
		}
		dir = value
	}
	return dir, rest
}
