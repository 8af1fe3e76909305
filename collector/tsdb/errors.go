package tsdb

import "errors"

var (
	// ErrDiskFull says that free space has fallen below the reserve. Nothing
	// was written; writes are taken again when there is room.
	ErrDiskFull = errors.New("the disk is full: free space is below the reserve")
	// ErrFailed says that a write or sync of the logs failed. Nothing is
	// acknowledged until the store has reopened itself.
	ErrFailed = errors.New("a write to the store's log failed: it takes nothing until it has been reopened")
	// ErrInUse says that another Belfry has the directory open.
	ErrInUse = errors.New("in use by another Belfry")
	// ErrClosed is returned by a Store that has been closed.
	ErrClosed = errors.New("the store is closed")
)
