package blob

import (
	"context"
	"crypto/md5" //nolint:gosec // printers verify their download by MD5; it guards nothing here
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
)

// One copy holds two pieces in memory, whatever the file's size.
const pieceBytes = 256 << 10

// pour copies r to the empty file f, hashes on the way and syncs f.
func pour(ctx context.Context, f *os.File, r io.Reader) (Info, error) {
	return sum(ctx, f, r, f, f.Sync)
}

// sum copies r to w, hashes what lies in f by then, and calls flush before it waits
// for the slower hash.
func sum(ctx context.Context, w io.Writer, r io.Reader, f io.ReaderAt, flush func() error) (Info, error) {
	late := newLateSum(f)
	defer func() { _, _ = late.finish() }() // also when r panics: no goroutine stays behind
	quick := sha256.New()
	size, err := spill(ctx, io.MultiWriter(w, quick, late), r)
	if err != nil {
		return Info{}, err
	}
	if err := flush(); err != nil {
		return Info{}, fmt.Errorf("sync: %w", err)
	}
	slow, err := late.finish()
	if err != nil {
		return Info{}, fmt.Errorf("read back: %w", err)
	}
	return Info{Size: size, SHA256: hex.EncodeToString(quick.Sum(nil)), MD5: slow}, nil
}

// spill copies r to w in pieces, until io.EOF.
func spill(ctx context.Context, w io.Writer, r io.Reader) (size int64, err error) {
	piece := make([]byte, pieceBytes)
	for {
		n, end := fill(ctx, r, piece)
		if _, err := w.Write(piece[:n]); err != nil {
			return size, fmt.Errorf("write: %w", err)
		}
		size += int64(n)
		if end == io.EOF { //nolint:errorlint // a wrapped EOF is not the end, it is a failure inside r
			return size, nil
		}
		if end != nil {
			return size, fmt.Errorf("read: %w", end)
		}
	}
}

// fill reads until the piece is full or r ends: small reads are put together,
// since each piece costs a write.
func fill(ctx context.Context, r io.Reader, piece []byte) (int, error) {
	n, idle := 0, 0
	for n < len(piece) {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		m, err := r.Read(piece[n:])
		n += m
		if err != nil {
			return n, err
		}
		if idle++; m > 0 {
			idle = 0
		} else if idle > 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}

// lateSum is the MD5 of a file that is being written. It is by far the slowest
// part of a put, so it runs beside the rest, reading what was written a moment
// ago back from the system's cache, and goes on while the disk syncs.
type lateSum struct {
	reached atomic.Int64  // written up to here
	wake    chan struct{} // closed when nothing follows
	once    func() (string, error)
}

func newLateSum(f io.ReaderAt) *lateSum {
	s := &lateSum{wake: make(chan struct{}, 1)}
	var sum string
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		sum, err = s.run(f)
	}()
	s.once = sync.OnceValues(func() (string, error) {
		close(s.wake)
		<-done
		return sum, err
	})
	return s
}

func (s *lateSum) run(f io.ReaderAt) (string, error) {
	sum := md5.New() //nolint:gosec // printers want it
	piece := make([]byte, pieceBytes)
	var at int64
	for awake := true; awake; {
		_, awake = <-s.wake
		for reached := s.reached.Load(); at < reached; {
			n := min(int64(len(piece)), reached-at)
			if _, err := f.ReadAt(piece[:n], at); err != nil {
				return "", err
			}
			sum.Write(piece[:n])
			at += n
		}
	}
	return strings.ToUpper(hex.EncodeToString(sum.Sum(nil))), nil
}

// Write says that so much more of the file has been written.
func (s *lateSum) Write(p []byte) (int, error) {
	s.reached.Add(int64(len(p)))
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
	return len(p), nil
}

// finish gives the digest of all that was written, and ends the goroutine.
func (s *lateSum) finish() (string, error) { return s.once() }
