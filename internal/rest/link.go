package rest

import (
	"bytes"
	"io"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
	"github.com/grovecloud/grove/internal/limit"
)

const tagLinks = "Signed links"

// mountLinks mounts what signed links lead to. Their signature is the credential.
func (rt *Router) mountLinks() {
	signed := []string{"Expires", "Signature"}
	put := Op{Route: Route{Method: http.MethodPut, Path: "/u/{id}", Open: true}, Tag: tagLinks, Summary: "Upload a file's content"}
	put.About = "The `upload_url` of an upload. Any content type or none. What arrives whole is kept, and the upload is finished with it; a PUT that broke off may be repeated. " +
		"With the header `Upload-Offset` what arrives is kept also when it is not all, as a part of it was meant to be or the line broke: it goes on from there. The answer says `Upload-Offset`, how much is here, and `Upload-Complete`, `?1` when that is all."
	Plain(rt, put, Raw{Takes: "application/octet-stream", Query: signed, Headers: []string{headerOffset}}, rt.receive)
	arrived := Op{Route: Route{Method: http.MethodGet, Path: "/u/{id}", Open: true}, Tag: tagLinks, Summary: "How much of an upload has arrived"}
	arrived.About = "By the `upload_url` itself. The headers `Upload-Offset`, `Upload-Length` and `Upload-Complete` say the same, also to a HEAD."
	Plain(rt, arrived, Raw{Gives: "application/json", Shape: reflect.TypeFor[cloudapi.Data[cloudapi.UploadProgress]](), Query: signed}, rt.arrived)

	content := Op{Route: Route{Method: http.MethodGet, Path: "/f/{id}/content", Open: true}, Tag: tagLinks, Summary: "A file's bytes"}
	Plain(rt, content, Raw{
		Gives: "application/octet-stream", Query: signed, Also: map[int]string{http.StatusPartialContent: "The range asked for"},
	}, rt.signedContent)

	picture := Op{Route: Route{Method: http.MethodGet, Path: "/f/{id}/{picture}", Open: true}, Tag: tagLinks, Summary: "A plate's picture"}
	picture.About = "`picture` is `plate_1.png` for the first plate."
	Plain(rt, picture, Raw{Gives: "image/png", Query: signed}, rt.signedPicture)

	end := Op{Route: Route{Method: http.MethodGet, Path: "/j/{id}/snapshot.jpg", Open: true}, Tag: tagLinks, Summary: "What a printer looked like at the end of a job"}
	end.About = "The `snapshot_url` of a job; it works for an hour."
	Plain(rt, end, Raw{Gives: "image/jpeg", Query: signed}, rt.signedJobPicture)
}

// Signature is what a signed link carries in its query.
func Signature(r *http.Request) library.Signature {
	q := r.URL.Query()
	return library.Signature{Expires: q.Get("Expires"), Signature: q.Get("Signature")}
}

// receive takes an upload. Its answer has no body, which clients of the vendor's
// storage do not expect.
func (rt *Router) receive(w http.ResponseWriter, r *http.Request) {
	if err := rt.countPart(r); err != nil {
		rt.fail(w, r, err)
		return
	}
	line := LineOf(w)
	content := line.steady(r.Body)
	var f grove.File
	swallowed, err := rt.Library.Swallow(r.PathValue("id"), Signature(r), content)
	if !swallowed {
		f, err = rt.receiveFile(r, content)
	}
	line.open()
	if err != nil {
		rt.fail(w, r, err)
		return
	}
	if !swallowed {
		tellArrived(w, &f)
	}
	if f.State == grove.Stored {
		w.Header().Set("Etag", `"`+strings.ToLower(f.MD5)+`"`)
	}
	w.WriteHeader(http.StatusOK)
}

// countPart counts what is asked of an upload link, whose holder may send its file in
// as many parts as they like.
func (rt *Router) countPart(r *http.Request) error {
	sig := Signature(r)
	if err := rt.Library.CheckUpload(r.PathValue("id"), sig); err != nil {
		return err
	}
	return Take(r.Context(), limit.Parts, strings.ToLower(sig.Signature)) // hex, which counts in both cases
}

// The headers by which an upload goes on, named as in the IETF's draft of resumable
// uploads (draft-ietf-httpbis-resumable-upload).
const (
	headerOffset   = "Upload-Offset"
	headerLength   = "Upload-Length"
	headerComplete = "Upload-Complete"
)

func (rt *Router) receiveFile(r *http.Request, content io.Reader) (grove.File, error) {
	sent := library.Sending{Body: content, Length: r.ContentLength, Offset: library.Whole}
	if text := r.Header.Get(headerOffset); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 0 {
			return grove.File{}, grove.Errorf(grove.Invalid, "bad_offset", "%s is %.40q; it must be the number of bytes that are here already", headerOffset, text)
		}
		sent.Offset = n
	}
	return rt.Library.Receive(r.Context(), r.PathValue("id"), Signature(r), sent)
}

// tellArrived says how far a file has come.
func tellArrived(w http.ResponseWriter, f *grove.File) cloudapi.UploadProgress {
	at := cloudapi.UploadProgress{OffsetBytes: f.SizeBytes, SizeBytes: f.WantBytes, Complete: f.State == grove.Stored}
	complete := "?0"
	if at.Complete {
		at.SizeBytes, complete = f.SizeBytes, "?1"
	}
	h := w.Header()
	h.Set(headerOffset, strconv.FormatInt(at.OffsetBytes, 10))
	h.Set(headerComplete, complete)
	if at.SizeBytes > 0 {
		h.Set(headerLength, strconv.FormatInt(at.SizeBytes, 10))
	}
	return at
}

func (rt *Router) arrived(w http.ResponseWriter, r *http.Request) {
	err := rt.countPart(r)
	var f grove.File
	if err == nil {
		f, err = rt.Library.Arrived(r.Context(), r.PathValue("id"), Signature(r))
	}
	if err != nil {
		rt.fail(w, r, err)
		return
	}
	at := tellArrived(w, &f)
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Content-Type", "application/json")
	_ = encodeJSON(w, cloudapi.Of(at)) // a client that has left is no error of ours
}

func (rt *Router) signedContent(w http.ResponseWriter, r *http.Request) {
	f, content, err := rt.Library.OpenSigned(r.Context(), r.PathValue("id"), Signature(r))
	if err != nil {
		rt.fail(w, r, err)
		return
	}
	defer content.Close()
	ServeContent(w, r, &f, content)
}

func (rt *Router) signedPicture(w http.ResponseWriter, r *http.Request) {
	plate, ok := plateOf(r.PathValue("picture"))
	if !ok {
		rt.fail(w, r, grove.Errorf(grove.NotFound, "no_such_path", "there is nothing at %s", r.URL.Path))
		return
	}
	png, err := rt.Library.SignedThumbnail(r.Context(), r.PathValue("id"), plate, Signature(r))
	if err != nil {
		rt.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Cache-Control", "public, max-age=86400")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin") // pages elsewhere show covers
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(png))
}

func (rt *Router) signedJobPicture(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		rt.fail(w, r, grove.Errorf(grove.NotFound, "no_such_path", "there is nothing at %s", r.URL.Path))
		return
	}
	jpeg, err := rt.Library.SignedJobPicture(r.Context(), id, Signature(r))
	if err != nil {
		rt.fail(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "image/jpeg")
	h.Set("Cache-Control", "private, max-age=3600")
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(jpeg))
}

// plateOf reads the number in plate_1.png.
func plateOf(picture string) (int, bool) {
	digits, isPNG := strings.CutSuffix(picture, ".png")
	digits, isPlate := strings.CutPrefix(digits, "plate_")
	n, err := strconv.Atoi(digits)
	return n, isPNG && isPlate && err == nil && strconv.Itoa(n) == digits && n > 0
}
