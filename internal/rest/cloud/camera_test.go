package cloud_test

import (
	"bufio"
	"context"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// lens is a link to a printer that can be looked at.
type lens struct{ *resttest.Line }

// Sight is nil.
func (lens) Sight() error { return nil }

// Watch shows it every second.
func (lens) Watch(ctx context.Context, show func([]byte)) error {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		show([]byte("\xFF\xD8jpeg"))
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

const video = "/v1/iot-service/api/user/"

// cameraPaths are the four ways to ask.
var cameraPaths = []string{
	video + "device/" + serial + "/snapshot", video + "device/" + serial + "/stream", video + "device/" + serial + "/video",
	video + "video/stream?dev_id=" + serial,
}

func TestAPrinterWithoutAPictureIsNotFound(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	for _, target := range cameraPaths {
		e := resttest.Refused(t, h, 404, 404, "GET", target, "")
		if !strings.Contains(e.Details.Reason, "MQTT alone") {
			t.Errorf("%s: %q", target, e.Details.Reason)
		}
		resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "GET", strings.Replace(target, serial, "NOBODYS", 1), "")
	}
	resttest.Refused(t, h, 400, 400, "GET", video+"video/stream", "")
}

func TestAPrinterIsSeenThroughSignedLinks(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	detach := h.Fleet.Attach(serial, lens{&resttest.Line{}})
	bob := []string{"Authorization", "Bearer " + h.SignIn(t, "bob@grove.local", grove.Operator)}
	for i, target := range cameraPaths {
		c := resttest.Call[cloudapi.Camera](t, h, 200, "GET", target, "")
		want := c.StreamURL
		if i == 0 {
			want = c.SnapshotURL
		}
		if c.URL != want || !strings.HasPrefix(c.URL, resttest.PublicURL+"/c/") || c.ExpiresIn != 60 || c.StreamURL == c.SnapshotURL {
			t.Errorf("%s: %+v", target, c)
		}
		resttest.Refused(t, h, 404, cloudapi.CodeDeviceNotFound, "GET", target, "", bob...)
	}
	c := resttest.Call[cloudapi.Camera](t, h, 200, "GET", cameraPaths[0], "")
	look := func(link string) *httptest.ResponseRecorder { return h.Ask("GET", link, "", "Authorization", "") }
	w := look(c.SnapshotURL)
	if w.Code != 200 || w.Body.String() != "\xFF\xD8jpeg" || w.Header().Get("Content-Type") != "image/jpeg" || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("the picture: %d %q %v", w.Code, w.Body, w.Header())
	}
	uid := strconv.FormatInt(h.UserID, 10)
	for _, altered := range []string{
		strings.Replace(c.SnapshotURL, "snapshot.jpg", "stream.mjpg", 1), strings.Replace(c.SnapshotURL, serial, "01P00A000000002", 1),
		strings.Replace(c.SnapshotURL, "/"+uid+".", "/1.", 1), strings.Replace(c.SnapshotURL, "Signature=", "Signature=00", 1),
	} {
		resttest.Told(t, look(altered), 403, 403)
	}
	detach("gone")
	resttest.Told(t, look(c.SnapshotURL), 404, 404)
	resttest.Told(t, look(c.StreamURL), 404, 404)
	h.Fleet.Attach(serial, lens{&resttest.Line{}})
	resttest.Call[cloudapi.Envelope](t, h, 200, "DELETE", iot+"/bind?dev_id="+serial, "")
	resttest.Told(t, look(c.SnapshotURL), 404, cloudapi.CodeDeviceNotFound)
}

func TestAStreamShowsPicturesUntilThePrinterLeaves(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	detach := h.Fleet.Attach(serial, lens{&resttest.Line{}})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c := resttest.Call[cloudapi.Camera](t, h, 200, "GET", cameraPaths[1], "")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+strings.TrimPrefix(c.URL, resttest.PublicURL), nil)
	if err != nil {
		t.Fatal(err)
	}
	w, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	media, params, err := mime.ParseMediaType(w.Header.Get("Content-Type"))
	if err != nil || media != "multipart/x-mixed-replace" || w.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("headers %v %v", w.Header, err)
	}
	parts := multipart.NewReader(bufio.NewReader(w.Body), params["boundary"])
	part, err := parts.NextPart()
	if err != nil || part.Header.Get("Content-Type") != "image/jpeg" {
		t.Fatalf("first part %v %v", part, err)
	}
	picture := make([]byte, len("\xFF\xD8jpeg"))
	if _, err := io.ReadFull(part, picture); err != nil || string(picture) != "\xFF\xD8jpeg" {
		t.Errorf("picture %q %v", picture, err)
	}
	detach("gone")
	if _, err := io.Copy(io.Discard, w.Body); err != nil { // ends, and as an answer should
		t.Error(err)
	}
}

func TestALinkToACameraEndsWithTheSessionThatAskedForIt(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	h.Fleet.Attach(serial, lens{&resttest.Line{}})
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	me, err := h.Access.Authenticate(t.Context(), h.Token)
	if err != nil {
		t.Fatal(err)
	}
	c := resttest.Call[cloudapi.Camera](t, h, 200, "GET", cameraPaths[0], "")
	look := func(link string) *httptest.ResponseRecorder { return h.Ask("GET", link, "", "Authorization", "") }
	if w := look(c.SnapshotURL); w.Code != 200 {
		t.Fatalf("before: %d %s", w.Code, w.Body)
	}
	w, err := server.Client().Get(server.URL + strings.TrimPrefix(c.StreamURL, resttest.PublicURL))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Body.Close()
	if _, err := w.Body.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	// Another server of the same records ends it: nobody is told of that here.
	if err := h.DB.EndSession(t.Context(), me.SessionID, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, link := range []string{c.SnapshotURL, c.StreamURL} {
		if e := resttest.Told(t, look(link), 401, cloudapi.CodeInvalidToken); !strings.Contains(e.Details.Reason, "session was ended") {
			t.Errorf("after the logout: %+v", e)
		}
	}
	began := time.Now()
	if _, err := io.Copy(io.Discard, w.Body); err != nil {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("the stream went on for %s", took)
	}
}
