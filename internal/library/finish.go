package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/printfile"
)

// finish reads a content that has arrived and makes the file what it is now.
// The blob is there first and the row second: a crash in between leaves a blob
// that nobody knows, which the next PUT replaces or the sweep removes.
func (l *Library) finish(ctx context.Context, f grove.File, b grove.Blob) (grove.File, error) {
	f.SizeBytes, f.SHA256, f.MD5, f.StoredAt = b.Size, b.SHA256, b.MD5, now()
	refusal, err := l.inspect(ctx, &f)
	if err != nil {
		return grove.File{}, fmt.Errorf("read upload: %w", err)
	}
	// Whoever has the link was given it by the owner.
	uploader := grove.Actor{Kind: grove.ActorUser, UserID: f.OwnerID}
	kept, err := l.Records.UpdateFile(ctx, f.ID, func(row *grove.File) error {
		if row.State != grove.Awaiting {
			return errDone(row)
		}
		f.Prints = row.Prints // which clients may tell meanwhile
		*row = f
		return nil
	}, uploader.Did("file.upload", f.ID+" "+f.Name))
	if errors.Is(err, grove.NotFound) { // cancelled meanwhile
		return grove.File{}, errors.Join(errGone(), l.discard(ctx, f.ID))
	}
	if err != nil {
		// Whether the row was saved is not known here, so the blob stays.
		return grove.File{}, fmt.Errorf("keep upload: %w", err)
	}
	if refusal != nil {
		return grove.File{}, errors.Join(refusal, l.discard(ctx, f.ID))
	}
	return kept, nil
}

// inspect fills in what the content says. A content that is not what the name
// says makes the file Rejected, and refusal says why; one that is, but can't be
// read further, has a Problem.
func (l *Library) inspect(ctx context.Context, f *grove.File) (refusal, err error) {
	content, err := l.Blobs.Open(ctx, contentName(f.ID))
	if err != nil {
		return nil, err
	}
	defer content.Close()
	head := make([]byte, min(content.Size(), printfile.SniffBytes))
	if _, err := content.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if refusal := identify(f, head); refusal != nil {
		f.State, f.Problem = grove.Rejected, grove.AsError(refusal).Message
		return refusal, nil
	}
	info, err := l.read(ctx, f, content)
	if err != nil {
		return nil, err
	}
	f.State, f.Problem, f.Plates, f.Model = grove.Stored, info.Problem, info.Plates, info.Model
	f.Printable = info.Sliced && info.Problem == "" && len(info.Plates) > 0
	return nil, nil
}

// identify holds the first bytes against the kind; a file without a name gets
// its kind and name from them.
func identify(f *grove.File, head []byte) error {
	if f.Kind != "" {
		return printfile.Sniff(f.Kind, head, f.SizeBytes)
	}
	// G-code last: of all text it asks the least.
	for _, kind := range []string{printfile.Kind3MF, printfile.KindSTEP, printfile.KindSTL, printfile.KindGcode} {
		if printfile.Sniff(kind, head, f.SizeBytes) == nil {
			f.Kind, f.Name = kind, f.ID+"."+kind
			return nil
		}
	}
	return grove.Errorf(grove.Invalid, grove.ReasonUploadFailed, "the content is none of 3MF, G-code, STL and STEP; nothing else is taken here")
}

// read takes its turn and reads the content. A file that makes the reader
// panic must not take the upload of it, or more, down.
func (l *Library) read(ctx context.Context, f *grove.File, content grove.Content) (info printfile.Info, err error) {
	l.reading <- struct{}{}
	defer func() {
		<-l.reading
		if p := recover(); p != nil {
			l.Log.ErrorContext(ctx, "reading a file panicked", slog.String("file", f.ID), slog.Any("panic", p))
			info, err = printfile.Info{Problem: "The file could not be read: export it again and upload it once more."}, nil
		}
		if info.Plates == nil {
			info.Plates = []grove.Plate{}
		}
	}()
	return printfile.Read(ctx, content, content.Size(), f.Name, l.Limits)
}
