package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountKeys(rt *rest.Router) {
	const tag = "keys"
	rest.Handle(rt, get("/keys", tag, "My API keys, newest first, also those that have ended"), f.keys)
	create := fresh(post("/keys", tag, "Make an API key; it is told this once"))
	create.About = "A key stands for the account, as far as `scopes` and `printers` (or `all_printers`) say; what is left out is not allowed. " +
		"It is sent as a bearer, or as the MQTT password with the account's own user name. No key can make keys, share printers, give them up, or manage accounts."
	create.Status = http.StatusCreated
	rest.Handle(rt, create, f.createKey)
	revoke := op(http.MethodDelete, "/keys/{id}", tag, "Revoke an API key")
	revoke.About = "It counts no more at once; connections and streams that it opened end within a second."
	rest.Handle(rt, revoke, f.revokeKey)
}

func (f *face) keys(ctx context.Context, in *paged) (cloudapi.Data[[]grove.Key], error) {
	list, err := f.Access.Keys(ctx, rest.Actor(ctx), in.Want())
	return cloudapi.ListOf(list, in.Want()), err
}

type keyInput struct {
	Body cloudapi.KeyRequest
}

func (f *face) createKey(ctx context.Context, in *keyInput) (cloudapi.Data[cloudapi.KeyCreated], error) {
	k, secret, err := f.Access.CreateKey(ctx, rest.Actor(ctx), access.KeyWish(in.Body))
	return cloudapi.Of(cloudapi.KeyCreated{Key: k, Secret: secret}), err
}

func (f *face) revokeKey(ctx context.Context, in *byID) (done, error) {
	return ok(), f.Access.RevokeKey(ctx, rest.Actor(ctx), in.ID)
}
