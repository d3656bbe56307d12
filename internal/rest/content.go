package rest

import (
	"encoding/base64"
	"encoding/hex"
	"mime"
	"net/http"

	"github.com/grovecloud/grove"
)

// ServeContent answers with a file's bytes, or the range that is asked for. Files
// are what strangers made, so no browser may render them as a page of ours.
func ServeContent(w http.ResponseWriter, r *http.Request, f *grove.File, content grove.Content) {
	h := w.Header()
	h.Set("Content-Type", "application/octet-stream")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": f.Name}))
	h.Set("Content-Security-Policy", "default-src 'none'; sandbox")
	h.Set("Cache-Control", "private, no-cache")
	h.Set("Etag", `"`+f.SHA256+`"`)
	if sum, err := hex.DecodeString(f.SHA256); err == nil && len(sum) > 0 {
		h.Set("Digest", "sha-256="+base64.StdEncoding.EncodeToString(sum))
	}
	http.ServeContent(w, r, "", f.StoredAt, content)
}

// Fail answers with an error, for plain handlers.
func Fail(rt *Router, w http.ResponseWriter, r *http.Request, err error) { rt.fail(w, r, err) }
