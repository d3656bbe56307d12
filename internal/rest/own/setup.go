package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountSetup(rt *rest.Router) {
	setup := post("/setup", "setup", "Make the first owner's account")
	setup.About = "Needs the code that the server printed when it started. Once there is an account, the answer is 404."
	setup.Open, setup.KeyedBy, setup.Status = true, []string{"code"}, http.StatusCreated
	rest.Handle(rt, setup, f.setup)
}

type setupInput struct {
	Body cloudapi.SetupRequest
}

func (f *face) setup(ctx context.Context, in *setupInput) (cloudapi.Data[grove.User], error) {
	if err := rest.CountLogin(ctx, "setup"); err != nil {
		return cloudapi.Data[grove.User]{}, err
	}
	u, err := f.Access.Setup(ctx, in.Body.Code, in.Body.Email, in.Body.Password, in.Body.Name)
	return cloudapi.Of(u), err
}
