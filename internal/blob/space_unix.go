//go:build linux || darwin || freebsd

package blob

import (
	"errors"

	"golang.org/x/sys/unix"
)

const errNotFolder = unix.ENOTDIR

// space asks the file system; what is kept for the superuser is not free.
func space(dir string) (free, total int64, err error) {
	var stat unix.Statfs_t
	if err := unix.Statfs(dir, &stat); err != nil {
		return 0, 0, err
	}
	return inBytes(stat.Bavail, stat.Bsize), inBytes(stat.Blocks, stat.Bsize), nil
}

// inBytes takes the field types of every system.
func inBytes[Count, Size int64 | uint64 | uint32](blocks Count, size Size) int64 {
	return int64(blocks) * int64(size)
}

// noSpace also counts a quota that is used up and a file over the process's limit.
func noSpace(err error) bool {
	return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) || errors.Is(err, unix.EFBIG)
}

// syncFolder makes changes of names in the folder survive a crash.
func (d *Disk) syncFolder(folder string) error {
	f, err := d.root.Open(folder)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}
