package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// Config holds the effective options of one command.
type Config struct {
	isServer bool
	values   map[string][]string
}

// given keeps options in the order in which they were first named.
type given struct {
	order  []string
	values map[string][]string
}

func newGiven() *given { return &given{values: map[string][]string{}} }

func (g *given) set(name string, values []string) {
	if _, ok := g.values[name]; !ok {
		g.order = append(g.order, name)
	}
	g.values[name] = values
}

// Load gathers the options of `k3s server` or `k3s agent`. The command line
// wins over configuration files, these over the environment; a list that is
// given again replaces the earlier one.
// Source: https://docs.k3s.io/installation/configuration
func Load(command string, args []string, getenv func(string) string) (*Config, error) {
	isServer := command == "server"
	cli, err := parseArgs(args, isServer)
	if err != nil {
		return nil, err
	}
	cfg := &Config{isServer: isServer, values: map[string][]string{}}
	for _, opt := range known(isServer) {
		if value := getenv(opt.env); opt.env != "" && value != "" {
			cfg.values[opt.name] = []string{value}
		}
	}
	if v, ok := cli.values["config"]; ok {
		cfg.values["config"] = v
	}
	_, named := cfg.values["config"]
	file, err := readFiles(cfg.Text("config"), named)
	if err != nil {
		return nil, err
	}
	for _, name := range file.order {
		opt, ok := find(name, isServer)
		if !ok {
			return nil, unknown(name, command, cfg.Text("config")+" or its .d folder")
		}
		cfg.values[opt.name] = file.values[name]
	}
	for name, values := range cli.values {
		cfg.values[name] = values
	}
	return cfg, cfg.check()
}

func known(isServer bool) []option {
	return slices.DeleteFunc(slices.Clone(options), func(o option) bool {
		return o.scope == serverOnly && !isServer || o.scope == agentOnly && isServer
	})
}

func find(name string, isServer bool) (option, bool) {
	for _, o := range known(isServer) {
		if o.name == name || o.short != "" && o.short == name {
			return o, true
		}
	}
	return option{}, false
}

func unknown(name, command, where string) error {
	return fmt.Errorf("unknown option --%s for k3s %s (%s): the stand-in answers only the options in its README; correct the name or remove it", name, command, where)
}

func parseArgs(args []string, isServer bool) (*given, error) {
	command := "agent"
	if isServer {
		command = "server"
	}
	out := newGiven()
	for i := 0; i < len(args); i++ {
		name, value, hasValue := strings.Cut(args[i], "=")
		if !strings.HasPrefix(name, "-") {
			return nil, fmt.Errorf("k3s %s takes options only, not %q", command, args[i])
		}
		name = strings.TrimLeft(name, "-")
		opt, ok := find(name, isServer)
		if !ok {
			return nil, unknown(name, command, "command line")
		}
		switch {
		case !hasValue && opt.kind == truth:
			value = "true"
		case !hasValue && i+1 < len(args):
			i++
			value = args[i]
		case !hasValue:
			return nil, fmt.Errorf("option --%s needs a value", opt.name)
		}
		out.set(opt.name, append(out.values[opt.name], value))
	}
	return out, nil
}

// readFiles merges the configuration file and the folder beside it, in
// alphabetical order. The last value of a key counts; a key that ends in "+"
// adds to what is there.
// Source: https://docs.k3s.io/installation/configuration
func readFiles(path string, mustExist bool) (*given, error) {
	files, err := dropIns(path + ".d")
	if err != nil {
		return nil, err
	}
	if _, err := os.Stat(path); err == nil {
		files = append([]string{path}, files...)
	} else if !errors.Is(err, fs.ErrNotExist) || mustExist && len(files) == 0 {
		return nil, fmt.Errorf("configuration file: %w", err)
	}
	out := newGiven()
	for _, file := range files {
		if err := mergeFile(out, file); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
	}
	return out, nil
}

func dropIns(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir) // sorted by name
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); !e.IsDir() && (ext == ".yaml" || ext == ".yml") {
			out = append(out, filepath.Join(dir, e.Name()))
		}
	}
	return out, nil
}

func mergeFile(out *given, path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(raw, &doc); err != nil {
		return err
	}
	if len(doc.Content) == 0 {
		return nil
	}
	root := doc.Content[0]
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("line %d: want a mapping of options", root.Line)
	}
	for i := 0; i < len(root.Content); i += 2 {
		key, values := root.Content[i].Value, []string{}
		if err := scalars(root.Content[i+1], &values); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		name, adds := strings.CutSuffix(key, "+")
		if adds {
			values = append(slices.Clone(out.values[name]), values...)
		}
		out.set(name, values)
	}
	return nil
}

// scalars reads a node's text as written (0600 stays 0600, not 384).
func scalars(node *yaml.Node, out *[]string) error {
	switch {
	case node.Kind == yaml.AliasNode:
		return scalars(node.Alias, out)
	case node.Kind == yaml.ScalarNode && node.Tag == "!!null":
		return nil
	case node.Kind == yaml.ScalarNode:
		*out = append(*out, node.Value)
		return nil
	case node.Kind == yaml.SequenceNode:
		for _, item := range node.Content {
			if item.Kind != yaml.ScalarNode {
				return fmt.Errorf("line %d: want a plain value", item.Line)
			}
			*out = append(*out, item.Value)
		}
		return nil
	}
	return fmt.Errorf("line %d: want a plain value or a list of them", node.Line)
}

// Text returns an option's value, or its default.
func (c *Config) Text(name string) string {
	if v := c.values[name]; len(v) > 0 {
		return v[len(v)-1]
	}
	opt, ok := find(name, c.isServer)
	if !ok {
		panic("k3s: no such option in the table: " + name)
	}
	return opt.def
}

// Bool returns the value of a true/false option.
func (c *Config) Bool(name string) bool {
	value, _ := strconv.ParseBool(c.Text(name))
	return value
}

// List returns every value of a repeatable option.
func (c *Config) List(name string) []string {
	opt, _ := find(name, c.isServer)
	var out []string
	for _, value := range c.values[name] {
		if opt.kind != words {
			out = append(out, value)
			continue
		}
		for _, word := range strings.Split(value, ",") {
			if word = strings.TrimSpace(word); word != "" {
				out = append(out, word)
			}
		}
	}
	return out
}

// Absent names the given options that have no effect here, with the reason.
func (c *Config) Absent() []string {
	var out []string
	for _, opt := range known(c.isServer) {
		if opt.absent != "" && len(c.values[opt.name]) > 0 {
			out = append(out, fmt.Sprintf("option --%s is accepted without effect: the stand-in has no %s", opt.name, opt.absent))
		}
	}
	return out
}

func (c *Config) check() error {
	for _, opt := range known(c.isServer) {
		if opt.kind != truth || len(c.values[opt.name]) == 0 {
			continue
		}
		if _, err := strconv.ParseBool(c.Text(opt.name)); err != nil {
			return fmt.Errorf("option --%s: %q is not true or false", opt.name, c.Text(opt.name))
		}
	}
	if !c.isServer {
		if c.Text("server") == "" {
			return errors.New("--server is required: set it in config.yaml, as an option or as K3S_URL")
		}
		return nil
	}
	for _, name := range c.List("disable") {
		if !slices.Contains(packaged, name) {
			return fmt.Errorf("--disable: %q is not a packaged component (%s)", name, strings.Join(packaged, ", "))
		}
	}
	if backend := c.Text("flannel-backend"); backend != "vxlan" {
		return fmt.Errorf("--flannel-backend: the stand-in has vxlan only, not %q", backend)
	}
	if p := c.Text("secrets-encryption-provider"); p != "aescbc" && p != "secretbox" {
		return fmt.Errorf("--secrets-encryption-provider: %q is neither aescbc nor secretbox", p)
	}
	if _, err := parseCron(c.Text("etcd-snapshot-schedule-cron")); err != nil {
		return fmt.Errorf("--etcd-snapshot-schedule-cron: %w", err)
	}
	if n, err := strconv.Atoi(c.Text("etcd-snapshot-retention")); err != nil || n < 0 {
		return fmt.Errorf("--etcd-snapshot-retention: %q is not a number of snapshots", c.Text("etcd-snapshot-retention"))
	}
	if c.Text("cluster-reset-restore-path") != "" && !c.Bool("cluster-reset") {
		return errors.New("invalid flag use; --cluster-reset required with --cluster-reset-restore-path")
	}
	if _, err := strconv.ParseUint(c.Text("write-kubeconfig-mode"), 8, 32); err != nil {
		return fmt.Errorf("--write-kubeconfig-mode: %q is not an octal mode such as 0600", c.Text("write-kubeconfig-mode"))
	}
	return nil
}
