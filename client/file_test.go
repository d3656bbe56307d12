package client_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
)

// store takes uploads by a signed link and leaves the PUT to the test.
func store(t *testing.T, link func(base string) string, put http.HandlerFunc) *client.Client {
	t.Helper()
	var server *httptest.Server
	server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method == http.MethodPut:
			put(w, r)
		case strings.HasSuffix(r.URL.Path, "/confirm"):
			_, _ = io.WriteString(w, `{"data":{"file_id":"f_1","printable":true}}`)
		default:
			fmt.Fprintf(w, `{"file_id":"f_1","upload_url":%q}`, link(server.URL))
		}
	}))
	t.Cleanup(server.Close)
	return at(t, server.URL)
}

func signed(base string) string { return base + "/u/f_1?Signature=topsecret" }

// zeros is a file of that many bytes that lies nowhere.
func zeros(size int64) io.Reader { return io.LimitReader(zero{}, size) }

type zero struct{}

func (zero) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func TestAnUploadIsStreamedWithProgress(t *testing.T) {
	t.Parallel()
	const size = 128 << 20
	var got, announced atomic.Int64
	var token atomic.Value
	c := store(t, signed, func(_ http.ResponseWriter, r *http.Request) {
		announced.Store(r.ContentLength)
		token.Store(r.Header.Get("Authorization"))
		n, err := io.Copy(io.Discard, r.Body)
		if err != nil {
			t.Error(err)
		}
		got.Store(n)
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	var told, calls int64
	item, err := c.Upload(t.Context(), client.Upload{Name: "a.gcode", Size: size, Body: zeros(size), Progress: func(n int64) {
		if n < told {
			t.Errorf("progress went back from %d to %d", told, n)
		}
		told = n
		calls++
	}})
	runtime.ReadMemStats(&after)
	if err != nil || item.FileID != "f_1" || !item.Printable {
		t.Fatalf("%+v %v", item, err)
	}
	if got.Load() != size || announced.Load() != size || told != size || calls < 100 {
		t.Errorf("sent %d, announced %d, told %d in %d calls", got.Load(), announced.Load(), told, calls)
	}
	if token.Load() != "" {
		t.Errorf("a signed link needs no token, and was sent %q", token.Load())
	}
	// Other tests run beside this one, hence the slack.
	if used := after.TotalAlloc - before.TotalAlloc; used > size/2 {
		t.Errorf("%d bytes were allocated for an upload of %d", used, size)
	}
}

func TestAnEmptyFileIsUploadedAsEmpty(t *testing.T) {
	t.Parallel()
	announced := int64(-2)
	c := store(t, signed, func(_ http.ResponseWriter, r *http.Request) { announced = r.ContentLength })
	_, err := c.Upload(t.Context(), client.Upload{Name: "a.gcode", Body: strings.NewReader("")})
	if err != nil || announced != 0 {
		t.Errorf("announced %d, %v", announced, err)
	}
}

// The refusal arrives although most of the body was never read.
func TestARefusedUploadIsToldAndNotSent(t *testing.T) {
	t.Parallel()
	const size = 256 << 20
	for range 10 {
		c := store(t, signed, says(http.StatusForbidden, `{"code":1006,"details":{"reason":"the link has expired"}}`))
		var sent int64
		_, err := c.Upload(t.Context(), client.Upload{Name: "a.gcode", Size: size, Body: zeros(size), Progress: func(n int64) { sent = n }})
		named(t, err, client.ErrBadRequest, grove.Forbidden)
		if !grove.HasReason(err, grove.ReasonUploadFailed) || sent > 0 {
			t.Errorf("%v after %d bytes", err, sent)
		}
		if err == nil || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("the error shows the signature: %v", err)
		}
	}
}

func TestABrokenUploadShowsNoSignature(t *testing.T) {
	t.Parallel()
	take := func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	for name, c := range map[string]struct {
		link func(string) string
		want string
	}{
		"nobody listens":   {func(string) string { return "http://127.0.0.1:1/u?Signature=topsecret" }, client.ErrNetwork},
		"not a URL":        {func(string) string { return "http://127.0.0.1:x/u?Signature=topsecret" }, client.ErrInvalidURL},
		"no host":          {func(string) string { return "/u?Signature=topsecret" }, client.ErrInvalidURL},
		"not a signed one": {func(string) string { return "" }, client.ErrInvalidURL},
	} {
		_, err := store(t, c.link, take).Upload(t.Context(), client.Upload{Name: "a.gcode", Size: 4, Body: strings.NewReader("G28\n")})
		if e, ok := errors.AsType[*client.Error](err); !ok || e.Name != c.want || strings.Contains(err.Error(), "topsecret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTheFileIsBlamedWhereItIsAtFault(t *testing.T) {
	t.Parallel()
	take := func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }
	for name, body := range map[string]string{"too short": "G28", "too long": "G28\nG29\n"} {
		_, err := store(t, signed, take).Upload(t.Context(), client.Upload{Name: "a.gcode", Size: 4, Body: strings.NewReader(body)})
		if !grove.HasReason(err, "wrong_size") {
			t.Errorf("%s: %v", name, err)
		}
	}
	broken := errors.New("the disk is gone")
	_, err := store(t, signed, take).Upload(t.Context(), client.Upload{Name: "a.gcode", Size: 4, Body: failing{broken}})
	if !errors.Is(err, broken) || errors.Is(err, grove.Unavailable) {
		t.Errorf("a file that can't be read: %v", err)
	}
}

// failing is a file on a broken disk.
type failing struct{ err error }

func (f failing) Read([]byte) (int, error)  { return 0, f.err }
func (f failing) Write([]byte) (int, error) { return 0, f.err }

// content answers a download.
func content(t *testing.T, promise, body string) *client.Client {
	t.Helper()
	return cloud(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept-Encoding") != "identity" {
			t.Error("a compressed answer has another digest")
		}
		if promise != "" {
			w.Header().Set("Digest", promise)
		}
		_, _ = io.WriteString(w, body)
	})
}

// gcode is a file, and digest what a server should promise of it.
const gcode = "G28\n"

func digest() string {
	sum := sha256.Sum256([]byte(gcode))
	return "sha-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

func TestADownloadIsHeldAgainstItsDigest(t *testing.T) {
	t.Parallel()
	for _, promise := range []string{digest(), "md5=AAAA, " + digest(), "SHA-256" + strings.TrimPrefix(digest(), "sha-256")} {
		var got bytes.Buffer
		n, err := content(t, promise, gcode).Download(t.Context(), "f_1", &got)
		if err != nil || got.String() != gcode || n != int64(len(gcode)) {
			t.Errorf("%s: %q %v", promise, got.String(), err)
		}
	}
	_, err := content(t, digest(), "G29\n").Download(t.Context(), "f_1", io.Discard)
	named(t, err, client.ErrChecksumMismatch, grove.Unavailable)
	for _, promise := range []string{"", "md5=AAAA", "sha-256=AAAA", "sha-256", "sha-256=!"} {
		var got bytes.Buffer
		_, err = content(t, promise, gcode).Download(t.Context(), "f_1", &got)
		named(t, err, client.ErrBadResponse, grove.Internal)
		if got.Len() != 0 {
			t.Errorf("%q: bytes that nothing vouches for were written", promise)
		}
	}
}

func TestADownloadThatBreaksIsNotWhole(t *testing.T) {
	t.Parallel()
	_, err := cloud(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Digest", digest())
		w.Header().Set("Content-Length", "4")
		_, _ = io.WriteString(w, "G2")
	}).Download(t.Context(), "f_1", io.Discard)
	named(t, err, client.ErrNetwork, grove.Unavailable)
	full := errors.New("no space left on device")
	_, err = content(t, digest(), gcode).Download(t.Context(), "f_1", failing{full})
	if !errors.Is(err, full) || errors.Is(err, grove.Unavailable) {
		t.Errorf("a disk that is full: %v", err)
	}
}
