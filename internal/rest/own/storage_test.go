package own_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// shelf is a link that shows two files: one that breaks off.
type shelf struct{ *resttest.Line }

func (shelf) List(_ context.Context, dir string) ([]grove.StorageEntry, error) {
	switch dir {
	case "/":
		return []grove.StorageEntry{{Name: "timelapse", Path: "/timelapse", Folder: true}}, nil
	case "/timelapse":
		return nil, nil
	}
	return nil, grove.Errorf(grove.NotFound, "no_such_file", "there is no such folder")
}

func (shelf) Fetch(_ context.Context, path string, w io.Writer) error {
	switch path {
	case "/empty":
		return nil
	case "/a b.mp4":
		_, err := io.WriteString(w, "film")
		return err
	case "/half.mp4":
		_, err := io.WriteString(w, "fi")
		return errors.Join(err, grove.Errorf(grove.Unavailable, "storage_unreachable", "it broke off"))
	}
	return grove.Errorf(grove.NotFound, "no_such_file", "there is no such file")
}

// emptied is a shelf of which files can be taken, whose paths it keeps.
type emptied struct {
	shelf

	gone *[]string
}

func (e emptied) Drop(_ context.Context, path string) error {
	*e.gone = append(*e.gone, path)
	return nil
}

// A file on a printer's storage is deleted by its owner alone, and not while it may be
// the one that is printed.
func TestAPrintersOwnFileIsDeleted(t *testing.T) {
	t.Parallel()
	h, line := bound(t)
	path := service + "/printers/" + serial + "/files"
	resttest.Refused(t, h, 409, 409, "DELETE", path+"?path=/a.mp4", "") // MQTT alone
	var gone []string
	h.Fleet.Attach(serial, emptied{shelf{line}, &gone})
	h.Fleet.Observe(serial, []byte(resttest.Versions))
	h.Fleet.Observe(serial, []byte(strings.ReplaceAll(resttest.Report, `"IDLE"`, `"RUNNING"`)))
	resttest.Refused(t, h, 409, 409, "DELETE", path+"?path=/a.mp4", "")
	h.Fleet.Observe(serial, []byte(resttest.Report))
	for _, p := range []string{path, path + "?path=/"} {
		if w := h.Ask("DELETE", p, ""); w.Code != 422 && w.Code != 400 {
			t.Errorf("%s: %d %s", p, w.Code, w.Body)
		}
	}
	stranger := h.SignIn(t, "bob@grove.local", grove.Operator)
	if w := h.Ask("DELETE", path+"?path=/a.mp4", "", "Authorization", "Bearer "+stranger); w.Code != 404 && w.Code != 403 {
		t.Errorf("a stranger is answered %d %s", w.Code, w.Body)
	}
	if len(gone) > 0 {
		t.Errorf("%q are deleted", gone)
	}
	if w := h.Ask("DELETE", path+"?path=/a.mp4", ""); w.Code != 200 {
		t.Errorf("deleting answers %d %s", w.Code, w.Body)
	}
	if diff := cmp.Diff([]string{"/a.mp4"}, gone); diff != "" {
		t.Error(diff)
	}
}

func TestAPrintersOwnFilesAreListedAndFetched(t *testing.T) {
	t.Parallel()
	h, line := bound(t)
	path := service + "/printers/" + serial + "/files"
	for _, p := range []string{path, path + "/content?path=/x"} { // MQTT alone
		resttest.Refused(t, h, 409, 409, "GET", p, "")
	}
	h.Fleet.Attach(serial, shelf{line})
	got := ask[[]grove.StorageEntry](t, h, 200, "GET", "/printers/"+serial+"/files", "")
	if diff := cmp.Diff([]grove.StorageEntry{{Name: "timelapse", Path: "/timelapse", Folder: true}}, got); diff != "" {
		t.Error(diff)
	}
	if w := h.Ask("GET", path+"?path=/timelapse", ""); w.Code != 200 || !strings.Contains(w.Body.String(), `"data":[]`) {
		t.Errorf("an empty folder: %d %s", w.Code, w.Body)
	}
	resttest.Refused(t, h, 404, 404, "GET", path+"?path=/nowhere", "")
	resttest.Refused(t, h, 404, 404, "GET", path+"/content?path=/nothing", "")
	for file, want := range map[string]string{"a%20b.mp4": "film", "empty": ""} {
		w := h.Ask("GET", path+"/content?path=/"+file, "")
		if w.Code != 200 || w.Body.String() != want || w.Header().Get("Content-Security-Policy") == "" ||
			!strings.HasPrefix(w.Header().Get("Content-Disposition"), "attachment; filename=") {
			t.Errorf("%s: %d %q %v", file, w.Code, w.Body, w.Header())
		}
	}
	stranger := h.SignIn(t, "bob@grove.local", grove.Operator)
	for _, p := range []string{path, path + "/content?path=/empty"} {
		if w := h.Ask("GET", p, "", "Authorization", "Bearer "+stranger); w.Code != 404 && w.Code != 403 {
			t.Errorf("a stranger is answered %d %s", w.Code, w.Body)
		}
	}
}

func TestHalfAFileNeverLooksLikeAWhole(t *testing.T) {
	t.Parallel()
	h, line := bound(t)
	h.Fleet.Attach(serial, shelf{line})
	server := httptest.NewServer(h)
	defer server.Close()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("%s%s/printers/%s/files/content?path=/half.mp4", server.URL, service, serial), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+h.Token)
	res, err := server.Client().Do(req)
	if err != nil {
		return // cut before the answer began
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("read %q to its end", b)
	}
}

// endless is a link with a film that never ends, and one of which no byte comes.
type endless struct {
	*resttest.Line

	began, over chan struct{}
}

func (endless) List(context.Context, string) ([]grove.StorageEntry, error) { return nil, nil }

func (e endless) Fetch(ctx context.Context, path string, w io.Writer) error {
	defer close(e.over)
	_, err := io.WriteString(w, "film")
	close(e.began)
	for path != "/still" && err == nil {
		_, err = w.Write(make([]byte, 64<<10))
	}
	<-ctx.Done()
	return context.Cause(ctx)
}

func TestADownloadEndsWithTheRightToIt(t *testing.T) {
	t.Parallel()
	for name, act := range map[string]struct {
		path string
		do   func(t *testing.T, h *resttest.House, keyID string)
		key  bool
	}{
		"logout while nobody reads":  {path: "/long", do: logout},
		"logout while nothing comes": {path: "/still", do: logout},
		"key revoked": {path: "/long", key: true, do: func(t *testing.T, h *resttest.House, keyID string) {
			ask[struct{}](t, h, 200, "DELETE", "/keys/"+keyID, "")
		}},
		"printer given up": {path: "/still", do: func(t *testing.T, h *resttest.House, _ string) {
			if w := h.Ask("DELETE", "/v1/iot-service/api/user/bind?dev_id="+serial, ""); w.Code != 200 {
				t.Errorf("unbind: %d %s", w.Code, w.Body)
			}
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, line := bound(t)
			token, keyID := h.Token, ""
			if act.key {
				made := ask[cloudapi.KeyCreated](t, h, 201, "POST", "/keys", `{"name":"x","scopes":["printer:read","file:read"],"all_printers":true}`)
				token, keyID = string(made.Secret), made.ID
			}
			link := endless{line, make(chan struct{}), make(chan struct{})}
			h.Fleet.Attach(serial, link)
			server := httptest.NewServer(h)
			defer server.Close()
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+service+"/printers/"+serial+"/files/content?path="+act.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			got := make(chan error, 1)
			go func() {
				res, err := server.Client().Do(req)
				if err == nil {
					<-link.over
					_, err = io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
				got <- err
			}()
			<-link.began
			act.do(t, h, keyID)
			began := time.Now()
			<-link.over // else the test never ends
			t.Logf("over after %v", time.Since(began))
			if err := <-got; err == nil {
				t.Error("half a file looks like a whole one")
			}
		})
	}
}

func logout(t *testing.T, h *resttest.House, _ string) {
	t.Helper()
	if w := h.Ask("POST", "/v1/user-service/my/logout", "{}"); w.Code != 200 {
		t.Errorf("logout: %d %s", w.Code, w.Body)
	}
}
