package rest_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// Whoever has a link could send one byte at a time, and each part is synced.
func TestWhatIsSentToOneUploadLinkIsCounted(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "parts=3/h")
	link := func() *url.URL {
		made := resttest.Call[cloudapi.Upload](t, h, 200, "POST", "/v1/iot-service/api/user/upload", `{"filename":"a.gcode","size":1000}`)
		u, err := url.Parse(made.UploadURL)
		if err != nil {
			t.Fatal(err)
		}
		return u
	}
	put := func(u *url.URL, offset, body string) int {
		w := h.Ask("PUT", u.RequestURI(), body, "Authorization", "", "Upload-Offset", offset)
		if w.Code == 429 && (w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), "parts of this upload")) {
			t.Errorf("%v %s", w.Header(), w.Body)
		}
		return w.Code
	}
	u := link()
	forged := *u
	forged.RawQuery = strings.Replace(u.RawQuery, "Signature=", "Signature=00", 1)
	for range 4 { // a stranger takes nothing from whoever has the link
		if got := put(&forged, "0", "G"); got != 403 {
			t.Fatalf("a forged link: %d", got)
		}
	}
	for i, offset := range []string{"0", "1"} {
		if got := put(u, offset, "G"); got != 200 {
			t.Fatalf("part %d: %d", i+1, got)
		}
	}
	if w := h.Ask("GET", u.RequestURI(), "", "Authorization", ""); w.Code != 200 {
		t.Fatalf("how much is here: %d %s", w.Code, w.Body)
	}
	loud := *u
	sig := u.Query()
	sig.Set("Signature", strings.ToUpper(sig.Get("Signature")))
	loud.RawQuery = sig.Encode()
	for name, same := range map[string]*url.URL{"once more": u, "in capitals": &loud} {
		if got := put(same, "2", "G"); got != 429 {
			t.Errorf("%s: %d", name, got)
		}
		if w := h.Ask("GET", same.RequestURI(), "", "Authorization", ""); w.Code != 429 {
			t.Errorf("asked %s: %d", name, w.Code)
		}
	}
	if got := put(link(), "0", "G"); got != 200 {
		t.Errorf("another upload: %d", got)
	}
}
