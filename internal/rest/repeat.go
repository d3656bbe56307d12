package rest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
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
	// SameRequest reports whether what was found is the request of this hash.
	SameRequest(found grove.Repeat, request string) bool
	EndRepeat(ctx context.Context, r grove.Repeat) error
	DropRepeat(ctx context.Context, r grove.Repeat) error
}

const (
	repeatHeader = "Idempotency-Key"
	replayHeader = "Idempotency-Replayed"
	maxRepeatKey = 255
)

// doneWithin is how long a request with a key may take once it was read.
const doneWithin = time.Minute

// errTooLong ends a request with a key that takes longer.
var errTooLong = errors.New("the request took too long")

// keyed is a request with a key on its way.
type keyed struct {
	*Router

	route Route
	wish  grove.Repeat
	form  bool
}

// isKeyed reports whether a request is one to be done once.
func isKeyed(route Route, r *http.Request) bool {
	return r.Method == http.MethodPost && route.keyed() && len(r.Header.Values(repeatHeader)) > 0
}

// once does a POST with an Idempotency-Key once: sent again, its answer is given
// again. A refusal is forgotten, since nothing was done. Whoever asked may leave
// meanwhile: that is what the key is for.
func (rt *Router) once(w http.ResponseWriter, r *http.Request, route Route, next http.Handler) {
	k := &keyed{Router: rt, route: route, form: route.Form != nil && isForm(r)}
	if err := k.read(r); err != nil {
		rt.fail(w, r, err)
		return
	}
	if route.Open && k.wish.Holder == "" { // it will be refused for that
		next.ServeHTTP(w, r)
		return
	}
	if route.Open { // to remember a key is work that a stranger would have done here
		if err := countSource(r.Context()); err != nil {
			rt.fail(w, r, err)
			return
		}
	}
	ctx, end := context.WithCancelCause(context.WithoutCancel(r.Context()))
	defer end(nil)
	late := time.AfterFunc(doneWithin, func() { end(errTooLong) })
	defer late.Stop()
	if k.form { // how long a file takes is its sender's affair
		late.Stop()
		callOf(ctx).formRead = func(sum string) {
			k.wish.Request = sum
			late.Reset(doneWithin)
		}
	}
	r = r.WithContext(ctx)
	rt.doing.Store(k.wish.Process, true)
	defer rt.doing.Delete(k.wish.Process)
	found, mine, err := k.begin(ctx)
	switch {
	case err != nil:
		rt.fail(w, r, err)
	case mine:
		k.record(w, r, next)
	default:
		k.replay(w, r, found)
	}
}

// read makes the wish of a request. What a form asks is known once it was read.
func (k *keyed) read(r *http.Request) error {
	key, err := repeatKey(r)
	if err != nil {
		return err
	}
	actor := Actor(r.Context())
	if actor.Kind == grove.ActorKey {
		key = actor.SessionID + " " + key // what a person was told is not for every program of theirs
	}
	k.wish = grove.Repeat{UserID: actor.UserID, Key: key, Process: rand.Text(), At: time.Now().UTC()}
	if k.form {
		return nil
	}
	var body []byte
	if r.Body != nil { // the gate has read it already
		if body, err = io.ReadAll(r.Body); err != nil {
			return err
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	if k.route.Open {
		k.wish.Holder = holder(k.route, r, body)
	}
	h := sha256.New()
	writeAddress(h, r)
	h.Write(body)
	k.wish.Request = hex.EncodeToString(h.Sum(nil))
	return nil
}

// holder is what somebody without an account shows; empty where a part is missing.
func holder(route Route, r *http.Request, body []byte) string {
	var fields map[string]json.RawMessage
	_ = json.Unmarshal(body, &fields) // what is no object has no fields
	shown := []string{route.Path}
	for _, name := range route.KeyedBy {
		value := r.PathValue(name)
		if value == "" {
			value = string(fields[name])
		}
		if value == "" {
			return ""
		}
		shown = append(shown, value)
	}
	return strings.Join(shown, "\x00")
}

// writeAddress writes what of a request is not its body.
func writeAddress(w io.Writer, r *http.Request) {
	for _, part := range []string{r.Method, r.URL.Path, r.URL.RawQuery} {
		_, _ = io.WriteString(w, part+"\x00") // a hash takes everything
	}
}

// begin remembers the wish, or finds it. Who was at it when it was found may have
// come to an end since, and is looked at once more then.
func (k *keyed) begin(ctx context.Context) (found grove.Repeat, mine bool, err error) {
	found, mine, err = k.Repeats.BeginRepeat(ctx, k.wish)
	if err != nil || mine || found.Status != 0 || k.isDoing(found) {
		return found, mine, err
	}
	return k.Repeats.BeginRepeat(ctx, k.wish)
}

func (k *keyed) isDoing(found grove.Repeat) bool {
	_, doing := k.doing.Load(found.Process)
	return doing
}

// record lets the request be done, keeps the answer, and then tells it.
func (k *keyed) record(w http.ResponseWriter, r *http.Request, next http.Handler) {
	a := &keptAnswer{ResponseWriter: w, status: http.StatusOK}
	next.ServeHTTP(a, r)
	ctx := context.WithoutCancel(r.Context()) // also after its time
	var err error
	switch {
	case a.status < http.StatusBadRequest:
		k.wish.Status, k.wish.Answer = a.status, a.body.Bytes()
		err = k.Repeats.EndRepeat(ctx, k.wish)
	case a.status != http.StatusInternalServerError: // after that nobody knows
		err = k.Repeats.DropRepeat(ctx, k.wish)
	}
	if err != nil {
		k.Log.Error("answer not kept for its key", slog.String("request", RequestID(ctx)), slog.Any("error", err))
	}
	a.send()
}

func (k *keyed) replay(w http.ResponseWriter, r *http.Request, found grove.Repeat) {
	if k.form && found.Status != 0 {
		if err := k.readFormAgain(w, r); err != nil {
			k.fail(w, r, err)
			return
		}
	}
	same := k.Repeats.SameRequest(found, k.wish.Request)
	switch {
	case !same && (!k.form || found.Status != 0): // else nobody knows yet what that form asks
		k.fail(w, r, grove.Errorf(grove.Invalid, grove.ReasonRepeatDiffers,
			"this %s was used for another request in the last 48 hours; a new wish needs a new key", repeatHeader))
	case found.Status != 0:
		h := w.Header()
		h.Set(replayHeader, "true")
		if len(found.Answer) > 0 {
			h.Set("Content-Type", "application/json")
		}
		w.WriteHeader(found.Status)
		_, _ = w.Write(found.Answer) // a client that has left is no error of ours
	case k.isDoing(found):
		k.fail(w, r, &grove.Error{
			Code: grove.Conflict, Reason: "repeat_running", RetryAfter: time.Second,
			Message: "the request of this key is being done at this moment; ask again in a second for its answer",
		})
	default:
		k.fail(w, r, grove.Errorf(grove.Conflict, "repeat_unsure",
			"the server stopped or failed while it did the request of this key, so nobody knows whether it was done; look, and if it was not, send it with a new key"))
	}
}

// readFormAgain reads a form only to see what is asked.
func (k *keyed) readFormAgain(w http.ResponseWriter, r *http.Request) error {
	again := *k.route.Form
	again.Take = func(_ context.Context, sent Sent) (any, error) {
		_, err := io.Copy(io.Discard, sent.File)
		return nil, err
	}
	_, err := k.readForm(&again, w, r)
	return err
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

// keptAnswer holds an answer back until it is kept.
type keptAnswer struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader keeps the status.
func (a *keptAnswer) WriteHeader(status int) { a.status = status }

// Write keeps the body.
func (a *keptAnswer) Write(b []byte) (int, error) { return a.body.Write(b) }

// send tells the answer.
func (a *keptAnswer) send() {
	a.ResponseWriter.WriteHeader(a.status)
	_, _ = a.ResponseWriter.Write(a.body.Bytes()) // a client that has left is no error of ours
}

// Unwrap is for http.ResponseController.
func (a *keptAnswer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
