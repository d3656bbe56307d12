package library

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/grovecloud/grove"
)

// Query narrows a list of files.
type Query struct {
	Name   string // exactly; empty does not narrow, as with those that follow
	Search string // words in the name, the tags, or the names of plates
	Tag    string
	Kind   string
	Sort   grove.FileSort
}

// Content is a stored file's content, open for reading. Close it.
type Content struct{ grove.Content }

// ownerOf is whose files an actor makes and sees.
func ownerOf(actor grove.Actor) (int64, error) {
	switch {
	case (actor.Kind == grove.ActorUser || actor.Kind == grove.ActorKey) && actor.UserID > 0:
		return actor.UserID, nil
	case actor.Kind == grove.ActorPrinter, actor.Kind == grove.ActorCode:
		return 0, grove.Errorf(grove.Forbidden, "no_user", "files belong to a person's account; sign in with one")
	}
	return 0, grove.Errorf(grove.Unauthenticated, grove.ReasonNoCredential, "files belong to an account: sign in first")
}

func noFile(what any) error {
	return grove.Errorf(grove.NotFound, ReasonFileNotFound, "there is no file %v in this account; upload it first", what)
}

// own lets a file through to its owner. To others it does not exist.
func own(actor grove.Actor, what any, f grove.File, err error) (grove.File, error) {
	owner, refused := ownerOf(actor)
	switch {
	case refused != nil:
		return grove.File{}, refused
	case errors.Is(err, grove.NotFound), err == nil && f.OwnerID != owner:
		return grove.File{}, noFile(what)
	case err != nil:
		return grove.File{}, fmt.Errorf("find file: %w", err)
	}
	return f, nil
}

// File is one of the actor's files, whatever its state.
func (l *Library) File(ctx context.Context, actor grove.Actor, id string) (grove.File, error) {
	f, err := l.Records.File(ctx, id)
	return own(actor, id, f, err)
}

// Held are those of the files that are stored and the actor's, by their ids. Where that
// can't be read it is none, and the log says so: it goes with answers to what is done.
func (l *Library) Held(ctx context.Context, actor grove.Actor, ids ...string) map[string]bool {
	owner, err := ownerOf(actor)
	if err != nil {
		return nil // who is nobody's account has no files
	}
	held, err := l.Records.HeldFiles(ctx, owner, ids)
	if err != nil {
		l.Log.WarnContext(ctx, "it can't be read whose files they are", slog.Any("error", err))
	}
	return held
}

// FileByTicket is the actor's file whose upload has this ticket.
func (l *Library) FileByTicket(ctx context.Context, actor grove.Actor, ticket string) (grove.File, error) {
	f, err := l.Records.FileByTicket(ctx, ticket)
	return own(actor, ticket, f, err)
}

// FileByProject is the actor's file with this project number.
func (l *Library) FileByProject(ctx context.Context, actor grove.Actor, id int64) (grove.File, error) {
	f, err := l.Records.FileByProject(ctx, id)
	return own(actor, id, f, err)
}

// FileByProfile is the actor's file with this profile number.
func (l *Library) FileByProfile(ctx context.Context, actor grove.Actor, id int64) (grove.File, error) {
	f, err := l.Records.FileByProfile(ctx, id)
	return own(actor, id, f, err)
}

// Files lists the actor's stored files, newest first unless asked otherwise.
func (l *Library) Files(ctx context.Context, actor grove.Actor, q Query, page grove.Page) (grove.List[grove.File], error) {
	owner, err := ownerOf(actor)
	if err != nil {
		return grove.List[grove.File]{}, err
	}
	return l.stored(ctx, grove.FileFilter{OwnerID: owner, Name: q.Name, Search: q.Search, Tag: q.Tag, Kind: q.Kind, Sort: q.Sort}, page)
}

// Projects lists the same by project number, for clients that go on after one.
func (l *Library) Projects(ctx context.Context, actor grove.Actor, page grove.Page) (grove.List[grove.File], error) {
	owner, err := ownerOf(actor)
	if err != nil {
		return grove.List[grove.File]{}, err
	}
	list, err := l.Records.Projects(ctx, owner, page)
	if err != nil {
		return list, fmt.Errorf("list projects: %w", err)
	}
	return list, nil
}

func (l *Library) stored(ctx context.Context, filter grove.FileFilter, page grove.Page) (grove.List[grove.File], error) {
	filter.States = []grove.UploadState{grove.Stored}
	list, err := l.Records.Files(ctx, filter, page)
	if err != nil {
		return list, fmt.Errorf("list files: %w", err)
	}
	return list, nil
}

// Confirm tells what became of an upload, as often as asked: the file when it
// is stored, else Conflict upload_awaited or upload_running, or Invalid
// upload_failed when it was refused.
func (l *Library) Confirm(ctx context.Context, actor grove.Actor, fileID string) (grove.File, error) {
	f, err := l.File(ctx, actor, fileID)
	if err != nil {
		return grove.File{}, err
	}
	switch f.State {
	case grove.Stored:
		return f, nil
	case grove.Rejected:
		return grove.File{}, grove.Errorf(grove.Invalid, grove.ReasonUploadFailed, "%s", f.Problem)
	case grove.Awaiting:
	}
	if l.running.has(fileID) {
		return grove.File{}, errRunning()
	}
	return grove.File{}, grove.Errorf(grove.Conflict, ReasonUploadAwaited,
		"nothing has arrived for this file yet; PUT its content to the upload link first")
}

// Find is the stored file that a print means: by id, else the newest of that
// name, else by profile number. A name may leave out .gcode.3mf or .3mf.
// NotFound file_not_found.
func (l *Library) Find(ctx context.Context, userID int64, fileID, name string, profileID int64) (grove.File, error) {
	actor := grove.Actor{Kind: grove.ActorUser, UserID: userID}
	var f grove.File
	var err error
	switch {
	case fileID != "":
		f, err = l.File(ctx, actor, fileID)
	case name != "":
		return l.newest(ctx, userID, name)
	default:
		f, err = l.FileByProfile(ctx, actor, profileID)
	}
	if err == nil && f.State != grove.Stored {
		return grove.File{}, grove.Errorf(grove.NotFound, ReasonFileNotFound, "the file %s has not been uploaded whole; send it again", f.ID)
	}
	return f, err
}

// Ready is the stored file of a job. Who may print it was asked when the job was
// made: a guest's job on somebody's printer prints the guest's file.
func (l *Library) Ready(ctx context.Context, fileID string) (grove.File, error) {
	f, err := l.Records.File(ctx, fileID)
	switch {
	case errors.Is(err, grove.NotFound), err == nil && f.State != grove.Stored:
		return grove.File{}, grove.Errorf(grove.NotFound, ReasonFileNotFound, "the file %s of the job is gone", fileID)
	case err != nil:
		return grove.File{}, fmt.Errorf("find file: %w", err)
	}
	return f, nil
}

// newest finds by the exact name before any other, and then by the name that
// the slicers make of it.
func (l *Library) newest(ctx context.Context, owner int64, name string) (grove.File, error) {
	for _, names := range [][]string{{name}, {name + ".gcode.3mf", name + ".3mf"}} {
		var found []grove.File
		for _, n := range names {
			list, err := l.stored(ctx, grove.FileFilter{OwnerID: owner, Name: n}, grove.Page{Limit: 1})
			if err != nil {
				return grove.File{}, err
			}
			found = append(found, list.Items...)
		}
		if len(found) > 0 {
			return slices.MaxFunc(found, func(a, b grove.File) int { return strings.Compare(a.ID, b.ID) }), nil
		}
	}
	return grove.File{}, noFile(name)
}

// Open is one of the actor's stored files with its content.
func (l *Library) Open(ctx context.Context, actor grove.Actor, id string) (grove.File, Content, error) {
	f, err := l.File(ctx, actor, id)
	if err != nil {
		return grove.File{}, Content{}, err
	}
	return l.open(ctx, f)
}

// OpenSigned is a stored file with its content, by the signature of a
// [Library.ContentURL].
func (l *Library) OpenSigned(ctx context.Context, id string, sig Signature) (grove.File, Content, error) {
	if err := l.verify(methodGet, contentPath(id), sig); err != nil {
		return grove.File{}, Content{}, err
	}
	f, err := l.Records.File(ctx, id)
	if errors.Is(err, grove.NotFound) {
		err = noFile(id)
	}
	if err != nil {
		return grove.File{}, Content{}, fmt.Errorf("find file: %w", err)
	}
	return l.open(ctx, f)
}

// Content is the whole content of a stored file, for a printer that it is brought to.
func (l *Library) Content(ctx context.Context, f grove.File) (io.ReadCloser, error) {
	_, content, err := l.open(ctx, f)
	if err != nil {
		return nil, err
	}
	return content, nil
}

func (l *Library) open(ctx context.Context, f grove.File) (grove.File, Content, error) {
	if f.State != grove.Stored {
		return grove.File{}, Content{}, noFile(f.ID)
	}
	content, err := l.Blobs.Open(ctx, contentName(f.ID))
	if errors.Is(err, grove.NotFound) {
		lost := grove.Errorf(grove.Internal, ReasonContentMissing, "the content of file %s is gone", f.ID)
		lost.Err = err
		err = lost
	}
	if err != nil {
		return grove.File{}, Content{}, fmt.Errorf("open content: %w", err)
	}
	return f, Content{content}, nil
}

// Delete removes one of the actor's files, or ends the upload of one. The row goes first: what is left
// when that was all is nobody's and swept up.
func (l *Library) Delete(ctx context.Context, actor grove.Actor, id string) error {
	f, err := l.File(ctx, actor, id)
	if err != nil {
		return err
	}
	// An upload that goes on finds out by itself and keeps nothing.
	if release, ok := l.running.take(id); ok {
		defer release()
	} else if f.State != grove.Awaiting {
		return errRunning()
	}
	if err := l.Records.DeleteFile(ctx, id, actor.Did("file.delete", f.ID+" "+f.Name)); err != nil {
		return fmt.Errorf("delete file: %w", err)
	}
	return l.deleteParts(ctx, f)
}

func (l *Library) deleteParts(ctx context.Context, f grove.File) error {
	err := l.Blobs.Delete(ctx, contentName(f.ID))
	for _, p := range f.Plates {
		err = errors.Join(err, l.Blobs.Delete(ctx, thumbnailName(f.ID, p.Index)))
	}
	if err != nil {
		return fmt.Errorf("delete content: %w", err)
	}
	return nil
}
