package own

import (
	"context"
	"net/http"

	"github.com/grovecloud/grove"
	"github.com/grovecloud/grove/cloudapi"
	"github.com/grovecloud/grove/internal/rest"
)

func (f *face) mountUsers(rt *rest.Router) {
	const tag = "users"
	list := get("/users", tag, "Everybody's accounts")
	list.About = "For those who run the server: owners and admins."
	rest.Handle(rt, list, f.users)
	role := fresh(op(http.MethodPut, "/users/{id}/role", tag, "Give an account another role"))
	role.About = "It counts at once. Only owners make and unmake owners, and the last one stays."
	rest.Handle(rt, role, f.setRole)
}

func (f *face) users(ctx context.Context, in *paged) (cloudapi.Data[[]grove.User], error) {
	list, err := f.Access.Users(ctx, rest.Actor(ctx), in.Want())
	return cloudapi.ListOf(list, in.Want()), err
}

type roleInput struct {
	ID   int64 `path:"id" minimum:"1"`
	Body cloudapi.RoleRequest
}

func (f *face) setRole(ctx context.Context, in *roleInput) (cloudapi.Data[grove.User], error) {
	u, err := f.Access.SetRole(ctx, rest.Actor(ctx), in.ID, in.Body.Role)
	return cloudapi.Of(u), err
}
