package rest_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/grovecloud/grove/internal/rest"
	"github.com/grovecloud/grove/internal/rest/resttest"
)

// clocked notes until when an answer may be written.
type clocked struct {
	*httptest.ResponseRecorder
	until time.Time
}

func (c *clocked) SetWriteDeadline(until time.Time) error {
	c.until = until
	return nil
}

func TestAFormThatTakesLongIsStillAnswered(t *testing.T) {
	t.Parallel()
	h := resttest.New(t, "off")
	w := &clocked{ResponseRecorder: httptest.NewRecorder()}
	take := func(_ context.Context, sent rest.Sent) (any, error) {
		if _, err := io.Copy(io.Discard, sent.File); err != nil {
			return nil, err
		}
		if !w.until.IsZero() {
			t.Errorf("the answer had to be there by %v, while the file was still arriving", w.until)
		}
		return rest.Empty{}, nil
	}
	rest.Handle(h.Router, rest.Op{
		Route: rest.Route{Method: http.MethodPost, Path: "/v1/form", Open: true, Form: &rest.Form{File: "file", Take: take}},
		Tag:   "t", Summary: "s",
	}, func(context.Context, *struct{}) (rest.Empty, error) { return rest.Empty{}, nil })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/form", strings.NewReader(
		"--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.3mf\"\r\n\r\nfile\r\n--b--\r\n"))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=b")
	h.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	if w.until.IsZero() {
		t.Error("whoever sent a form may take the answer for ever")
	}
}
