package rest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/grovecloud/grove"
)

// Repeats remembers requests that may be sent twice and are done once.
type Repeats interface {
	// BeginRepeat remembers a request; mine is false when one of that user and key
	// is remembered already, which is given then.
	BeginRepeat(ctx context.Context, r grove.Repeat) (found grove.Repeat, mine bool, err error)
	EndRepeat(ctx context.Context, r grove.Repeat) error
	DropRepeat(ctx context.Context, userID int64, key string) error
}

const (
	repeatHeader = "Idempotency-Key"
	replayHeader = "Idempotency-Replayed"
	maxRepeatKey = 255
)

// once does a POST with an Idempotency-Key once: sent again, its answer is given
// again. A refusal is forgotten, since nothing was done.
func (rt *Router) once(w http.ResponseWriter, r *http.Request, next http.Handler) {
	key, err := repeatKey(r)
	if err != nil {
		rt.fail(w, r, err)
		return
	}
	request, err := hashOf(r)
	if err != nil {
		rt.fail(w, r, err)
		return
	}
	if actor := Actor(r.Context()); actor.Kind == grove.ActorKey {
		key = actor.SessionID + " " + key // what a person was told is not for every program of theirs
	}
	wish := grove.Repeat{UserID: Actor(r.Context()).UserID, Key: key, Request: request, Process: rt.process, At: time.Now().UTC()}
	found, mine, err := rt.Repeats.BeginRepeat(r.Context(), wish)
	switch {
	case err != nil:
		rt.fail(w, r, err)
	case mine:
		rt.record(w, r, next, wish)
	default:
		rt.replay(w, r, found, request)
	}
}

// record lets the request be done and keeps the answer. It is kept even if whoever
// asked has gone: that is what the key is for.
func (rt *Router) record(w http.ResponseWriter, r *http.Request, next http.Handler, wish grove.Repeat) {
	ctx := context.WithoutCancel(r.Context())
	a := &keptAnswer{ResponseWriter: w, status: http.StatusOK}
	next.ServeHTTP(a, r)
	var err error
	switch {
	case a.status < http.StatusBadRequest:
		wish.Status, wish.Answer = a.status, a.body.Bytes()
		err = rt.Repeats.EndRepeat(ctx, wish)
	case a.status != http.StatusInternalServerError: // after that nobody knows
		err = rt.Repeats.DropRepeat(ctx, wish.UserID, wish.Key)
	}
	if err != nil {
		rt.Log.Error("answer not kept for its key", slog.String("request", RequestID(ctx)), slog.Any("error", err))
	}
}

func (rt *Router) replay(w http.ResponseWriter, r *http.Request, found grove.Repeat, request string) {
	switch {
	case found.Request != request:
		rt.fail(w, r, grove.Errorf(grove.Invalid, grove.ReasonRepeatDiffers,
			"this %s was used for another request in the last 48 hours; a new wish needs a new key", repeatHeader))
	case found.Status != 0:
		h := w.Header()
		h.Set(replayHeader, "true")
		h.Set("Content-Type", "application/json")
		w.WriteHeader(found.Status)
		_, _ = w.Write(found.Answer) // a client that has left is no error of ours
	case found.Process == rt.process:
		rt.fail(w, r, &grove.Error{
			Code: grove.Conflict, Reason: "repeat_running", RetryAfter: time.Second,
			Message: "the request of this key is being done at this moment; ask again in a second for its answer",
		})
	default:
		rt.fail(w, r, grove.Errorf(grove.Conflict, "repeat_unsure",
			"the server stopped while it did the request of this key, so nobody knows whether it was done; look, and if it was not, send it with a new key"))
	}
}

func repeatKey(r *http.Request) (string, error) {
	keys := r.Header.Values(repeatHeader)
	if len(keys) != 1 || keys[0] == "" || len(keys[0]) > maxRepeatKey || strings.ContainsFunc(keys[0], unseen) {
		return "", grove.Errorf(grove.Invalid, "bad_repeat_key", "%s must be there once, with 1 to %d characters of ASCII", repeatHeader, maxRepeatKey)
	}
	return keys[0], nil
}

// unseen reports whether a character is none of ASCII that can be seen. Databases
// take not all others, and would take some of them for each other.
func unseen(r rune) bool { return r < ' ' || r > '~' }

// hashOf is what makes two requests the same. The gate has read the body already.
func hashOf(r *http.Request) (string, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return "", err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	h := sha256.New()
	for _, part := range []string{r.Method, r.URL.Path, r.URL.RawQuery} {
		h.Write([]byte(part + "\x00"))
	}
	h.Write(body)
	return hex.EncodeToString(h.Sum(nil)), nil
}

// keptAnswer keeps what it passes on.
type keptAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (a *keptAnswer) WriteHeader(status int) {
	a.status = status
	a.ResponseWriter.WriteHeader(status)
}

// Write keeps the body.
func (a *keptAnswer) Write(b []byte) (int, error) {
	a.body.Write(b)
	return a.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (a *keptAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
