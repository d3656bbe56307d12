package library

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"strconv"
	"time"

	"github.com/grovecloud/grove"
)

// The methods that links are signed for. A HEAD is as good as a GET.
const (
	methodPut = "PUT"
	methodGet = "GET"
)

// Signature is what a signed link carries in its query: until when it works, in
// seconds since 1970, and a keyed hash of method, path and that time. The names
// are those of the vendor's links.
type Signature struct {
	Expires   string
	Signature string // hex
}

func uploadPath(fileID string) string  { return "/u/" + fileID }
func contentPath(fileID string) string { return "/f/" + fileID + "/content" }
func thumbnailPath(fileID string, plate int) string {
	return "/f/" + fileID + "/plate_" + strconv.Itoa(plate) + ".png"
}

// UploadURL is where a file's content is PUT, without a credential, until the
// file's ExpiresAt.
func (l *Library) UploadURL(f grove.File) string {
	return l.link(methodPut, uploadPath(f.ID), f.ExpiresAt)
}

// ContentURL is where a stored file's content is fetched without a credential,
// by a printer above all, for as long as life.
func (l *Library) ContentURL(f grove.File, life time.Duration) string {
	return l.link(methodGet, contentPath(f.ID), time.Now().Add(life))
}

// Thumbnail links stay the same for a while, so that clients that ask often can
// keep the picture, and work for a year or longer.
const (
	thumbnailStep = 30 * 24 * time.Hour
	thumbnailLife = 365*24*time.Hour + thumbnailStep
)

// ThumbnailURL is where a plate's picture is fetched without a credential, as
// clients do. It cannot be guessed and works for at least a year.
func (l *Library) ThumbnailURL(f grove.File, plate int) string {
	return l.link(methodGet, thumbnailPath(f.ID, plate), time.Now().Truncate(thumbnailStep).Add(thumbnailLife))
}

// sink is in place of a file's id where what is PUT is thrown away. Ids begin with f_.
const (
	sink      = "sink"
	sinkLife  = time.Hour
	sinkBytes = 16 << 20
)

// SinkURL is where a client may PUT what nobody wants, up to 16 MiB, and how long
// the link works.
func (l *Library) SinkURL() (string, time.Duration) {
	return l.link(methodPut, uploadPath(sink), time.Now().Add(sinkLife)), sinkLife
}

// CheckUpload says whether an upload link was made here and still works.
func (l *Library) CheckUpload(id string, s Signature) error {
	return l.verify(methodPut, uploadPath(id), s)
}

// Swallow reads what was PUT to a [Library.SinkURL] and throws it away; ok is false
// when the id is a file's.
func (l *Library) Swallow(id string, s Signature, content io.Reader) (ok bool, err error) {
	if id != sink {
		return false, nil
	}
	if err := l.verify(methodPut, uploadPath(sink), s); err != nil {
		return true, err
	}
	n, err := io.Copy(io.Discard, io.LimitReader(content, sinkBytes+1))
	switch {
	case err != nil:
		return true, &grove.Error{Code: grove.Invalid, Reason: "body_unread", Message: "the content did not arrive whole; nothing is kept of it in any case", Err: err}
	case n > sinkBytes:
		return true, grove.Errorf(grove.TooLarge, grove.ReasonUploadFailed, "what is thrown away here may have at most %d bytes", sinkBytes)
	}
	return true, nil
}

// SignedURL is a link to anything else that this server shows without a credential,
// at a path of its own.
func (l *Library) SignedURL(path string, life time.Duration) string {
	return l.link(methodGet, path, time.Now().Add(life))
}

// CheckSigned says whether a [Library.SignedURL] was made here for this path and
// still works.
func (l *Library) CheckSigned(path string, s Signature) error { return l.verify(methodGet, path, s) }

func (l *Library) link(method, path string, until time.Time) string {
	expires := strconv.FormatInt(until.Unix(), 10)
	return l.PublicURL + path + "?Expires=" + expires + "&Signature=" + hex.EncodeToString(l.sign(method, path, expires))
}

func (l *Library) sign(method, path, expires string) []byte {
	mac := hmac.New(sha256.New, l.Key)
	mac.Write([]byte(method + "\n" + path + "\n" + expires))
	return mac.Sum(nil)
}

// verify says whether the link was made here for this method and path and still works.
func (l *Library) verify(method, path string, s Signature) error {
	given, err := hex.DecodeString(s.Signature)
	if err != nil || !hmac.Equal(given, l.sign(method, path, s.Expires)) {
		return grove.Errorf(grove.Forbidden, ReasonSignatureInvalid,
			"this link's signature does not fit it; use the link exactly as it was given, with the method it was given for")
	}
	// What was signed is a number that was written here.
	expires, err := strconv.ParseInt(s.Expires, 10, 64)
	if err != nil || time.Now().Unix() >= expires {
		return grove.Errorf(grove.Forbidden, ReasonSignatureExpired, "this link has ended; ask for a new one")
	}
	return nil
}
