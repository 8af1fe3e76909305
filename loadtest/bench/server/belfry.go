package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/prometheus/tsdb"
	"golang.org/x/sys/unix"
)

// Belfry is belfry serve with its defaults, acknowledging what is fsynced.
type Belfry struct {
	Binary string
	// Inputs is the value of the key inputs, in YAML on one line or indented; ""
	// leaves the defaults.
	Inputs string
	// Rules and Catalog are files; without rules it evaluates none, as VictoriaMetrics
	// alone does.
	Rules, Catalog []string
	// NoDevices has it not watch whether devices live.
	NoDevices bool
	// Pager is the file of its Alertmanager; "" leaves the default.
	Pager string
}

// Name implements Product.
func (Belfry) Name() string { return "belfry" }

// Command implements Product.
func (b Belfry) Command(dir, addr string) (*exec.Cmd, error) {
	file := filepath.Join(filepath.Dir(dir), "belfry.yml")
	text := fmt.Sprintf("listen: %q\ndata_dir: %q\ndurability: fsync\nrules: [%s]\ncatalog: [%s]\npager: {config: %q}\n",
		addr, dir, quoted(b.Rules), quoted(b.Catalog), b.Pager)
	if b.NoDevices {
		text += "devices: {max: 0}\n"
	}
	if b.Inputs != "" {
		text += "inputs: " + b.Inputs + "\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return exec.Command(b.Binary, "serve", "--config", file), nil
}

func quoted(files []string) string {
	var all []string
	for _, f := range files {
		all = append(all, strconv.Quote(f))
	}
	return strings.Join(all, ", ")
}

// Ready implements Product.
func (Belfry) Ready() string { return "/-/ready" }

// Settle has nothing to do: what is acknowledged can be queried.
func (Belfry) Settle(context.Context, *Server) error { return nil }

// Compact ends the server and does at once what it would do in the next hours:
// it writes the head into a block.
func (Belfry) Compact(ctx context.Context, s *Server) (d Disk, err error) {
	if err := s.Stop(ctx); err != nil {
		return d, err
	}
	dir, err := findTSDB(s.dir)
	if err != nil {
		return d, err
	}
	if d.CPU, err = compactHead(ctx, dir); err != nil {
		return d, err
	}
	d.Bytes, err = diskUsage(dir, func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name, "meta.json"))
		return err == nil // it is a block
	})
	return d, err
}

// findTSDB is the directory that holds the write-ahead log.
func findTSDB(dir string) (found string, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "wal" {
			found = filepath.Dir(path)
			return fs.SkipAll
		}
		return err
	})
	if err == nil && found == "" {
		err = fmt.Errorf("no write-ahead log below %s", dir)
	}
	return found, err
}

// compactHead says what it took, opening the database aside.
func compactHead(ctx context.Context, dir string) (cpu time.Duration, err error) {
	opts := tsdb.DefaultOptions()
	opts.RetentionDuration = (90 * 24 * time.Hour).Milliseconds()
	opts.OutOfOrderTimeWindow = (24 * time.Hour).Milliseconds()
	db, err := tsdb.Open(dir, slog.New(slog.DiscardHandler), nil, opts, nil)
	if err != nil {
		return 0, fmt.Errorf("opening the database: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	began := ownCPU()
	head := db.Head()
	if err := db.CompactHead(tsdb.NewRangeHead(head, head.MinTime(), head.MaxTime())); err != nil {
		return 0, fmt.Errorf("writing a block: %w", err)
	}
	if err := db.CompactOOOHead(ctx); err != nil {
		return 0, fmt.Errorf("writing a block of late samples: %w", err)
	}
	return ownCPU() - began, nil
}

func ownCPU() time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
