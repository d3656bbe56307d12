package server

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/printfile/sample"
)

// cutPUT sends the beginning of what it promises and hangs up.
func cutPUT(t *testing.T, link string, content []byte, promised int) {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	line, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer line.Close()
	fmt.Fprintf(line, "PUT %s HTTP/1.1\r\nHost: %s\r\nUpload-Offset: 0\r\nContent-Length: %d\r\n\r\n", u.RequestURI(), u.Host, promised)
	if _, err := line.Write(content); err != nil {
		t.Fatal(err)
	}
}

// askLink asks a signed link; the answer must have this status.
func askLink(t *testing.T, method, link, offset string, content []byte, status int) http.Header {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, link, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	if offset != "" {
		req.Header.Set("Upload-Offset", offset)
	}
	res, err := web.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != status {
		body, _ := io.ReadAll(res.Body)
		t.Fatalf("%s %s: %s %s", method, offset, res.Status, body)
	}
	return res.Header
}

func saysOffset(t *testing.T, h http.Header, offset int, complete string) {
	t.Helper()
	if h.Get("Upload-Offset") != strconv.Itoa(offset) || h.Get("Upload-Complete") != complete || (h.Get("Etag") == "") == (complete == "?1") {
		t.Errorf("want offset %d, complete %s: %v", offset, complete, h)
	}
}

func TestAnUploadGoesOnAfterACutOfTheLine(t *testing.T) {
	t.Parallel()
	h, content := owned(t, testConfig(t)), sample.ThreeMF()
	size := len(content)
	f, err := h.client.BeginFile(t.Context(), cloudapi.FileRequest{Name: "a.gcode.3mf", SizeBytes: int64(size), Tags: []string{"spare"}})
	if err != nil || f.State != grove.Awaiting || f.Upload == nil || f.Upload.OffsetBytes != 0 || f.Upload.SizeBytes != int64(size) || f.ContentURL != "" {
		t.Fatalf("%+v %v", f, err)
	}
	link := f.Upload.URL
	cutPUT(t, link, content[:1000], size)
	until(t, "the beginning is kept", func() bool {
		return askLink(t, http.MethodHead, link, "", nil, 200).Get("Upload-Offset") == "1000"
	})
	if h := askLink(t, http.MethodHead, link, "", nil, 200); h.Get("Upload-Length") != strconv.Itoa(size) || h.Get("Upload-Complete") != "?0" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("%v", h)
	}
	if got, err := h.client.File(t.Context(), f.ID); err != nil || got.Upload == nil || got.Upload.OffsetBytes != 1000 || got.Upload.URL != link {
		t.Errorf("%+v %v", got, err)
	}
	askLink(t, http.MethodPut, link, "x", nil, 400)
	askLink(t, http.MethodPut, link, "-1", nil, 400)
	askLink(t, http.MethodPut, link, "999", content[999:], 409)
	askLink(t, http.MethodHead, link+"0", "", nil, 403)
	saysOffset(t, askLink(t, http.MethodPut, link, "1000", content[1000:1500], 200), 1500, "?0")
	saysOffset(t, askLink(t, http.MethodPut, link, "1500", content[1500:], 200), size, "?1")
	if got := askLink(t, http.MethodGet, link, "", nil, 200).Get("Upload-Complete"); got != "?1" {
		t.Errorf("complete: %s", got)
	}
	got, err := h.client.File(t.Context(), f.ID)
	if err != nil || got.State != grove.Stored || got.Upload != nil || got.Versions != 1 || len(got.Tags) != 1 || got.Plates[0].ThumbnailURL == "" || got.CoverURL != got.Plates[0].ThumbnailURL {
		t.Errorf("%+v %v", got, err)
	}
}

// The SDK goes on from where the server has it, also after its own file gave up midway.
func TestTheSDKGoesOnWithAnUpload(t *testing.T) {
	t.Parallel()
	h, content := owned(t, testConfig(t)), sample.ThreeMF(sample.Size(4<<20))
	f, err := h.client.BeginFile(t.Context(), cloudapi.FileRequest{Name: "a.gcode.3mf", SizeBytes: int64(len(content))})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := h.client.SendFile(t.Context(), f.ID, broken{bytes.NewReader(content), 2 << 20}, nil); !errors.Is(err, errDisk) {
		t.Fatalf("a file that can't be read: %v", err)
	}
	until(t, "the beginning is kept", func() bool {
		got, err := h.client.File(t.Context(), f.ID)
		return err == nil && got.Upload != nil && got.Upload.OffsetBytes > 0
	})
	var first, last int64
	progress := func(n int64) {
		if first == 0 {
			first = n
		}
		last = n
	}
	until(t, "the server takes the rest", func() bool {
		f, err = h.client.SendFile(t.Context(), f.ID, bytes.NewReader(content), progress)
		return !grove.HasReason(err, library.ReasonUploadRunning)
	})
	if err != nil || f.State != grove.Stored || f.SizeBytes != int64(len(content)) || last != f.SizeBytes || first <= 32<<10 {
		t.Fatalf("%+v %v; told %d to %d", f, err, first, last)
	}
	if again, err := h.client.SendFile(t.Context(), f.ID, bytes.NewReader(content), nil); err != nil || again.State != grove.Stored {
		t.Errorf("%+v %v", again, err)
	}
}

var errDisk = errors.New("the disk is broken")

// broken can be read up to a place.
type broken struct {
	io.ReaderAt
	upTo int64
}

// ReadAt reads what can be read.
func (b broken) ReadAt(p []byte, at int64) (int, error) {
	if at >= b.upTo {
		return 0, errDisk
	}
	return b.ReaderAt.ReadAt(p[:min(int64(len(p)), b.upTo-at)], at)
}
