package client

import (
	"errors"
	"net/http"
	"net/url"
)

// maxRedirects is how many redirects are followed before ErrTooManyRedirects.
const maxRedirects = 10

var errRedirects = errors.New("too many redirects")

// elsewhereError stops a request that would arrive somewhere else, or as
// something else, than it was meant.
type elsewhereError struct{ place string }

// Error says where the server sent it.
func (e *elsewhereError) Error() string { return "redirected to " + e.place }

// redirect follows redirects and takes nothing to another server that was not
// meant for it: no token, no body, which may hold a password, and no signed URL
// as referer. Another port of the same host is another server too. A request
// that would turn into a GET on the way is stopped, as it would do nothing.
func redirect(req *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return errRedirects
	}
	req.Header.Del("Referer")
	away := !sameServer(via[0].URL, req.URL)
	if req.Method != via[0].Method || away && req.Body != nil {
		return &elsewhereError{place: bare(req.URL)}
	}
	if away {
		req.Header.Del("Authorization")
	}
	return nil
}

// sameServer reports whether a redirect stays with its server. The step from
// plain HTTP to HTTPS on the same host does, on their usual ports.
func sameServer(from, to *url.URL) bool {
	if from.Scheme == to.Scheme {
		return from.Host == to.Host
	}
	return from.Scheme == "http" && to.Scheme == "https" && from.Port() == "" && to.Port() == "" && from.Host == to.Host
}
