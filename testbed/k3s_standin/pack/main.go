// Command pack appends the payload to the k3s stand-in.
//
// Usage: pack -base k3s.elf -out k3s -version v1.36.4+standin1 name=path ...
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"forge.test/k3s_standin/internal/payload"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "pack:", err)
		os.Exit(1)
	}
}

func run() error {
	base := flag.String("base", "", "the k3s program without payload")
	out := flag.String("out", "", "the program to write")
	version := flag.String("version", "", "the version it reports")
	flag.Parse()
	if *base == "" || *out == "" || *version == "" || flag.NArg() == 0 {
		flag.Usage()
		return fmt.Errorf("-base, -out, -version and at least one name=path are needed")
	}
	var files []payload.File
	for _, arg := range flag.Args() {
		name, path, ok := strings.Cut(arg, "=")
		if !ok || name == "" || strings.ContainsAny(name, "/\\") {
			return fmt.Errorf("want name=path, got %q", arg)
		}
		files = append(files, payload.File{Name: name, Path: path})
	}
	return payload.Write(*out, *base, files, *version)
}
