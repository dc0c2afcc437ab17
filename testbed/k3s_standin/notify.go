package main

import (
	"net"
	"os"
	"strings"
)

// notify tells systemd the service's state (sd_notify); without a socket it
// does nothing.
func notify(state string) {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return
	}
	if strings.HasPrefix(path, "@") {
		path = "\x00" + path[1:]
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		logf("cannot notify systemd: %v", err)
		return
	}
	defer conn.Close()
	_, _ = conn.Write([]byte(state))
}
