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

// fresh is the body of what goes on by offsets, once something new of it has come or
// nothing is missing.
func fresh(f *grove.File, s Sending) (io.Reader, error) {
	if s.Offset <= 0 {
		return s.Body, nil
	}
	body := bufio.NewReader(s.Body)
	if _, err := body.Peek(1); err != nil && (!errors.Is(err, io.EOF) || s.Offset < f.WantBytes) {
		return nil, errCut(s.Offset, err)
	}
	return body, nil
}

// keep writes what arrives to its place, behind what is here already where it goes on.
// The hashes are told of what is whole.
func (l *Library) keep(ctx context.Context, fileID string, offset int64, in *arrival) (grove.Blob, error) {
	if offset <= 0 {
		return l.Blobs.Put(ctx, contentName(fileID), in)
	}
	b, err := l.Blobs.Append(ctx, contentName(fileID), offset, in)
	if err != nil || in.partly {
		return b, err
	}
	return l.Blobs.Sum(ctx, contentName(fileID))
}

// lost says that what had arrived is not there any more.
func (l *Library) lost(ctx context.Context, f grove.File, offset int64) error {
	if _, err := l.startOver(ctx, f); err != nil {
		return err
	}
	return errOffset(offset, 0)
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
