package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountNotifications(rt *rest.Router) {
	const tag = "notifications"
	rest.Handle(rt, get("/notifications", tag, "What I was told, newest first"), f.notifications)
	rest.Handle(rt, op(http.MethodPatch, "/notifications/{id}", tag, "Mark as read or unread"), f.mark)
}

func (f *face) notifications(ctx context.Context, in *struct {
	rest.Paging
	Unread bool `query:"unread" doc:"Only what was not read."`
},
) (cloudapi.Data[[]grove.Notification], error) {
	list, err := f.Feed.Notifications(ctx, rest.Actor(ctx), in.Unread, in.Want())
	return cloudapi.ListOf(list, in.Want()), err
}

type markInput struct {
	ID   string `path:"id" maxLength:"64"`
	Body cloudapi.NotificationMark
}

func (f *face) mark(ctx context.Context, in *markInput) (done, error) {
	return ok(), f.Feed.Mark(ctx, rest.Actor(ctx), in.ID, in.Body.Read)
}
