package server

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Usage is what a process has used since it began.
type Usage struct {
	CPU     time.Duration // user and system
	PeakRSS int64         // bytes
}

func readUsage(pid int) (u Usage, err error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return u, err
	}
	if u.CPU, err = parseStat(stat); err != nil {
		return u, err
	}
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return u, err
	}
	u.PeakRSS, err = parseStatus(status)
	return u, err
}

// parseStat reads utime and stime, fields 14 and 15 of proc(5)'s stat. They are
// in ticks, of which every Linux that Go supports shows user space 100 a second.
func parseStat(stat []byte) (time.Duration, error) {
	const tick = 10 * time.Millisecond
	// The name, field 2, is in parentheses and may hold anything.
	end := bytes.LastIndexByte(stat, ')')
	fields := strings.Fields(string(stat[end+1:]))
	if end < 0 || len(fields) < 13 {
		return 0, fmt.Errorf("reading a process' times: got %q", stat)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return 0, fmt.Errorf("reading a process' times: %w", err)
	}
	return time.Duration(user+system) * tick, nil
}

// parseStatus reads VmHWM, the largest resident set so far.
func parseStatus(status []byte) (int64, error) {
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.ParseInt(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(rest), "kB")), 10, 64)
			if err != nil {
				return 0, fmt.Errorf("reading a process' memory: %w", err)
			}
			return kb << 10, nil
		}
	}
	return 0, errors.New("reading a process' memory: no VmHWM")
}

// diskUsage is what the files below dir take on disk, of the directories at the
// top that wanted accepts; nil accepts all.
func diskUsage(dir string, wanted func(name string) bool) (total int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the server removed it meanwhile
		}
		if err != nil {
			return err
		}
		if d.IsDir() {
			if filepath.Dir(path) == dir && wanted != nil && !wanted(d.Name()) {
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		if wanted != nil && filepath.Dir(path) == dir {
			return nil
		}
		total += allocated(info)
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measuring %s: %w", dir, err)
	}
	return total, nil
}

// allocated counts blocks, so that a file that was only reserved counts too.
func allocated(info fs.FileInfo) int64 {
	if s, ok := info.Sys().(*syscall.Stat_t); ok {
		return s.Blocks * 512
	}
	return info.Size()
}

// UsageOf is what a process that is no Server has used since it began.
func UsageOf(pid int) (Usage, error) {
	u, err := readUsage(pid)
	if err != nil {
		return u, fmt.Errorf("measuring process %d: %w", pid, err)
	}
	return u, nil
}
