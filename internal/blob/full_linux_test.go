package blob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/internal/blob"
)

// fillSmallDisk is this test binary as a child in a mount namespace of its own:
// it mounts a disk of 4 MiB and puts more than fits.
func fillSmallDisk(dir string) int {
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		fmt.Println("skip:", err)
		return 0
	}
	if err := putTooMuch(dir); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func putTooMuch(dir string) error {
	ctx := context.Background()
	d, err := blob.OpenDisk(dir)
	if err != nil {
		return err
	}
	if _, err := d.Put(ctx, "files/small", io.LimitReader(zeroes{}, 1<<20)); err != nil {
		return fmt.Errorf("put of what fits: %w", err)
	}
	freeBefore, _, _ := d.Free(ctx)
	_, err = d.Put(ctx, "files/big", io.LimitReader(zeroes{}, 64<<20))
	if !grove.HasReason(err, grove.ReasonDiskFull) || !errors.Is(err, grove.Unavailable) || !errors.Is(err, unix.ENOSPC) {
		return fmt.Errorf("put of too much says %w, want disk_full", err)
	}
	if free, _, _ := d.Free(ctx); free != freeBefore || free > 3<<20 {
		return fmt.Errorf("free space went from %d to %d", freeBefore, free)
	}
	for info, err := range d.List(ctx) {
		if err != nil || info.Name != "files/small" {
			return fmt.Errorf("listed: %s, %w", info.Name, err)
		}
	}
	if _, err := d.Put(ctx, "files/small2", io.LimitReader(zeroes{}, 2<<20)); err != nil {
		return fmt.Errorf("put of what fits still: %w", err)
	}
	return nil
}

func TestAFullDiskHasItsOwnErrorAndKeepsNothing(t *testing.T) {
	t.Parallel()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), "BLOB_TEST_SMALL_DISK="+t.TempDir())
	child.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := child.CombinedOutput()
	if errors.Is(err, os.ErrPermission) || errors.Is(err, syscall.EINVAL) || strings.HasPrefix(string(out), "skip:") {
		t.Skipf("no disk of its own can be mounted here: %v %s", err, out)
	}
	if err != nil {
		t.Errorf("%v: %s", err, out)
	}
}
