package client

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/grovecloud/grove"
)

// The names of client errors, as the specification lists them.
const (
	// ErrNetwork: no answer arrived (refused, reset, no such host, TLS not trusted).
	ErrNetwork = "ERR_NETWORK"
	// ErrInvalidURL: the URL can't be used at all.
	ErrInvalidURL = "ERR_INVALID_URL"
	// ErrBadRequest: the server refused the request with a 4xx.
	ErrBadRequest = "ERR_BAD_REQUEST"
	// ErrBadResponse: a 5xx, or an answer that can't be understood.
	ErrBadResponse = "ERR_BAD_RESPONSE"
	// ErrCanceled: the caller's context ended first.
	ErrCanceled = "ERR_CANCELED"
	// ErrChecksumMismatch: the bytes that arrived are not those that were promised.
	ErrChecksumMismatch = "ERR_CHECKSUM_MISMATCH"
	// ErrTooManyRedirects: the server sends in circles.
	ErrTooManyRedirects = "ERR_FR_TOO_MANY_REDIRECTS"
	// ErrInvalidVersion: a firmware version does not parse.
	ErrInvalidVersion = "ERR_UPDATER_INVALID_VERSION"
)

// Error is what every failed call returns. Name is one of the constants above;
// errors.Is(err, grove.NotFound) and the like work too, since Err holds the
// server's own error.
type Error struct {
	Name   string
	Status int    // HTTP status, 0 when none arrived
	URL    string // without its query, which may hold a signature
	// RequestID names the request in the server's log; empty when it told none.
	RequestID string
	Err       error
}

// Error says what failed.
func (e *Error) Error() string {
	if e.URL == "" {
		return fmt.Sprintf("%s: %v", e.Name, e.Err)
	}
	return fmt.Sprintf("%s: %v (%s)", e.Name, e.Err, e.URL)
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// transport names a failure below HTTP.
func transport(req *http.Request, err error) error {
	out := &Error{Name: ErrNetwork, URL: bare(req.URL)}
	err = short(err)
	elsewhere, isElsewhere := errors.AsType[*elsewhereError](err)
	switch {
	case req.Context().Err() != nil: // err may be the context's cause, which can be anything
		return canceled(req.Context(), out.URL)
	case errors.Is(err, errRedirects):
		out.Name = ErrTooManyRedirects
		out.Err = &grove.Error{Code: grove.Invalid, Reason: "redirects", Err: err, Message: "the server redirects in circles; check the base URL"}
	case isElsewhere:
		out.Name = ErrBadResponse
		out.Err = grove.Errorf(grove.Invalid, "redirected", "the server sends on to %s; if you trust that place, give its base URL", elsewhere.place)
	default:
		out.Err = &grove.Error{
			Code: grove.Unavailable, Reason: "network", Err: err,
			Message: "no answer from " + req.URL.Host + "; is the server running, the address right, its CA trusted?",
		}
	}
	return out
}

// canceled says that the caller gave up.
func canceled(ctx context.Context, url string) error {
	return &Error{Name: ErrCanceled, URL: url, Err: &grove.Error{
		Code: grove.Unavailable, Reason: "canceled", Err: ctx.Err(), Message: "given up before the answer came",
	}}
}

// badResponse says that an answer came and is of no use.
func badResponse(req *http.Request, status int, err error) error {
	return &Error{Name: ErrBadResponse, Status: status, URL: bare(req.URL), Err: &grove.Error{
		Code: grove.Internal, Reason: "bad_response", Err: err,
		Message: "the server's answer can't be understood; is this the address of a server of the Cloud API?",
	}}
}

func invalidURL(raw string, err error) error {
	place, _, _ := strings.Cut(raw, "?") // behind it may be a signature
	return &Error{Name: ErrInvalidURL, Err: &grove.Error{
		Code: grove.Invalid, Reason: "bad_url", Err: short(err), Message: fmt.Sprintf("%q is not a URL that can be called", place),
	}}
}

// short leaves out what repeats the whole URL with its query.
func short(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

func bare(u *url.URL) string {
	short := *u
	short.RawQuery, short.User = "", nil
	return short.String()
}
