package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Program is what can be started and serves HTTP.
type Program interface {
	// Name is short and the same from run to run.
	Name() string
	// Command is how it is started with its data in dir.
	Command(dir, addr string) (*exec.Cmd, error)
	// Ready is a path that answers 200 once it serves.
	Ready() string
}

// Product is a database that takes line protocol and answers PromQL.
type Product interface {
	Program
	// Settle makes everything acknowledged visible to queries.
	Settle(ctx context.Context, s *Server) error
	// Compact brings the data into its final form, ends the server, and says
	// what is then on disk.
	Compact(ctx context.Context, s *Server) (Disk, error)
}

// Disk is what data takes in its final form.
type Disk struct {
	Bytes int64
	// CPU is what it took to bring it there after the ingestion.
	CPU time.Duration
}

// Server is one running process.
type Server struct {
	program Program
	dir     string
	url     string
	cmd     *exec.Cmd
	log     *os.File
	ended   chan struct{}
	err     error // valid once ended is closed
}

// Start starts the program below dir, which must exist, and waits until it
// serves.
func Start(ctx context.Context, p Program, dir string) (*Server, error) {
	s, err := start(ctx, p, dir)
	if err != nil {
		return nil, fmt.Errorf("starting %s: %w", p.Name(), err)
	}
	return s, nil
}

func start(ctx context.Context, p Program, dir string) (*Server, error) {
	addr, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	s := &Server{program: p, dir: filepath.Join(dir, "data"), url: "http://" + addr, ended: make(chan struct{})}
	if s.cmd, err = p.Command(s.dir, addr); err != nil {
		return nil, err
	}
	if s.log, err = os.Create(filepath.Join(dir, "log")); err != nil {
		return nil, err
	}
	s.cmd.Stdout, s.cmd.Stderr = s.log, s.log
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, s.log.Close())
	}
	go func() {
		s.err = s.cmd.Wait()
		close(s.ended)
	}()
	if err := s.waitReady(ctx); err != nil {
		return nil, errors.Join(err, s.Kill(), s.logTail())
	}
	return s, nil
}

func freeAddress(ctx context.Context) (string, error) {
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (s *Server) waitReady(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	return s.poll(ctx, func() (bool, error) {
		_, err := s.Get(ctx, s.program.Ready())
		return err == nil, nil
	})
}

// poll asks ten times a second until done, and gives up when the process ends.
func (s *Server) poll(ctx context.Context, done func() (bool, error)) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		if ok, err := done(); ok || err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-s.ended:
			return fmt.Errorf("it ended: %w", s.err)
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// URL is the server's address without a path.
func (s *Server) URL() string { return s.url }

// Name is the program's.
func (s *Server) Name() string { return s.program.Name() }

// Get asks for a path and returns the body of a 200.
func (s *Server) Get(ctx context.Context, path string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path, nil)
	if err != nil {
		return nil, err
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	body, err := io.ReadAll(resp.Body)
	if err := errors.Join(err, resp.Body.Close()); err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s answered %s: %.200s", path, resp.Status, body)
	}
	return body, nil
}

func (s *Server) database() (Product, error) {
	p, ok := s.program.(Product)
	if !ok {
		return nil, errors.New("it is no database")
	}
	return p, nil
}

// Settle makes everything acknowledged visible to queries.
func (s *Server) Settle(ctx context.Context) error {
	p, err := s.database()
	if err == nil {
		err = p.Settle(ctx, s)
	}
	if err != nil {
		return fmt.Errorf("letting %s settle: %w", s.Name(), err)
	}
	return nil
}

// Compact ends the server and says what its data takes in the end.
func (s *Server) Compact(ctx context.Context) (Disk, error) {
	var disk Disk
	p, err := s.database()
	if err == nil {
		disk, err = p.Compact(ctx, s)
	}
	if err != nil {
		return disk, fmt.Errorf("compacting the data of %s: %w", s.Name(), err)
	}
	return disk, nil
}

// Used is what the process has used so far.
func (s *Server) Used() (Usage, error) {
	u, err := readUsage(s.cmd.Process.Pid)
	if err != nil {
		return u, fmt.Errorf("measuring %s: %w", s.Name(), err)
	}
	return u, nil
}

// DiskBytes is what the data directory takes now.
func (s *Server) DiskBytes() (int64, error) {
	unix.Sync() // file systems reserve no blocks before
	return diskUsage(s.dir, nil)
}

// Stop ends the process as an operator would and waits for it.
func (s *Server) Stop(ctx context.Context) error {
	select {
	case <-s.ended:
		return s.err
	default:
	}
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return fmt.Errorf("stopping %s: %w", s.Name(), err)
	}
	select {
	case <-s.ended:
	case <-ctx.Done():
		return fmt.Errorf("stopping %s: %w", s.Name(), errors.Join(ctx.Err(), s.Kill()))
	}
	return errors.Join(s.err, s.log.Close())
}

// Kill ends the process at once. It may be called again, and after Stop.
func (s *Server) Kill() error {
	if err := s.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	<-s.ended
	return nil
}

func (s *Server) logTail() error {
	text, err := os.ReadFile(s.log.Name())
	if err != nil {
		return err
	}
	const most = 2000
	return fmt.Errorf("its log ends with:\n%s", text[max(0, len(text)-most):])
}
