package printfile

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/grovecloud/grove"
)

// source is the file being read. Every byte comes through it, so that the end of
// the context stops any parser, and trouble with the file is told from trouble in it.
type source struct {
	from   io.ReaderAt
	size   int64
	lim    Limits
	ended  func() error
	budget int64 // bytes that may still be read; negative: any number
	failed error // first error of from or of the context
}

// newSource begins the time that one call may take; done ends it.
func newSource(ctx context.Context, r io.ReaderAt, size int64, lim Limits) (src *source, done func()) {
	ctx, cancel := context.WithTimeout(ctx, lim.Time)
	return &source{from: r, size: max(size, 0), lim: lim, ended: ctx.Err, budget: -1}, cancel
}

// ReadAt reads from the file, never beyond the announced size.
func (s *source) ReadAt(p []byte, off int64) (int, error) {
	if err := s.alive(); err != nil {
		return 0, err
	}
	if off < 0 || off >= s.size {
		return 0, io.EOF
	}
	short := int64(len(p)) > s.size-off
	if short {
		p = p[:s.size-off]
	}
	if s.budget >= 0 {
		if s.budget -= int64(len(p)); s.budget < 0 {
			return 0, flawf("The archive's table of contents is too large to be one of a print: slice the model again and upload the new file.")
		}
	}
	n, err := s.from.ReadAt(p, off)
	if err != nil && !errors.Is(err, io.EOF) {
		s.fail(err)
	}
	if err == nil && short {
		err = io.EOF
	}
	return n, err
}

// alive is the context's error, if it has ended.
func (s *source) alive() error {
	if err := s.ended(); err != nil {
		s.fail(err)
		return err
	}
	return nil
}

// late reports whether reading has taken all the time it may.
func (s *source) late() bool { return s.ended() != nil }

func (s *source) fail(err error) {
	if s.failed == nil {
		s.failed = err
	}
}

// verdict sorts what came of reading: words about the content, or an error of the
// file's storage or of ctx, the caller's context.
func (s *source) verdict(ctx context.Context, err error) (problem string, _ error) {
	if err == nil {
		return "", nil
	}
	if ended := ctx.Err(); ended != nil {
		return "", fmt.Errorf("read print file: %w", ended)
	}
	f, isFlaw := errors.AsType[*flaw](err)
	switch {
	case s.late():
		return fmt.Sprintf("The file takes more than %v to read, which no print needs: slice it in parts.", s.lim.Time), nil
	case s.failed != nil:
		return "", fmt.Errorf("read print file: %w", s.failed)
	case isFlaw:
		return f.words, nil
	}
	return "The file is damaged or was cut short (" + plain(err.Error()) + "): export it again and upload it once more.", nil
}

// refuse is verdict for calls that answer with an error about the content.
func (s *source) refuse(ctx context.Context, err error) error {
	if e := new(grove.Error); errors.As(err, &e) {
		return err
	}
	problem, failed := s.verdict(ctx, err)
	if failed != nil {
		return failed
	}
	return grove.Errorf(grove.Invalid, ReasonUnreadable, "%s", problem)
}

// Reasons of the errors that [Thumbnail] and [ReadTimeline] give.
const (
	ReasonUnreadable  = "file_unreadable" // Invalid: damaged, hostile or not sliced
	ReasonNoPlate     = "plate_not_found" // NotFound
	ReasonNoThumbnail = "no_thumbnail"    // NotFound
)

// flaw is something wrong with a file's content, in words for its owner.
type flaw struct{ words string }

func (f *flaw) Error() string { return f.words }

func flawf(format string, args ...any) error {
	return &flaw{words: fmt.Sprintf(format, args...)}
}
