package own

import (
	"context"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountClock(rt *rest.Router) {
	const tag = "clock"
	rest.Handle(rt, get("/clock", tag, "The server's time, and whether starts are held for it"), f.clock)
	confirm := post("/clock/confirm", tag, "Confirm that the server's time is right")
	confirm.About = "Deadlines are times of the clock. After it jumped, or when it was in the past at the start of the server, no job starts until an owner has confirmed it."
	rest.Handle(rt, confirm, f.confirmClock)
}

func (f *face) clock(context.Context, *struct{}) (cloudapi.Data[grove.Clock], error) {
	return cloudapi.Of(f.Queue.Clock()), nil
}

func (f *face) confirmClock(ctx context.Context, _ *struct{}) (cloudapi.Data[grove.Clock], error) {
	u, err := f.Access.User(ctx, rest.Actor(ctx))
	if err == nil && u.Role != grove.Owner {
		err = grove.Errorf(grove.Forbidden, "owners_only", "only an owner of the server may confirm its time")
	}
	if err != nil {
		return cloudapi.Data[grove.Clock]{}, err
	}
	clock, err := f.Queue.ConfirmClock(ctx, rest.Actor(ctx))
	return cloudapi.Of(clock), err
}
