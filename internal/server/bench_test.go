package server

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
)

// BenchmarkBind lists 20 printers over HTTP, in turn with a bare handler that
// writes the same bytes; ratio is the bare handler's time over ours.
func BenchmarkBind(b *testing.B) {
	c := testConfig(b)
	h := owned(b, c)
	for n := range 20 {
		serial := fmt.Sprintf("01P00A%09d", n+1)
		if _, err := h.client.Bind(b.Context(), cloudapi.BindRequest{DeviceID: serial, Model: "P1S", PlateClear: true}); err != nil {
			b.Fatal(err)
		}
	}
	const path = "/v1/iot-service/api/user/bind"
	token := string(h.client.Token())
	status, _, body := h.raw(http.MethodGet, path, token, "")
	if status != http.StatusOK || !strings.Contains(string(body), "01P00A000000020") {
		b.Fatalf("%d %s", status, body)
	}
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
	defer bare.Close()
	var ours, theirs time.Duration
	for b.Loop() {
		ours += timed(b, func() { get(b, h.info.HTTP+path, token) })
		theirs += timed(b, func() { get(b, bare.URL, token) })
	}
	b.ReportMetric(float64(ours.Nanoseconds())/float64(b.N), "ns/list")
	b.ReportMetric(float64(theirs)/float64(ours), "ratio")
}

func timed(b *testing.B, do func()) time.Duration {
	b.Helper()
	begin := time.Now()
	do()
	return time.Since(begin)
}

func get(b *testing.B, url, token string) {
	b.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, http.NoBody)
	if err != nil {
		b.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := web.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%d %v", res.StatusCode, err)
	}
}

// BenchmarkUpload puts 256 MiB over HTTP, in turn with a plain copy of the same
// bytes to a file with SHA-256 and fsync; ratio is the copy's time over ours. A
// STEP file is only received; G-code is also read through for its plates, times
// and temperatures before the answer.
func BenchmarkUpload(b *testing.B) {
	for _, name := range []string{"big.step", "big.gcode"} {
		b.Run(name, func(b *testing.B) { benchmarkUpload(b, name) })
	}
}

func benchmarkUpload(b *testing.B, name string) {
	b.Helper()
	const size = 256 << 20
	h := owned(b, testConfig(b))
	who, err := h.client.Preference(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	owner := grove.Actor{Kind: grove.ActorUser, UserID: who.UID}
	dir := b.TempDir()
	var ours, theirs time.Duration
	for b.Loop() {
		_, _, raw := h.raw(http.MethodPost, "/v1/iot-service/api/user/upload", string(h.client.Token()), `{"filename":"`+name+`"}`)
		var u cloudapi.Upload
		if err := json.Unmarshal(raw, &u); err != nil {
			b.Fatal(err)
		}
		ours += timed(b, func() { put(b, u.UploadURL, name, size) })
		theirs += timed(b, func() { plainCopy(b, filepath.Join(dir, "copy"), size) })
		if err := h.server.library.Delete(b.Context(), owner, u.FileID); err != nil {
			b.Fatal(err)
		}
	}
	b.SetBytes(size)
	b.ReportMetric(float64(ours.Milliseconds())/float64(b.N), "ms/upload")
	b.ReportMetric(float64(theirs)/float64(ours), "ratio")
}

func put(b *testing.B, url, name string, size int64) {
	b.Helper()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodPut, url, content(name, size))
	if err != nil {
		b.Fatal(err)
	}
	req.ContentLength = size
	res, err := web.Do(req)
	if err != nil {
		b.Fatal(err)
	}
	defer res.Body.Close()
	if out, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
		b.Fatalf("%d %s %v", res.StatusCode, out, err)
	}
}

func plainCopy(b *testing.B, path string, size int64) {
	b.Helper()
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	defer os.Remove(path)
	defer f.Close()
	if _, err := io.Copy(io.MultiWriter(f, sha256.New()), content(path, size)); err != nil {
		b.Fatal(err)
	}
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
}

// content is that many bytes of moves, after the first line that name's kind has.
func content(name string, size int64) io.Reader {
	first := "; moves\n"
	if strings.HasSuffix(name, ".step") {
		first = "ISO-10303-21;\n"
	}
	return io.LimitReader(io.MultiReader(strings.NewReader(first), moves{}), size)
}

type moves struct{}

const move = "G1 X10.000 Y10.000 E0.05000 F1800\n"

func (moves) Read(p []byte) (int, error) {
	n := 0
	for n+len(move) <= len(p) {
		n += copy(p[n:], move)
	}
	if n == 0 {
		n = copy(p, move)
	}
	return n, nil
}
