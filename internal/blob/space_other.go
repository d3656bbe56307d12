//go:build !linux && !darwin && !freebsd

package blob

import (
	"errors"
	"syscall"
)

const errNotFolder = syscall.ENOTDIR

// space is not known here.
func space(string) (free, total int64, err error) { return -1, -1, nil }

// noSpace knows the POSIX error and the two that Windows has
// (ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL).
func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.Errno(39)) || errors.Is(err, syscall.Errno(112))
}

// syncFolder does nothing: folders cannot be synced by themselves here.
func (d *Disk) syncFolder(string) error { return nil }
