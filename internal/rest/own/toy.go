package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

// Toys are the simulated printers that run within the server.
type Toys interface {
	Simulated() []string
	Simulate(ctx context.Context, actor grove.Actor) error
	Pack(ctx context.Context, actor grove.Actor) error
}

func (f *face) mountToys(rt *rest.Router) {
	const tag = "printers"
	rest.Handle(rt, get("/simulated-printers", tag, "The simulated printers that run on this server"), f.simulated)
	begin := post("/simulated-printers", tag, "Try things out with three simulated printers")
	begin.About = "They are bound to the account and run on this server, 20 times as fast as real ones, also after a restart. For owners and admins."
	begin.Status = http.StatusCreated
	rest.Handle(rt, begin, f.simulate)
	end := op(http.MethodDelete, "/simulated-printers", tag, "Take the simulated printers away")
	end.About = "What was printed on them stays in the history."
	rest.Handle(rt, end, f.pack)
}

func (f *face) simulated(context.Context, *struct{}) (cloudapi.Data[[]string], error) {
	return cloudapi.Of(cloudapi.Items(f.Toys.Simulated())), nil
}

func (f *face) simulate(ctx context.Context, _ *struct{}) (cloudapi.Data[[]string], error) {
	if err := f.Toys.Simulate(ctx, rest.Actor(ctx)); err != nil {
		return cloudapi.Data[[]string]{}, err
	}
	return cloudapi.Of(f.Toys.Simulated()), nil
}

func (f *face) pack(ctx context.Context, _ *struct{}) (done, error) {
	return ok(), f.Toys.Pack(ctx, rest.Actor(ctx))
}
