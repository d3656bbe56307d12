package own

import (
	"context"
	"mime"
	"net/http"
	"path"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountStorage(rt *rest.Router) {
	const tag = "printers"
	list := get("/printers/{serial}/files", tag, "What lies on a printer's own storage")
	list.About = "One folder of its SD card or USB stick, by name; timelapses are in `/timelapse`. Only for printers that this server or a bridge reaches on their network."
	rest.Handle(rt, list, f.stored)
	erase := op(http.MethodDelete, "/printers/{serial}/files", tag, "Delete a file on a printer's own storage")
	erase.About = "For good, and only while the printer is at rest: 409 `printer_busy` otherwise, since the file may be the one that it prints. A file that is not there is deleted. Folders stay."
	rest.Handle(rt, erase, f.erase)
	content := get("/printers/{serial}/files/content", tag, "The bytes of a file on a printer's own storage")
	content.About = "They come as fast as the printer gives them, which is slow, and end within a second when whoever asked may not have them any more. When a print's file has to go to the printer meanwhile, the download breaks off."
	rest.Plain(rt, content, rest.Raw{Gives: "application/octet-stream", Query: []string{"path"}}, f.storedContent)
}

func (f *face) stored(ctx context.Context, in *struct {
	Serial string `path:"serial" maxLength:"64"`
	Path   string `query:"path" default:"/" maxLength:"1024" doc:"The folder, from the storage's root."`
},
) (cloudapi.Data[[]grove.StorageEntry], error) {
	list, err := f.Fleet.Stored(ctx, rest.Actor(ctx), in.Serial, in.Path)
	return cloudapi.Of(cloudapi.Items(list)), err
}

func (f *face) erase(ctx context.Context, in *struct {
	Serial string `path:"serial" maxLength:"64"`
	Path   string `query:"path" required:"true" minLength:"2" maxLength:"1024" doc:"The file, from the storage's root."`
},
) (done, error) {
	return ok(), f.Fleet.Erase(ctx, rest.Actor(ctx), in.Serial, in.Path)
}

func (f *face) storedContent(w http.ResponseWriter, r *http.Request) {
	serial, file := r.PathValue("serial"), r.URL.Query().Get("path")
	actor := rest.Actor(r.Context())
	ctx, stop := f.router.WhileAllowed(r, func() error { return f.Fleet.MayBrowse(actor, serial) })
	defer stop()
	out := &late{w: w, line: rest.LineOf(w), name: path.Base(file)}
	cut := context.AfterFunc(ctx, out.line.Cut)
	err := f.Fleet.Fetch(ctx, actor, serial, file, out)
	if cut() && err == nil {
		out.begin() // also of nothing
		return
	}
	if out.begun || err == nil {
		panic(http.ErrAbortHandler) // half a file must not look like a whole one
	}
	rest.Fail(f.router, w, r, err)
}

// late begins the answer with the first byte: what goes wrong before is told as an
// error.
type late struct {
	w     http.ResponseWriter
	line  *rest.Line
	name  string
	begun bool
}

func (l *late) begin() {
	if l.begun {
		return
	}
	l.begun = true
	h := l.w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": l.name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, no-store")
	l.w.WriteHeader(http.StatusOK)
}

// Write writes on.
func (l *late) Write(p []byte) (int, error) {
	l.begin()
	return l.line.Write(p)
}
