package journal

import (
	"fmt"
	"io"
	"os"
)

// Disk is what a Journal needs of a file system. Tests stand in with one that fails or loses power.
type Disk interface {
	// ReadFile returns a file's content, or an error that is fs.ErrNotExist.
	ReadFile(path string) ([]byte, error)
	// List returns the names of a directory's entries.
	List(dir string) ([]string, error)
	// Create makes a file, or empties the one that is there.
	Create(path string) (File, error)
	Rename(from, to string) error
	Remove(path string) error
	// SyncDir makes the directory's entries durable: files made, renamed and removed.
	SyncDir(dir string) error
}

// File is a file open for writing.
type File interface {
	io.WriterAt
	io.Closer
	// Sync returns when everything written is on disk.
	Sync() error
}

// osDisk is the file system of the machine.
type osDisk struct{}

func (osDisk) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

func (osDisk) List(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

func (osDisk) Create(path string) (File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Remove(path string) error { return os.Remove(path) }

func (osDisk) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	if err := d.Sync(); err != nil {
		_ = d.Close()
		return fmt.Errorf("sync directory %s: %w", dir, err)
	}
	return d.Close()
}
