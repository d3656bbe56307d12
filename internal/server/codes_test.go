package server

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/client"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/sim"
	"github.com/grovecloud/grove/printfile/sample"
)

// raw sends a request as a client that knows nothing of Grove would.
func (h *house) raw(method, path, token, body string) (int, cloudapi.Error, []byte) {
	h.t.Helper()
	url := path
	if !strings.HasPrefix(url, "http") {
		url = h.info.HTTP + path
	}
	req, err := http.NewRequestWithContext(context.Background(), method, url, strings.NewReader(body))
	if err != nil {
		h.t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if strings.HasPrefix(body, "{") {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := web.Do(req)
	if err != nil {
		h.t.Fatal(err)
	}
	defer res.Body.Close()
	out, err := io.ReadAll(res.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	var e cloudapi.Error
	_ = json.Unmarshal(out, &e) // successes are read by the caller
	return res.StatusCode, e, out
}

// Each application code of the specification has a cause that a client can
// bring about.
func TestEachApplicationCodeHasARealCause(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	token := string(h.client.Token())
	const far = "01P00A000000009"
	if _, err := h.client.Bind(t.Context(), cloudapi.BindRequest{DeviceID: far, DeviceName: "Far", Model: "P1S", PlateClear: true}); err != nil {
		t.Fatal(err)
	}
	h.printer(func(c *sim.Config) { c.Speed = 1 })
	h.connected(bench)
	file := h.upload()
	stl := h.put(t, "part.stl", sample.STL())

	revoked := h.newClient("")
	if _, err := revoked.Login(t.Context(), ownerEmail, ownerPassword); err != nil {
		t.Fatal(err)
	}
	ended := string(revoked.Token())
	if err := revoked.Logout(t.Context()); err != nil {
		t.Fatal(err)
	}

	const bind, printing = "/v1/iot-service/api/user/bind", "/v1/iot-service/api/user/print"
	for _, c := range []struct {
		name, method, path, token, body string
		status, code                    int
		tokenOf                         string
	}{
		{"a token that is no token", http.MethodGet, bind, "nonsense", "", 401, 1001, "TOKEN_INVALID"},
		{"a session that was ended", http.MethodGet, bind, ended, "", 401, 1001, "TOKEN_INVALID"},
		{"no credential at all", http.MethodGet, bind, "", "", 401, 401, "UNAUTHORIZED"},
		{"a printer nobody bound", http.MethodGet, "/v1/iot-service/api/user/device/info?device_id=01P00A000000077", token, "", 404, 1003, "DEVICE_NOT_FOUND"},
		{"a print on a printer that is off", http.MethodPost, printing, token, `{"device_id":"` + far + `","file_id":"` + file.FileID + `"}`, 409, 1004, "DEVICE_OFFLINE"},
		{"a command to a printer that is off", http.MethodPost, "/v1/grove-service/printers/" + far + "/commands", token, `{"print":{"command":"pause"}}`, 409, 1004, "DEVICE_OFFLINE"},
		{"a print of what is not sliced", http.MethodPost, printing, token, `{"device_id":"` + bench + `","file_id":"` + stl.FileID + `"}`, 422, 1005, "PRINT_JOB_FAILED"},
		{"an upload of another kind", http.MethodPost, "/v1/iot-service/api/user/upload", token, `{"filename":"virus.exe","size":4}`, 422, 1006, "FILE_UPLOAD_FAILED"},
	} {
		status, e, raw := h.raw(c.method, c.path, c.token, c.body)
		if status != c.status || e.Code != c.code || e.Name != c.tokenOf {
			t.Errorf("%s: %d %s, want %d with code %d %s", c.name, status, raw, c.status, c.code, c.tokenOf)
		}
		if e.Details.Reason == "" || e.Details.RequestID == "" || e.Message == "" {
			t.Errorf("%s: no reason, message or request id in %s", c.name, raw)
		}
	}
}

// An expired token is 1002. The one here was issued for a second.
func TestATokenThatRanOutIs1002(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.tokenLife = time.Second
	h := start(t, c)
	h.client = h.newClient("")
	in := cloudapi.SetupRequest{Code: h.info.SetupCode, Email: ownerEmail, Password: ownerPassword, Name: "Owner"}
	if _, err := h.client.Setup(t.Context(), in); err != nil {
		t.Fatal(err)
	}
	if _, err := h.client.Login(t.Context(), ownerEmail, ownerPassword); err != nil {
		t.Fatal(err)
	}
	var e cloudapi.Error
	var status int
	until(t, "the token has run out", func() bool {
		status, e, _ = h.raw(http.MethodGet, "/v1/iot-service/api/user/bind", string(h.client.Token()), "")
		return status != http.StatusOK
	})
	if status != 401 || e.Code != 1002 || e.Name != "TOKEN_EXPIRED" {
		t.Errorf("%d %+v", status, e)
	}
}

// put uploads by the documented flow with plain requests.
func (h *house) put(t *testing.T, name string, body []byte) cloudapi.FileItem {
	t.Helper()
	_, _, raw := h.raw(http.MethodPost, "/v1/iot-service/api/user/upload", string(h.client.Token()), `{"filename":"`+name+`"}`)
	var ticket cloudapi.Upload
	if err := json.Unmarshal(raw, &ticket); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	if status, _, out := h.raw(http.MethodPut, ticket.UploadURL, "", string(body)); status != http.StatusOK {
		t.Fatalf("PUT: %d %s", status, out)
	}
	_, _, raw = h.raw(http.MethodPost, "/v1/iot-service/api/user/upload/confirm", string(h.client.Token()), `{"file_id":"`+ticket.FileID+`"}`)
	var done cloudapi.Confirmed
	if err := json.Unmarshal(raw, &done); err != nil {
		t.Fatalf("%s: %v", raw, err)
	}
	return done.Data
}

// What can go wrong with an upload goes wrong in its own way, over HTTP.
func TestEachBrokenUploadHasItsOwnOutcome(t *testing.T) {
	t.Parallel()
	h := owned(t, testConfig(t))
	token := string(h.client.Token())
	good := sample.ThreeMF(sample.Model("C12"), sample.Layers(5))
	sum := md5.Sum(good)
	ask := func(body string) cloudapi.Upload {
		_, _, raw := h.raw(http.MethodPost, "/v1/iot-service/api/user/upload", token, body)
		var u cloudapi.Upload
		if err := json.Unmarshal(raw, &u); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		return u
	}
	sized := ask(`{"filename":"a.gcode.3mf","size":5}`)
	if status, e, _ := h.raw(http.MethodPut, sized.UploadURL, "", string(good)); status != 400 && status != 413 {
		t.Errorf("wrong size: %d %+v", status, e)
	}
	hashed := ask(`{"filename":"a.gcode.3mf","md5":"` + strings.Repeat("0", 32) + `"}`)
	if status, e, _ := h.raw(http.MethodPut, hashed.UploadURL, "", string(good)); status != 400 {
		t.Errorf("wrong hash: %d %+v", status, e)
	}
	right := ask(`{"filename":"a.gcode.3mf","md5":"` + hex.EncodeToString(sum[:]) + `"}`)
	altered := strings.Replace(right.UploadURL, "Expires=1", "Expires=2", 1)
	if status, e, _ := h.raw(http.MethodPut, altered, "", string(good)); status != 403 {
		t.Errorf("altered link: %d %+v", status, e)
	}
	if status, _, raw := h.raw(http.MethodPut, right.UploadURL, "", string(good)); status != 200 || len(raw) != 0 {
		t.Errorf("the good upload: %d %s", status, raw)
	}
	if status, e, _ := h.raw(http.MethodPut, right.UploadURL, "", string(good)); status != 409 {
		t.Errorf("a second PUT: %d %+v", status, e)
	}
	wrong := ask(`{"filename":"a.gcode.3mf"}`)
	if status, e, _ := h.raw(http.MethodPut, wrong.UploadURL, "", "this is no zip"); status != 422 || e.Code != 1006 {
		t.Errorf("content that does not fit its name: %d %+v", status, e)
	}
	list, err := h.client.Files(t.Context(), client.FileQuery{}, grove.Page{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("stored files %+v %v", list.Items, err)
	}
}

func TestAnUploadWithoutSpaceIs507(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.MinFree = 1 << 60
	h := owned(t, c)
	status, _, raw := h.raw(http.MethodPost, "/v1/iot-service/api/user/upload", string(h.client.Token()), `{"filename":"a.gcode"}`)
	var u cloudapi.Upload
	if json.Unmarshal(raw, &u) == nil && status == http.StatusOK {
		status, _, raw = h.raw(http.MethodPut, u.UploadURL, "", "G28\n")
	}
	if status != http.StatusInsufficientStorage || !bytes.Contains(raw, []byte("507")) {
		t.Errorf("%d %s", status, raw)
	}
}

func TestAFileBeyondTheQuotaIs413(t *testing.T) {
	t.Parallel()
	c := testConfig(t)
	c.Quota = 10
	h := owned(t, c)
	status, e, _ := h.raw(http.MethodPost, "/v1/iot-service/api/user/upload", string(h.client.Token()), `{"filename":"a.gcode","size":11}`)
	if status != http.StatusRequestEntityTooLarge || e.Code != cloudapi.CodeUploadFailed || !strings.Contains(e.Details.Reason, "10 bytes") {
		t.Errorf("%d %+v", status, e)
	}
}

// A server killed in the middle of an upload keeps nothing of it, and the PUT
// may be repeated to its successor.
func TestAServerKilledDuringAnUploadKeepsNothingOfIt(t *testing.T) {
	t.Parallel()
	ready := prepare(t)
	first := startChild(t, ready.data, 0)
	first.signIn()
	_, _, raw := first.raw(http.MethodPost, "/v1/iot-service/api/user/upload", string(first.client.Token()), `{"filename":"big.gcode"}`)
	var u cloudapi.Upload
	if err := json.Unmarshal(raw, &u); err != nil {
		t.Fatal(err)
	}
	half, feed := io.Pipe()
	sent := make(chan struct{})
	go func() {
		noise := bytes.Repeat([]byte("; "+rand.Text()+"\n"), 1<<15)
		_, _ = feed.Write(noise)
		close(sent)
	}()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, u.UploadURL, half)
	if err != nil {
		t.Fatal(err)
	}
	failed := make(chan error, 1)
	go func() {
		res, err := web.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		failed <- err
	}()
	<-sent
	if err := first.process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-first.dead
	_ = feed.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-failed; err == nil {
		t.Error("the upload to a dead server succeeded")
	}
	second := startChild(t, ready.data, 0)
	second.signIn()
	list, err := second.client.Files(t.Context(), client.FileQuery{}, grove.Page{})
	if err != nil || len(list.Items) != 1 {
		t.Errorf("files after the crash: %+v %v", list.Items, err)
	}
	again := strings.Replace(u.UploadURL, first.info.HTTP, second.info.HTTP, 1)
	if status, e, _ := second.raw(http.MethodPut, again, "", "G28 ; home\nG1 X10\n"); status != 200 {
		t.Errorf("the repeated PUT: %d %+v", status, e)
	}
	var kept []string
	err = filepath.WalkDir(filepath.Join(ready.data, "files"), func(path string, d os.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			kept = append(kept, path)
		}
		return err
	})
	if err != nil || len(kept) > 3 {
		t.Errorf("on disk: %v %v", kept, err)
	}
}
