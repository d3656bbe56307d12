package cloud_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"mime/multipart"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
	"github.com/grovecloud/grove/printfile/sample"
)

// form is a body of multipart/form-data: pairs of name and text, and content where
// the name is file.
func form(t *testing.T, parts ...[2]string) (body, media string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		var part io.Writer
		name, called, isFile := strings.Cut(p[0], "=")
		var err error
		if isFile {
			part, err = w.CreateFormFile(name, called)
		} else {
			part, err = w.CreateFormField(name)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(part, p[1]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String(), w.FormDataContentType()
}

func TestAFormWithItsFileIsStoredAtOnce(t *testing.T) {
	t.Parallel()
	h := bound(t, "off")
	content := string(sliced())
	for name, parts := range map[string][][2]string{
		"part.gcode.3mf": {{"filename", "part.gcode.3mf"}, {"project_id", "7"}, {"file=x.bin", content}, {"note", "after"}},
		"own.gcode.3mf":  {{"file=own.gcode.3mf", content}},
	} {
		body, media := form(t, parts...)
		w := h.Ask("POST", iot+"/upload", body, "Content-Type", media)
		var got cloudapi.Stored
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != 200 {
			t.Fatalf("%s: %d %s", name, w.Code, w.Body)
		}
		d := got.Data
		if got.Message != "success" || got.Code != 0 || d.FileID == "" || d.FileID != got.FileID || d.FileSize != int64(len(content)) || d.Name != name || !d.Printable {
			t.Errorf("%s: %s", name, w.Body)
		}
		if w := h.Ask("GET", d.FileURL, "", "Authorization", ""); w.Code != 200 || w.Body.String() != content {
			t.Errorf("%s: its link gives %d with %d bytes", name, w.Code, w.Body.Len())
		}
		confirm := fmt.Sprintf(`{"file_id":%q}`, d.FileID)
		if again := resttest.Call[cloudapi.Confirmed](t, h, 200, "POST", iot+"/upload/confirm", confirm); again.SHA256 != d.SHA256 {
			t.Errorf("%s: confirmed as %+v", name, again)
		}
	}
}

func TestNothingIsLeftOfAFormThatIsRefused(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	content := string(sample.STL())
	refused := func(what string, status, code int, body, media string) {
		t.Helper()
		e := resttest.Told(t, h.Ask("POST", iot+"/upload", body, "Content-Type", media), status, code)
		if e.Details.Reason == "" {
			t.Errorf("%s: %+v", what, e)
		}
	}
	whole, media := form(t, [2]string{"file=a.stl", content})
	refused("cut", 400, 400, whole[:len(whole)/2], media)
	refused("without its end", 400, 400, whole[:strings.LastIndex(whole, "\r\n--")], media)
	refused("no boundary", 400, 400, whole, "multipart/form-data")
	for what, c := range map[string]struct {
		status, code int
		parts        [][2]string
	}{
		"kind":         {422, cloudapi.CodeUploadFailed, [][2]string{{"file=virus.exe", content}}},
		"content":      {422, cloudapi.CodeUploadFailed, [][2]string{{"file=a.3mf", content}}},
		"empty":        {400, 400, [][2]string{{"file=a.stl", ""}}},
		"no file":      {400, 400, [][2]string{{"filename", "a.stl"}}},
		"name at end":  {400, 400, [][2]string{{"file=a.stl", content}, {"filename", "b.stl"}}},
		"two files":    {400, 400, [][2]string{{"file=a.stl", content}, {"file=b.stl", content}}},
		"long text":    {400, 400, [][2]string{{"filename", strings.Repeat("a", 5000)}, {"file=a.stl", content}}},
		"long rest":    {400, 400, [][2]string{{"file=a.stl", content}, {"note", strings.Repeat("a", 5000)}}},
		"many parts":   {400, 400, slices.Repeat([][2]string{{"note", ""}}, 20)},
		"beyond limit": {413, cloudapi.CodeUploadFailed, [][2]string{{"file=a.stl", strings.Repeat("a", 65)}}},
	} {
		h.Library.MaxBytes = 1 << 30
		if what == "beyond limit" {
			h.Library.MaxBytes = 64
		}
		body, media := form(t, c.parts...)
		refused(what, c.status, c.code, body, media)
	}
	left, err := h.DB.Files(t.Context(), grove.FileFilter{}, grove.Page{})
	if err != nil || left.Total != 0 {
		t.Errorf("left: %+v, %v", left, err)
	}
	for b, err := range h.Library.Blobs.List(t.Context()) {
		t.Errorf("left: %+v, %v", b, err)
	}
}

func TestFormsCountAsUploads(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off,uploads=1/h")
	body, media := form(t, [2]string{"file=a.stl", string(sample.STL())})
	if w := h.Ask("POST", iot+"/upload", body, "Content-Type", media); w.Code != 200 {
		t.Fatalf("got %d %s", w.Code, w.Body)
	}
	resttest.Told(t, h.Ask("POST", iot+"/upload", body, "Content-Type", media), 429, 429)
	resttest.Told(t, h.Ask("POST", iot+"/upload", body, "Content-Type", media, "Authorization", ""), 401, 401)
}

func TestAFormWithAKeyIsStoredOnce(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off,uploads=2/h")
	content := string(sample.STL())
	send := func(key string, parts ...[2]string) *httptest.ResponseRecorder {
		body, media := form(t, parts...) // with boundaries of its own each time
		return h.Ask("POST", iot+"/upload", body, "Content-Type", media, "Idempotency-Key", key)
	}
	named := [2]string{"filename", "a.stl"}
	file := [2]string{"file=x.stl", content}
	if cut, media := form(t, named, file); h.Ask("POST", iot+"/upload", cut[:len(cut)-20], "Content-Type", media, "Idempotency-Key", "k").Code != 400 {
		t.Error("a cut form is taken")
	}
	first := send("k", named, file)
	if again := send("k", named, file); first.Code != 200 || again.Code != 200 || again.Body.String() != first.Body.String() || again.Header().Get("Idempotency-Replayed") != "true" {
		t.Errorf("first %d %s, again %d %s", first.Code, first.Body, again.Code, again.Body)
	}
	resttest.Told(t, send("k", named, [2]string{"file=x.stl", content + " "}), 422, 422)
	resttest.Told(t, send("k", [2]string{"filename", "b.stl"}, file), 422, 422)
	resttest.Refused(t, h, 422, 422, "POST", iot+"/upload", `{"filename":"a.stl"}`, "Idempotency-Key", "k")
	resttest.Told(t, send(strings.Repeat("k", 256), named, file), 400, 400)
	left, err := h.DB.Files(t.Context(), grove.FileFilter{}, grove.Page{})
	if err != nil || left.Total != 1 {
		t.Errorf("stored: %+v, %v", left, err)
	}
}

// TestAFormThatIsStillArrivingIsNotBegunAgain holds the first one up in its file.
func TestAFormThatIsStillArrivingIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	body, media := form(t, [2]string{"file=a.stl", string(sample.STL())})
	reader, writer := io.Pipe()
	r := httptest.NewRequest("POST", iot+"/upload", reader)
	first := httptest.NewRecorder()
	for name, value := range map[string]string{"Authorization": "Bearer " + h.Token, "Content-Type": media, "Idempotency-Key": "k"} {
		r.Header.Set(name, value)
	}
	done := make(chan struct{})
	go func() {
		h.ServeHTTP(first, r)
		close(done)
	}()
	half := len(body) / 2
	if _, err := io.WriteString(writer, body[:half]); err != nil {
		t.Fatal(err)
	}
	ask := func() *httptest.ResponseRecorder {
		return h.Ask("POST", iot+"/upload", body, "Content-Type", media, "Idempotency-Key", "k")
	}
	if e := resttest.Told(t, ask(), 409, 409); e.Details.RetryAfter == 0 {
		t.Errorf("while it arrives: %+v", e)
	}
	if _, err := io.WriteString(writer, body[half:]); err != nil {
		t.Fatal(err)
	}
	<-done
	if again := ask(); first.Code != 200 || again.Code != 200 || again.Body.String() != first.Body.String() {
		t.Errorf("first %d %s, again %d %s", first.Code, first.Body, again.Code, again.Body)
	}
}
