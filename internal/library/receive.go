package library

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/grovecloud/grove"
)

// Sending is one PUT to an upload link.
type Sending struct {
	Body   io.Reader
	Length int64 // of the body as the request says; -1 when it does not
	// Offset is how much the sender knows to be here already, so that the body goes on
	// from there, and what arrives of it before a cut is kept. Whole: the body is all.
	Offset int64
}

// Whole is the offset of a PUT that is kept whole or not at all.
const Whole = -1

// Receive takes a PUT to an upload link. A nil error means that what was sent is kept,
// synced to disk; the file is then Stored, read and listed, or still Awaiting when a
// part of it was sent by its offset.
//
// Signature: Forbidden signature_invalid or signature_expired. A PUT beside
// another: Conflict upload_running; after a finished one: Conflict upload_done.
// Not what was announced: Invalid size_mismatch or digest_mismatch; ended
// early: Invalid upload_broken; too large, or beyond the owner's quota: TooLarge
// upload_failed; no space, also when that ends meanwhile: Unavailable disk_full. After these the PUT may be repeated. Another offset
// than what is here: Conflict upload_offset. Content that does not fit the name's ending: Invalid upload_failed, for good.
func (l *Library) Receive(ctx context.Context, fileID string, sig Signature, s Sending) (grove.File, error) {
	if err := l.verify(methodPut, uploadPath(fileID), sig); err != nil {
		return grove.File{}, err
	}
	return l.receive(ctx, fileID, s)
}

// Store makes an upload and takes its content in one go; what becomes of it is
// told as by [Library.NewUpload] and [Library.Receive]. After an error nothing is
// left of it.
func (l *Library) Store(ctx context.Context, actor grove.Actor, w Wish, body io.Reader) (grove.File, error) {
	up, err := l.NewUpload(ctx, actor, w)
	if err != nil {
		return grove.File{}, err
	}
	f, err := l.receive(ctx, up.File.ID, Sending{Body: body, Length: -1, Offset: Whole})
	if err != nil {
		// Nobody knows the link, so nobody sends the file again to it.
		return grove.File{}, errors.Join(err, l.Records.DeleteFile(context.WithoutCancel(ctx), up.File.ID, actor.Did("file.delete", up.File.ID)))
	}
	return f, nil
}

func (l *Library) receive(ctx context.Context, fileID string, s Sending) (grove.File, error) {
	release, ok := l.running.take(fileID)
	if !ok {
		return grove.File{}, errRunning()
	}
	defer release()
	f, err := l.awaited(ctx, fileID)
	if err != nil {
		return grove.File{}, err
	}
	if err := l.admit(ctx, &f, s); err != nil {
		return grove.File{}, err
	}
	if s.Offset == Whole {
		if f, err = l.startOver(ctx, f); err != nil {
			return grove.File{}, err
		}
	} else {
		ctx = context.WithoutCancel(ctx) // the body ends when the client leaves, and what came of it stays
	}
	in, b, err := l.store(ctx, &f, s)
	if err != nil {
		return grove.File{}, err
	}
	// What has arrived stays: that the client hangs up now must not undo it.
	ctx = context.WithoutCancel(ctx)
	if in.partly {
		return l.keepPart(ctx, f, b, in.cut)
	}
	return l.finish(ctx, f, b)
}

// awaited is the file of an upload link.
func (l *Library) awaited(ctx context.Context, fileID string) (grove.File, error) {
	f, err := l.Records.File(ctx, fileID)
	if errors.Is(err, grove.NotFound) {
		return grove.File{}, errGone()
	}
	if err != nil {
		return grove.File{}, fmt.Errorf("find upload: %w", err)
	}
	if l.Locked != nil && l.Locked(f.OwnerID) {
		return grove.File{}, grove.AccountLocked()
	}
	return f, nil
}

func errGone() error {
	return grove.Errorf(grove.NotFound, ReasonFileNotFound, "the file of this link is gone; ask for a new link")
}

// admit refuses what cannot succeed before a byte is read.
func (l *Library) admit(ctx context.Context, f *grove.File, s Sending) error {
	parts, whole := s.Offset != Whole, s.whole()
	switch {
	case f.State != grove.Awaiting:
		return errDone(f)
	case parts && s.Offset != f.SizeBytes:
		return errOffset(s.Offset, f.SizeBytes)
	case whole == 0:
		return grove.Errorf(grove.Invalid, ReasonUploadBroken, "the file is empty and nothing was kept; send one that holds something")
	case whole > l.MaxBytes:
		return l.tooLarge()
	case f.WantBytes > 0 && (whole > f.WantBytes || !parts && whole > 0 && whole != f.WantBytes):
		return errSize(f.WantBytes, whole)
	}
	return l.fits(ctx, f, max(s.Offset, 0), max(whole, f.WantBytes))
}

// whole is how long the content is with the body, -1 when that is not said.
func (s Sending) whole() int64 {
	if s.Length < 0 {
		return -1
	}
	return max(s.Offset, 0) + s.Length
}

// store brings the body into the blobs, as announced or not at all; or, where the
// sender goes on by offsets, as far as it came.
func (l *Library) store(ctx context.Context, f *grove.File, s Sending) (*arrival, grove.Blob, error) {
	body, err := fresh(f, s)
	if err != nil {
		return nil, grove.Blob{}, err
	}
	here := max(s.Offset, 0)
	in := &arrival{
		body: body, length: s.whole(), want: f.WantBytes, most: l.MaxBytes, tooLarge: l.tooLarge, read: here, nextLook: here + lookEvery, parts: s.Offset != Whole,
		look: func(read int64) error { return l.fits(ctx, f, read, max(s.whole(), f.WantBytes)) },
	}
	b, err := l.keep(ctx, f.ID, here, in)
	switch {
	case in.err != nil:
		return nil, grove.Blob{}, in.err // whatever became of it on the way through the blobs
	case errors.Is(err, grove.NotFound):
		return nil, grove.Blob{}, l.lost(ctx, *f, here)
	case err != nil && ctx.Err() != nil:
		return nil, grove.Blob{}, errBroken(in.read, err)
	case err != nil:
		return nil, grove.Blob{}, fmt.Errorf("store upload: %w", err)
	case in.partly:
		return in, b, nil
	}
	if err := compare(f, b); err != nil {
		_, lost := l.startOver(context.WithoutCancel(ctx), *f)
		return nil, grove.Blob{}, errors.Join(err, lost, l.discard(ctx, f.ID))
	}
	return in, b, nil
}

// discard removes what must not be kept; should that fail, the sweep does it.
func (l *Library) discard(ctx context.Context, fileID string) error {
	return l.Blobs.Delete(context.WithoutCancel(ctx), contentName(fileID))
}

func compare(f *grove.File, b grove.Blob) error {
	switch {
	case f.WantMD5 != "" && f.WantMD5 != b.MD5:
		return errDigest("MD5", f.WantMD5, b.MD5)
	case f.WantSHA != "" && f.WantSHA != b.SHA256:
		return errDigest("SHA-256", f.WantSHA, b.SHA256)
	}
	return nil
}

// arrival passes a body on for as long as it can still become what was
// announced, and keeps the error that ended it.
type arrival struct {
	body     io.Reader
	length   int64 // as the request says; negative: unknown
	want     int64 // as the wish said; 0: unknown
	most     int64
	tooLarge func() error
	// look asks whether there still is space: others write meanwhile, and the size
	// need not be known.
	look     func(read int64) error
	nextLook int64
	parts    bool  // what comes in order is kept, though more is to follow
	read     int64 // with what was here before
	err      error

	partly bool  // it ended before it was whole
	cut    error // why, where it was not meant
}

// lookEvery is after how many bytes the space is looked at again.
const lookEvery = 16 << 20

// Read ends with io.EOF only where the content is complete.
func (a *arrival) Read(p []byte) (int, error) {
	n, err := a.body.Read(p)
	a.read += int64(n)
	if a.err = a.wrong(err); a.err != nil {
		return n, a.err
	}
	if err != nil {
		return n, io.EOF // the only one that is left
	}
	return n, nil
}

// wrong says why what has arrived can't become what was announced; err is how the
// last read ended.
func (a *arrival) wrong(err error) error {
	switch {
	case a.read > a.most:
		return a.tooLarge()
	case a.want > 0 && a.read > a.want:
		return errSize(a.want, a.read)
	case err == nil && a.read < a.nextLook:
		return nil
	case err == nil:
		a.nextLook = a.read + lookEvery
	case isOurs(err): // what the body came in is not in order
		return err
	case !errors.Is(err, io.EOF):
		return a.ended(err)
	case a.read == 0, a.length >= 0 && a.read != a.length:
		return a.ended(io.ErrUnexpectedEOF) // never io.EOF, which could pass for the end
	case a.want > 0 && a.read != a.want && a.parts:
		a.partly = true
	case a.want > 0 && a.read != a.want:
		return errSize(a.want, a.read)
	}
	return a.look(a.read)
}

// ended says what becomes of a body that was cut.
func (a *arrival) ended(cause error) error {
	if !a.parts || a.read == 0 {
		return errBroken(a.read, cause)
	}
	a.partly, a.cut = true, cause
	return nil
}

func isOurs(err error) bool {
	_, ours := errors.AsType[*grove.Error](err)
	return ours
}

func errDone(f *grove.File) error {
	if f.State == grove.Rejected {
		return grove.Errorf(grove.Conflict, ReasonUploadDone,
			"what was sent to this link before was refused (%s); ask for a new link", f.Problem)
	}
	return grove.Errorf(grove.Conflict, ReasonUploadDone, "%s has been uploaded by this link already; ask for a new link to send another file", f.Name)
}

func errBroken(read int64, cause error) error {
	err := grove.Errorf(grove.Invalid, ReasonUploadBroken, "the upload broke off after %s and nothing was kept; send the whole file again", size(read))
	err.Err = cause
	return err
}

func errSize(want, got int64) error {
	return grove.Errorf(grove.Invalid, ReasonSizeMismatch,
		"%d bytes were announced, and %d or more came; nothing was kept, send the file that was announced or ask for a new link", want, got)
}

func errDigest(kind, want, got string) error {
	return grove.Errorf(grove.Invalid, ReasonDigestMismatch,
		"the %s digest that was announced is %s, and what came has %s; nothing was kept, send the file again", kind, want, got)
}
