package rest

import (
	"context"
	"errors"
	"net/http"

	"github.com/grovecloud/grove"
)

// WhileServing is ctx, ended also when the server stops: answers that go on must
// not hold it up. The caller calls stop when its answer is over.
func (rt *Router) WhileServing(ctx context.Context) (_ context.Context, stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		defer cancel()
		select {
		case <-rt.stopped:
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// Stop ends the answers that go on. It may be called once.
func (rt *Router) Stop() { close(rt.stopped) }

// Gone reports whether the credential of a request that is being answered counts
// no more, as after a logout.
func (rt *Router) Gone(ctx context.Context, r *http.Request) bool {
	said, err := rt.bearer(r)
	if err == nil {
		_, err = rt.Access.AuthenticateFrom(ctx, said.token, visit(r))
	}
	return errors.Is(err, grove.Unauthenticated)
}
