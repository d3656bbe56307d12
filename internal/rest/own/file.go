package own

import (
	"context"
	"net/http"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountFiles(rt *rest.Router) {
	const tag = "files"
	rest.Handle(rt, get("/files", tag, "My files, newest first"), f.files)
	rest.Handle(rt, get("/files/{id}", tag, "One file with what is in it"), f.file)
	remove := op(http.MethodDelete, "/files/{id}", tag, "Delete a file")
	remove.About = "Refused while a job that is not done prints it."
	rest.Handle(rt, remove, f.deleteFile)
	content := get("/files/{id}/content", tag, "A file's bytes")
	content.About = "The Digest header has the SHA-256 of the whole file. Ranges are answered."
	rest.Plain(rt, content, rest.Raw{
		Gives: "application/octet-stream", Also: map[int]string{http.StatusPartialContent: "The range asked for"},
	}, f.content)
}

func (f *face) files(ctx context.Context, in *struct {
	rest.Paging
	Name string `query:"name" doc:"Only files of this name."`
},
) (cloudapi.Data[[]cloudapi.StoredFile], error) {
	list, err := f.Library.Files(ctx, rest.Actor(ctx), library.Query{Name: in.Name}, in.Want())
	out := grove.List[cloudapi.StoredFile]{Total: list.Total, More: list.More}
	for _, file := range list.Items {
		out.Items = append(out.Items, f.storedFile(file))
	}
	return cloudapi.ListOf(out, in.Want()), err
}

type byID struct {
	ID string `path:"id" maxLength:"64"`
}

func (f *face) file(ctx context.Context, in *byID) (cloudapi.Data[cloudapi.StoredFile], error) {
	file, err := f.Library.File(ctx, rest.Actor(ctx), in.ID)
	if err != nil {
		return cloudapi.Data[cloudapi.StoredFile]{}, err
	}
	return cloudapi.Of(f.storedFile(file)), nil
}

func (f *face) deleteFile(ctx context.Context, in *byID) (done, error) {
	return ok(), f.Library.Delete(ctx, rest.Actor(ctx), in.ID)
}

// linkLife is how long a link to a file's content in an answer works.
const linkLife = 15 * time.Minute

// storedFile adds the links: to the content once it is there, and to the first
// plate's picture.
func (f *face) storedFile(file grove.File) cloudapi.StoredFile {
	file.Plates = cloudapi.Items(file.Plates)
	out := cloudapi.StoredFile{File: file}
	if file.State == grove.Stored {
		out.ContentURL = f.Library.ContentURL(file, linkLife)
	}
	if len(file.Plates) > 0 && file.Plates[0].HasThumbnail {
		out.CoverURL = f.Library.ThumbnailURL(file, file.Plates[0].Index)
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
