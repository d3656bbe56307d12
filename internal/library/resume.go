package library

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
)

// partLife is how long an upload that goes on by offsets may take. What has arrived
// by then of one that is not whole is thrown away.
const partLife = 24 * time.Hour

// Begin makes an upload that may be cut and goes on from where it was, for a day. The
// size must be announced, and the name be one that the cards of printers take: else
// Invalid upload_failed or file_name. What else is refused is so as by
// [Library.NewUpload].
func (l *Library) Begin(ctx context.Context, actor grove.Actor, w Wish) (Upload, error) {
	if err := checkName(w.Name, ""); err != nil {
		return Upload{}, err
	}
	if w.Size <= 0 {
		return Upload{}, wrong("size_bytes", "the size is missing; say how many bytes the file has, so that it can go on after a cut")
	}
	w.life = partLife
	return l.NewUpload(ctx, actor, w)
}

// Arrived is the file of an upload link, for whoever wants to go on: its SizeBytes are
// here. Forbidden and NotFound are as by [Library.Receive].
func (l *Library) Arrived(ctx context.Context, fileID string, sig Signature) (grove.File, error) {
	if err := l.verify(methodPut, uploadPath(fileID), sig); err != nil {
		return grove.File{}, err
	}
	return l.awaited(ctx, fileID)
}

// joined is what is here already, and the body after it. Nothing is copied before
// something new has come.
func (l *Library) joined(ctx context.Context, f *grove.File, s Sending) (body io.Reader, closeOld func(), err error) {
	if s.Offset <= 0 {
		return s.Body, func() {}, nil
	}
	fresh := bufio.NewReader(s.Body)
	if _, err := fresh.Peek(1); err != nil && (!errors.Is(err, io.EOF) || s.Offset < f.WantBytes) {
		return nil, nil, errCut(s.Offset, err)
	}
	old, err := l.Blobs.Open(ctx, contentName(f.ID))
	if errors.Is(err, grove.NotFound) {
		_, err = l.startOver(ctx, *f)
		return nil, nil, errors.Join(errOffset(s.Offset, 0), err)
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open what has arrived: %w", err)
	}
	return io.MultiReader(kept{io.NewSectionReader(old, 0, s.Offset)}, fresh), func() { _ = old.Close() }, nil
}

// kept reads what is here; that it cannot be read is no fault of the sender's.
type kept struct{ io.Reader }

// Read reads on.
func (k kept) Read(p []byte) (int, error) {
	n, err := k.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &grove.Error{Code: grove.Internal, Reason: ReasonContentMissing, Message: "what has arrived so far can't be read any more; begin the upload anew", Err: err}
	}
	return n, err
}

// startOver forgets what has arrived so far, before something else takes its place.
func (l *Library) startOver(ctx context.Context, f grove.File) (grove.File, error) {
	if f.SizeBytes == 0 {
		return f, nil
	}
	return l.arrived(ctx, f, 0)
}

// keepPart says how much has arrived, after it did.
func (l *Library) keepPart(ctx context.Context, f grove.File, b grove.Blob, cut error) (grove.File, error) {
	f, err := l.arrived(ctx, f, b.Size)
	switch {
	case errors.Is(err, grove.NotFound): // cancelled meanwhile
		return grove.File{}, errors.Join(err, l.discard(ctx, f.ID))
	case err != nil:
		return grove.File{}, err
	case cut != nil:
		return grove.File{}, errCut(b.Size, cut)
	}
	return f, nil
}

func (l *Library) arrived(ctx context.Context, f grove.File, bytes int64) (grove.File, error) {
	now, err := l.Records.UpdateFile(ctx, f.ID, func(row *grove.File) error {
		if row.State != grove.Awaiting {
			return errDone(row)
		}
		row.SizeBytes = bytes
		return nil
	})
	if errors.Is(err, grove.NotFound) {
		return f, errGone()
	}
	if err != nil {
		return f, fmt.Errorf("note what has arrived: %w", err)
	}
	return now, nil
}

func errCut(arrived int64, cause error) error {
	err := grove.Errorf(grove.Invalid, ReasonUploadBroken, "the upload broke off; the first %d bytes are kept, so ask how many there are and go on from there", arrived)
	err.Err = cause
	return err
}

func errOffset(said, arrived int64) error {
	err := grove.Errorf(grove.Conflict, ReasonUploadOffset, "the upload would go on at byte %d, and %d bytes are here; go on from there", said, arrived)
	err.Fields = map[string]string{"Upload-Offset": strconv.FormatInt(arrived, 10)}
	return err
}
