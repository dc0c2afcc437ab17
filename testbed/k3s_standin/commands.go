package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/tabwriter"

	"forge.test/k3s_standin/internal/payload"
)

// snapshotCall is what one `k3s etcd-snapshot` was asked for.
type snapshotCall struct {
	action, name, format string
	names, server        []string
}

// snapshotOptions are the options of the command, by what `k3s server` calls them.
var snapshotOptions = map[string]string{
	"config": "config", "c": "config", "data-dir": "data-dir", "d": "data-dir", "node-name": "node-name",
	"etcd-snapshot-dir": "etcd-snapshot-dir", "dir": "etcd-snapshot-dir",
	"etcd-snapshot-retention": "etcd-snapshot-retention", "snapshot-retention": "etcd-snapshot-retention",
}

// snapshotActions are the sub-commands with their documented aliases.
var snapshotActions = map[string]string{"save": "save", "ls": "ls", "list": "ls", "l": "ls", "delete": "delete", "prune": "prune"}

func parseSnapshotArgs(args []string) (snapshotCall, error) {
	call := snapshotCall{name: onDemand}
	for i := 0; i < len(args); i++ {
		name, value, hasValue := strings.Cut(args[i], "=")
		if !strings.HasPrefix(name, "-") {
			if call.action != "" {
				call.names = append(call.names, args[i])
				continue
			}
			action, ok := snapshotActions[args[i]]
			if !ok {
				return call, fmt.Errorf("k3s etcd-snapshot %s: want save, ls, delete or prune", args[i])
			}
			call.action = action
			continue
		}
		if !hasValue {
			if i++; i == len(args) {
				return call, fmt.Errorf("option %s needs a value", name)
			}
			value = args[i]
		}
		switch name = strings.TrimLeft(name, "-"); name {
		case "name":
			call.name = value
		case "output", "o":
			call.format = value
		default:
			option, ok := snapshotOptions[name]
			if !ok {
				return call, fmt.Errorf("unknown option --%s for k3s etcd-snapshot: the stand-in answers only the options in its README", name)
			}
			call.server = append(call.server, "--"+option+"="+value)
		}
	}
	if call.action == "" || call.action != "delete" && len(call.names) > 0 {
		return call, fmt.Errorf("k3s etcd-snapshot: want one of save, ls, delete NAME..., prune")
	}
	return call, nil
}

// snapshot saves, lists or removes snapshots of the embedded etcd. Folder, name
// and retention are also read from the server's configuration file.
// Source: https://docs.k3s.io/cli/etcd-snapshot
func snapshot(pay *payload.Payload, args []string) error {
	call, err := parseSnapshotArgs(args)
	if err != nil {
		return err
	}
	cfg, err := Load("server", call.server, os.Getenv)
	if err != nil {
		return err
	}
	all, err := newSnapshots(cfg, pay)
	if err != nil {
		return err
	}
	switch call.action {
	case "save":
		name, err := all.save(context.Background(), call.name)
		if err == nil {
			logf("Snapshot %s saved.", name)
		}
		return err
	case "delete":
		if err := all.remove(call.names); err != nil {
			return err
		}
	case "prune":
		keep, err := strconv.Atoi(cfg.Text("etcd-snapshot-retention"))
		if err != nil || keep < 1 {
			return fmt.Errorf("--snapshot-retention: %q is not a number of snapshots to keep", cfg.Text("etcd-snapshot-retention"))
		}
		if call.names, err = all.prune(call.name, keep); err != nil {
			return err
		}
	default:
		found, err := all.list()
		if err != nil {
			return err
		}
		return showSnapshots(os.Stdout, found, call.format)
	}
	for _, name := range call.names {
		logf("Snapshot %s deleted.", name)
	}
	return nil
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
