package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

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

// standsEvery is how often it is asked whether an answer may go on.
const standsEvery = 400 * time.Millisecond

// WhileAllowed is WhileServing, ended also when the credential of r counts no more or
// may fails: what was begun must not outlast the right to it. The cause of its end is
// why.
func (rt *Router) WhileAllowed(r *http.Request, may func() error) (_ context.Context, stop func()) {
	serving, stop := rt.WhileServing(r.Context())
	ctx, end := context.WithCancelCause(serving)
	go func() {
		tick := time.NewTicker(standsEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := rt.gone(ctx, r)
			if err == nil {
				err = may()
			}
			if err != nil {
				end(err)
			}
		}
	}()
	return ctx, stop
}

// Gone reports whether the credential of a request that is being answered counts
// no more, as after a logout.
func (rt *Router) Gone(ctx context.Context, r *http.Request) bool { return rt.gone(ctx, r) != nil }

// gone is why it does not, or nil, also when the records can't be asked.
func (rt *Router) gone(ctx context.Context, r *http.Request) error {
	said, err := rt.bearer(r)
	if err == nil {
		_, err = rt.whose(ctx, said, r)
	}
	if errors.Is(err, grove.Unauthenticated) {
		return err
	}
	return nil
}
