package rest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/library"
)

// wireError is embedded by this name, because failure needs the method Error.
type wireError = cloudapi.Error

// failure is an error on its way out of a huma handler: the envelope with the
// status and headers that belong to it.
type failure struct {
	wireError
	status int
	header http.Header
	words  string // the whole answer as text, instead of the envelope
}

func (f *failure) Error() string { return f.Message }

// inWords is an error that is answered as text.
type inWords struct{ error }

func (w inWords) Unwrap() error { return w.error }

// InWords has an error answered as the plain text of its message, where the
// vendor's cloud does so.
func InWords(err error) error { return inWords{err} }

// GetStatus is for huma.
func (f *failure) GetStatus() int { return f.status }

// GetHeaders is for huma.
func (f *failure) GetHeaders() http.Header { return f.header }

// failed turns any error into the answer that tells it, and keeps it for the log.
func failed(ctx context.Context, err error) *failure {
	c := callOf(ctx)
	if hasLeft(ctx, err) {
		err = &grove.Error{Code: grove.Invalid, Reason: "client_left", Message: "the request was given up by who sent it", Err: err}
	}
	if err != nil {
		c.err = err
	}
	status, body := cloudapi.ToWire(err, c.id)
	f := &failure{wireError: body, status: status, header: http.Header{}}
	if spoken := (inWords{}); errors.As(err, &spoken) {
		f.words = body.Details.Reason
	}
	if body.Details.RetryAfter > 0 {
		f.header.Set("Retry-After", strconv.Itoa(body.Details.RetryAfter))
	}
	if status == http.StatusUnauthorized {
		f.header.Set("WWW-Authenticate", `Bearer realm="grove"`)
	}
	return f
}

// hasLeft reports whether a request failed since its client went away. A driver
// may tell that in its own words.
func hasLeft(ctx context.Context, err error) bool {
	if err == nil || !errors.Is(context.Cause(ctx), context.Canceled) {
		return false
	}
	return errors.Is(err, context.Canceled) || grove.AsError(err).Code == grove.Internal
}

// fail answers with an error outside of huma.
func (rt *Router) fail(w http.ResponseWriter, r *http.Request, err error) {
	if !grove.HasReason(err, reasonUnread) && !grove.HasReason(err, library.ReasonUploadBroken) {
		throwAway(w, r)
	}
	f := failed(r.Context(), err)
	maps.Copy(w.Header(), f.header)
	writeJSON(w, f.status, f)
}

// maxThrown is how much is read of what is refused.
const maxThrown = 16 << 20

// throwAway reads what is left of a body before the request is refused. Most clients
// look for an answer only once they have sent everything, and would else be told of a
// broken line. Those that ask before they send need not send, and those that send very
// much must look.
func throwAway(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.ContentLength == 0 || r.ContentLength > maxThrown || r.ProtoMajor > 1 || r.Header.Get("Expect") != "" {
		return
	}
	line := http.NewResponseController(w)
	timed := line.SetReadDeadline(time.Now().Add(bodyWithin)) == nil
	_, _ = io.CopyN(io.Discard, r.Body, maxThrown) // refused in any case
	if timed {
		_ = line.SetReadDeadline(time.Time{}) // a line that is gone needs none
	}
}

// writeJSON answers with a value that always can be encoded. A client that has
// left is no error of ours.
func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n'))
}

// retell puts what huma found wrong with a request into our envelope. Huma's own
// status 422 becomes 400, see [plainStatus].
func retell(ctx huma.Context, status string, v any) (any, error) {
	if f, ok := v.(*failure); ok && f.words != "" {
		ctx.SetHeader("Content-Type", "text/plain; charset=utf-8")
	}
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	ctx.SetHeader("Content-Type", "application/json")
	return failed(ctx.Context(), ofModel(status, model)), nil
}

// ofModel is the error that huma's words stand for. What a client sent is not
// repeated to it: it may be a password.
func ofModel(status string, model *huma.ErrorModel) error {
	if strings.HasPrefix(status, "5") {
		return fmt.Errorf("huma: %s", model.Detail)
	}
	e := &grove.Error{Code: grove.Invalid, Reason: "bad_request", Message: model.Detail, Fields: map[string]string{}}
	var words []string
	for _, d := range model.Errors {
		field := strings.TrimPrefix(strings.TrimPrefix(d.Location, "body."), "query.")
		if name, what, ok := strings.Cut(d.Message, typeMismatch); ok && field == "body" {
			field, d.Message = name, strings.TrimPrefix(typeMismatch, ": ")+what
		}
		if field == "body" {
			words = append(words, d.Message)
			continue
		}
		e.Fields[field] = d.Message
		words = append(words, field+": "+d.Message)
	}
	if len(words) > 0 {
		e.Message = "the request is not as it must be: " + strings.Join(words, "; ")
	}
	return e
}

// plainStatus answers 400 where huma says 422 of a request it found wrong. Our
// own 422 passes.
type plainStatus struct{ humaContext }

// humaContext is embedded by this name, because plainStatus needs the method Context.
type humaContext = huma.Context

// SetStatus is what huma calls.
func (p plainStatus) SetStatus(status int) {
	if status == http.StatusUnprocessableEntity && !ownStatus(p.Context()) {
		status = http.StatusBadRequest
	}
	p.humaContext.SetStatus(status)
}

// Unwrap leads huma to the adapter's own context.
func (p plainStatus) Unwrap() huma.Context { return p.humaContext }

// ownStatus reports whether the error being told came from a rule.
func ownStatus(ctx context.Context) bool {
	err := callOf(ctx).err
	return err != nil && !grove.HasReason(err, "bad_request")
}

// typeMismatch stands between a field and what is wrong with it. Huma passes on
// nothing but the words of what [readJSON] finds.
const typeMismatch = ": type mismatch, "

// readJSON decodes a body, telling in plain words what is wrong with it.
func readJSON(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var wrongType *json.UnmarshalTypeError
	var syntax *json.SyntaxError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &wrongType) && wrongType.Field != "":
		return fmt.Errorf("%s%sit must be %s", wrongType.Field, typeMismatch, jsonWords(wrongType.Type))
	case errors.As(err, &syntax):
		return fmt.Errorf("it is not JSON (at byte %d: %s)", syntax.Offset, syntax.Error())
	}
	return errors.New("it is not the JSON that is expected here")
}

// jsonWords is a type as people call it who write JSON.
func jsonWords(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch kind := t.Kind(); {
	case kind == reflect.String:
		return "a text"
	case kind == reflect.Bool:
		return "true or false"
	case t.ConvertibleTo(reflect.TypeFor[int64]()) && kind != reflect.Float32 && kind != reflect.Float64:
		return "a whole number"
	case t.ConvertibleTo(reflect.TypeFor[float64]()):
		return "a number"
	case kind == reflect.Slice, kind == reflect.Array:
		return "a list"
	}
	return "an object"
}
