package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/access"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountShares(rt *rest.Router) {
	const tag = "shares"
	rest.Handle(rt, get("/shares", tag, "The printers I share, and those shared with me"), f.shares)
	share := fresh(post("/shares", tag, "Share a printer of mine"))
	share.About = "With the account of `email`, or, without one, by a link whose `token` is told this once and can be accepted once, within a week. " +
		"A viewer looks; an operator also prints, stops and heats. Raw G-code, the access code and the binding stay the owner's."
	share.Status = http.StatusCreated
	rest.Handle(rt, share, f.share)
	rest.Handle(rt, post("/shares/accept", tag, "Accept a printer that a link shares"), f.acceptShare)
	unshare := op(http.MethodDelete, "/shares/{id}", tag, "End a share, as its owner or as its guest")
	unshare.About = "The guest sees no more of the printer at once, over MQTT as well."
	rest.Handle(rt, unshare, f.unshare)
}

func (f *face) shares(ctx context.Context, in *struct {
	rest.Paging
	Serial string `query:"device_id" maxLength:"64" doc:"Only those of this printer."`
},
) (cloudapi.Data[[]grove.Share], error) {
	list, err := f.Access.Shares(ctx, rest.Actor(ctx), in.Serial, in.Want())
	return cloudapi.ListOf(list, in.Want()), err
}

type shareInput struct {
	Body cloudapi.ShareRequest
}

func (f *face) share(ctx context.Context, in *shareInput) (cloudapi.Data[cloudapi.ShareCreated], error) {
	s, token, err := f.Access.Share(ctx, rest.Actor(ctx), access.ShareWish(in.Body))
	return cloudapi.Of(cloudapi.ShareCreated{Share: s, Token: token}), err
}

type acceptInput struct {
	Body cloudapi.ShareAccept
}

func (f *face) acceptShare(ctx context.Context, in *acceptInput) (cloudapi.Data[grove.Share], error) {
	s, err := f.Access.AcceptShare(ctx, rest.Actor(ctx), string(in.Body.Token))
	return cloudapi.Of(s), err
}

func (f *face) unshare(ctx context.Context, in *byID) (done, error) {
	return ok(), f.Access.Unshare(ctx, rest.Actor(ctx), in.ID)
}
