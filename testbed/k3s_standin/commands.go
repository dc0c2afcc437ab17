package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"forge.test/k3s_standin/internal/payload"
)

// snapshot saves or lists snapshots of the embedded etcd.
// Source: https://docs.k3s.io/cli/etcd-snapshot
func snapshot(pay *payload.Payload, args []string) error {
	data, args := dataDir(args)
	name, action := "on-demand", ""
	for i, arg := range args {
		if value, ok := strings.CutPrefix(arg, "--name="); ok {
			name = value
		} else if arg == "--name" && i+1 < len(args) {
			name = args[i+1]
		} else if action == "" {
			action = arg
		}
	}
	dir := filepath.Join(data, "server", "db", "snapshots")
	switch action {
	case "ls", "list":
		return listSnapshots(dir)
	case "save":
	default:
		return fmt.Errorf("k3s etcd-snapshot %q: the stand-in has save and ls", action)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	bin := filepath.Join(data, "data", pay.Hash, "bin")
	if err := pay.Extract(bin, "etcdctl"); err != nil {
		return err
	}
	tls := filepath.Join(data, "server", "tls", "etcd")
	path := filepath.Join(dir, fmt.Sprintf("%s-%s-%d", name, host, time.Now().Unix()))
	out, err := command(context.Background(), filepath.Join(bin, "etcdctl"), "--endpoints=https://127.0.0.1:"+etcdClientPort,
		"--cacert="+tls+"/server-ca.crt", "--cert="+tls+"/client.crt", "--key="+tls+"/client.key",
		"snapshot", "save", path).CombinedOutput()
	if err != nil {
		return fmt.Errorf("etcdctl snapshot save: %w: %s", err, out)
	}
	fmt.Printf("Snapshot %s saved.\n", filepath.Base(path))
	return nil
}

func listSnapshots(dir string) error {
	entries, err := os.ReadDir(dir)
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 1, ' ', 0)
	fmt.Fprintln(table, "Name\tLocation\tSize\tCreated")
	for _, entry := range entries {
		info, err := entry.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(table, "%s\tfile://%s\t%d\t%s\n", entry.Name(), filepath.Join(dir, entry.Name()), info.Size(),
			info.ModTime().UTC().Format(time.RFC3339))
	}
	return table.Flush()
}

// encryptionStatus prints what `k3s secrets-encrypt status` documents.
// Source: https://docs.k3s.io/cli/secrets-encrypt
func encryptionStatus(args []string) error {
	data, args := dataDir(args)
	if len(args) == 0 || args[0] != "status" {
		return fmt.Errorf("k3s secrets-encrypt %s: the stand-in has status only", strings.Join(args, " "))
	}
	raw, err := os.ReadFile(filepath.Join(data, "server", "cred", "encryption-config.json"))
	if os.IsNotExist(err) {
		fmt.Println("Encryption Status: Disabled, no configuration file found")
		return nil
	}
	if err != nil {
		return err
	}
	var config struct {
		Resources []struct {
			Providers []map[string]struct{ Keys []struct{ Name string } }
		}
	}
	if err := json.Unmarshal(raw, &config); err != nil {
		return err
	}
	fmt.Print("Encryption Status: Enabled\nCurrent Rotation Stage: start\n\n")
	table := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(table, "Active\tKey Type\tName\n------\t--------\t----")
	mark := " *"
	kinds := map[string]string{"aescbc": "AES-CBC", "secretbox": "XSalsa20-POLY1305"}
	for _, resource := range config.Resources {
		for _, provider := range resource.Providers {
			for kind, p := range provider {
				for _, key := range p.Keys {
					fmt.Fprintf(table, "%s\t%s\t%s\n", mark, kinds[kind], key.Name)
					mark = ""
				}
			}
		}
	}
	return table.Flush()
}
