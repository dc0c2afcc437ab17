package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// logOutput is where the program and its children write; --log adds a file.
var logOutput io.Writer = os.Stderr

var logMutex sync.Mutex

func logf(format string, args ...any) { logLine("k3s", fmt.Sprintf(format, args...)) }

func logLine(name, line string) {
	logMutex.Lock()
	defer logMutex.Unlock()
	fmt.Fprintf(logOutput, "[%s] %s\n", name, line)
}

// child is one supervised process.
type child struct {
	name string
	cmd  *exec.Cmd
	done chan struct{}
}

// Supervisor starts children, and ends all of them when one ends or ctx does.
type Supervisor struct {
	ctx      context.Context
	fail     context.CancelCauseFunc
	mutex    sync.Mutex
	children []*child
	stopping bool
}

// NewSupervisor returns a supervisor whose Context ends with the first failure.
func NewSupervisor(parent context.Context) *Supervisor {
	ctx, fail := context.WithCancelCause(parent)
	return &Supervisor{ctx: ctx, fail: fail}
}

// Start runs a program as a child of the service. Its output is logged line by
// line under its name. The kernel kills it if the supervisor dies.
func (s *Supervisor) Start(name, path string, args []string, env ...string) error {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.stopping {
		return errors.New("stopping")
	}
	cmd := exec.Command(path, args...)
	cmd.Env = append(os.Environ(), env...)
	// Children never see the join secrets.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(e string) bool {
		return strings.HasPrefix(e, "K3S_TOKEN=") || strings.HasPrefix(e, "K3S_AGENT_TOKEN=") || strings.HasPrefix(e, "NOTIFY_SOCKET=")
	})
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.WaitDelay = time.Second // a Pod's shim may hold the pipe open
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	go copyLines(name, reader)
	c := &child{name: name, cmd: cmd, done: make(chan struct{})}
	started := make(chan error, 1)
	go s.run(c, started, writer)
	if err := <-started; err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	s.children = append(s.children, c)
	logf("started %s, process %d", name, cmd.Process.Pid)
	return nil
}

// run keeps the thread that started the child: Pdeathsig is bound to it.
func (s *Supervisor) run(c *child, started chan<- error, output *io.PipeWriter) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	err := c.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	err = c.cmd.Wait()
	output.Close()
	close(c.done)
	s.mutex.Lock()
	stopping := s.stopping
	s.mutex.Unlock()
	if !stopping {
		s.fail(fmt.Errorf("%s ended (%v): the whole service ends, so that systemd restarts it", c.name, c.cmd.ProcessState))
	}
}

func copyLines(name string, r io.Reader) {
	lines := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := lines.ReadString('\n')
		if line = strings.TrimRight(line, "\n"); line != "" {
			logLine(name, line)
		}
		if err != nil {
			return
		}
	}
}

// stopTime is how long a child may take to end before it is killed.
const stopTime = 8 * time.Second

// Stop ends the children: first what uses the API, then the API server, then
// etcd and containerd. Pods are not children and stay.
func (s *Supervisor) Stop() {
	s.mutex.Lock()
	s.stopping = true
	children := slices.Clone(s.children)
	s.mutex.Unlock()
	s.fail(context.Canceled)
	stages := [][]string{
		{"kubelet", "kube-proxy", "kube-scheduler", "kube-controller-manager"},
		{"kube-apiserver"},
		{"etcd", "containerd"},
	}
	for _, stage := range stages {
		var group sync.WaitGroup
		for _, c := range children {
			if slices.Contains(stage, c.name) {
				group.Go(c.stop)
			}
		}
		group.Wait()
	}
}

func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	limit := stopTime
	if c.name == "kube-apiserver" {
		limit = 2 * time.Second // it would wait a minute for watches to end
	}
	select {
	case <-c.done:
	case <-time.After(limit):
		_ = c.cmd.Process.Kill()
		<-c.done
	}
}

// retry calls f every interval until it succeeds, ctx ends, or the error is
// permanent. A repeated error is logged once.
func retry(ctx context.Context, what string, interval time.Duration, f func() error) error {
	last := ""
	for {
		err := f()
		var final *permanentError
		if err == nil || errors.As(err, &final) {
			return err
		}
		if text := err.Error(); text != last {
			logf("waiting for %s: %s", what, text)
			last = text
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(interval):
		}
	}
}

// permanentError ends a retry: trying again would not help.
type permanentError struct{ err error }

func (e *permanentError) Error() string { return e.err.Error() }
func (e *permanentError) Unwrap() error { return e.err }

func permanent(format string, args ...any) error {
	return &permanentError{fmt.Errorf(format, args...)}
}
