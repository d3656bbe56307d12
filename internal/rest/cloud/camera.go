package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountCamera(rt *rest.Router) {
	const at = iotService + "/user/device/{id}"
	const about = "The links are signed and work for a minute, as long as who asked for them is signed in. A printer that is connected by MQTT alone, or whose camera is switched off, has no picture: 404."
	for _, route := range []struct {
		path, summary string
		fn            func(context.Context, *cameraInput) (cloudapi.Camera, error)
	}{
		{at + "/snapshot", "A link to a picture of a printer", f.snapshot},
		{at + "/stream", "A link to a printer's camera", f.stream},
		{at + "/video", "A link to a printer's camera", f.stream},
	} {
		o := get(route.path, tagDevice, route.summary)
		o.About = about
		rest.Handle(rt, o, route.fn)
	}
	byQuery := get(iotService+"/user/video/stream", tagDevice, "A link to a printer's camera")
	byQuery.About = about
	rest.Handle(rt, byQuery, f.videoStream)

	signed := []string{"Expires", "Signature"}
	still := get(cameraPath("{serial}", "{viewer}", snapshotName), tagLinks, "A picture of a printer as it looks now")
	still.Open = true
	rest.Plain(rt, still, rest.Raw{Gives: "image/jpeg", Query: signed}, f.signed(rt, snapshotName, f.showSnapshot))
	film := get(cameraPath("{serial}", "{viewer}", streamName), tagLinks, "A printer's camera, picture after picture")
	film.Open = true
	film.About = "At most ten minutes and fifty viewers a printer; a slow viewer misses pictures. It ends when the printer leaves, or when who asked for the link signs out or may see the printer no more."
	rest.Plain(rt, film, rest.Raw{Gives: mixed, Query: signed}, f.signed(rt, streamName, f.showStream))
}

const (
	tagLinks     = "Signed links"
	snapshotName = "snapshot.jpg"
	streamName   = "stream.mjpg"
	// cameraLife is in how long a link to a camera must be opened.
	cameraLife = time.Minute
	boundary   = "picture"
	mixed      = "multipart/x-mixed-replace; boundary=" + boundary
)

func cameraPath(serial, viewer, name string) string {
	return "/c/" + serial + "/" + viewer + "/" + name
}

type cameraInput struct {
	Serial string `path:"id" maxLength:"64"`
}

func (f *face) snapshot(ctx context.Context, in *cameraInput) (cloudapi.Camera, error) {
	c, err := f.lookAt(ctx, in.Serial)
	c.URL = c.SnapshotURL
	return c, err
}

func (f *face) stream(ctx context.Context, in *cameraInput) (cloudapi.Camera, error) {
	c, err := f.lookAt(ctx, in.Serial)
	c.URL = c.StreamURL
	return c, err
}

func (f *face) videoStream(ctx context.Context, in *deviceInput) (cloudapi.Camera, error) {
	if err := rest.Need("dev_id", in.serial()); err != nil {
		return cloudapi.Camera{}, err
	}
	return f.stream(ctx, &cameraInput{Serial: in.serial()})
}

func (f *face) lookAt(ctx context.Context, serial string) (cloudapi.Camera, error) {
	actor := rest.Actor(ctx)
	if err := f.Fleet.Pictured(actor, serial); err != nil {
		return cloudapi.Camera{}, err
	}
	link := func(name string) string {
		return f.Library.SignedURL(cameraPath(serial, viewerOf(actor), name), cameraLife)
	}
	return cloudapi.Camera{
		Envelope: cloudapi.Success(), StreamURL: link(streamName), SnapshotURL: link(snapshotName), ExpiresIn: seconds(cameraLife),
	}, nil
}

// viewerOf names who asked for a link inside it, so that they are asked again what
// they may when it is opened, and their session's end ends it.
func viewerOf(a grove.Actor) string { return decimal(a.UserID) + "." + a.SessionID }

func viewer(text string) (grove.Actor, bool) {
	id, session, _ := strings.Cut(text, ".")
	n, err := strconv.ParseInt(id, 10, 64)
	kind := grove.ActorUser
	if strings.HasPrefix(session, "key_") {
		kind = grove.ActorKey
	}
	return grove.Actor{Kind: kind, UserID: n, SessionID: session}, err == nil
}

// signed lets a request with a good signature through, as whoever the link was
// made for.
func (f *face) signed(rt *rest.Router, name string, show func(http.ResponseWriter, *http.Request, grove.Actor, string) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		serial, who := r.PathValue("serial"), r.PathValue("viewer")
		err := f.Library.CheckSigned(cameraPath(serial, who, name), rest.Signature(r))
		if err == nil {
			err = f.showTo(w, r, who, serial, show)
		}
		if err != nil {
			rest.Fail(rt, w, r, err)
		}
	}
}

// showTo shows a camera to whom its link was made for, unless they signed out since.
func (f *face) showTo(w http.ResponseWriter, r *http.Request, who, serial string, show func(http.ResponseWriter, *http.Request, grove.Actor, string) error) error {
	actor, _ := viewer(who) // what is signed was written here
	if err := f.Access.Stands(r.Context(), actor); err != nil {
		return err
	}
	return show(w, r, actor, serial)
}

// pictureHeaders: pages elsewhere may show the picture, and nobody keeps it.
func pictureHeaders(h http.Header, media string) {
	h.Set("Content-Type", media)
	h.Set("Cache-Control", "no-store")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
}

func (f *face) showSnapshot(w http.ResponseWriter, r *http.Request, actor grove.Actor, serial string) error {
	picture, err := f.Fleet.Picture(r.Context(), actor, serial)
	if err != nil {
		return err
	}
	pictureHeaders(w.Header(), "image/jpeg")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(picture))
	return nil
}

// slowest is how long one picture may take to a viewer.
const slowest = 10 * time.Second

func (f *face) showStream(w http.ResponseWriter, r *http.Request, actor grove.Actor, serial string) error {
	line := http.NewResponseController(w)
	begun := false
	return f.Fleet.Film(r.Context(), actor, serial, func(picture []byte) error {
		// Other servers of the same records may end the session, too.
		if err := f.Access.Stands(r.Context(), actor); errors.Is(err, grove.Unauthenticated) {
			return err
		}
		if !begun {
			begun = true
			pictureHeaders(w.Header(), mixed)
		}
		if err := line.SetWriteDeadline(time.Now().Add(slowest)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		_, err := fmt.Fprintf(w, "--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n%s\r\n", boundary, len(picture), picture)
		return errors.Join(err, line.Flush())
	})
}
