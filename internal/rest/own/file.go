package own

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountFiles(rt *rest.Router) {
	const tag = "files"
	rest.Handle(rt, get("/files", tag, "My files, newest first unless asked otherwise"), f.files)
	rest.Handle(rt, get("/files/{id}", tag, "One file with what is in it"), f.file)
	begin := post("/files", tag, "Begin to upload a file")
	begin.About = "PUT the content to `upload.url` with the header `Upload-Offset: 0`. After a cut ask that link with HEAD or GET how much is here and PUT the rest with that `Upload-Offset`, for a day; DELETE the file to give it up. " +
		"A size for which there is no room or no quota is refused now. `duplicate_of` names a file of yours that has the announced `sha256` already."
	begin.Status = http.StatusCreated
	rest.Handle(rt, begin, f.beginFile)
	change := op(http.MethodPatch, "/files/{id}", tag, "Rename a file or change its tags")
	change.About = "`name` keeps its ending and is one that the cards of printers take. `tags` are all that the file then has: at most 20, of at most 40 characters; case tells none from another."
	rest.Handle(rt, change, f.changeFile)
	versions := get("/files/{id}/versions", tag, "The files of the same name, newest first")
	versions.About = "This one is among them. Equal `sha256` is equal content, and `duplicate_of` names the oldest file that has it."
	rest.Handle(rt, versions, f.versions)
	remove := op(http.MethodDelete, "/files/{id}", tag, "Delete a file, or give up its upload")
	remove.About = "Refused while a job that is not done prints it."
	rest.Handle(rt, remove, f.deleteFile)
	content := get("/files/{id}/content", tag, "A file's bytes")
	content.About = "The Digest header has the SHA-256 of the whole file. Ranges are answered."
	rest.Plain(rt, content, rest.Raw{
		Gives: "application/octet-stream", Also: map[int]string{http.StatusPartialContent: "The range asked for"},
	}, f.content)
}

type filesInput struct {
	rest.Paging
	Name   string         `query:"name" doc:"Only files of this name."`
	Search string         `query:"search" maxLength:"200" doc:"Only files with all of these words in their name, tags or names of plates; case does not matter."`
	Tag    string         `query:"tag" maxLength:"160" doc:"Only files with this tag."`
	Kind   string         `query:"kind" enum:"3mf,gcode,stl,step" doc:"Only files of this kind."`
	Sort   grove.FileSort `query:"sort" enum:"newest,name,size" doc:"The order: the newest first unless said, by name, or the largest first."`
}

func (f *face) files(ctx context.Context, in *filesInput) (cloudapi.Data[[]cloudapi.StoredFile], error) {
	q := library.Query{Name: in.Name, Search: in.Search, Tag: in.Tag, Kind: in.Kind, Sort: in.Sort}
	list, err := f.Library.Files(ctx, rest.Actor(ctx), q, in.Want())
	return f.listFiles(ctx, list, in.Paging, err)
}

func (f *face) listFiles(ctx context.Context, list grove.List[grove.File], p rest.Paging, err error) (cloudapi.Data[[]cloudapi.StoredFile], error) {
	out := grove.List[cloudapi.StoredFile]{Total: list.Total, More: list.More}
	if err == nil {
		out.Items, err = f.storedFiles(ctx, list.Items...)
	}
	return cloudapi.ListOf(out, p.Want()), err
}

type byID struct {
	ID string `path:"id" maxLength:"64"`
}

func (f *face) file(ctx context.Context, in *byID) (cloudapi.Data[cloudapi.StoredFile], error) {
	file, err := f.Library.File(ctx, rest.Actor(ctx), in.ID)
	return f.oneFile(ctx, file, err)
}

func (f *face) oneFile(ctx context.Context, file grove.File, err error) (cloudapi.Data[cloudapi.StoredFile], error) {
	if err != nil {
		return cloudapi.Data[cloudapi.StoredFile]{}, err
	}
	shown, err := f.storedFiles(ctx, file)
	if err != nil {
		return cloudapi.Data[cloudapi.StoredFile]{}, err
	}
	return cloudapi.Of(shown[0]), nil
}

func (f *face) beginFile(ctx context.Context, in *struct{ Body cloudapi.FileRequest }) (cloudapi.Data[cloudapi.StoredFile], error) {
	if err := rest.CountUpload(ctx); err != nil {
		return cloudapi.Data[cloudapi.StoredFile]{}, err
	}
	b := in.Body
	up, err := f.Library.Begin(ctx, rest.Actor(ctx), library.Wish{Name: b.Name, Size: b.SizeBytes, SHA256: b.SHA256, Tags: b.Tags})
	return f.oneFile(ctx, up.File, err)
}

type fileChange struct {
	ID   string `path:"id" maxLength:"64"`
	Body cloudapi.FileChange
}

func (f *face) changeFile(ctx context.Context, in *fileChange) (cloudapi.Data[cloudapi.StoredFile], error) {
	file, err := f.Library.Change(ctx, rest.Actor(ctx), in.ID, library.Change(in.Body))
	return f.oneFile(ctx, file, err)
}

type versionsInput struct {
	rest.Paging
	ID string `path:"id" maxLength:"64"`
}

func (f *face) versions(ctx context.Context, in *versionsInput) (cloudapi.Data[[]cloudapi.StoredFile], error) {
	list, err := f.Library.Versions(ctx, rest.Actor(ctx), in.ID, in.Want())
	return f.listFiles(ctx, list, in.Paging, err)
}

func (f *face) deleteFile(ctx context.Context, in *byID) (done, error) {
	return ok(), f.Library.Delete(ctx, rest.Actor(ctx), in.ID)
}

// linkLife is how long a link to a file's content in an answer works.
const linkLife = 15 * time.Minute

// storedFiles adds to files of one owner how they stand to the others.
func (f *face) storedFiles(ctx context.Context, files ...grove.File) ([]cloudapi.StoredFile, error) {
	kin, err := f.Library.Kin(ctx, files...)
	if err != nil {
		return nil, err
	}
	out := make([]cloudapi.StoredFile, 0, len(files))
	for _, file := range files {
		shown := f.storedFile(file)
		if file.State != grove.Rejected {
			shown.Versions, shown.DuplicateOf = kin[file.ID].Versions, kin[file.ID].DuplicateOf
		}
		if file.State == grove.Awaiting {
			at := cloudapi.UploadProgress{OffsetBytes: file.SizeBytes, SizeBytes: file.WantBytes}
			shown.Upload = &cloudapi.FileUpload{URL: f.Library.UploadURL(file), UploadProgress: at, ExpiresAt: file.ExpiresAt}
		}
		out = append(out, shown)
	}
	return out, nil
}

// storedFile adds the links: to the content once it is there, and to the plates'
// pictures.
func (f *face) storedFile(file grove.File) cloudapi.StoredFile {
	file.Plates, file.Tags = cloudapi.Items(slices.Clone(file.Plates)), cloudapi.Items(file.Tags)
	for i, p := range file.Plates {
		if p.HasThumbnail {
			file.Plates[i].ThumbnailURL = f.Library.ThumbnailURL(file, p.Index)
		}
	}
	out := cloudapi.StoredFile{File: file}
	if file.State == grove.Stored {
		out.ContentURL = f.Library.ContentURL(file, linkLife)
	}
	if len(file.Plates) > 0 {
		out.CoverURL = file.Plates[0].ThumbnailURL
	}
	return out
}

func (f *face) content(w http.ResponseWriter, r *http.Request) {
	file, content, err := f.Library.Open(r.Context(), rest.Actor(r.Context()), r.PathValue("id"))
	if err != nil {
		rest.Fail(f.router, w, r, err)
		return
	}
	defer content.Close()
	rest.ServeContent(w, r, &file, content)
}
